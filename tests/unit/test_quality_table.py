"""What the terminal says of channels and stream: a line each."""

from __future__ import annotations

import pytest

from saccade.cli.table import LiveTable, channels_line, stream_line
from saccade.realtime.types import QualityReport, StreamSpec

HEALTH = {
    "stream": "amp",
    "nominal_sfreq": 250.0,
    "effective_sfreq": 249.871,
    "wrong_rate": False,
    "jitter_ms": 0.1234,
    "lost": 12,
    "gaps": 2,
    "age_ms": 18.4,
    "stalled": False,
    "silent_s": 0.0,
    "clocks": {"amp": {"offset_ms": 3.0, "uncertainty_ms": 0.0449, "drift_ppm": None}},
}


def report(states):
    names = tuple(f"E{i}" for i in range(len(states)))
    reasons = tuple(
        "" if state == "good" else f"reason {i}; and more" for i, state in enumerate(states)
    )
    return QualityReport(99, 1.0, names, {}, tuple(states), reasons)


@pytest.mark.parametrize(
    ("states", "line"),
    [
        (["good"] * 4, "channels: 4 of 4 good"),
        (["bad", "good"], "channels: BAD E0 (reason 0) · 1 of 2 good"),
        (["doubtful", "good", "doubtful"], "channels: doubtful E0, E2 · 1 of 3 good"),
        (
            ["bad"] * 5 + ["doubtful"] * 10,
            "channels: BAD E0 (reason 0), E1 (reason 1), E2 (reason 2) and 2 more · "
            "doubtful E5, E6, E7, E8, E9, E10, E11, E12 and 2 more · 0 of 15 good",
        ),
    ],
)
def test_channels_that_are_not_good_are_told(states, line):
    assert channels_line(report(states)) == line


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (
            {},
            "stream: 249.87 Hz · jitter 0.12 ms · 12 lost in 2 gaps · newest sample 18 ms old · "
            "clock ± 0.04 ms",
        ),
        ({"stalled": True, "silent_s": 1.26}, "stream: STALLED, nothing for 1.3 s"),
        (
            {"effective_sfreq": 125.0, "wrong_rate": True, "age_ms": None, "clocks": {}},
            "stream: 125.00 Hz, not 250 · jitter 0.12 ms · 12 lost in 2 gaps",
        ),
        (
            {"effective_sfreq": None, "jitter_ms": None, "age_ms": None, "clocks": {}},
            "stream: 12 lost in 2 gaps",
        ),
    ],
)
def test_how_the_stream_does(changed, line):
    assert stream_line(HEALTH | changed) == line


def test_the_live_table_ends_with_both_lines():
    table = LiveTable(10)
    spec = StreamSpec("amp", 250.0, ("E0",), ("eeg",), ("µV",))
    table.open(spec, {"decoder": {"simulated": False}})
    try:
        before = table._footer()
        table.quality(report(["good"]))
        table.health(HEALTH)
        assert table._footer() == [*before, "channels: 1 of 1 good", stream_line(HEALTH)]
    finally:
        table.close({})
