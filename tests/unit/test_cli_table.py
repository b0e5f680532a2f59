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
