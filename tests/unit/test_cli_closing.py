"""The summary at the end of a session: a line for each thing a person wants to know."""

from __future__ import annotations

import pytest

from saccade.cli.closing import summary_lines


def summary(**more):
    return {
        "samples": {"received": 100, "lost": 2, "flagged": 3},
        "markers": {"received": 7, "unmatched": 1},
        "epochs": {"total": 6, "rejected": 1},
        "predictions": 5,
        "latency_ms": {"prediction": {"p50": None}, "counted_from": "stamp"},
        "simulated": False,
    } | more


def test_a_session_without_extras_has_four_lines():
    assert summary_lines(summary()) == [
        "samples      100 received, 2 lost, 3 flagged",
        "markers      7 received, 1 unmatched",
        "epochs       6 cut, 1 rejected",
        "predictions  5",
    ]


@pytest.mark.parametrize(
    ("repaired", "said"),
    [({"Fp1": 12.4, "T8": 3.0}, "Fp1 12 s, T8 3 s"), ({}, "no channel")],
)
def test_what_was_repaired_and_cleaned_is_told(repaired, said):
    blocks = {"repair": {"repaired_s": repaired}, "artifact": {"cleaned_s": 4.25}}
    lines = summary_lines(summary(blocks=blocks))
    assert lines[4:] == [f"repaired     {said}", "cleaned      4.2 s of artifacts"]


@pytest.mark.parametrize(
    ("about", "said"),
    [
        (
            {"kind": "procrustes", "trials": 80, "active": True},
            "procrustes, learned from 80 trials",
        ),
        (
            {"kind": "whitening", "trials": 12, "of": 40, "active": False},
            "whitening not yet: 12 of 40 trials, 28 to come",
        ),
        (
            {"kind": "whitening", "trials": 40, "of": 40, "active": True},
            "whitening, learned from 40 trials",
        ),
        (
            {"kind": "euclidean", "trials": 9, "of": 9, "active": False, "problem": "flat: check"},
            "euclidean OFF after 9 trials: flat: check",
        ),
    ],
)
def test_alignment_is_told(about, said):
    lines = summary_lines(summary(alignment=about))
    assert [line for line in lines if line.startswith("alignment")] == [f"alignment    {said}"]
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({}, []),
        (
            {"lost": {"samples": 40, "markers": 0, "results": 2}},
            ["NOT RECORDED 40 samples, 2 results: the log says why"],
        ),
        (
            {"stopped": "No space left on device"},
            ["RECORDING    STOPPED before the end: No space left on device"],
        ),
    ],
)
def test_what_came_of_the_recording_is_told(about, said):
    whole = {
        "file": "a.xdf",
        "bytes": 1_234_567,
        "samples": 100,
        "lost": {"samples": 0, "markers": 0, "results": 0},
        "stopped": None,
    }
    lines = summary_lines(summary(recording=whole | about))
    assert lines[4:] == ["recording    a.xdf: 1.2 MB, 100 samples", *said]


def test_what_was_seen_in_the_stream_is_told():
    lines = summary_lines(
        summary(
            samples={"received": 100, "lost": 12, "flagged": 3, "filled": 5},
            markers={"received": 7, "unmatched": 1, "waiting": 6, "lost": 2},
            events={"stalled": 4, "resumed": 3, "refused": 1},
            timing={"clock_resets": 2, "steps_back": 1},
            wrong_rate={"effective_sfreq": 125.0, "nominal_sfreq": 250.0},
        )
    )
    assert lines[:5] == [
        "samples      100 received, 12 lost (5 of them filled in), 3 flagged",
        "streams      stalled 4, resumed 3, refused 1",
        "time stamps  2 clock resets, 1 step back",
        "WRONG RATE   125.00 Hz, not 250 as announced",
        "markers      7 received, 2 lost, 1 unmatched, 6 without samples so far",
    ]


def test_why_epochs_were_rejected_is_told():
    epochs = {"total": 6, "rejected": 3, "reasons": {"settling": 2, "peak to peak": 1}}
    assert summary_lines(summary(epochs=epochs))[2:4] == [
        "epochs       6 cut, 3 rejected",
        "  rejected   settling (2), peak to peak (1)",
    ]


def test_markers_of_another_clock_are_suspected_where_no_epoch_has_a_sample():
    epochs = {"total": 6, "rejected": 6, "reasons": {"missing": 6}}
    lines = summary_lines(summary(epochs=epochs))
    assert lines[4] == (
        "NO SAMPLES   have the time of any marker: are they stamped by another clock?"
    )


@pytest.mark.parametrize(
    ("bad", "doubtful", "said"),
    [
        ({}, {}, "none was bad or doubtful; of 60 s judged"),
        (
            {"Cz": (3.0, "flat for 3 s"), "Oz": (12.2, "at the rail for 90 % of 2 s; drift")},
            {"Fz": (1.0, "muscle or contact")},
            "bad: Oz 12 s (at the rail for 90 % of 2 s), Cz 3 s (flat for 3 s); "
            "doubtful: Fz 1 s (muscle or contact); of 60 s judged",
        ),
        (
            {f"E{n}": (9.0 - n, "flat") for n in range(8)},
            {},
            "bad: E0 9 s (flat), E1 8 s (flat), E2 7 s (flat), E3 6 s (flat), E4 5 s (flat), "
            "E5 4 s (flat), 2 more; of 60 s judged",
        ),
    ],
)
def test_which_channels_were_not_good_and_for_how_long(bad, doubtful, said):
    about = {
        state: {name: {"s": s, "reason": reason} for name, (s, reason) in told.items()}
        for state, told in (("bad", bad), ("doubtful", doubtful))
    }
    lines = summary_lines(summary(quality={"judged_s": 60.0, **about}))
    assert lines[-1] == f"channels     {said}"
