"""A log tells what happened, line by line, and overwrites nothing."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from saccade.realtime.errors import ConfigError
from saccade.realtime.protocols import Sink
from saccade.realtime.sinks.jsonl import JSONLSink
from saccade.realtime.sinks.messages import message, rejected_message, to_json
from saccade.realtime.types import (
    Candidate,
    Epoch,
    Flag,
    Latency,
    Prediction,
    QualityReport,
    Ranking,
    StreamSpec,
)

SPEC = StreamSpec("amp", 250.0, ("Fz", "Öz"), ("eeg", "eeg"), ("µV", "µV"), "id", simulated=True)
SCORES = np.float32([0.1, 0.9, -0.25, 0.5])


def epoch(**fields):
    settings = {"number": 7, "data": np.zeros((2, 5), np.float32), "sfreq": 250.0, "tmin_s": -0.2}
    settings |= {"onset_s": 12.5, "onset_index": 3125, "marker": "1", "label": "cat"}
    return Epoch(**(settings | fields))


def prediction(latency=None, rank=2, **fields):
    top = Candidate(1, "dog", float(SCORES[1]), 0.75), Candidate(3, "cat", 0.5, 0.125)
    ranking = Ranking(top, SCORES, np.float32([0.1, 0.75, 0.025, 0.125]))
    return Prediction(epoch(**fields), ranking, rank, latency or Latency(), simulated=True)


def lines(path):
    text = path.read_text("utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def test_a_prediction_as_a_message():
    latency = Latency(0.004, 0.001, 0.002, 0.003, float("nan"), 0.0)
    made = message(
        prediction(latency, flags=Flag.GAP | Flag.SETTLING, rejected=("too large",)),
        {"cat": 3, "emu": 2},
    )
    assert json.loads(to_json(made)) == {
        "type": "prediction",
        "epoch": 7,
        "onset_s": 12.5,
        "marker": "1",
        "label": "cat",
        "label_rank": 2,
        "flags": ["gap", "settling"],
        "rejected": ["too large"],
        "top": [
            {"name": "dog", "row": 1, "score": float(SCORES[1]), "probability": 0.75},
            {"name": "cat", "row": 3, "score": 0.5, "probability": 0.125},
        ],
        "shown": {"cat": 0.5, "emu": -0.25},
        "latency_ms": {
            "transport": 4.0,
            "wait": 1.0,
            "preprocessing": 2.0,
            "encoder": 3.0,
            "retrieval": None,
            "publishing": 0.0,
        },
        "simulated": True,
    }


def test_what_is_not_known_is_null():
    made = json.loads(to_json(message(prediction(rank=None, marker=None, label=None))))
    assert [made[key] for key in ("marker", "label", "label_rank")] == [None] * 3
    assert set(made["latency_ms"].values()) == {None}
    assert made["shown"] == {}


@pytest.mark.parametrize("simulated", [True, False])
def test_a_rejected_epoch_as_a_message(simulated):
    made = rejected_message(
        epoch(rejected=("samples are missing", "gap"), n_missing=4, flags=Flag.MISSING),
        simulated=simulated,
    )
    assert json.loads(to_json(made)) == {
        "type": "rejected",
        "epoch": 7,
        "onset_s": 12.5,
        "marker": "1",
        "label": "cat",
        "flags": ["missing"],
        "rejected": ["samples are missing", "gap"],
        "n_missing": 4,
        "simulated": simulated,
    }


def test_no_line_has_a_nan():
    content = {
        "a": [math.nan, (math.inf, {"b": -math.inf})],
        "c": np.float32("nan"),
        "d": np.array([1.0, np.nan]),
        "e": np.int64(3),
        1: None,
    }
    assert to_json(content) == (
        '{"a": [null, [null, {"b": null}]], "c": null, "d": [1.0, null], "e": 3, "1": null}'
    )


def test_a_message_is_one_line_whatever_was_sent():
    sent = "a\nb\r\u2028c\u0085 \ud800 µ"
    text = to_json(message(prediction(marker=sent)))
    assert len(text.splitlines()) == 1
    assert json.loads(text)["marker"] == sent


def test_scores_come_back_to_the_last_bit():
    scores = np.random.default_rng(0).standard_normal(4).astype(np.float32)
    made = message(
        Prediction(epoch(), Ranking((), scores, scores)), {f"c{row}": row for row in range(4)}
    )
    back = json.loads(to_json(made))["shown"]
    assert np.array_equal(np.float32(list(back.values())), scores)


def test_a_session_is_written_and_read_back(tmp_path):
    path = tmp_path / "log.jsonl"
    sink = JSONLSink(path, {"cat": 3})
    assert isinstance(sink, Sink)
    session = {"decoder": {"temperature": 0.1, "note": math.nan}, "type": "mine"}
    calls = [
        lambda: sink.open(SPEC, session),
        lambda: sink.prediction(prediction()),
        lambda: sink.rejected(epoch(number=8, rejected=("gap",))),
        lambda: sink.status({"samples": {"received": 250}, "ptp_uv": [math.nan, 2.0]}),
        lambda: sink.close({"predictions": 1}),
    ]
    for n, call in enumerate(calls, 1):
        call()
        assert len(lines(path)) == n  # each is there at once, for a crash may follow
    header, predicted, rejected, status, summary = lines(path)
    assert (header["type"], header["simulated"]) == ("session", True)
    assert header["session"] == {"decoder": {"temperature": 0.1, "note": None}, "type": "mine"}
    assert header["stream"]["ch_names"] == ["Fz", "Öz"]
    assert header["stream"]["sfreq"] == 250.0
    assert predicted == json.loads(to_json(message(prediction(), {"cat": 3})))
    assert predicted["shown"] == {"cat": 0.5}
    assert (rejected["type"], rejected["epoch"], rejected["rejected"]) == ("rejected", 8, ["gap"])
    assert status["ptp_uv"] == [None, 2.0]
    assert status["samples"] == {"received": 250}
    assert summary == {"type": "summary", "simulated": True, "predictions": 1}
    assert all(line["simulated"] for line in (header, predicted, rejected, status))
    sink.close({})
    assert len(lines(path)) == 5


def test_quality_is_written_when_a_state_changes_and_health_once_a_second(tmp_path):
    def report(index, state, reason):
        return QualityReport(index, index / 250, SPEC.ch_names, {}, ("good", state), ("", reason))

    sink = JSONLSink(tmp_path / "log.jsonl")
    sink.open(SPEC, {})
    for index, state, reason in (
        (62, "bad", "flat for 6 s"),
        (124, "bad", "flat for 7 s"),
        (186, "good", ""),
        (248, "good", ""),
    ):
        sink.quality(report(index, state, reason))
    for at_s in (100.0, 100.25, 100.99, 101.0, 101.5):
        sink.health({"at_s": at_s, "age_ms": None})
    sink.close({})
    _, bad, good, first, second, _ = lines(sink.path)
    assert bad == {
        "type": "quality",
        "simulated": True,
        "index": 62,
        "stamp_s": 0.248,
        "channels": {"Öz": {"state": "bad", "reason": "flat for 6 s"}},
    }
    assert (good["index"], good["channels"]) == (186, {})
    assert first == {"type": "health", "simulated": True, "at_s": 100.0, "age_ms": None}
    assert second["at_s"] == 101.0


def test_an_existing_file_is_never_touched(tmp_path):
    path = tmp_path / "log.jsonl"
    early = JSONLSink(path)
    path.write_text("precious\n")
    with pytest.raises(ConfigError, match=r"log.jsonl, but it exists: choose another name"):
        JSONLSink(path)
    with pytest.raises(ConfigError, match=r"log.jsonl, but it exists: choose another name"):
        early.open(SPEC, {})
    early.close({})
    assert path.read_text() == "precious\n"


def test_a_path_that_can_t_be_written_is_refused(tmp_path):
    sink = JSONLSink(tmp_path / "nowhere" / "log.jsonl")
    with pytest.raises(ConfigError, match=r"expected to create the log .*No such file"):
        sink.open(SPEC, {})


def test_a_log_that_is_not_open_says_so(tmp_path):
    with pytest.raises(ConfigError, match="must be open to be written"):
        JSONLSink(tmp_path / "log.jsonl").prediction(prediction())


def test_a_summary_that_can_t_be_written_leaves_the_file_closed(tmp_path):
    sink = JSONLSink(tmp_path / "log.jsonl")
    sink.open(SPEC, {})
    file = sink._file
    with pytest.raises(TypeError):
        sink.close({"predictions": object()})
    assert file.closed
    sink.close({})  # as nothing is left to do


def test_of_a_session_that_did_not_begin_no_log_is_left(tmp_path):
    sink = JSONLSink(tmp_path / "log.jsonl")
    sink.abandon()
    sink.open(SPEC, {})
    sink.abandon()
    assert not sink.path.exists()
    sink.close({})
    JSONLSink(sink.path)  # so it can be tried again
