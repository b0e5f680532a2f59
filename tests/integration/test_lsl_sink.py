"""What the sink publishes, any LSL client can find, understand and read."""

from __future__ import annotations

import json
import math

import numpy as np
import pylsl
import pytest

from saccade.realtime.errors import ConfigError
from saccade.realtime.lsl_metadata import describe
from saccade.realtime.protocols import Sink
from saccade.realtime.quality import layout
from saccade.realtime.sinks.lsl import LSLSink, LSLSinkSettings
from saccade.realtime.sinks.messages import message, rejected_message, to_json
from saccade.realtime.types import (
    Candidate,
    Epoch,
    Latency,
    Prediction,
    QualityReport,
    Ranking,
    StreamSpec,
)

pytestmark = pytest.mark.lsl

PARTS = ("predictions", "decisions", "scores", "status", "quality", "health")
SPEC = StreamSpec(
    "amp", 250.0, ("Fz", "Cz", "EOG"), ("eeg", "eeg", "eog"), ("µV",) * 3, "id", simulated=True
)
SESSION = {"decoder": {"encoder": "ridge", "n": 7}, "note": "<µ> & \"'"}


def epoch(number):
    return Epoch(number, np.zeros((2, 5), np.float32), 250.0, -0.2, 12.5, 3125, "1", "cat")


def prediction(number, latency=None, rank=2, k=3):
    names = ("cat", "dog", "emu")
    top = tuple(Candidate(i, names[i], 0.5 / (i + 1), 0.25 / (i + 1)) for i in range(k))
    scores = np.float32([0.5, 0.25, 1 / 6])
    ranking = Ranking(top, scores, scores / 2)
    return Prediction(epoch(number), ranking, rank, latency or Latency(), simulated=True)


class Client:
    """An ordinary LSL client, reading one of the streams."""

    def __init__(self, name):
        (found,) = pylsl.resolve_byprop("name", name, 1, 5.0)
        self.inlet = pylsl.StreamInlet(found)
        self.info = self.inlet.info(5.0)
        self.inlet.open_stream(5.0)

    def next(self):
        sample, stamp = self.inlet.pull_sample(5.0)
        assert sample is not None, "nothing came within 5 s"
        return sample, stamp

    def next_json(self):
        return json.loads(self.next()[0][0])


@pytest.fixture
def sink(stream_name):
    made = LSLSink(LSLSinkSettings(stream_name, top_k=2, labels={"emu": 2}))
    assert isinstance(made, Sink)
    made.open(SPEC, SESSION)
    yield made
    made.close({})


def test_the_streams_describe_themselves(stream_name, sink):
    units = {}
    for part in PARTS:
        info = Client(f"{stream_name}-{part}").info
        spec = describe(info)
        assert (info.type(), spec.sfreq) == (part.capitalize(), 0.0)
        assert (spec.simulated, spec.speed) == (True, 1.0)
        about = info.desc().child("saccade")
        assert json.loads(about.child_value("session")) == SESSION
        assert about.child_value("stream") == "amp"
        units[part] = dict(zip(spec.ch_names, spec.units, strict=True))
        formats = {"scores": pylsl.cf_double64, "quality": pylsl.cf_float32}
        assert info.channel_format() == formats.get(part, pylsl.cf_string)
    assert units == {
        "predictions": {"prediction": "json"},
        "scores": {
            "epoch": "count",
            "onset": "s",
            "latency": "ms",
            "label_rank": "count",
            "row_1": "count",
            "score_1": "cosine",
            "probability_1": "1",
            "row_2": "count",
            "score_2": "cosine",
            "probability_2": "1",
        },
        "decisions": {"decision": "json"},
        "status": {"status": "json"},
        "quality": dict(layout.columns(SPEC.ch_names)),
        "health": {"health": "json"},
    }
    assert units["quality"]["Cz amplitude_uv"] == "µV"


def test_predictions_and_rejected_epochs_are_published_in_order(stream_name, sink):
    client = Client(f"{stream_name}-predictions")
    before_s = pylsl.local_clock()
    sink.prediction(prediction(0))
    sink.rejected(epoch(1))
    sink.prediction(prediction(2))
    after_s = pylsl.local_clock()
    (text,), stamp = client.next()
    assert json.loads(text) == json.loads(to_json(message(prediction(0), {"emu": 2})))
    assert json.loads(text)["shown"] == {"emu": float(np.float32(1 / 6))}
    assert before_s <= stamp <= after_s  # of the publication, the onset is inside
    expected = json.loads(to_json(rejected_message(epoch(1), simulated=True)))
    assert client.next_json() == expected
    assert client.next_json()["epoch"] == 2


