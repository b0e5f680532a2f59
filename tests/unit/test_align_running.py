"""A decoder that follows its user: begins frozen, stays near, falls back, repeats to the bit."""

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

from saccade.models.alignment.adapt import adapt, with_running
from saccade.models.alignment.align_running import BATCH, RECENT, RunningAligner
from saccade.models.alignment.running import FARTHEST_MEAN, HIGHEST
from saccade.models.alignment.whitening import mvnn
from saccade.models.decoders.decoder import RetrievalDecoder
from saccade.models.decoders.decoder_file import (
    DecoderFile,
    EncoderSignature,
    InputSignature,
    OnlineAlignment,
    RunningAlignment,
    from_bytes,
    to_bytes,
)
from saccade.models.encoders import export
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.errors import CalibrationError, DecoderFileError
from saccade.realtime.pipeline import Pipeline, settings_from_spec
from saccade.realtime.types import Epoch, Flag, Marker, StreamSpec

C, T, D, MEMORY = 4, 30, 10, 40
PARTS = [("signal",), ("mean",), ("signal", "mean")]


@functools.cache
def linear() -> bytes:
    torch.manual_seed(0)
    return export(nn.Sequential(nn.Flatten(), nn.Linear(C * T, D, bias=False)), C, T)


def data(n: int = 80, seed: int = 0) -> np.ndarray:
    """Return signals of channels that share most of their noise."""
    mixing = np.eye(C) + np.random.default_rng(99).standard_normal((C, C))
    noise = np.random.default_rng(seed).standard_normal((n, C, T))
    return (mixing @ noise).astype(np.float32)


def epochs(signals: np.ndarray) -> list[Epoch]:
    return [Epoch(k, x.copy(), 100.0, 0.0, float(k), 100 * k) for k, x in enumerate(signals)]


@functools.cache
def make(parts: tuple[str, ...] = ()) -> DecoderFile:
    """Return a decoder of those signals that follows some parts."""
    vectors = np.random.default_rng(0).standard_normal((8, D)).astype(np.float32)
    gallery = Gallery(tuple("abcdefgh"), vectors, "ViT-B-32", "openai", "text")
    calibration = data(400, seed=7)
    file = DecoderFile(
        input=InputSignature(tuple("wxyz"), ("eeg",) * C, ("µV",) * C, "", 100.0),
        working_sfreq=100.0,
        pipeline={},
        epochs={},
        encoder=EncoderSignature("ridge", {}, C, T, D),
        script=linear(),
        gallery=gallery,
        gallery_centre=gallery.centre,
        signal_mean=np.zeros(C),
        signal_whitening=mvnn(calibration),
        temperature=0.1,
    )
    return with_running(file, parts, MEMORY, calibration) if parts else file


def frozen(file: DecoderFile) -> DecoderFile:
    return replace(file, online=None, online_mean=None)


def scores(decoder: RetrievalDecoder, shown: list[Epoch]) -> np.ndarray:
    return np.stack([decoder.decode(epoch).scores for epoch in shown])


@pytest.fixture(params=PARTS, ids="+".join)
def file(request: pytest.FixtureRequest) -> DecoderFile:
    return make(request.param)


