"""From trials to a report: what it measures, promises and judges."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from saccade.calibration.choose import Calibrated, FitSettings, choose_decoder
from saccade.calibration.collect import Trials
from saccade.calibration.promise import Outlook
from saccade.calibration.report.examine import Circumstances, Examined, examine
from saccade.calibration.session_summary import RunSummary, SessionSummary
from saccade.calibration.verdict_facts import VerdictSettings
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.pipeline import settings_from_spec

Calibration = tuple[Trials, Gallery, Calibrated]
SUMMARY = SessionSummary(
    runs=(
        RunSummary(1, True, 80, 80, shown=80, markers=80),
        RunSummary(2, False, 80, 12, shown=12, markers=3),
        RunSummary(3, True, 80, 80, shown=80, markers=80),
    ),
    questions=20,
    targets=10,
    hits=9,
    false_alarms=1,
    dropped_frames=3,
)


@pytest.fixture(scope="module")
def examined(few: Calibration) -> Examined:
    return examine(*few, VerdictSettings(), Circumstances(command="saccade calibrate …"))


def test_pattern_that_is_there_is_found(examined: Examined) -> None:
    report = examined.report
    assert report.verdict.decision == "go"
    assert report.held_out.split == "time"
    first = report.held_out.figures[0]
    assert first.name == "top-1 of 4"
    assert first.low > first.chance
    assert first.chance >= 0.25


def test_numbers_agree_with_those_of_the_decoder_file(examined: Examined) -> None:
    figures = examined.decoder.calibration["figures"]
    first = examined.report.held_out.figures[0]
    assert (first.value, first.n) == (figures["top1"], figures["n"])
    assert [first.low, first.high] == pytest.approx(figures["ci95_top1"])


def test_noise_gives_no_decoder(make_session: Callable[..., Trials], few: Calibration) -> None:
    trials = make_session(strength=0.0)
    calibrated = choose_decoder(trials, few[1], FitSettings("ridge"))
    found = examine(trials, few[1], calibrated, VerdictSettings()).report
    assert found.verdict.decision == "more"
    assert not found.verdict.worth_a_decoder


def test_promise_is_in_the_decoder_and_on_the_page(examined: Examined) -> None:
    (promise,) = examined.report.promises  # top-5 of 4 says nothing
    kept = [Outlook.from_dict(one) for one in examined.decoder.calibration["promise"]]
    assert [one.promise(promise.n).low for one in kept] == pytest.approx([promise.low], abs=0.01)
    assert promise.chance == 0.25
    assert promise.concepts == "seen"


def test_decoder_depends_on_trials_alone(few: Calibration, examined: Examined) -> None:
    known = Circumstances(session=SUMMARY, regular=True, command="another")
    again = examine(*few, VerdictSettings(target=0.9), known)
    assert again.decoder.calibration == examined.decoder.calibration
    assert again.report.session != examined.report.session


def test_session_is_told_of_the_runs_that_count(few: Calibration) -> None:
    found = examine(*few, VerdictSettings(), Circumstances(session=SUMMARY)).report.session
    assert found is not None
    assert (found.blocks, found.markers_expected, found.markers_received) == (2, 160, 160)
    assert (found.questions, found.right, found.hits, found.false_alarms) == (20, 18, 9, 1)


def test_pace_is_judged_where_it_should_be_regular(few: Calibration) -> None:
    trials, gallery, calibrated = few
    wobbly = dataclasses.replace(
        trials, onsets_s=trials.onsets_s + np.random.default_rng(0).uniform(0, 0.05, 160)
    )
    for regular, decision in ((False, "go"), (True, "redo")):
        known = Circumstances(regular=regular)
        found = examine(wobbly, gallery, calibrated, VerdictSettings(), known).report
        assert found.verdict.decision == decision
        assert found.timing is not None
        assert found.timing.soa_ms == pytest.approx(500, abs=10)


def test_dead_occipital_channels_ask_to_redo(few: Calibration) -> None:
    trials, gallery, calibrated = few
    data = trials.data.copy()
    data[:, 7:9] = 0.0
    dead = dataclasses.replace(trials, data=data)
    found = examine(dead, gallery, calibrated, VerdictSettings()).report.verdict
    assert found.decision == "redo"
    assert "2 of 3 occipital channels are not good (O1, Oz)" in found.sentence


def test_channels_that_were_given_up_are_no_hindrance(few: Calibration) -> None:
    trials, gallery, calibrated = few
    data = trials.data.copy()
    data[:, 7:9] = 0.0
    repair = {"block": "repair", "bads": ["O1", "Oz"]}
    blocks = [{"block": "select", "ch_names": list(trials.spec.ch_names)}, repair]
    told = dataclasses.replace(trials, data=data, pipeline=settings_from_spec({"blocks": blocks}))
    found = examine(told, gallery, calibrated, VerdictSettings()).report.verdict
    assert found.decision == "go"
    [rule] = [rule for rule in found.rules if rule.name == "occipital channels good"]
    assert rule.value == "1 of 1"


def test_concepts_that_are_shown_once_are_judged_as_new_ones(
    make_session: Callable[..., Trials], make_gallery: Callable[..., Gallery]
) -> None:
    trials, gallery = make_session(n_trials=120, n_concepts=120), make_gallery(120)
    calibrated = choose_decoder(trials, gallery, FitSettings("ridge"))
    assert calibrated.known is None
    found = examine(trials, gallery, calibrated, VerdictSettings()).report
    assert {promise.concepts for promise in found.promises} == {"unseen"}
    assert found.growth is not None
    assert found.growth.concepts == "unseen"


def test_concepts_that_are_kept_out_are_neither_learned_nor_promised(few: Calibration) -> None:
    trials, gallery, _ = few
    calibrated = choose_decoder(trials, gallery, FitSettings("ridge", kept_out=("concept 0",)))
    found = examine(trials, gallery, calibrated, VerdictSettings()).report
    assert found.growth is not None
    assert found.growth.n_trials == calibrated.n_trials == 120
    [promise] = found.promises
    assert promise.chance == pytest.approx(1 / 3)


def test_drift_that_looks_like_a_response_asks_to_mix_concepts(
    make_session: Callable[..., Trials], make_gallery: Callable[..., Gallery]
) -> None:
    trials, gallery = make_session(n_concepts=2, strength=0.0), make_gallery(2)
    place = np.tile(np.linspace(0, 1, 40), 4)
    drift = np.random.default_rng(5).normal(size=(10, 40))
    blocked = dataclasses.replace(
        trials,
        data=(trials.data + 9 * place[:, None, None] * drift).astype(np.float32),
        labels=tuple(f"concept {int(k)}" for k in place > 0.5),
        runs=np.repeat(np.arange(4), 40),
        onsets_s=np.tile(np.arange(40.0), 4),
    )
    calibrated = choose_decoder(blocked, gallery, FitSettings("ridge"))
    found = examine(blocked, gallery, calibrated, VerdictSettings()).report
    assert found.held_out.figures[0].low > 0.7  # held-out trials bear the drift out
    assert found.verdict.decision == "redo"
    assert "mix the concepts" in found.verdict.sentence


def test_many_concepts_are_judged_unseen_and_promised_seen(many: Calibration) -> None:
    found = examine(*many, VerdictSettings()).report
    assert found.held_out.split == "concept"
    assert found.growth is not None
    assert found.growth.concepts == "unseen"
    assert [(p.concepts, p.top) for p in found.promises] == [
        ("seen", 1),
        ("seen", 5),
    ]
    assert {p.gallery for p in found.promises} == {30}


def test_learning_curve_reaches_beyond_and_knows_fewer_trials(many: Calibration) -> None:
    growth = examine(*many, VerdictSettings()).report.growth
    assert growth is not None
    assert growth.line[-1][0] == 3 * growth.n_trials
    assert growth.n_trials in dict(growth.line)
    numbers = [n for n, _ in growth.points]
    assert numbers == sorted(numbers)
    assert numbers[0] < growth.n_trials / 4


def test_target_is_what_is_asked_for(few: Calibration) -> None:
    growth = examine(*few, VerdictSettings(target=0.97)).report.growth
    assert growth is not None
    assert growth.more is not None
    assert growth.more.target == 0.97


@pytest.mark.parametrize(
    ("measure", "name"), [("top1", "top-1 of 10"), ("top5", "top-5 of 10"), ("auto", "top-1 of 10")]
)
def test_measure_is_what_is_asked_for(many: Calibration, measure: str, name: str) -> None:
    settings = VerdictSettings(measure=measure)  # type: ignore[arg-type]
    found = examine(*many, settings).report
    assert found.held_out.figures[0].name == name
    assert found.growth is not None
    assert found.growth.measure == name


def test_two_concepts_are_judged_by_their_area(
    make_session: Callable[..., Trials], make_gallery: Callable[..., Gallery]
) -> None:
    trials, gallery = make_session(n_trials=100, n_concepts=2), make_gallery(3)
    calibrated = choose_decoder(trials, gallery, FitSettings("ridge"))
    found = examine(trials, gallery, calibrated, VerdictSettings()).report
    assert found.held_out.figures[0].name == "AUC"
    assert found.growth is not None
    assert (found.growth.measure, found.growth.chance) == ("AUC", 0.5)
    assert [p.top for p in found.promises] == [1]
    assert found.promises[0].chance == 0.5


def test_deep_encoder_is_not_fitted_again(few: Calibration) -> None:
    trials, gallery, calibrated = few

    def never(_: object) -> None:
        raise AssertionError("fitted again")

    slow = dataclasses.replace(calibrated, quick=False)
    object.__setattr__(slow, "_bench", never)
    growth = examine(trials, gallery, slow, VerdictSettings()).report.growth
    assert growth is not None
    assert len(growth.points) == 4
