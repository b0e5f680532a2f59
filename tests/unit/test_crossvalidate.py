"""What a calibration says of itself is true of noise, too."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.calibration.crossvalidate import cross_validate
from saccade.calibration.folds import folds, split_kind
from saccade.models.encoders.ridge import Ridge, RidgeSettings
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import CalibrationError

N_CONCEPTS = 60
RNG = np.random.default_rng(8)
NAMES = tuple(f"c{i}" for i in range(N_CONCEPTS))
GALLERY = Gallery(NAMES, RNG.standard_normal((N_CONCEPTS, 24)).astype(np.float32), "t", "t", "text")


def trials(effect: float, n: int = 600) -> tuple[np.ndarray, list[str]]:
    rows = np.concatenate([RNG.permutation(N_CONCEPTS) for _ in range(n // N_CONCEPTS)])
    mixing = np.random.default_rng(1).standard_normal((24, 6 * 20)) / 5.0
    signal = (GALLERY.centred()[rows] @ mixing).reshape(n, 6, 20) * effect
    noise = RNG.standard_normal((n, 6, 20))
    return (signal + noise).astype(np.float32), [NAMES[row] for row in rows]


def test_noise_scores_at_the_chance_that_is_printed_and_an_effect_above_it() -> None:
    family = Ridge(RidgeSettings(alpha=1.0))
    hits, chances, n = 0.0, 0.0, 0
    for _ in range(4):
        data, labels = trials(effect=0.0)
        _, noise = cross_validate(family, data, labels, GALLERY, 5, 0)
        assert (noise["split"], noise["gallery"]) == ("concept", 12)
        assert noise["chance_top1"] == pytest.approx(1 / 12)
        hits, chances, n = hits + noise["top5"] * 600, chances + noise["chance_top5"] * 600, n + 600
    # Five of twelve; four standard errors of 2400 trials.
    assert abs(hits - chances) / n < 4 * np.sqrt(5 / 12 * 7 / 12 / n)
    data, labels = trials(effect=3.0)
    temperature, figures = cross_validate(family, data, labels, GALLERY, 5, 0)
    assert figures["ci95_top1"][0] > 2 * figures["chance_top1"]
    assert figures["permuted_control"]["top1"] < 2 * figures["chance_top1"]
    assert 0.001 < temperature < 1000


def test_two_concepts_are_split_in_time_and_ranked_among_all() -> None:
    data = RNG.standard_normal((120, 6, 20)).astype(np.float32)
    labels = [NAMES[i] for i in RNG.integers(0, 2, 120)]
    _, figures = cross_validate(Ridge(RidgeSettings(alpha=1.0)), data, labels, GALLERY, 5, 0)
    assert (figures["split"], figures["gallery"], figures["n"]) == ("time", 60, 100)
    assert figures["ci95_auc"][0] < 0.5 < figures["ci95_auc"][1]


def test_no_trial_is_tested_on_what_it_was_trained_on() -> None:
    few = ["a", "b"] * 40
    for train, test in folds(few, 4, 0):
        assert train.max() < test.min()
    many = [NAMES[i % 30] for i in range(90)]
    tested: list[int] = []
    for train, test in folds(many, 5, 3):
        assert not {many[i] for i in train} & {many[i] for i in test}
        assert len(train) + len(test) == 90
        tested += test.tolist()
    assert sorted(tested) == list(range(90))
    assert (split_kind(few), split_kind(many)) == ("time", "concept")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", "b"] * 29, "at least 60 good trials, but there are 58"),
        (["a"] * 60 + ["b"] * 60, "the first 20 trials.*show only 'a'"),
    ],
)
def test_too_little_or_blocked_is_refused(labels: list[str], message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        list(folds(labels, 5, 0))
