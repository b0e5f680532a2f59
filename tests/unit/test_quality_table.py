"""What the terminal says of channels and stream: a line each."""

from __future__ import annotations

import pytest

from saccade.cli.table import LiveTable, channels_line, stream_line
from saccade.realtime.types import QualityReport, StreamEvent, StreamSpec

SPEC = StreamSpec("amp", 250.0, ("E0",), ("eeg",), ("µV",))
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
        (
            ["doubtful", "good", "doubtful"],
            "channels: doubtful E0 (reason 0), E2 (reason 2) · 1 of 3 good",
        ),
        (["not judged", "good"], "channels: 1 of 1 good"),
        (["not judged"], "channels: none judged, for none is a voltage"),
        (
            ["bad", *["doubtful"] * 4],
            "channels: BAD E0 (reason 0) · doubtful E1 (reason 1), E2 (reason 2), E3, E4 · "
            "0 of 5 good",
        ),
        (
            ["bad"] * 5 + ["doubtful"] * 10,
            "channels: BAD E0 (reason 0), E1 (reason 1), E2 (reason 2), E3, E4 · "
            "doubtful E5 (reason 5), E6, E7, E8, E9, E10, E11, E12, E13 and 1 more · 0 of 15 good",
        ),
    ],
)
def test_channels_that_are_not_good_are_told(states, line):
    assert channels_line(report(states)) == line


def test_channels_of_one_reason_are_told_together():
    names = tuple(f"E{i}" for i in range(10))
    both = QualityReport(
        99, 1.0, names, {}, ("doubtful",) * 10, ("0.2 s since the stream began",) * 10
    )
    assert channels_line(both) == (
        "channels: doubtful E0, E1, E2, E3, E4, E5, E6, E7 and 2 more "
        "(0.2 s since the stream began) · 0 of 10 good"
    )


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (
            {},
            "stream: 249.87 Hz · jitter 0.12 ms · 12 lost in 2 gaps · newest sample 18 ms old · "
            "clock ± 0.02 ms",
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
    table.open(SPEC, {"decoder": {"simulated": False}})
    try:
        before = table._footer()
        table.quality(report(["good"]))
        table.health(HEALTH)
        assert table._footer() == [*before, "channels: 1 of 1 good", stream_line(HEALTH)]
    finally:
        table.close({})


def test_the_last_table_counts_what_the_summary_counts():
    table = LiveTable(10)
    table.open(SPEC, {"decoder": {"simulated": False}})
    table.status({"samples": {"received": 6500, "lost": 0}})
    table.close({"samples": {"received": 6650, "lost": 2}})
    assert "6650 samples, 2 lost" in table._footer()[-1]


def test_in_a_pipe_events_are_whole_lines_and_the_table_ends_with_one(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    table = LiveTable(10)
    table.open(SPEC, {"decoder": {"simulated": False}})
    text = "marker stream 'second-markers': its sender is gone; waiting for its return, for long"
    table.event(StreamEvent("stalled", "second-markers", text, 1.0))
    table.close({"samples": {"received": 10, "lost": 0}})
    out = capsys.readouterr().out
    assert f"stalled: {text}\n" in out
    assert out.endswith("\n")
