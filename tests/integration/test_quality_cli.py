"""Quality is on where a session is live, off in a replay, and never moves a prediction."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from saccade.cli import configuration, wiring
from saccade.models.decoders import decoder_file
from saccade.realtime.quality.monitor import QualityMonitor
from saccade.realtime.quality.presets import preset
from saccade.realtime.quality.watch import StreamWatch


def log_of(saccade, tmp_path, decoder, recording, name, *flags):
    path = tmp_path / f"{name}.jsonl"
    done = saccade("replay", recording, "--decoder", decoder, "--log", path, "--json", *flags)
    assert done.code == 0, done.err
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_predictions_are_the_same_with_and_without(saccade, tmp_path, decoder, runs):
    logs = [
        log_of(saccade, tmp_path, decoder, runs[1], name, *flags)
        for name, flags in (("without", ()), ("with", ("--set", "quality.enabled=true")))
    ]
    decoded = [
        [
            {key: value for key, value in line.items() if key != "latency_ms"}
            for line in log
            if line["type"] in ("prediction", "rejected")
        ]
        for log in logs
    ]
    assert decoded[0] == decoded[1]
    assert len(decoded[0]) > 40
    kinds = [{line["type"] for line in log} for log in logs]
    assert not kinds[0] & {"quality", "health"}
    assert kinds[1] >= {"quality", "health"}


def test_a_channel_that_goes_flat_is_logged(saccade, tmp_path, decoder, runs):
    with np.load(runs[1]) as file:
        content = dict(file)
    content["data"] = content["data"].copy()
    content["data"][3000:, 1] = 4.0
    np.savez(tmp_path / "flat.npz", **content)
    on = ("--set", "quality.enabled=true")
    log = log_of(saccade, tmp_path, decoder, tmp_path / "flat.npz", "flat", *on)
    last = [line for line in log if line["type"] == "quality"][-1]
    assert last["channels"]["C4"]["state"] == "bad"
    assert "has not changed for" in last["channels"]["C4"]["reason"]
    flat = log[-1]["quality"]["bad"]["C4"]  # in the summary
    assert flat["s"] > 10
    assert "has not changed for" in flat["reason"]
    done = saccade("replay", tmp_path / "flat.npz", "--decoder", decoder, *on)
    (line,) = (line for line in done.out.splitlines() if line.startswith("channels"))
    assert "bad: C4" in line
    limit = ("--set", "quality.settings={flat_s = [900, 900], low_uv = [0, 0], clipped = [1, 1]}")
    log = log_of(saccade, tmp_path, decoder, tmp_path / "flat.npz", "any", *on, *limit)
    last = [line for line in log if line["type"] == "quality"][-1]
    assert last["channels"].get("C4", {"state": "good"})["state"] != "bad"


@pytest.mark.parametrize(
    ("flags", "live", "observed"),
    [
        ((), True, True),
        ((), False, False),
        (("quality.enabled=false",), True, False),
        (("quality.enabled=true",), False, True),
    ],
)
def test_quality_is_on_where_the_source_is_live(decoder, array_source, flags, live, observed):
    settings = configuration.load(settings=(*flags, "output.lsl=false")).config
    source = array_source(None, np.zeros((0, 4), np.float32), np.zeros(0))
    session = wiring.Session(decoder_file.load(decoder), source, settings, live=live)
    assert isinstance(session.engine.monitor, QualityMonitor) == observed
    assert isinstance(session.engine.watch, StreamWatch) == observed


def test_gaps_and_stalls_are_what_decoder_and_source_take_for_them(decoder, array_source):
    settings = configuration.load(settings=("stream.stall_s=3", "output.lsl=false")).config
    source = array_source(None, np.zeros((0, 4), np.float32), np.zeros(0))
    file = decoder_file.load(decoder)
    for own, wanted in ((0.35, 0.35), (0.004, 0.1), (None, 0.1)):
        mine = dataclasses.replace(file, pipeline={**file.pipeline, "gap_s": own})
        engine = wiring.Session(mine, source, settings).engine
        assert engine.monitor.settings.gap_s == wanted
        assert engine.watch.settings.stalled_s == 3


def test_a_preset_s_limits_are_replaced_one_by_one():
    flags = ('quality.preset="muse"', "quality.settings={high_uv = [20, 90], line_hz = 60}")
    found = wiring.quality_settings(configuration.load(settings=flags).config)
    assert found == dataclasses.replace(preset("muse"), high_uv=(20.0, 90.0), line_hz=60.0)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ('quality.preset="must"', "no quality preset 'must': did you mean 'muse'?"),
        ("quality.settings={flat = 3}", "quality.settings has no setting 'flat'"),
        ("quality.settings={flat_s = [5, 1]}", "flat_s must be two rising numbers"),
        ("quality.settings={usable = [5, 2]}", "usable must be two falling numbers of 0 to 1"),
        ("quality.settings={flat_s = 5}", "flat_s of quality.settings must be"),
    ],
)
def test_mistakes_are_refused_in_one_line(saccade, decoder, runs, setting, message):
    on = ("--set", "quality.enabled=true", "--set", setting)
    done = saccade("replay", runs[1], "--decoder", decoder, *on)
    assert done.code != 0
    assert message in done.err
    assert len(done.err.strip().splitlines()) == 1
