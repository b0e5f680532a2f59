"""What a decoder learns of its user: from the first trials alone, once, and the same every time."""

from __future__ import annotations

import functools
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from saccade.models.alignment.align import whitening
from saccade.models.alignment.align_online import OnlineAligner
from saccade.models.alignment.whitening import mvnn
from saccade.models.decoders.decoder import RetrievalDecoder
from saccade.models.decoders.decoder_file import (
    DecoderFile,
    EncoderSignature,
    InputSignature,
    OnlineAlignment,
    from_bytes,
    to_bytes,
)
from saccade.models.encoders import export
from saccade.models.encoders.projector import Projector
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.pipeline import Pipeline, settings_from_spec
from saccade.realtime.types import Epoch, Marker, StreamSpec

C, T, D, N = 4, 30, 10, 6


@functools.cache
def projector() -> bytes:
    torch.manual_seed(0)
    return export(nn.Sequential(nn.Flatten(), Projector(C * T, D, 0.3)), C, T)


def make(online: OnlineAlignment | None, module: nn.Module | None = None) -> DecoderFile:
    vectors = np.random.default_rng(0).standard_normal((8, D)).astype(np.float32)
    gallery = Gallery(tuple("abcdefgh"), vectors, "ViT-B-32", "openai", "text")
    return DecoderFile(
        input=InputSignature(tuple("wxyz"), ("eeg",) * C, ("µV",) * C, "", 100.0),
        working_sfreq=100.0,
        pipeline={},
        epochs={},
        encoder=EncoderSignature("eegproject", {}, C, T, D),
        script=projector() if module is None else export(module, C, T),
        gallery=gallery,
        gallery_centre=gallery.centre,
        signal_mean=np.zeros(C),
        signal_whitening=np.eye(C) / 4,
        temperature=0.1,
        online=online,
    )


def epochs(n: int = 3 * N, seed: int = 0) -> list[Epoch]:
    """Return epochs of channels that share most of their noise."""
    rng = np.random.default_rng(seed)
    mixing = np.eye(C) + rng.standard_normal((C, C))
    data = (mixing @ rng.standard_normal((n, C, T)) + 1).astype(np.float32)
    return [Epoch(k, data[k], 100.0, 0.0, float(k), 100 * k) for k in range(n)]


def scores(decoder: RetrievalDecoder, shown: list[Epoch]) -> np.ndarray:
    return np.stack([decoder.decode(epoch).scores for epoch in shown])


@pytest.fixture(params=["whitening", "euclidean"])
def online(request: pytest.FixtureRequest) -> OnlineAlignment:
    return OnlineAlignment(request.param, N)


class TestWhenItActs:
    def test_the_first_trials_are_decoded_as_the_file_says_and_the_others_are_not(self, online):
        shown = epochs()
        plain = scores(RetrievalDecoder(make(None)), shown)
        aligned = scores(RetrievalDecoder(make(online)), shown)
        np.testing.assert_array_equal(aligned[:N], plain[:N])
        assert (np.abs(aligned[N:] - plain[N:]).max(axis=1) > 1e-3).all()

    def test_what_comes_after_changes_nothing_more(self, online):
        shown = epochs()
        whole = scores(RetrievalDecoder(make(online)), shown)
        again = RetrievalDecoder(make(online))
        scores(again, shown[:N])
        for k in (11, 7, 7, 17):
            np.testing.assert_array_equal(again.decode(shown[k]).scores, whole[k])

    def test_rejected_trials_and_embedding_are_not_learned_from(self, online):
        shown = epochs()
        expected = scores(RetrievalDecoder(make(online)), shown)
        decoder = RetrievalDecoder(make(online))
        for k, epoch in enumerate(shown):
            decoder.decode(replace(epoch, data=-3 * epoch.data, rejected=("peak to peak",)))
            decoder.embed(epoch)
            np.testing.assert_array_equal(decoder.decode(epoch).scores, expected[k])

    def test_it_says_how_far_it_is(self, online):
        decoder = RetrievalDecoder(make(online))
        states = []
        for epoch in epochs(N + 2):
            states.append(decoder.alignment)
            decoder.decode(epoch)
        assert states[0] == {"kind": online.kind, "trials": 0, "of": N, "active": False}
        assert [state["trials"] for state in states] == [*range(N + 1), N]
        assert [state["active"] for state in states] == [False] * N + [True] * 2
        assert RetrievalDecoder(make(None)).alignment is None

    def test_the_temperature_may_change_with_it(self, online):
        shown, warm = epochs(N + 1), replace(online, temperature=1.0)
        cold, hot = RetrievalDecoder(make(online)), RetrievalDecoder(make(warm))
        for k, epoch in enumerate(shown):
            one, other = cold.decode(epoch), hot.decode(epoch)
            np.testing.assert_array_equal(one.scores, other.scores)
            assert (one.top[0].probability > other.top[0].probability) == (k >= N)


