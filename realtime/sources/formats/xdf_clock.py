"""Many clocks to one: the stamps of an XDF stream, corrected by the clock offsets in the file.

A recorder measures every few seconds how far a sender's clock is from its own. A line through
these offsets, robust against the odd measurement that went wrong, gives the correction for each
stamp; it removes offset and drift. Where the sender's clock was set, or its computer replaced, a
new line begins (:mod:`.xdf_resets`).

Only stamps are moved here, each by what the clocks say. What pyxdf calls dejittering, a regression
of stamp on sample number, spreads the samples evenly over the time they took and so hides which
are missing; it is left to the live path, which restarts it at gaps.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from saccade.realtime.sources.formats.xdf_resets import MOST_DRIFT, parted
from saccade.realtime.types import Float64

LEAST_SPAN_S = 28.0  # of measurements that tell a drift; errors of 1 ms are 36 ppm over it
HUBER_S = 1e-4  # deviations from the line beyond this count by their size, not its square
UNEVEN_S = 5e-3  # deviations beyond this, of one in ten, are told
MOST_S = 1e12  # what is beyond is no time of a clock, but damage
FAR_S = 60.0  # a sample further from the nearest measurement is told


class Corrected(NamedTuple):
    """Stamps on the recorder's clock.

    ``resets`` are the rows before which the sender's clock was set, ``notes`` what a user should
    know of how the stamps were found.
    """

    stamps: Float64
    resets: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def corrected(stamps: Float64, times: Float64, offsets: Float64, sfreq: float) -> Corrected:
    """Return stamps on the recorder's clock.

    Parameters
    ----------
    stamps : array of shape (n_samples,), float64
        As the sender stamped them, in seconds.
    times, offsets : array of shape (n_offsets,), float64
        When each offset was measured, on the sender's clock, and what is to be added to that.
    sfreq : float
        Rate of the stream in Hz; 0 for an irregular one.
    """
    good = (np.abs(times) < MOST_S) & (np.abs(offsets) < MOST_S)
    times, offsets = times[good], offsets[good]
    if len(stamps) == 0 or len(times) == 0:
        return Corrected(stamps)
    with np.errstate(invalid="ignore", over="ignore"):  # stamps that are no times are found later
        return _corrected(stamps, times, offsets, sfreq)


def _corrected(stamps: Float64, times: Float64, offsets: Float64, sfreq: float) -> Corrected:
    clocks, starts, n_contradicting = parted(stamps, times, offsets, sfreq)
    after, uneven_s, beyond_s = stamps.copy(), 0.0, 0.0
    for clock, start, stop in zip(clocks, starts, (*starts[1:], len(stamps)), strict=True):
        at, measured = times[clock], offsets[clock]
        level, slope, middle = _line(at, measured)
        sizes = np.abs(measured - level - slope * (at - middle))
        if np.quantile(sizes, 0.9, method="lower") > UNEVEN_S:
            uneven_s = max(uneven_s, float(sizes.max()))
        if start == stop:
            continue
        rows = stamps[start:stop]
        beyond_s = max(beyond_s, at.min() - rows.min(), rows.max() - at.max())
        after[start:stop] += level + slope * (rows - middle)
    resets = tuple(start for start in starts[1:] if 0 < start < len(stamps))
    notes = []
    if n_contradicting:
        notes.append(
            f"has {n_contradicting} clock offsets of {len(times)} that neither the others nor its "
            "stamps bear out: they are left out"
        )
    if uneven_s:
        notes.append(
            f"has clock offsets that do not lie on a line, but up to {1e3 * uneven_s:.3g} ms from "
            "it: so far its stamps may be off"
        )
    if beyond_s > FAR_S:
        notes.append(f"has samples {beyond_s:.0f} s away from any measurement of its clock")
    return Corrected(after, resets, tuple(notes))


def _line(times: Float64, offsets: Float64) -> tuple[float, float, float]:
    """Return level, slope, and the time of that level, of a line through offsets.

    It has least Huber loss; what is measured over too short a time tells no slope, and no clock
    runs faster than another by more than a certain drift.
    """
    middle, reach = float(times.mean()), float(np.ptp(times)) / 2
    level = float(np.median(offsets))
    if np.ptp(offsets) == 0 or 2 * reach < LEAST_SPAN_S:  # on one clock: nothing changes
        return level, 0.0, middle
    from scipy import optimize

    places = (times - middle) / reach
    fit = optimize.least_squares(
        lambda x: x[0] + x[1] * places - (offsets - level),
        x0=(0.0, 0.0),
        loss="huber",
        f_scale=HUBER_S,
        x_scale=HUBER_S,
        xtol=1e-12,
        ftol=1e-12,
        gtol=1e-15,
    )
    slope = float(fit.x[1]) / reach
    if abs(slope) <= MOST_DRIFT:
        return level + float(fit.x[0]), slope, middle
    slope = float(np.clip(slope, -MOST_DRIFT, MOST_DRIFT))
    return float(np.median(offsets - slope * (times - middle))), slope, middle