class TestNearTheFrozenDecoder:
    def test_it_starts_as_the_frozen_one_to_the_last_bit(self, file):
        shown = epochs(data())
        plain = scores(RetrievalDecoder(frozen(file)), shown)
        found = scores(RetrievalDecoder(file), shown)
        np.testing.assert_array_equal(found[:BATCH], plain[:BATCH])
        assert (np.abs(found[BATCH:] - plain[BATCH:]).max(axis=1) > 1e-6).all()

    def test_a_session_like_calibration_moves_it_little(self, file):
        shown = epochs(data(200, seed=3))
        decoder = RetrievalDecoder(file)
        found = scores(decoder, shown)
        plain = scores(RetrievalDecoder(frozen(file)), shown)
        assert np.abs(found - plain).max() < 0.35
        assert np.corrcoef(found.ravel(), plain.ravel())[0, 1] > 0.98
        assert decoder.alignment["fallbacks"] == 0

    @settings(max_examples=30, deadline=None)
    @given(
        seed=st.integers(0, 2**32 - 1),
        powers=st.lists(st.floats(-30, 30), min_size=25, max_size=25),
    )
    @pytest.mark.parametrize("parts", PARTS, ids="+".join)
    def test_no_input_takes_it_out_of_its_bounds(self, parts, seed, powers):
        """Whatever the amplitudes: the statistics stay where they must, and all is finite."""
        rng = np.random.default_rng(seed)
        file = make(parts)
        aligner = RunningAligner(file.online, file.signal_whitening, file.online_mean)
        for k, power in enumerate(powers):
            x = (10.0**power * rng.standard_normal((C, T))).astype(np.float32)
            vector = (10.0**power * rng.standard_normal(D)).astype(np.float32)
            aligner.add(Epoch(k, x, 100.0, 0.0, float(k), k), vector)
            told = aligner.describe()
            assert all(0 <= distance <= 1 for distance in told["distance"].values())
            change = aligner.whitening @ np.linalg.inv(file.signal_whitening)
            sizes = np.linalg.svd(change)[1]
            assert sizes.min() >= HIGHEST**-0.5 - 1e-6
            assert sizes.max() <= HIGHEST**0.5 + 1e-6
            assert np.isfinite(aligner.apply(vector)).all()

    @settings(max_examples=30)
    @given(seed=st.integers(0, 2**32 - 1))
    def test_following_the_mean_changes_no_cosine_by_more_than_it_says(self, seed):
        rng = np.random.default_rng(seed)
        file = make(("mean",))
        aligner = RunningAligner(file.online, file.signal_whitening, file.online_mean)
        worst = rng.standard_normal(D).astype(np.float32)
        for k in range(60):
            aligner.add(Epoch(k, np.ones((C, T), np.float32), 100.0, 0.0, 0.0, k), worst)
        assert aligner.describe()["distance"]["mean"] == pytest.approx(1)
        aligner._fallback = ""  # at the edge it falls back; this is what it would do there
        vectors, among = rng.standard_normal((2, 50, D)).astype(np.float32)
        among /= np.linalg.norm(among, axis=1, keepdims=True)
        limit = 2 * np.sin(np.arcsin(FARTHEST_MEAN) / 2)
        for vector in vectors:
            moved = aligner.apply(vector)
            change = among @ (moved / np.linalg.norm(moved) - vector / np.linalg.norm(vector))
            assert np.abs(change).max() <= limit + 1e-6


class TestDrift:
    def test_of_the_gains_is_undone(self):
        gains = np.array([2.5, 0.6, 1.0, 1.8], np.float32)[:, None]
        signals = data(300, seed=1)
        wanted = scores(RetrievalDecoder(make()), epochs(signals))[-50:]
        drifted = epochs(gains * signals)
        still = scores(RetrievalDecoder(make()), drifted)[-50:]
        followed = scores(RetrievalDecoder(make(("signal",))), drifted)[-50:]
        assert np.abs(followed - wanted).mean() < 0.7 * np.abs(still - wanted).mean()

    def test_of_the_response_to_anything_is_undone(self):
        shift = 0.2 * np.random.default_rng(5).standard_normal((C, T)).astype(np.float32)
        signals = data(600, seed=1)
        wanted = scores(RetrievalDecoder(make()), epochs(signals))[-300:]
        drifted = epochs(signals + shift)
        still = scores(RetrievalDecoder(make()), drifted)[-300:]
        following = with_running(make(), ("mean",), 200, data(400, seed=7))
        followed = scores(RetrievalDecoder(following), drifted)[-300:]
        off = [np.linalg.norm((found - wanted).mean(axis=0)) for found in (still, followed)]
        assert off[1] < 0.6 * off[0]

    def test_a_longer_memory_moves_more_slowly(self):
        signals = 2 * data(30, seed=1)
        distances = []
        for memory in (20, 400):
            file = with_running(make(), ("signal",), memory)
            decoder = RetrievalDecoder(file)
            scores(decoder, epochs(signals))
            distances.append(decoder.alignment["distance"]["signal"])
        assert distances[0] > 3 * distances[1]


