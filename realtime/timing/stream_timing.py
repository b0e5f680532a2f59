"""How a stream keeps time: its true rate, jitter and faults, for those who watch over it.

The rate is the slope of the regression line behind :mod:`~saccade.realtime.timing.continuity`,
hence measured over about the last ten seconds, and what is missing in gaps has no part in it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from saccade.realtime.timing.continuity import Continuity, ContinuitySettings
from saccade.realtime.types import Chunk, StreamSpec

JUDGED_S = 10.0  # of signal, before anything is said about the rate
WRONG_RATE = 0.005  # part of the nominal rate; the clocks of amplifiers are a hundred times better


class StreamTiming:
    """Keeps count of what the stamps of a stream say.

    Parameters
    ----------
    spec : StreamSpec
        The stream.
    gap_s : float or None
        What counts as a gap, as in
        :class:`~saccade.realtime.timing.continuity.ContinuitySettings`.
    """

    def __init__(self, spec: StreamSpec, gap_s: float | None = None) -> None:
        self._sfreq = spec.sfreq
        self._continuity = Continuity(ContinuitySettings(gap_s))
        self._continuity.reset(spec)

    def step(self, chunk: Chunk) -> None:
        """Take samples as they were received."""
        self._continuity.step(chunk)

    def report(self) -> dict[str, Any]:
        """Return what is known so far, JSON-ready.

        Returns
        -------
        dict
            ``effective_sfreq`` in Hz; ``drift_ppm``, by how much the sender's clock is slow;
            ``wrong_rate``, whether the rate is off by more than 0.5 %; ``jitter_ms``, standard
            deviation of the stamps about their line; and the counts of
            :class:`~saccade.realtime.timing.continuity.Counts`. The first two and the jitter
            are None in the first ten seconds, and after a clock reset.
        """
        line = self._continuity.line
        off = line.period_s * self._sfreq - 1
        known = line.n_seen >= JUDGED_S * self._sfreq
        return {
            "effective_sfreq": round(1 / line.period_s, 4) if known else None,
            "drift_ppm": round(1e6 * off, 1) if known else None,
            "wrong_rate": known and abs(off) > WRONG_RATE,
            "jitter_ms": round(1e3 * line.jitter_s, 4) if known else None,
            **dataclasses.asdict(self._continuity.counts),
        }