class TestSameBits:
    def test_in_another_session_from_the_file_and_after_a_reset(self, online):
        shown, file = epochs(), make(online)
        decoder = RetrievalDecoder(file)
        expected = scores(decoder, shown)
        np.testing.assert_array_equal(scores(RetrievalDecoder(file), shown), expected)
        read = from_bytes(to_bytes(file))
        assert read.online == online
        np.testing.assert_array_equal(scores(RetrievalDecoder(read), shown), expected)
        decoder.reset()
        assert decoder.alignment["trials"] == 0
        np.testing.assert_array_equal(scores(decoder, shown), expected)

    def test_with_other_numbers_of_threads_and_layouts_of_memory(self, online):
        shown = epochs()
        expected = scores(RetrievalDecoder(make(online)), shown)
        decoder, before = RetrievalDecoder(make(online)), torch.get_num_threads()
        try:
            for epoch, wanted in zip(shown, expected, strict=True):
                torch.set_num_threads(2)
                other = replace(epoch, data=np.asfortranarray(epoch.data))
                np.testing.assert_array_equal(decoder.decode(other).scores, wanted)
        finally:
            torch.set_num_threads(before)

    def test_an_encoder_whose_output_is_its_input_is_no_trap(self):
        class View(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return x[:, 0, :10]

        shown = epochs()
        decoder = RetrievalDecoder(make(OnlineAlignment("whitening", N), View()))
        kept = [decoder.embed(epoch) for epoch in shown]
        for epoch, vector in zip(shown, kept, strict=True):
            np.testing.assert_array_equal(vector, epoch.data[0, :10] / 4)
        aligned = scores(decoder, shown)[N]
        fixed = replace(decoder_file := make(None, View()), alignment=whitening(np.stack(kept[:N])))
        np.testing.assert_array_equal(RetrievalDecoder(fixed).decode(shown[N]).scores, aligned)
        assert decoder_file.alignment is None

    @settings(max_examples=10)
    @given(cuts=st.lists(st.integers(0, 1000), max_size=12).map(sorted))
    @pytest.mark.parametrize("kind", ["whitening", "euclidean"])
    def test_live_and_in_replay_in_any_chunking(self, array_source, kind, cuts):
        """Behind an average reference, where the channels' covariance has no inverse."""
        rng = np.random.default_rng(5)
        spec = StreamSpec("s", 100.0, tuple("wxyz"), ("eeg",) * C, ("µV",) * C)
        data = rng.normal(0, 10, (1000, C)).astype(np.float32)
        stamps = 5 + np.arange(1000) / 100
        markers = [Marker("a", 6.0 + k * 0.5) for k in range(16)]
        file = make(OnlineAlignment(kind, N))
        found = []
        for sizes in ([1000], np.diff([0, *cuts, 1000]).tolist()):
            engine = Engine(
                array_source(spec, data, stamps, markers, sizes),
                Pipeline(
                    settings_from_spec({"blocks": [{"block": "reference", "kind": "average"}]})
                ),
                Epocher(EpochSettings(tmin_s=-0.2, tmax_s=0.1)),
                lambda: 0.0,
                RetrievalDecoder(file),
            )
            engine.start()
            got = []
            while not (result := engine.step(0.0)).ended:
                got += [p.ranking.scores for p in result.predictions]
            assert engine.decoder.alignment["active"]
            found.append(np.stack(got))
        np.testing.assert_array_equal(found[0], found[1])
        assert found[0].shape == (16, 8)
        assert np.isfinite(found[0]).all()


class TestWhatIsLearned:
    def test_vectors_as_in_one_go(self):
        shown = epochs()
        decoder = RetrievalDecoder(make(OnlineAlignment("whitening", N)))
        vectors = np.stack([decoder.embed(epoch) for epoch in shown])
        fixed = replace(make(None), alignment=whitening(vectors[:N]))
        other = RetrievalDecoder(fixed)
        assert other.alignment == {"kind": "whitening", "trials": N, "active": True}
        expected = scores(other, shown)
        np.testing.assert_array_equal(scores(decoder, shown)[N:], expected[N:])

    def test_covariance_as_multivariate_noise_normalisation_has_it(self):
        shown = epochs()
        decoder = RetrievalDecoder(make(OnlineAlignment("euclidean", N)))
        own = mvnn(np.stack([epoch.data for epoch in shown[:N]]))
        expected = scores(RetrievalDecoder(replace(make(None), signal_whitening=own)), shown)
        np.testing.assert_allclose(scores(decoder, shown)[N:], expected[N:], atol=1e-5)

    def test_the_noise_of_every_person_comes_to_look_alike(self):
        rng = np.random.default_rng(0)
        for _ in range(3):
            root = rng.standard_normal((C, C))
            person = root @ root.T + np.eye(C)  # symmetric: an alignment can't know of rotations
            aligner = OnlineAligner(OnlineAlignment("euclidean", 20))
            for noise in rng.standard_normal((20, C, 2000)):
                aligner.add((person @ noise).astype(np.float32), np.ones(D, np.float32))
            np.testing.assert_allclose(aligner.whitening @ person, np.eye(C), atol=0.05)


class TestNothingToLearn:
    def test_trials_without_a_vector_do_not_count(self):
        silent = nn.Sequential(nn.Flatten(), nn.Linear(C * T, D))
        nn.init.zeros_(silent[1].weight)
        nn.init.zeros_(silent[1].bias)
        decoder = RetrievalDecoder(make(OnlineAlignment("whitening", N), silent))
        assert not scores(decoder, epochs()).any()
        assert decoder.alignment["trials"] == 0

    def test_an_encoder_that_always_says_the_same_is_left_alone(self, caplog):
        constant = nn.Sequential(nn.Flatten(), nn.Linear(C * T, D))
        nn.init.zeros_(constant[1].weight)
        file = make(OnlineAlignment("whitening", N), constant)
        decoder = RetrievalDecoder(file)
        with caplog.at_level(logging.WARNING):
            got = scores(decoder, epochs())
        np.testing.assert_array_equal(
            got, scores(RetrievalDecoder(replace(file, online=None)), epochs())
        )
        assert decoder.alignment["active"] is False
        assert "all 6 are the same" in decoder.alignment["problem"]
        assert len(caplog.records) == 1

    def test_a_stream_that_is_dead_is_left_alone(self, caplog):
        flat = [replace(epoch, data=np.ones((C, T), np.float32)) for epoch in epochs()]
        decoder = RetrievalDecoder(make(OnlineAlignment("euclidean", N)))
        with caplog.at_level(logging.WARNING):
            assert np.isfinite(scores(decoder, flat)).all()
        assert "smallest of 4 noise variances is 0" in decoder.alignment["problem"]

    def test_one_dead_channel_stays_finite(self):
        shown = epochs()
        dead = [e.data.copy() for e in shown]
        for k, data in enumerate(dead):
            if k < N:
                data[2] = 0
        decoder = RetrievalDecoder(make(OnlineAlignment("euclidean", N)))
        got = scores(decoder, [replace(e, data=d) for e, d in zip(shown, dead, strict=True)])
        assert np.isfinite(got).all()
