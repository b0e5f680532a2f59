"""The promise: sessions of learners whose truth is known fall inside as often as it says."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.calibration.learning_curve import Judged, fit_curve
from saccade.calibration.promise import Outlook, between_concepts, outlook
from saccade.realtime.errors import CalibrationError

CANDIDATES = 20


def share_right(rng, distance):  # type: ignore[no-untyped-def]
    """Return which trials are right whose concept stands out so far."""
    others = rng.normal(size=(len(distance), CANDIDATES - 1)).max(axis=1)
    return (rng.normal(distance, 1.0) > others).astype(float)


def session(rng, strengths, half, n_all):  # type: ignore[no-untyped-def]
    """Return held-out trials of concepts of some strengths, each trial judged once."""
    run = n_all // 6
    trial = np.arange(run, n_all)
    trained_on = run * (trial // run)
    concept = trial % len(strengths)
    distance = strengths[concept] * np.sqrt(trained_on / (trained_on + half))
    return Judged(trained_on, share_right(rng, distance), trial, concept, CANDIDATES)


@pytest.mark.parametrize(
    ("concepts", "spread", "strength"),
    [("seen", 0.5, 1.0), ("unseen", 0.5, 1.5)],
)
def test_promises_are_kept(concepts, spread, strength) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(11)
    n_all, half, n_live, n_concepts = 600, 300.0, 200, 60
    kept = 0
    for _ in range(200):
        strengths = strength * np.exp(rng.normal(0, spread, n_concepts))
        judged = session(rng, strengths, half, n_all)
        if concepts == "unseen":  # each shown as often as in the calibration
            n_new = round(n_live / (len(judged.right) / n_concepts))
            strengths = strength * np.exp(rng.normal(0, spread, n_new))
        live = strengths[np.arange(n_live) % len(strengths)] * np.sqrt(n_all / (n_all + half))
        share = share_right(rng, live).mean()
        promise = outlook(judged, fit_curve(judged), n_all, concepts).promise(n_live)
        kept += promise.low <= share <= promise.high
    # Of 200 promises that are kept with probability .95, 178 or more are but once in 1000 times.
    assert kept >= 178


def test_longer_sessions_are_promised_less_room_and_never_less_than_the_doubt() -> None:
    judged = session(np.random.default_rng(0), np.full(60, 1.5), 300.0, 600)
    known = outlook(judged, fit_curve(judged), 600, "seen")
    widths = [known.promise(n).high - known.promise(n).low for n in (10, 100, 1000, 10_000)]
    assert widths == sorted(widths, reverse=True)
    doubt = np.quantile(known.quantiles, 0.975) - np.quantile(known.quantiles, 0.025)
    assert widths[-1] == pytest.approx(doubt, abs=0.02)


def test_refitting_on_all_trials_is_promised_to_help() -> None:
    judged = session(np.random.default_rng(0), np.full(60, 1.5), 300.0, 600)
    curve = fit_curve(judged)
    few, many = (outlook(judged, curve, n, "seen").promise(200) for n in (100, 600))
    assert many.expected > few.expected


def test_new_concepts_are_promised_more_room_where_concepts_differ() -> None:
    rng = np.random.default_rng(2)
    judged = session(rng, rng.choice([0.0, 3.0], 40), 300.0, 600)
    assert between_concepts(judged) > 2
    seen, unseen = (
        outlook(judged, fit_curve(judged), 600, kind).promise(200) for kind in ("seen", "unseen")
    )
    assert unseen.high - unseen.low > seen.high - seen.low


def test_chance_is_among_the_concepts_that_are_shown() -> None:
    judged = session(np.random.default_rng(0), np.full(4, 1.5), 300.0, 600)
    curve = fit_curve(judged)
    assert outlook(judged, curve, 600, "seen").promise(10).chance == 1 / CANDIDATES
    assert outlook(judged, curve, 600, "seen", n_shown=4).promise(10).chance == 0.25


def test_decoder_file_keeps_it() -> None:
    judged = session(np.random.default_rng(0), np.full(60, 1.5), 300.0, 600)
    known = outlook(judged, fit_curve(judged), 600, "unseen")
    again = Outlook.from_dict(known.to_dict())
    assert again.promise(200) == Outlook.from_dict(again.to_dict()).promise(200)
    assert again.promise(200).low == pytest.approx(known.promise(200).low, abs=0.01)


def test_one_trial_promises_nothing_but_says_so() -> None:
    known = Outlook("seen", 1, 20, 0.05, (0.3, 0.4, 0.5))
    promise = known.promise(1)
    assert (promise.low, promise.high) == (0.0, 1.0)
    with pytest.raises(CalibrationError, match="at least 1 trial"):
        known.promise(0)


def test_certain_outcomes_stay_certain() -> None:
    sure = Outlook("unseen", 1, 20, 0.05, (1.0,), inflation=3.0)
    assert (sure.promise(50).low, sure.promise(50).high) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("quantiles", "inflation", "words"),
    [((), 1.0, "at least one"), ((1.2,), 1.0, "between 0 and 1"), ((0.5,), 0.5, "at least 1")],
)
def test_refuses_what_promises_nothing(
    quantiles: tuple[float, ...], inflation: float, words: str
) -> None:
    with pytest.raises(CalibrationError, match=words):
        Outlook("seen", 1, 20, 0.05, quantiles, inflation)
