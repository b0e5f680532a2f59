"""Many clocks to one: the stamps of an XDF stream, corrected by the clock offsets in the file.

A recorder measures every few seconds how far a sender's clock is from its own. A line through
these offsets, robust against the odd measurement that went wrong, gives the correction for each
stamp; it removes offset and drift. Where the sender's clock was set, or its computer replaced, a
new line begins.

Only stamps are moved here, each by what the clocks say. What pyxdf calls dejittering, a regression
of stamp on sample number, spreads the samples evenly over the time they took and so hides which
are missing; it is left to the live path, which restarts it at gaps.
"""

from __future__ import annotations

import itertools

import numpy as np

from saccade.realtime.types import Float64

RESET_S = 1.0  # offsets that differ by more, from one measurement to the next, are of two clocks
HUBER_S = 1e-4  # deviations from the line beyond this count by their size, not its square
NEAR_S = 10.0  # a reset lies within this time of where the offsets place it


def corrected(
    stamps: Float64, times: Float64, offsets: Float64, sfreq: float
) -> tuple[Float64, tuple[int, ...]]:
    """Return stamps on the recorder's clock, and at which rows the sender's clock was set.

    Parameters
    ----------
    stamps : array of shape (n_samples,), float64
        As the sender stamped them, in seconds.
    times, offsets : array of shape (n_offsets,), float64
        When each offset was measured, on the sender's clock, and what is to be added to that.
    sfreq : float
        Rate of the stream in Hz; 0 for an irregular one.
    """
    good = np.isfinite(times) & np.isfinite(offsets)
    times, offsets = _without_strays(times[good], offsets[good])
    if len(stamps) == 0 or len(times) == 0:
        return stamps, ()
    jumps = (np.abs(np.diff(offsets)) > RESET_S) | (np.diff(times) < 0)
    bounds = [0, *(np.flatnonzero(jumps) + 1).tolist(), len(times)]
    clocks = [slice(first, stop) for first, stop in itertools.pairwise(bounds)]
    spans = [(float(times[clock][0]), float(times[clock][-1])) for clock in clocks]
    after, resets, start = stamps.copy(), [], 0
    for place, clock in enumerate(clocks):
        stop = len(stamps)
        if place + 1 < len(clocks):
            stop = start + _reset_row(stamps[start:], spans[place], spans[place + 1 :], sfreq)
        rows = slice(start, stop)
        after[rows] += _line(times[clock], offsets[clock], stamps[rows])
        if 0 < start < stop:
            resets.append(start)
        start = stop
    return after, tuple(resets)


def _without_strays(times: Float64, offsets: Float64) -> tuple[Float64, Float64]:
    """Leave out measurements that two agreeing neighbours contradict: one is no new clock."""
    if len(times) < 3:
        return times, offsets
    far = np.abs(np.diff(offsets)) > RESET_S
    agree = np.abs(offsets[2:] - offsets[:-2]) <= RESET_S
    keep = np.ones(len(times), bool)
    keep[1:-1] = ~(far[:-1] & far[1:] & agree)
    return times[keep], offsets[keep]


def _reset_row(
    stamps: Float64, span: tuple[float, float], later: list[tuple[float, float]], sfreq: float
) -> int:
    """Return the first row that is no more of the clock that was measured over a span of time.

    Rows before it should lie in that span, rows from it on in one of the later ones: it is where
    the sum of what they lie outside is least. That leaves a choice where the clocks are not far
    apart, and is off by the rows between two measurements. There the largest tear of the stamps
    decides, which is the reset itself.
    """
    if len(stamps) == 0:
        return 0
    outside_later = np.min([_outside(stamps, other) for other in later], axis=0)
    cost = np.concatenate([[0.0], np.cumsum(_outside(stamps, span) - outside_later)])
    best = np.flatnonzero(cost <= cost.min() + 1e-9)
    reach = round(NEAR_S * sfreq)
    rows = np.arange(max(1, best[0] - reach), min(len(stamps), best[-1] + reach + 1))
    rows = rows[cost[rows] <= cost.min() + max(reach * NEAR_S, 1e-9)]
    tears = np.abs(stamps[rows] - stamps[rows - 1] - (1 / sfreq if sfreq else 0.0))
    if len(tears) and tears.max() > RESET_S / 2:
        return int(rows[tears.argmax()])
    return int(best[-1])


def _outside(stamps: Float64, span: tuple[float, float]) -> Float64:
    """Return how far each stamp lies outside a span of time, in seconds."""
    distance: Float64 = np.maximum(np.maximum(span[0] - stamps, stamps - span[1]), 0.0)
    return distance


def _line(times: Float64, offsets: Float64, at: Float64) -> Float64:
    """Return the offset at each time, from a line with least Huber loss through the measured."""
    middle, reach = float(times.mean()), float(np.ptp(times)) / 2
    if np.ptp(offsets) == 0 or reach == 0:  # exact, so that a file on one clock stays as it is
        return np.full(len(at), np.median(offsets))
    from scipy import optimize

    level = float(np.median(offsets))
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
    line: Float64 = level + fit.x[0] + fit.x[1] * (at - middle) / reach
    return line
