"""What a calibration says of itself is true of noise, too; and no trial speaks for itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.calibration.crossvalidate import held_out
from saccade.calibration.folds import GROUPS, Timeline, folds, split_kind
from saccade.calibration.outliers import usual
from saccade.models.encoders.ridge import Ridge, RidgeSettings
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import CalibrationError

N_CONCEPTS = 60
NAMES = tuple(f"c{i}" for i in range(N_CONCEPTS))
VECTORS = np.random.default_rng(8).standard_normal((N_CONCEPTS, 24)).astype(np.float32)
GALLERY = Gallery(NAMES, VECTORS, "t", "t", "text")
RIDGE = Ridge(RidgeSettings(alpha=1.0))


def trials(effect: float, n: int = 600, seed: int = 0) -> tuple[np.ndarray, list[int]]:
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.permutation(N_CONCEPTS) for _ in range(n // N_CONCEPTS)])
    mixing = np.random.default_rng(1).standard_normal((24, 6 * 20)) / 5.0
    signal = (GALLERY.centred()[rows] @ mixing).reshape(n, 6, 20) * effect
    return (signal + rng.standard_normal((n, 6, 20))).astype(np.float32), rows.tolist()


def split(rows: list[int], n_parts: int = 4):
    return folds([NAMES[row] for row in rows], n_parts, 0)


def test_noise_scores_at_the_chance_that_is_printed_and_an_effect_above_it() -> None:
    over, n = 0.0, 0
    for seed in range(3):
        data, rows = trials(0.0, seed=seed)
        figures = held_out(RIDGE, data, rows, GALLERY, split(rows)).judged.figures(NAMES)
        assert (figures["gallery"], figures["n"]) == (20, 360)
        assert figures["chance_top5"] == pytest.approx(1 / 4)
        over, n = over + 360 * (figures["top5"] - 0.25), n + 360
    assert abs(over) / n < 4 * np.sqrt(0.25 * 0.75 / n)
    data, rows = trials(3.0)
    found = held_out(RIDGE, data, rows, GALLERY, split(rows))
    figures = found.judged.figures(NAMES)
    assert figures["ci95_top1"][0] > 2 * figures["chance_top1"]
    assert figures["ci95_two_way"][0] > 0.5
    permuted = held_out(RIDGE, data, rows, GALLERY, split(rows), permute=0).judged.figures(NAMES)
    assert permuted["ci95_two_way"][0] < 0.5 < figures["ci95_two_way"][0]
    assert found.known is not None
    assert found.known.among.all()
    assert len(found.live) == len(found.judged) + len(found.known)


def test_few_concepts_are_ranked_among_all() -> None:
    rng = np.random.default_rng(2)
    data = rng.standard_normal((120, 6, 20)).astype(np.float32)
    rows = rng.integers(0, 2, 120).tolist()
    found = held_out(RIDGE, data, rows, GALLERY, split(rows, 5))
    figures = found.judged.figures(NAMES)
    assert found.known is None
    assert found.live is found.judged
    assert (figures["gallery"], figures["n"]) == (60, 72)
    assert figures["ci95_auc"][0] < 0.5 < figures["ci95_auc"][1]


@given(
    n=st.integers(100, 300),
    n_concepts=st.integers(2, 50),
    n_runs=st.integers(1, 8),
    n_parts=st.integers(2, 6),
    seed=st.integers(0, 9),
)
def test_laws_of_folds(n: int, n_concepts: int, n_runs: int, n_parts: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = [f"c{k}" for k in rng.permutation(np.arange(n) % n_concepts)]
    names = np.array(labels)
    kept_out = ("c0",) if n_concepts > 4 else ()
    runs = np.sort(rng.integers(0, n_runs, n))
    onsets_s = np.concatenate([np.arange((runs == run).sum()) * 0.2 for run in range(n_runs)])
    made = folds(labels, n_parts, seed, Timeline(runs, onsets_s, 0.8), kept_out)
    new, known = np.zeros(n, int), np.zeros(n, int)
    for fold in made:
        first = fold.test[0]
        assert fold.train.max() < first  # no later trial before an earlier one
        near = fold.train[runs[fold.train] == runs[first]]
        assert (onsets_s[near] <= onsets_s[first] - 0.8).all()  # nor one that shares samples
        assert not set(names[fold.train]) & set(kept_out)
        taught = set(names[fold.train])
        assert not set(names[fold.test][fold.new]) & taught
        assert set(names[fold.test][fold.known]) <= taught
        assert not set(names[fold.rivals]) & taught
        new[fold.test[fold.new]] += 1
        known[fold.test[fold.known]] += 1
    tested = np.zeros(n, bool)
    tested[np.concatenate([fold.test for fold in made])] = True
    assert tested[-1]
    assert {fold.part for fold in made} == set(range(1, n_parts + 1))
    if split_kind(labels) == "concept":
        assert (new[tested] == 1).all()  # each once by who had not seen its concept
        assert known[tested].max() <= 1
        assert len(made) == GROUPS * n_parts
    else:
        assert ((new + known)[tested] == 1).all()
    assert not (new + known)[~tested].any()


def test_parts_begin_with_runs_where_these_are_near() -> None:
    labels = ["a", "b"] * 50
    runs = np.repeat(np.arange(5), 20)
    line = Timeline(runs, np.arange(100) * 2.0, 1.0)
    assert [fold.test[0] for fold in folds(labels, 3, 0, line)] == [40, 60, 80]
    line = Timeline(np.repeat([0, 1], [43, 57]), np.arange(100) * 2.0, 1.0)
    assert [fold.test[0] for fold in folds(labels, 3, 0, line)] == [43, 60, 80]


@pytest.mark.parametrize(
    ("labels", "kept_out", "message"),
    [
        (["a", "b"] * 24, (), "at least 50 good trials, but there are 48"),
        (["a"] * 60 + ["b"] * 60, (), "the first 48 trials.*show only 'a'"),
        (["a", "b"] * 60, ("a", "b"), "show none that may be trained on"),
    ],
)
def test_too_little_or_blocked_is_refused(
    labels: list[str], kept_out: tuple[str, ...], message: str
) -> None:
    with pytest.raises(CalibrationError, match=message):
        folds(labels, 4, 0, None, kept_out)


def test_trials_with_bursts_are_not_learned_from() -> None:
    epochs = np.random.default_rng(0).standard_normal((50, 4, 60)).astype(np.float32)
    epochs[:, 2] *= 100  # a loud channel hides nothing
    epochs[7, 0] *= 20
    assert np.flatnonzero(~usual(epochs)).tolist() == [7]
    assert usual(epochs, np.inf).all()
    assert usual(epochs, 1e-6).all()  # rather all than nothing