def test_scores_are_numbers_in_fixed_columns(stream_name, sink):
    client = Client(f"{stream_name}-scores")
    sink.prediction(prediction(4, Latency(math.nan, 0.001, 0.002, 0.003, 0.004, 0.0)))
    sink.rejected(epoch(5))
    sink.prediction(prediction(6, rank=None, k=1))
    first, _ = client.next()
    assert first == pytest.approx([4, 12.5, 10.0, 2, 0, 0.5, 0.25, 1, 0.25, 0.125])
    second, _ = client.next()
    nan = math.nan  # no latency measured, no label known, fewer concepts than columns
    assert second == pytest.approx([6, 12.5, nan, nan, 0, 0.5, 0.25, nan, nan, nan], nan_ok=True)


def report():
    measures = {"amplitude_uv": np.float32([7.5, math.nan, 80]), "flat_s": np.float32([0, 6, 0])}
    states, reasons = ("good", "bad", "doubtful"), ("", "has not changed for 6.0 s", "80 µV")
    return QualityReport(499, 2.0, SPEC.ch_names, measures, states, reasons)


def test_quality_is_numbers_whose_layout_the_stream_describes(stream_name, sink):
    client = Client(f"{stream_name}-quality")
    sink.quality(report())
    sample, _ = client.next()
    about = client.info.desc().child("saccade").child_value("quality")
    axes = json.loads(about)
    table = np.reshape(sample, (len(axes["channels"]), len(axes["measures"])))
    column = axes["measures"].index
    assert table[:, column("amplitude_uv")] == pytest.approx([7.5, math.nan, 80], nan_ok=True)
    assert table[:, column("flat_s")] == pytest.approx([0, 6, 0])
    assert np.isnan(table[:, column("ransac")]).all()
    assert [axes["states"][int(i)] for i in table[:, column("state")]] == list(report().states)
    assert axes["channels"] == list(SPEC.ch_names)


def test_health_tells_of_the_stream_and_of_channels_that_are_not_good(stream_name, sink):
    client = Client(f"{stream_name}-health")
    sink.health({"stream": "amp", "age_ms": math.nan})
    sink.quality(report())
    sink.health({"stream": "amp", "age_ms": 12.0})
    first = {"type": "health", "simulated": True, "stream": "amp"}
    assert client.next_json() == first | {"age_ms": None}
    assert client.next_json() == first | {
        "age_ms": 12.0,
        "channels": {
            "Cz": {"state": "bad", "reason": "has not changed for 6.0 s"},
            "EOG": {"state": "doubtful", "reason": "80 µV"},
        },
    }


def test_the_summary_leaves_before_the_streams_end(stream_name):
    sink = LSLSink(LSLSinkSettings(stream_name))
    sink.open(SPEC, SESSION)
    client = Client(f"{stream_name}-status")
    for second in range(3000):  # so much that without waiting most of it would be lost
        sink.status({"second": second, "filling": "x" * 3000})
    sink.close({"predictions": 9, "simulated": True})
    sink.close({"predictions": 10})
    received = [client.next_json() for _ in range(3001)]
    assert [message["second"] for message in received[:-1]] == list(range(3000))
    assert received[-1] == {"type": "summary", "simulated": True, "predictions": 9}


def test_every_session_has_source_ids_of_its_own(stream_name):
    settings = LSLSinkSettings(stream_name)
    sinks = [LSLSink(settings), LSLSink(settings)]
    sinks.append(LSLSink(LSLSinkSettings(stream_name, session_id="s1")))
    for sink in sinks:
        sink.open(SPEC, SESSION)
    found = pylsl.resolve_bypred(f"starts-with(name, '{stream_name}')", 18, 5.0)
    ids = {info.source_id() for info in found}
    assert len(ids) == len(found) == 18
    assert {f"{stream_name}-{part}-s1" for part in PARTS} < ids
    for sink in sinks:
        sink.close({})


@pytest.mark.parametrize(
    ("fields", "text"), [({"prefix": ""}, "must not be empty"), ({"top_k": 0}, "at least 1, not 0")]
)
def test_settings_that_give_no_stream_are_refused(fields, text):
    with pytest.raises(ConfigError, match=text):
        LSLSinkSettings(**fields)
