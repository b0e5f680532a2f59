"""The summary at the end of a session: a line for each thing a person wants to know."""

from __future__ import annotations

import pytest

from saccade.cli.table import summary_lines


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
            ["NOT RECORDED 40 samples, 2 results: the disk was too slow"],
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
