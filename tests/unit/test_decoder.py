"""The decoder at work: the same ranking for the same epoch, whatever the circumstances."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from saccade.models.alignment.affine import Alignment
from saccade.models.decoders.decoder import RetrievalDecoder
from saccade.models.decoders.decoder_file import (
    DecoderFile,
    EncoderSignature,
    InputSignature,
    from_bytes,
    to_bytes,
)
from saccade.models.encoders import export
from saccade.models.encoders.projector import Projector
from saccade.models.encoders.ridge import Ridge
from saccade.models.evaluation.confidence import Confidence
from saccade.models.galleries.gallery import Gallery, targets
from saccade.realtime.errors import (
    ConfigError,
    DecoderFileError,
    GalleryError,
    SignatureMismatch,
    SourceError,
)
from saccade.realtime.protocols import Decoder
from saccade.realtime.types import Epoch

C, T, D = 5, 60, 16


def gallery(size: int = 12, seed: int = 0, **fields) -> Gallery:
    vectors = np.random.default_rng(seed).standard_normal((size, D)).astype(np.float32) + 1
    known = {"backbone": "ViT-B-32", "weights": "openai", "kind": "text"}
    return Gallery(tuple(f"concept {i}" for i in range(size)), vectors, **(known | fields))


def make(module: nn.Module | None = None, **fields) -> DecoderFile:
    if module is None:
        torch.manual_seed(0)
        module = nn.Sequential(nn.Flatten(), Projector(C * T, D, 0.3))
    concepts = fields.pop("gallery", gallery())
    known = {
        "input": InputSignature(tuple("abcde"), ("eeg",) * C, ("µV",) * C, "", 256.0),
        "working_sfreq": 128.0,
        "pipeline": {},
        "epochs": {},
        "encoder": EncoderSignature("eegproject", {}, C, T, D),
        "script": export(module, C, T),
        "gallery": concepts,
        "gallery_centre": concepts.centre,
        "signal_mean": np.arange(C) / 8,
        "signal_whitening": np.eye(C) + 0.1,
        "temperature": 0.1,
    }
    return DecoderFile(**(known | fields))


def epoch(seed: int = 0, data=None, **fields) -> Epoch:
    if data is None:
        data = np.random.default_rng(seed).standard_normal((C, T)).astype(np.float32)
    known = {"number": 7, "sfreq": 128.0, "tmin_s": 0.0, "onset_s": 1.0, "onset_index": 128}
    return Epoch(data=data, **(known | fields))


class Constant(nn.Module):
    """Gives the same vector for every epoch."""

    def __init__(self, vector):
        super().__init__()
        self.vector = nn.Parameter(torch.tensor(np.asarray(vector, np.float32)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.vector.expand(x.shape[0], -1)


class TestRanking:
    def test_against_the_definition(self):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Flatten(), Projector(C * T, D, 0.3)).eval()
        file, concepts = make(module), gallery()
        ranking = RetrievalDecoder(file).decode(epoch())

        x = file.signal_whitening @ (epoch().data - file.signal_mean[:, None])
        with torch.inference_mode():
            p = module(torch.tensor(x[None], dtype=torch.float32))[0].numpy()
        unit = concepts.vectors / np.linalg.norm(concepts.vectors, axis=1, keepdims=True)
        centred = unit - unit.mean(axis=0)
        cosines = centred @ p / np.linalg.norm(centred, axis=1) / np.linalg.norm(p)
        np.testing.assert_allclose(ranking.scores, cosines, atol=1e-5)
        weights = np.exp(cosines / 0.1)
        np.testing.assert_allclose(ranking.probabilities, weights / weights.sum(), rtol=1e-3)
        best = np.argsort(-cosines)[:5]
        assert [c.row for c in ranking.top] == best.tolist()
        assert [c.name for c in ranking.top] == [f"concept {row}" for row in best]
        for candidate in ranking.top:
            assert candidate.score == ranking.scores[candidate.row]
            assert candidate.probability == ranking.probabilities[candidate.row]

    def test_a_perfect_prediction_is_found(self):
        concepts = gallery()
        for row in (0, 5, 11):
            decoder = RetrievalDecoder(make(Constant(3 * targets(concepts, [row])[0])))
            best = decoder.decode(epoch()).top[0]
            assert best.row == row
            assert best.score == pytest.approx(1, abs=1e-6)

    def test_equal_scores_in_gallery_order(self):
        vectors = np.float32([[1, 0], [0, 1], [0, 2], [-1, 0], [0, 4]])
        concepts = Gallery(tuple("abcde"), vectors, "m", "w", "text")
        file = make(
            Constant(concepts.centred()[1]),
            gallery=concepts,
            encoder=EncoderSignature("x", {}, C, T, 2),
        )
        assert [c.name for c in RetrievalDecoder(file).decode(epoch()).top[:3]] == ["b", "c", "e"]

    def test_a_prediction_of_nothing_prefers_nothing(self):
        ranking = RetrievalDecoder(make(Constant(np.zeros(D)))).decode(epoch())
        np.testing.assert_array_equal(ranking.scores, np.zeros(12))
        np.testing.assert_allclose(ranking.probabilities, 1 / 12, rtol=1e-6)

    @pytest.mark.parametrize(("top_k", "expected"), [(1, 1), (12, 12), (50, 12)])
    def test_top_k(self, top_k, expected):
        assert len(RetrievalDecoder(make(), top_k=top_k).decode(epoch()).top) == expected

    def test_temperature_changes_probabilities_only(self):
        cold = RetrievalDecoder(make(temperature=0.05)).decode(epoch())
        warm = RetrievalDecoder(make(temperature=1.0)).decode(epoch())
        np.testing.assert_array_equal(cold.scores, warm.scores)
        assert cold.top[0].probability > warm.top[0].probability

    def test_confidence_is_of_cosine_times_length_with_bias_and_lapses(self):
        sure = Confidence("dot", 0.3, {gallery().names[1].upper(): 1.5}, 0.05)
        file = make(confidence=sure)
        ranking = RetrievalDecoder(file).decode(epoch())
        assert np.array_equal(ranking.scores, RetrievalDecoder(make()).decode(epoch()).scores)
        length = np.linalg.norm(RetrievalDecoder(file).embed(epoch()).astype(np.float64))
        biases = np.zeros(len(gallery()))
        biases[1] = 1.5
        expected = sure.probabilities(ranking.scores, length, biases)
        np.testing.assert_allclose(ranking.probabilities, expected, rtol=1e-6)
        with pytest.raises(DecoderFileError, match=r"\['zebra'\] have a bias"):
            make(confidence=Confidence("dot", 0.3, {"zebra": 1.0}))

    def test_time_taken_is_measured(self):
        ticks = itertools.count(start=0.0, step=0.25)
        ranking = RetrievalDecoder(make(), clock=lambda: next(ticks)).decode(epoch())
        assert (ranking.encoder_s, ranking.retrieval_s) == (0.25, 0.25)

    def test_is_a_decoder(self):
        decoder = RetrievalDecoder(make())
        assert isinstance(decoder, Decoder)
        assert decoder.names == gallery().names


class TestAlignment:
    def test_comes_between_encoder_and_cosine(self):
        rng = np.random.default_rng(3)
        mean, matrix = (rng.standard_normal(shape).astype(np.float32) for shape in (D, (D, D)))
        plain, alignment = make(), Alignment("procrustes", mean, matrix, 40)
        decoder = RetrievalDecoder(replace(plain, alignment=alignment))
        vector = decoder.embed(epoch())
        np.testing.assert_array_equal(vector, RetrievalDecoder(plain).embed(epoch()))
        moved = matrix @ (vector / np.linalg.norm(vector) - mean)
        cosines = gallery().centred() @ moved / np.linalg.norm(moved)
        np.testing.assert_allclose(decoder.decode(epoch()).scores, cosines, atol=1e-5)
        assert decoder.alignment == {"kind": "procrustes", "trials": 40, "active": True}

    def test_the_identity_changes_nothing_to_speak_of(self):
        identity = Alignment("linear", np.zeros(D, np.float32), np.eye(D, dtype=np.float32), 2)
        same = RetrievalDecoder(make(alignment=identity)).decode(epoch())
        expected = RetrievalDecoder(make()).decode(epoch())
        np.testing.assert_allclose(same.scores, expected.scores, atol=1e-6)

    def test_a_prediction_of_nothing_still_prefers_nothing(self):
        alignment = Alignment("linear", np.ones(D, np.float32), np.eye(D, dtype=np.float32), 2)
        file = make(Constant(np.zeros(D)), alignment=alignment)
        assert not RetrievalDecoder(file).decode(epoch()).scores.any()


class TestProjectedGallery:
    def test_without_a_centre_is_compared_as_it_is(self):
        projected = gallery().projected(3 * gallery(seed=8).vectors, "a layer")
        file = make(gallery=projected, gallery_centre=np.zeros(D, np.float32))
        decoder = RetrievalDecoder(file)
        unit = projected.vectors / np.linalg.norm(projected.vectors, axis=1, keepdims=True)
        vector = decoder.embed(epoch())
        cosines = unit @ vector / np.linalg.norm(vector)
        np.testing.assert_allclose(decoder.decode(epoch()).scores, cosines, atol=1e-6)

    def test_takes_no_other_of_another_projection(self):
        projected = gallery().projected(gallery(seed=8).vectors, "a layer")
        file = make(gallery=projected, gallery_centre=np.zeros(D, np.float32))
        with pytest.raises(GalleryError, match="projection 'a layer' expected, '' came"):
            RetrievalDecoder(file, gallery=gallery())
        RetrievalDecoder(file, gallery=projected)


class TestSameBits:
    def test_again_and_in_any_company(self):
        decoder = RetrievalDecoder(make())
        first = [decoder.decode(epoch(seed)).scores for seed in range(4)]
        for seed in (3, 1, 1, 0, 2, 3, 0, 1):
            np.testing.assert_array_equal(decoder.decode(epoch(seed)).scores, first[seed])

    def test_from_another_layout_of_memory(self):
        decoder, data = RetrievalDecoder(make()), epoch().data
        expected = decoder.decode(epoch()).scores
        room = np.empty(2 * C * T + 1, np.float32)
        shifted = room[1 : 1 + C * T].reshape(C, T)
        shifted[:] = data
        strided = room[: 2 * C * T].reshape(C, 2 * T)[:, ::2]
        for other in (np.asfortranarray(data), shifted.copy(), shifted):
            np.testing.assert_array_equal(decoder.decode(epoch(data=other)).scores, expected)
        strided[:] = data
        np.testing.assert_array_equal(decoder.decode(epoch(data=strided)).scores, expected)

    def test_from_another_decoder_and_after_saving(self):
        file = make()
        expected = RetrievalDecoder(file).decode(epoch())
        again = RetrievalDecoder(from_bytes(to_bytes(file))).decode(epoch())
        np.testing.assert_array_equal(again.scores, expected.scores)
        np.testing.assert_array_equal(again.probabilities, expected.probabilities)
        assert again.top == expected.top

    def test_with_other_numbers_of_threads_around(self):
        decoder = RetrievalDecoder(make())
        expected = decoder.decode(epoch()).scores
        before = torch.get_num_threads()
        torch.set_num_threads(2)
        try:
            np.testing.assert_array_equal(decoder.decode(epoch()).scores, expected)
            assert torch.get_num_threads() == 1
        finally:
            torch.set_num_threads(before)

    def test_earlier_rankings_and_the_epoch_stay_as_they_were(self):
        decoder, one = RetrievalDecoder(make()), epoch(1)
        data, ranking = one.data.copy(), decoder.decode(one)
        scores = ranking.scores.copy()
        decoder.decode(epoch(2))
        np.testing.assert_array_equal(ranking.scores, scores)
        np.testing.assert_array_equal(one.data, data)


class TestAnotherGallery:
    def test_of_another_size_is_ranked_around_the_same_centre(self):
        file, other = make(), gallery(5, seed=1)
        ranking = RetrievalDecoder(file, gallery=other).decode(epoch())
        assert ranking.scores.shape == (5,)
        both = Gallery(
            names=tuple(f"{i}" for i in range(17)),
            vectors=np.concatenate([file.gallery.vectors, other.vectors]),
            backbone="ViT-B-32",
            weights="openai",
            kind="text",
        )
        together = RetrievalDecoder(file, gallery=both).decode(epoch())
        np.testing.assert_array_equal(together.scores[12:], ranking.scores)

    def test_biases_are_of_the_own_gallery_alone(self):
        sure = Confidence("cosine", 0.1, {gallery().names[0]: 3.0})
        file, fewer = make(confidence=sure), gallery(5)
        vectors = file.gallery.vectors[:5]
        fewer = replace(fewer, names=file.gallery.names[:5], vectors=vectors)
        found = RetrievalDecoder(file, gallery=fewer).decode(epoch())
        even = RetrievalDecoder(make(confidence=replace(sure, bias={})), gallery=fewer)
        np.testing.assert_array_equal(found.probabilities, even.decode(epoch()).probabilities)
        own = RetrievalDecoder(file).decode(epoch()).probabilities
        assert (
            own[0]
            > RetrievalDecoder(make(confidence=replace(sure, bias={})))
            .decode(epoch())
            .probabilities[0]
        )

    def test_the_own_gallery_given_changes_nothing(self):
        expected = RetrievalDecoder(make()).decode(epoch())
        given = RetrievalDecoder(make(), gallery=gallery()).decode(epoch())
        np.testing.assert_array_equal(given.scores, expected.scores)

    def test_of_another_model_is_refused(self):
        with pytest.raises(GalleryError, match="backbone 'ViT-B-32' expected, 'RN50' came"):
            RetrievalDecoder(make(), gallery=gallery(backbone="RN50"))


class TestRefused:
    def test_another_shape_and_rate_both_named(self):
        wrong = epoch(data=np.zeros((C, T + 1), np.float32), sfreq=256.0)
        with pytest.raises(
            SignatureMismatch,
            match=r"epoch 7 .* shape \(5, 60\) expected, \(5, 61\) came; rate 128 Hz expected, 256",
        ):
            RetrievalDecoder(make()).decode(wrong)

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_an_epoch_with_holes(self, value):
        data = epoch().data.copy()
        data[2, 3:6] = value
        with pytest.raises(SourceError, match="epoch 7 must be complete, but 3 of 300 values"):
            RetrievalDecoder(make()).decode(epoch(data=data))

    def test_a_vector_that_is_not_finite(self):
        data = np.full((C, T), 1e38, np.float32)
        module = nn.Sequential(nn.Flatten(), nn.Linear(C * T, D))
        nn.init.ones_(module[1].weight)
        with pytest.raises(SourceError, match="vector for epoch 7 must be finite"):
            RetrievalDecoder(make(module)).decode(epoch(data=data))

    def test_no_candidates(self):
        with pytest.raises(ConfigError, match="top_k must be at least 1, not 0"):
            RetrievalDecoder(make(), top_k=0)

    def test_an_encoder_of_another_size(self):
        narrow = export(nn.Sequential(nn.Flatten(), nn.Linear(C * T, D - 1)), C, T)
        with pytest.raises(DecoderFileError, match=r"float32 of shape \(1, 16\).* \(1, 15\)"):
            RetrievalDecoder(make(script=narrow))

    def test_an_encoder_for_another_window(self):
        longer = export(nn.Sequential(nn.Flatten(), nn.Linear(C * T + C, D)), C, T + 1)
        with pytest.raises(DecoderFileError, match=r"take epochs of shape \(5, 60\), but fails"):
            RetrievalDecoder(make(script=longer))

    def test_an_encoder_that_is_none(self):
        with pytest.raises(DecoderFileError, match="must be TorchScript"):
            RetrievalDecoder(make(script=b"nothing"))


def test_from_trials_to_a_decision():
    """Fit, save, read and decode: unseen trials of known concepts come out on top."""
    concepts = gallery()
    rng = np.random.default_rng(5)
    patterns = rng.standard_normal((12, C, T))
    rows = rng.integers(12, size=200)
    X = (patterns[rows] + rng.standard_normal((200, C, T))).astype(np.float32)
    module = Ridge().fit(X[:150], targets(concepts, rows[:150])).module
    file = make(module, signal_mean=np.zeros(C), signal_whitening=np.eye(C))
    decoder = RetrievalDecoder(from_bytes(to_bytes(file)))
    said = [decoder.decode(epoch(data=x)).top[0].row for x in X[150:]]
    assert np.mean(np.array(said) == rows[150:]) > 0.9
