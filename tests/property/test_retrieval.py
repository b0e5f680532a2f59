"""Laws of nearest-neighbour retrieval, whatever the gallery."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from saccade.models.decoders.decoder import RetrievalDecoder
from saccade.models.decoders.decoder_file import DecoderFile, EncoderSignature, InputSignature
from saccade.models.encoders import export
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.types import Epoch

DIM, TIMES = 6, 8


class Flat(nn.Module):
    """Gives the first samples as the vector, so that a test can predict anything."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0, :6]


SCRIPT = export(Flat(), 1, TIMES)


def decoder(names, vectors, centre=None, top_k=5):
    gallery = Gallery(tuple(names), np.float32(vectors), "m", "w", "image")
    return RetrievalDecoder(
        DecoderFile(
            input=InputSignature(("Cz",), ("eeg",), ("µV",), "", 100.0),
            working_sfreq=100.0,
            pipeline={},
            epochs={},
            encoder=EncoderSignature("flat", {}, 1, TIMES, DIM),
            script=SCRIPT,
            gallery=gallery,
            gallery_centre=gallery.centre if centre is None else centre,
            signal_mean=np.zeros(1),
            signal_whitening=np.eye(1),
            temperature=0.2,
        ),
        top_k=top_k,
    )


def ranked(decoder, vector):
    data = np.zeros((1, TIMES), np.float32)
    data[0, :DIM] = vector
    return decoder.decode(Epoch(0, data, 100.0, 0.0, 0.0, 0))


@st.composite
def problems(draw):
    """Return names, vectors with repeats among them, and a prediction."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.integers(2, 40))
    vectors = rng.standard_normal((size, DIM)).astype(np.float32)
    copies = draw(
        st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=5)
    )
    for a, b in copies:
        vectors[a] = vectors[b]
    if (vectors == vectors[0]).all():
        vectors[0] += 1
    return [f"c{i}" for i in range(size)], vectors, rng.standard_normal(DIM).astype(np.float32), rng


@settings(max_examples=60)
@given(problems())
def test_permuting_the_gallery_permutes_the_scores(problem):
    names, vectors, vector, rng = problem
    order = rng.permutation(len(names))
    base = decoder(names, vectors, top_k=len(names))
    centre = base.gallery.centre
    permuted = decoder([names[i] for i in order], vectors[order], centre, len(names))
    plain = decoder(names, vectors, centre, len(names))
    before, after = ranked(plain, vector), ranked(permuted, vector)
    np.testing.assert_array_equal(after.scores, before.scores[order])
    by_score = {}
    for candidate in before.top:
        by_score.setdefault(candidate.score, set()).add(candidate.name)
    for candidate in after.top:
        assert candidate.name in by_score[candidate.score]
    assert [c.score for c in after.top] == [c.score for c in before.top]


@settings(max_examples=60)
@given(problems(), st.integers(-20, 20))
def test_length_of_the_prediction_does_not_matter(problem, exponent):
    names, vectors, vector, _ = problem
    one = decoder(names, vectors)
    plain, scaled = ranked(one, vector), ranked(one, vector * np.float32(2.0**exponent))
    np.testing.assert_array_equal(scaled.scores, plain.scores)
    assert scaled.top == plain.top


@settings(max_examples=60)
@given(problems(), st.integers(1, 45))
def test_top_k_is_the_start_of_a_full_sort(problem, top_k):
    names, vectors, vector, _ = problem
    ranking = ranked(decoder(names, vectors, top_k=top_k), vector)
    full = sorted(range(len(names)), key=lambda row: (-ranking.scores[row], row))
    assert [c.row for c in ranking.top] == full[:top_k]


@settings(max_examples=60)
@given(problems())
def test_scores_are_cosines_and_probabilities_sum_to_one(problem):
    names, vectors, vector, _ = problem
    ranking = ranked(decoder(names, vectors), vector)
    assert np.abs(ranking.scores).max() <= 1 + 1e-6
    assert abs(float(ranking.probabilities.sum()) - 1) < 1e-5
    order = np.argsort(ranking.scores)
    assert (np.diff(ranking.probabilities[order]) >= 0).all()


@settings(max_examples=30)
@given(problems())
def test_equal_vectors_score_equally(problem):
    names, vectors, vector, _ = problem
    ranking = ranked(decoder([*names, "twin"], np.concatenate([vectors, vectors[:1]])), vector)
    assert ranking.scores[0] == ranking.scores[-1]
