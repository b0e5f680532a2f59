"""A decoder that takes over is weighed by its own calibration, and fits where the last one did."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from torch import nn

from saccade.cli import configuration, wiring
from saccade.cli.controlling import preparing, swap_problems
from saccade.models.decoders import decoder_file
from saccade.models.decoders.decoder_file import DecoderFile, EncoderSignature, InputSignature
from saccade.models.encoders import export
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import ConfigError
from saccade.realtime.types import StreamSpec

FIRST = {"threshold": 0.7, "correlation": 0.1, "d_prime": 1.0, "prior": {"a": 0.5}}
SECOND = {"threshold": 0.99, "correlation": 0.6, "d_prime": 0.2, "prior": {}}


class Silent:
    """A stream that the decoder fits, and that brings nothing."""

    def __init__(self, signature):
        self._signature = signature

    def open(self):
        s = self._signature
        return StreamSpec("s", s.sfreq, s.ch_names, s.ch_types, s.units)

    def read(self, timeout_s):
        return None

    def close(self):
        pass


@pytest.fixture(scope="module")
def small_decoder():
    """Return a decoder of eight concepts, with nothing learned."""
    vectors = np.random.default_rng(0).standard_normal((8, 10)).astype(np.float32)
    gallery = Gallery(tuple("abcdefgh"), vectors, "ViT-B-32", "openai", "text")
    linear = nn.Sequential(nn.Flatten(), nn.Linear(4 * 30, 10, bias=False))
    select = {"block": "select", "ch_names": list("wxyz")}
    return DecoderFile(
        input=InputSignature(tuple("wxyz"), ("eeg",) * 4, ("µV",) * 4, "", 100.0),
        working_sfreq=100.0,
        pipeline={"blocks": [select]},
        epochs={"tmin_s": 0.0, "tmax_s": 0.3, "baseline_s": None},
        encoder=EncoderSignature("ridge", {}, 4, 30, 10),
        script=export(linear, 4, 30),
        gallery=gallery,
        gallery_centre=gallery.centre,
        signal_mean=np.zeros(4),
        signal_whitening=np.eye(4),
        temperature=0.1,
    )


@pytest.fixture
def begun(small_decoder):
    """Return what begins a session with some settings, and its file."""

    def begin(*settings):
        config = configuration.load(None, {"output.lsl": False}, settings).config
        file = dataclasses.replace(small_decoder, calibration={"decision": FIRST})
        session = wiring.Session(file, Silent(file.input), config)
        session.engine.start()
        return session, config, file

    return begin


@pytest.mark.parametrize(
    "settings",
    [
        (),
        ("decision.mode=closed",),
        ("decision.mode=closed", 'decision.starts=["t-*"]'),
        ("decision.mode=sliding", "decision.half_life_s=2"),
        (
            *("decision.mode=target", "decision.target=a", 'decision.items=["x","y"]'),
            *("decision.gap_s=1", 'markers.labels={"1"="a"}'),
        ),
    ],
)
def test_the_very_decoder_at_work_can_take_over(begun, settings):
    session, _, file = begun(*settings)
    assert swap_problems(file, session) == []


def test_a_decoder_that_takes_over_brings_its_own_figures(begun, tmp_path):
    session, config, file = begun("decision.mode=closed")
    other = tmp_path / "other.saccade"
    decoder_file.save(dataclasses.replace(file, calibration={"decision": SECOND}), other)
    ready = preparing(session, config)(other)
    session.engine.swap(ready.decoder, ready.evidence, **ready.about)
    now = session.engine.decider.settings
    assert (now.threshold, now.correlation, now.d_prime, now.assumed) == (0.99, 0.6, 0.2, {})
    assert session.engine.session["decided_by"]["threshold"] == 0.99


def test_a_decoder_that_cannot_do_what_is_decided_is_refused(begun, tmp_path):
    session, config, file = begun("decision.mode=closed", "decision.worth_per_s=0.1")
    other = tmp_path / "other.saccade"
    blind = {"decision": SECOND | {"d_prime": 0.0}}
    decoder_file.save(dataclasses.replace(file, calibration=blind), other)
    with pytest.raises(ConfigError, match="worth_per_s needs d_prime"):
        preparing(session, config)(other)