class TestGoodEpochsOnly:
    @pytest.mark.parametrize(
        "bad",
        [{"rejected": ("peak to peak",)}, {"flags": Flag.FILLED}],
        ids=["rejected", "flagged"],
    )
    def test_others_teach_nothing(self, file, bad):
        shown = epochs(data(40))
        expected = scores(RetrievalDecoder(file), shown)
        decoder = RetrievalDecoder(file)
        for k, epoch in enumerate(shown):
            if k % 4 == 0:
                decoder.decode(replace(epoch, data=-9 * epoch.data, **bad))
            decoder.embed(epoch)
            np.testing.assert_array_equal(decoder.decode(epoch).scores, expected[k])

    def test_neither_does_a_constant(self):
        decoder = RetrievalDecoder(make(("signal", "mean")))
        flat = [replace(e, data=np.ones((C, T), np.float32)) for e in epochs(data(60))]
        assert np.isfinite(scores(decoder, flat)).all()
        assert decoder.alignment["trials"] == 0


class TestFallback:
    def test_on_bad_quality_and_back_with_hysteresis(self, file, caplog):
        decoder, still = RetrievalDecoder(file), RetrievalDecoder(frozen(file))
        signals = data(3 * RECENT, seed=2)
        scores(decoder, epochs(signals[:RECENT]))
        assert decoder.alignment["active"]
        # Epochs whose numbers are missing were rejected: 11 of the last 20, then 5.
        shown = [Epoch(RECENT + 11 + k, x, 100.0, 0.0, 0.0, k) for k, x in enumerate(signals[20:])]
        with caplog.at_level(logging.WARNING):
            found = [decoder.decode(epoch).scores for epoch in shown[:1]]
            told = decoder.alignment
            assert told["fallback"] == "11 of the last 20 epochs are bad"
            states = []
            for epoch in shown[1:]:
                found.append(decoder.decode(epoch).scores)
                states.append(decoder.alignment["active"])
        assert "falls back" in caplog.text
        assert (told["active"], told["bad"]) == (False, 11)
        back = states.index(True)
        assert decoder.alignment["bad"] == 0
        assert sum(states) == len(states) - back  # once back, it stays
        assert back + 2 == RECENT - 5
        plain = scores(still, shown)
        np.testing.assert_array_equal(found[1 : back + 2], plain[1 : back + 2])
        assert (np.abs(np.stack(found) - plain)[back + 2 :].max(axis=1) > 1e-6).all()

    def test_far_from_calibration_for_long(self, caplog):
        decoder = RetrievalDecoder(make(("signal",)))
        signals = data(300, seed=2)
        with caplog.at_level(logging.WARNING):
            scores(decoder, epochs(300 * signals))
        told = decoder.alignment
        assert told["fallback"] == "signal as far from calibration as allowed"
        assert (told["active"], told["fallbacks"]) == (False, 1)
        after = [replace(epoch, number=300 + k) for k, epoch in enumerate(epochs(signals))]
        scores(decoder, after)
        assert decoder.alignment["active"]
        assert decoder.alignment["distance"]["signal"] < 0.5

    def test_a_pause_counts_as_bad_and_numbers_that_begin_anew_do_not(self, file):
        decoder = RetrievalDecoder(file)
        scores(decoder, epochs(data(RECENT)))
        decoder.decode(replace(epochs(data(1))[0], number=5000))
        assert decoder.alignment["bad"] == RECENT - 1
        decoder.reset()
        scores(decoder, epochs(data(RECENT)))
        decoder.decode(epochs(data(1))[0])
        assert decoder.alignment["bad"] == 0


