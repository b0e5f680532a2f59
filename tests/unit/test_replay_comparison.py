"""Two accounts of a session: whatever differs is found, and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest

from saccade.realtime.replay.comparison import compare


def prediction(number, onset_s, marker="1", score=0.25, **more):
    top = [
        {"name": "dog", "row": 3, "score": score, "probability": 0.5},
        {"name": "house", "row": 1, "score": -0.125, "probability": 0.25},
    ]
    return {
        "type": "prediction",
        "epoch": number,
        "onset_s": onset_s,
        "marker": marker,
        "label": "dog",
        "flags": [],
        "rejected": [],
        "label_rank": 1,
        "top": top,
        "shown": {"house": -0.125},
        "latency_ms": {"encoder": float(np.random.default_rng().random())},
        "simulated": False,
        **more,
    }


def rejected(number, onset_s, marker="1", why="gap"):
    return {
        "type": "rejected",
        "epoch": number,
        "onset_s": onset_s,
        "marker": marker,
        "label": "dog",
        "flags": ["gap"],
        "rejected": [why],
        "n_missing": 0,
        "simulated": False,
    }


def session(n=6, **more):
    return [prediction(i, 10.0 + i, str(i % 2), **more) for i in range(n)]


def lines_of(comparison):
    return list(comparison.lines())


def test_the_same_is_identical_whatever_the_latency_and_the_number():
    before = [*session(), rejected(6, 16.0), {"type": "status"}, {"type": "summary"}]
    after = [message | {"epoch": message["epoch"] + 4} for message in before[:7]]
    comparison = compare(before, after)
    assert comparison.identical
    assert lines_of(comparison) == ["identical: 6 predictions, 1 rejected"]
    assert comparison.to_dict()["differences"] == []


def test_no_epoch_at_all_is_not_identical_but_nothing():
    comparison = compare([{"type": "status"}], [])
    assert not comparison.identical
    assert lines_of(comparison) == [
        "nothing to compare: neither the session nor its replay has an epoch"
    ]


def test_without_an_epoch_in_both_there_is_no_largest_difference():
    comparison = compare([prediction(0, 1.0)], [])
    assert lines_of(comparison)[-1] == "not identical: 1 missing, 0 extra, 0 different"
    assert comparison.to_dict()["largest_difference"] is None


def test_the_smallest_difference_of_a_score_is_one():
    before, after = session(), session()
    score = np.float32(0.25)
    after[2] = prediction(2, 12.0, "0", score=float(np.nextafter(score, np.float32(1))))
    comparison = compare(before, after)
    assert not comparison.identical
    assert comparison.largest == pytest.approx(float(np.spacing(score)))
    first, last = lines_of(comparison)
    assert first.startswith("different  epoch 2, marker '0', onset 12.000 s: score of place 1 0.25")
    assert "0.2500000298" in first
    assert last.startswith("not identical: 0 missing, 0 extra, 1 different")
    json.dumps(comparison.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"label": "cat"}, "label"),
        ({"label_rank": None}, "label_rank"),
        ({"flags": ["settling"]}, "flags"),
        ({"rejected": ["gap"]}, "rejected"),
        ({"shown": {"house": -0.5}}, "score of 'house'"),
        ({"shown": {}}, "score of 'house'"),
        ({"top": [{"name": "cat", "row": 3, "score": 0.25, "probability": 0.5}]}, "name of place"),
        ({"simulated": True}, "simulated"),
        ({"note": 1}, "note"),
    ],
)
def test_everything_that_is_told_is_compared(change, what):
    comparison = compare(session(), [*session()[:5], prediction(5, 15.0, "1", **change)])
    assert comparison.counts() == {"missing": 0, "extra": 0, "different": 1}
    assert what in lines_of(comparison)[0]


def test_epochs_that_are_missing_or_extra_leave_the_others_alone():
    before, after = session(), session()
    del after[1]
    after.insert(3, rejected(9, 13.5, "0"))
    comparison = compare(before, after)
    missing, extra, last = lines_of(comparison)
    assert missing.startswith("missing    epoch 1, marker '1', onset 11.000 s: recorded as predict")
    assert extra.startswith("extra      epoch 9, marker '0', onset 13.500 s: rejected (gap) now")
    assert last.startswith("not identical: 1 missing, 1 extra, 0 different")
    assert (comparison.predictions, comparison.rejected) == (5, 1)


def test_decoded_against_rejected_is_told_as_that_alone():
    (difference,) = compare([prediction(0, 1.0)], [rejected(0, 1.0)]).differences
    assert [change.what for change in difference.changes] == ["type", "rejected"]


def test_another_reason_to_reject():
    (difference,) = compare([rejected(0, 1.0)], [rejected(0, 1.0, why="clipped")]).differences
    assert difference.line().endswith("rejected ['gap'] recorded, ['clipped'] now")


def test_another_order_is_a_difference():
    before = session()
    after = [*before[1:3], before[0], *before[3:]]
    comparison = compare(before, after)
    assert {change.what for d in comparison.differences for change in d.changes} == {"place"}
    assert comparison.counts()["different"] == 3


def test_markers_at_one_time_and_epochs_without_a_time():
    before = [prediction(0, 1.0, "b"), prediction(1, 1.0, "a"), prediction(2, None, "c")]
    assert compare(before, before).identical
    comparison = compare(before, before[1:])
    assert comparison.counts() == {"missing": 1, "extra": 0, "different": 0}
    windows = [prediction(i, 1.0 + i, None) for i in range(3)]
    assert compare(windows, windows).identical


def test_another_clock_is_taken_off_and_said():
    rng = np.random.default_rng(0)
    onsets = np.cumsum(rng.uniform(0.3, 0.7, 40))
    before = [prediction(i, float(t), str(i % 2)) for i, t in enumerate(onsets)]
    noise = rng.uniform(-1e-3, 1e-3, 40)
    after = [
        prediction(i, float(t + 5000.0 + e), str(i % 2))
        for i, (t, e) in enumerate(zip(onsets, noise, strict=True))
    ]
    comparison = compare(before, after)
    assert comparison.identical
    assert comparison.clock_offset_s == pytest.approx(5000.0, abs=1e-3)
    assert "5000.0" in lines_of(comparison)[0]
    del after[0], after[7]
    assert compare(before, after).counts() == {"missing": 2, "extra": 0, "different": 0}
