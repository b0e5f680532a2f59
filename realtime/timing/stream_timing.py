"""How a stream keeps time: its true rate, jitter and faults, for those who watch over it.

The rate is the slope of the regression line behind :mod:`~saccade.realtime.timing.continuity`,
hence measured over about the last ten seconds, and what is missing in gaps has no part in it. Where
there is no gap or every other step is one, or more samples come than the line can explain, and it
still disagrees with what is counted, the nominal rate is far off: then the count is told. What
the pipeline has found is told, so nothing is measured twice, nor counted by other rules.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from saccade.realtime.timing.continuity import Continuity

JUDGED_S = 10.0  # of signal, before anything is said about the rate
DIFFER = 0.01  # by this part of the rate, counting and the line disagree
MOSTLY_GAPS, TOO_MANY = 0.5, 1.05  # part of the steps; times the rate of the line
WRONG_RATE = 0.005  # part of the nominal rate; the clocks of amplifiers are a hundred times better


def timing_report(continuity: Continuity) -> dict[str, Any]:
    """Return what the stamps of a stream say so far, JSON-ready.

    Parameters
    ----------
    continuity : Continuity
        That has seen the samples as they were received.

    Returns
    -------
    dict
        ``effective_sfreq`` in Hz; ``drift_ppm``, by how much the sender's clock is slow;
        ``wrong_rate``, whether the rate is off by more than 0.5 %; ``jitter_ms``, standard
        deviation of the stamps about their line; and the counts of
        :class:`~saccade.realtime.timing.continuity.Counts`. The first two and the jitter
        are None in the first ten seconds, and after a clock reset.
    """
    line = continuity.line
    sfreq = 1 / line.period_s
    counted_sfreq, gaps = continuity.counted_sfreq
    differ = abs(counted_sfreq / sfreq - 1) > DIFFER
    if differ and (gaps == 0 or gaps > MOSTLY_GAPS or counted_sfreq > TOO_MANY * sfreq):
        sfreq = counted_sfreq
    off = line.sfreq / sfreq - 1
    known = line.n_seen >= JUDGED_S * line.sfreq
    return {
        "effective_sfreq": round(sfreq, 4) if known else None,
        "drift_ppm": round(1e6 * off, 1) if known else None,
        "wrong_rate": known and abs(off) > WRONG_RATE,
        "jitter_ms": round(1e3 * line.jitter_s, 4) if known else None,
        **dataclasses.asdict(continuity.counts),
    }