class TestSameBits:
    def test_in_another_session_from_the_file_after_a_reset_and_with_other_threads(self, file):
        shown = epochs(data(45))
        decoder, before = RetrievalDecoder(file), torch.get_num_threads()
        expected = scores(decoder, shown)
        decoder.reset()
        assert decoder.alignment["trials"] == 0
        np.testing.assert_array_equal(scores(decoder, shown), expected)
        read = from_bytes(to_bytes(file))
        assert read.online == file.online
        other = RetrievalDecoder(read)
        try:
            for epoch, wanted in zip(shown, expected, strict=True):
                torch.set_num_threads(2)
                strided = replace(epoch, data=np.asfortranarray(epoch.data))
                np.testing.assert_array_equal(other.decode(strided).scores, wanted)
        finally:
            torch.set_num_threads(before)
        assert other.alignment == {**decoder.alignment}

    @settings(max_examples=8, deadline=None)
    @given(cuts=st.lists(st.integers(0, 2000), max_size=12).map(sorted))
    @pytest.mark.parametrize("parts", [("signal",), ("signal", "mean")], ids="+".join)
    def test_live_and_in_replay_in_any_chunking(self, array_source, parts, cuts):
        """With epochs that are rejected in between."""
        rng = np.random.default_rng(5)
        chain = settings_from_spec({"blocks": [{"block": "select", "ch_names": list("wxyz")}]})
        spec = StreamSpec("s", 100.0, tuple("wxyz"), ("eeg",) * C, ("µV",) * C)
        signal = rng.normal(0, 2, (2000, C)).astype(np.float32)
        signal[700:760] *= 100
        stamps = 5 + np.arange(2000) / 100
        markers = [Marker("a", 6.0 + k * 0.4) for k in range(40)]
        found, ended = [], []
        for sizes in ([2000], np.diff([0, *cuts, 2000]).tolist()):
            engine = Engine(
                array_source(spec, signal, stamps, markers, sizes),
                Pipeline(chain),
                Epocher(EpochSettings(tmin_s=-0.2, tmax_s=0.1, reject_ptp_uv=100)),
                lambda: 0.0,
                RetrievalDecoder(make(parts)),
            )
            engine.start()
            got = []
            while not (result := engine.step(0.0)).ended:
                got += [p.ranking.scores for p in result.predictions]
            found.append(np.stack(got))
            ended.append(engine.summary()["alignment"])
        np.testing.assert_array_equal(found[0], found[1])
        assert ended[0] == ended[1]
        assert ended[0]["active"]
        assert len(found[0]) < 40


class TestProbabilities:
    def test_the_files_way_to_them_stays_unless_another_temperature_is_given(self):
        shown = epochs(data(BATCH + 1))
        file = make(("signal",))
        warm = replace(file, online=replace(file.online, temperature=1.0))
        cold, hot = RetrievalDecoder(file), RetrievalDecoder(warm)
        for k, epoch in enumerate(shown):
            one, other = cold.decode(epoch), hot.decode(epoch)
            np.testing.assert_array_equal(one.scores, other.scores)
            assert (one.top[0].probability > other.top[0].probability) == (k >= BATCH)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("online", "mean", "message"),
        [
            (RunningAlignment(()), None, "parts must be some of signal, mean, each"),
            (RunningAlignment(("signal", "signal")), None, "each once"),
            (RunningAlignment(("magic",)), np.zeros(D, np.float32), r"not \['magic'\]"),
            (RunningAlignment(("signal",), 9), None, "memory_trials must be at least 10, not 9"),
            (RunningAlignment(("signal",), temperature=-1.0), None, "temperature must be above 0"),
            (RunningAlignment(("mean",)), None, "no online_mean of vectors to be followed came"),
            (RunningAlignment(("signal",)), np.zeros(D, np.float32), "an online_mean of .* none"),
            (RunningAlignment(("mean",)), np.zeros(3, np.float32), r"shape \(10,\), not .*\(3,\)"),
            (
                RunningAlignment(("mean",)),
                np.full(D, np.nan, np.float32),
                "at most 1 long, not nan",
            ),
            (RunningAlignment(("whitening",)), None, r"not \['whitening'\]"),
        ],
    )
    def test_in_a_file(self, online, mean, message):
        with pytest.raises(DecoderFileError, match=message):
            replace(make(), online=online, online_mean=mean)

    def test_vectors_without_knowing_where_they_were(self):
        with pytest.raises(CalibrationError, match=r"to follow mean .* no epochs came"):
            with_running(make(), ("mean",))
        with pytest.raises(CalibrationError, match="all 20 are zero"):
            with_running(make(), ("mean",), epochs=np.zeros((20, C, T), np.float32))

    def test_it_replaces_what_is_learned_once_and_keeps_what_is_fixed(self):
        once = replace(make(), online=OnlineAlignment("euclidean", 9))
        assert isinstance(with_running(once, ("signal",)).online, RunningAlignment)
        turned = adapt(make(), data(60), "procrustes", [*"abcdef"] * 10)
        both = with_running(turned, ("signal", "mean"), epochs=data(60))
        assert both.alignment is turned.alignment
        decoder = RetrievalDecoder(both)
        assert decoder.alignment["behind"] == "procrustes"
        shown = epochs(data(BATCH))
        np.testing.assert_array_equal(
            scores(decoder, shown), scores(RetrievalDecoder(turned), shown)
        )
