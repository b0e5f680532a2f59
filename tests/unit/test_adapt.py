"""A decoder of other people, aligned to a new one: what changes in the file, and what it brings."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from saccade.models.alignment.adapt import adapt
from saccade.models.alignment.align import linear, procrustes, whitening
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
from saccade.models.galleries.gallery import Gallery, targets
from saccade.realtime.errors import CalibrationError, ConfigError, GalleryError, SignatureMismatch
from saccade.realtime.types import Epoch

C, T, D, G = 3, 8, 10, 40
NAMES = tuple(f"c{k}" for k in range(G))


class Population:
    """People whose responses are a linear function of the concept, each one's a little turned."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        vectors = rng.standard_normal((G, D)).astype(np.float32)
        self.gallery = Gallery(NAMES, vectors, "ViT-B-32", "openai", "text")
        self.patterns = np.linalg.qr(rng.standard_normal((C * T, D)))[0]
        linear_map = nn.Linear(C * T, D, bias=False)
        with torch.no_grad():
            linear_map.weight.copy_(torch.from_numpy(self.patterns.T))
        self.script = export(nn.Sequential(nn.Flatten(), linear_map), C, T)

    def decoder(self, **fields) -> DecoderFile:
        known = {
            "input": InputSignature(tuple("xyz"), ("eeg",) * C, ("µV",) * C, "", 100.0),
            "working_sfreq": 100.0,
            "pipeline": {},
            "epochs": {},
            "encoder": EncoderSignature("ridge", {}, C, T, D),
            "script": self.script,
            "gallery": self.gallery,
            "gallery_centre": self.gallery.centre,
            "signal_mean": np.zeros(C),
            "signal_whitening": np.eye(C),
            "temperature": 0.5,
            "calibration": {"trials": 7, "trained_on": ["c5", "c99"], "figures": {"top1": 0.1}},
        }
        return DecoderFile(**(known | fields))

    def trials(self, rows, seed: int, angle: float = 1.2) -> np.ndarray:
        axes = np.linalg.qr(np.random.default_rng(99).standard_normal((D, D)))[0]
        block = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        turn = axes @ np.kron(np.eye(D // 2), block) @ axes.T
        noise = 0.04 * np.random.default_rng(seed).standard_normal((len(rows), C * T))
        signal = targets(self.gallery, rows) @ turn @ self.patterns.T
        return (signal + noise).reshape(-1, C, T).astype(np.float32)


@pytest.fixture(scope="module")
def population() -> Population:
    return Population()


def top1(decoder: DecoderFile, data: np.ndarray, rows) -> float:
    at_work = RetrievalDecoder(decoder)
    said = [at_work.decode(Epoch(k, x, 100.0, 0.0, 0.0, k)) for k, x in enumerate(data)]
    return float(np.mean([r.top[0].row == row for r, row in zip(said, rows, strict=True)]))


@pytest.mark.parametrize("kind", ["procrustes", "linear"])
def test_labelled_trials_bring_a_stranger_back_for_concepts_not_shown(population, kind):
    shown, new = np.tile(np.arange(30), 5), np.tile(np.arange(30, 40), 4)
    data, test = population.trials(shown, 1), population.trials(new, 2)
    decoder = population.decoder()
    adapted = adapt(decoder, data, kind, [NAMES[row] for row in shown])
    before, after = top1(decoder, test, new), top1(adapted, test, new)
    assert before < 0.6 < 0.9 < after
    assert adapted.temperature < decoder.temperature  # trials tell more than the file thought
    read = from_bytes(to_bytes(adapted))
    assert top1(read, test, new) == after
    calibration = read.manifest["calibration"]
    assert calibration["trials"] == 7
    assert calibration["adaptations"] == [{"kind": kind, "trials": 150}]
    assert sorted(calibration["trained_on"]) == sorted(["c99", *NAMES[:30]])
    learn = {"procrustes": procrustes, "linear": linear}[kind]
    vectors = np.einsum("ntc,cd->nd", data.reshape(150, 1, -1), population.patterns)
    gallery = targets(population.gallery, np.arange(G))
    expected = learn(vectors.astype(np.float32), gallery[shown], among=gallery)
    np.testing.assert_allclose(adapted.alignment.matrix, expected.matrix, atol=1e-3)


@pytest.mark.parametrize("kind", ["procrustes", "linear"])
def test_figures_are_of_trials_that_were_held_out(population, kind):
    # Vectors say nothing, but a map may learn all of them by heart.
    shown = np.tile(np.arange(30), 2)
    data = np.random.default_rng(4).standard_normal((60, C, T)).astype(np.float32)
    made = adapt(population.decoder(), data, kind, [NAMES[row] for row in shown])
    figures = made.calibration["figures"]
    assert (figures["n"], figures["gallery"], figures["split"]) == (60, G, "adaptation")
    assert figures["top1"] <= 0.1
    assert made.temperature > 1


def test_unlabelled_trials_change_alignment_or_whitening_and_nothing_else(population):
    data = population.trials(np.arange(30), 1)
    decoder = population.decoder(online=OnlineAlignment("euclidean", 9))
    signal, vectors = adapt(decoder, data, "euclidean"), adapt(decoder, data, "whitening")
    np.testing.assert_array_equal(signal.signal_whitening, mvnn(data))
    assert signal.alignment is signal.online is vectors.online is None
    np.testing.assert_array_equal(vectors.signal_whitening, decoder.signal_whitening)
    flat = np.einsum("nf,fd->nd", data.reshape(30, -1), population.patterns).astype(np.float32)
    np.testing.assert_allclose(vectors.alignment.matrix, whitening(flat).matrix, atol=1e-3)
    assert signal.temperature == vectors.temperature == decoder.temperature
    for made in (signal, vectors):  # the figures were those of another decoder
        assert "figures" not in made.calibration
        assert made.calibration["trained_on"] == ["c5", "c99"]


def test_the_persons_noise_stays_behind_an_alignment_of_vectors(population):
    data, decoder = population.trials(np.arange(30), 1), population.decoder()
    noise = adapt(decoder, data, "euclidean")
    both = adapt(noise, data, "whitening")
    np.testing.assert_array_equal(both.signal_whitening, noise.signal_whitening)
    assert [note["kind"] for note in both.calibration["adaptations"]] == ["euclidean", "whitening"]
    again = adapt(both, data, "euclidean")
    assert [note["kind"] for note in again.calibration["adaptations"]] == ["euclidean"]
    assert again.alignment is None


def test_an_alignment_is_replaced_not_added_to(population):
    data, decoder = population.trials(np.arange(30), 1), population.decoder()
    once = adapt(decoder, data, "whitening")
    twice = adapt(once, data, "whitening")
    assert to_bytes(once) == to_bytes(twice)
    assert decoder.alignment is None


def test_two_concepts_are_enough(population):
    rows = np.tile([0, 1], 10)
    made = adapt(population.decoder(), population.trials(rows, 1), "linear", ["c0", "c1"] * 10)
    assert top1(made, population.trials(rows, 2), rows) > 0.8


def test_what_does_not_fit_is_refused(population):
    decoder, data = population.decoder(), population.trials(np.arange(30), 1)
    labels = list(NAMES[:30])
    for kind, given, message in (
        ("linear", None, "linear needs the label of each trial, but none came"),
        ("whitening", labels, "whitening learns without labels, but 30 came"),
        ("magic", None, "euclidean, whitening, procrustes or linear, not 'magic'"),
    ):
        with pytest.raises(ConfigError, match=message):
            adapt(decoder, data, kind, given)
    with pytest.raises(CalibrationError, match="29 labels came for 30 trials"):
        adapt(decoder, data, "linear", labels[1:])
    with pytest.raises(GalleryError, match="no concept 'boat'"):
        adapt(decoder, data, "linear", ["boat", *labels[1:]])
    with pytest.raises(SignatureMismatch, match=r"shape \(3, 8\) expected, \(3, 7\) came"):
        adapt(decoder, data[:, :, 1:], "whitening")
    with pytest.raises(CalibrationError, match=r"shape \(n, channels, times\), not \(0, 3, 8\)"):
        adapt(decoder, data[:0], "whitening")
    with pytest.raises(CalibrationError, match="2 trials of 2 concepts can't be split"):
        adapt(decoder, data[:2], "linear", labels[:2])
