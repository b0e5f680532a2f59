"""A session's trials become one decoder: chosen by rule, the same every time, or refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import signal
from threadpoolctl import threadpool_info, threadpool_limits

from saccade.calibration import candidates
from saccade.calibration import contest as rounds
from saccade.calibration.bench import Bench
from saccade.calibration.candidates import Sizes
from saccade.calibration.choose import FitSettings, choose_decoder, quick_check
from saccade.calibration.collect import Trials
from saccade.calibration.fit_progress import Teller
from saccade.calibration.judgement import chosen
from saccade.calibration.lineage import learned_before
from saccade.calibration.threads import one_thread
from saccade.models.decoders import decoder_file
from saccade.models.decoders.decoder import RetrievalDecoder
from saccade.models.evaluation.accuracy import auc
from saccade.models.evaluation.held_out import HeldOut
from saccade.models.evaluation.probability import fit_temperature
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.epochs import EpochSettings
from saccade.realtime.errors import CalibrationError, ConfigError, GalleryError, SignatureMismatch
from saccade.realtime.pipeline import settings_from_spec
from saccade.realtime.types import Epoch, StreamSpec

N_CONCEPTS, DIM = 30, 16
CHANNELS = ("Fz", "Cz", "O1", "O2")
NAMES = tuple(f"c{i}" for i in range(N_CONCEPTS))
VECTORS = np.random.default_rng(3).standard_normal((N_CONCEPTS, DIM)).astype(np.float32)
GALLERY = Gallery(NAMES, VECTORS, "t", "t", "text")
RIDGE = FitSettings("ridge")


def session(n=240, effect=1.5, seed=0, concepts=N_CONCEPTS, names=CHANNELS) -> Trials:
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.permutation(concepts) for _ in range(n // concepts + 1)])[:n]
    mixing = np.random.default_rng(1).standard_normal((DIM, 4 * 20)) / 4.0
    response = (GALLERY.centred()[rows] @ mixing).reshape(n, 4, 20) * effect
    data = (10 * (response + rng.standard_normal((n, 4, 20)))).astype(np.float32)
    spec = StreamSpec("amp", 50.0, names, ("eeg",) * 4, ("µV",) * 4)
    return Trials(
        data=data,
        labels=tuple(NAMES[row] for row in rows),
        spec=spec,
        working_spec=spec,
        pipeline=settings_from_spec({"blocks": [{"block": "select", "ch_names": list(names)}]}),
        epochs=EpochSettings(tmin_s=0.0, tmax_s=0.4, baseline_s=None),
        delay_ms=0.0,
        settling_s=0.0,
        onsets_s=np.arange(n) * 0.5,
        runs=np.repeat(np.arange(4), -(-n // 4))[:n],
        rejections=(),
        sources=(),
    )


def content(decoder) -> bytes:
    undated = {key: value for key, value in decoder.calibration.items() if key != "date"}
    return decoder_file.to_bytes(dataclasses.replace(decoder, calibration=undated))


@pytest.fixture(scope="module")
def made():
    return choose_decoder(session(), GALLERY, RIDGE)


def test_it_says_what_later_trials_bear_out(made):
    figures = made.decoder.calibration["figures"]
    assert figures["split"] == "concept"
    assert figures["ci95_two_way"][0] > 0.5
    assert made.control.figures(NAMES)["ci95_two_way"][0] < 0.55
    later = session(900, seed=7)
    cosines, _ = made.refit(np.arange(240)).answers(later.data, GALLERY)
    right = (cosines.argmax(axis=1) == [GALLERY.row(x) for x in later.labels]).mean()
    assert right > figures["known_concepts"]["ci95_top1"][0]  # more trials do not do worse


def test_the_same_trials_give_the_same_decoder_whatever_the_environment_allows(made):
    with threadpool_limits(2):
        again = choose_decoder(session(), GALLERY, RIDGE)
    assert content(again.decoder) == content(made.decoder)
    other = choose_decoder(session(seed=1), GALLERY, RIDGE)
    assert content(other.decoder) != content(made.decoder)


def test_threads_are_given_back():
    before = [pool["num_threads"] for pool in threadpool_info()]
    with one_thread():
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    assert [pool["num_threads"] for pool in threadpool_info()] == before


def test_live_probabilities_are_those_of_its_confidence_and_survive_the_file(made):
    decoder = made.decoder
    assert decoder.confidence is not None
    back = decoder_file.from_bytes(decoder_file.to_bytes(decoder))
    assert back.confidence == decoder.confidence
    epoch = Epoch(0, session(seed=9).data[0].copy(), 50.0, 0.0, 0.0, -1)
    one, other = (RetrievalDecoder(d).decode(epoch) for d in (decoder, back))
    assert np.array_equal(one.probabilities, other.probabilities)
    cosines, lengths = made.refit(np.arange(240)).answers(epoch.data[None], GALLERY)
    biases = decoder.confidence.biases(NAMES)
    expected = decoder.confidence.probabilities(cosines, lengths, biases)[0]
    np.testing.assert_allclose(one.probabilities, expected, rtol=1e-3)
    assert [c.score for c in one.top] == sorted((c.score for c in one.top), reverse=True)


def test_concepts_that_are_kept_out_are_never_learned():
    trials = session()
    kept = FitSettings("ridge", kept_out=("C0", "c1"))
    without = choose_decoder(trials, GALLERY, kept)
    assert without.kept_out == ("c0", "c1")
    data = trials.data.copy()
    theirs = np.isin(trials.labels, ("c0", "c1"))
    data[theirs] = np.random.default_rng(0).standard_normal(data[theirs].shape)
    changed = choose_decoder(dataclasses.replace(trials, data=data), GALLERY, kept)
    assert changed.decoder.script == without.decoder.script


def test_a_network_that_is_far_behind_is_given_up_and_ridge_taken():
    steps = []
    found = choose_decoder(session(180), GALLERY, FitSettings(), progress=steps.append)
    assert [one.name for one in found.candidates] == ["ridge", "eegproject"]
    assert found.chosen == "ridge"
    assert "taken" in found.candidates[0].why
    assert steps[-1].done == pytest.approx(steps[-1].total)
    assert steps[-1].remaining_s == pytest.approx(0.0)


def test_other_peoples_decoder_saves_trials(made):
    trials = session(60, seed=5)
    found = choose_decoder(trials, GALLERY, FitSettings(), made.decoder)
    assert found.chosen.startswith("pretrained")
    alone = choose_decoder(trials, GALLERY, RIDGE)
    assert found.held_out.figures(NAMES)["two_way"] > alone.held_out.figures(NAMES)["two_way"]
    assert found.control.figures(NAMES)["two_way"] < 0.7
    RetrievalDecoder(found.decoder)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"labels": ("c0",) * 240}, CalibrationError, "at least 2 concepts, but all 240 are of"),
        (
            {"labels": (*["c0", "c1"] * 118, *["c2"] * 4)},
            CalibrationError,
            "'c2' has 4 of 240: record more",
        ),
        ({"labels": ("c0", "cat") * 120}, GalleryError, "no concept 'cat' among"),
    ],
)
def test_labels_that_give_no_decoder_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        choose_decoder(dataclasses.replace(session(), **change), GALLERY, RIDGE)


@pytest.mark.parametrize("level_uv", [0.0, 3000.0])
@pytest.mark.parametrize("reference", ["none", "average"])
def test_electrodes_that_stand_still_are_named_behind_filters_and_reference(level_uv, reference):
    trials = session()
    moving = np.concatenate(list(trials.data), axis=1).T.astype(np.float64)
    moving[:, 2:] = level_uv
    band = signal.butter(2, [0.5, 20], "band", fs=50, output="sos")
    seen = signal.sosfilt(band, moving, axis=0)
    if reference == "average":
        seen -= seen.mean(axis=1, keepdims=True)
    data = np.stack(np.split(seen.T, 240, axis=1)).astype(np.float32)
    with pytest.raises(CalibrationError, match=r"O1, O2, over visual cortex.*--bads O1,O2"):
        quick_check(dataclasses.replace(trials, data=data), GALLERY)


def test_a_decoder_is_not_judged_on_trials_that_it_started_from():
    noise = session(effect=0.0)
    first, second = ({"name": f"{x}.xdf", "sha256": x * 64} for x in "ab")
    one = dataclasses.replace(noise, sources=(first,))
    known = choose_decoder(one, GALLERY, RIDGE).decoder
    with pytest.raises(SignatureMismatch, match=r"has learned from a\.xdf, and would be judged"):
        choose_decoder(one, GALLERY, FitSettings(), known)
    other = dataclasses.replace(session(60, seed=5), sources=(second,))
    [candidate, *_] = candidates.from_pretrained(known)
    chain = dataclasses.replace(
        known,
        encoder=dataclasses.replace(known.encoder, arguments=candidate.arguments),
        calibration=known.calibration | {"sources": [second]},
    )
    assert learned_before(chain, one.sources) == ["a.xdf"]  # by way of the decoder before it
    with pytest.raises(SignatureMismatch, match=r"has learned from b\.xdf"):
        choose_decoder(other, GALLERY, FitSettings(), chain)


def few(n=300, effect=0.5):
    """Return trials of six concepts, each with a clear response of its own."""
    trials = session(n, concepts=6)
    rng = np.random.default_rng(2)
    own = effect * rng.standard_normal((6, 4, 20))
    rows = [GALLERY.row(label) for label in trials.labels]
    data = 10 * (own[rows] + rng.standard_normal((n, 4, 20)))
    return dataclasses.replace(trials, data=data.astype(np.float32))


def test_concepts_that_are_kept_out_of_few_do_not_spoil_figures():
    trials = few()
    one = choose_decoder(trials, GALLERY, FitSettings("ridge", kept_out=("c0",)))
    assert 0 not in one.held_out.shown
    assert one.n_trials == 250
    assert "c0" not in one.decoder.confidence.bias
    assert "kept_out_concepts" not in one.decoder.calibration["figures"]  # nothing to rank it among
    alone = np.flatnonzero(np.array(trials.labels) != "c0")
    without = dataclasses.replace(
        trials,
        data=trials.data[alone],
        labels=tuple(trials.labels[k] for k in alone),
        onsets_s=trials.onsets_s[alone],
        runs=trials.runs[alone],
    )
    told = one.decoder.calibration["figures"]["top1"]
    expected = choose_decoder(without, GALLERY, RIDGE).decoder.calibration["figures"]["top1"]
    assert told == pytest.approx(expected, abs=0.05)
    two = choose_decoder(trials, GALLERY, FitSettings("ridge", kept_out=("c0", "c1")))
    apart = two.decoder.calibration["figures"]["kept_out_concepts"]
    assert (apart["gallery"], apart["chance_top1"]) == (2, 0.5)
    checked = quick_check(trials, GALLERY, kept_out=("c0",))
    assert 0 not in checked.shown


def test_a_decoder_of_another_cap_is_refused(made):
    trials = session(names=("Fz", "Cz", "P3", "P4"))
    with pytest.raises(SignatureMismatch, match=r"2 of 4 channels missing: O1, O2.*leave --pre"):
        choose_decoder(trials, GALLERY, FitSettings(), made.decoder)


def test_settings_that_would_change_nothing_are_refused(made):
    for fields, message in (
        ({"folds": 1}, "at least 2 folds"),
        ({"options": {"alpha": 1.0}}, "name it with --encoder"),
        ({"encoder": "ridge", "budget_min": 3.0}, "leaves no choice"),
    ):
        with pytest.raises(ConfigError, match=message):
            FitSettings(**fields)
    with pytest.raises(ConfigError, match="leave it out"):
        choose_decoder(session(), GALLERY, RIDGE, made.decoder)


def test_a_budget_becomes_passes_by_arithmetic():
    sizes = Sizes(8, 100, 16, visits=2000)
    few, many = (candidates.several(0, None, minutes, sizes) for minutes in (1.0, 4.0))
    assert [one.architecture for one in many] == ["ridge", "eegproject", "blurbank", "atms"]
    assert all(one.deep for one in many[2:])
    passes = [[one.family.settings.epochs for one in some[2:]] for some in (few, many)]
    again = [one.family.settings.epochs for one in candidates.several(0, None, 1.0, sizes)[2:]]
    assert passes[0] == again
    assert passes[1] >= passes[0]
    with pytest.raises(CalibrationError, match="give at least --budget"):
        candidates.several(0, None, 1e-4, sizes)


def test_the_simplest_within_a_standard_error_is_taken():
    rng = np.random.default_rng(0)
    n = 200
    shown = HeldOut(
        *(np.arange(n), np.ones(n, int), np.zeros(n, int), np.full(n, 50), np.arange(n) % 2),
        *(np.zeros((n, 2)), np.ones(n), np.ones((n, 2), bool), np.ones((n, 2), bool)),
    )
    base = rng.standard_normal(n)
    noise = rng.standard_normal(n)
    noise -= noise.mean()
    assert chosen([base, base + noise + 0.03], shown, by_concept=False) == 0
    assert chosen([base, base + noise + 0.3], shown, by_concept=False) == 1
    assert chosen([base, base - 0.3], shown, by_concept=False) == 0


def test_a_quick_check_takes_the_last_part_only():
    found = quick_check(session(), GALLERY)
    assert len(found) == 60  # the last run, as it ends near the cut
    assert found.figures(NAMES)["ci95_two_way"][0] > 0.5


def test_area_of_two_concepts_is_not_read_from_rounding_errors():
    """In a gallery of two a cosine is 1 or -1; how clear a trial is, its length tells."""
    rng = np.random.default_rng(0)
    n = 200
    shown = np.arange(n) % 2
    along = np.where(shown == 0, 0.5, -0.5) + rng.standard_normal(n)
    cosines = np.sign(along)[:, None] * np.array([1.0, -1.0]) * (1 - 1e-12 * rng.random((n, 1)))
    every = np.ones((n, 2), bool)
    said = HeldOut(
        *(np.arange(n), np.ones(n, int), np.zeros(n, int), np.full(n, 50), shown),
        *(cosines, np.abs(along), every, every),
    )
    expected = auc(along, shown == 0)
    assert said.figures(("a", "b"))["auc"] == pytest.approx(expected)
    assert expected > auc(np.sign(along), shown == 0) + 0.01


def test_who_was_given_up_is_recalled_where_nobody_else_is_left(monkeypatch):
    """And the work that was expected is done, whoever fails."""
    made = Bench(session(120), GALLERY, FitSettings(folds=3))
    answers = made.answers

    def failing(candidate, some, **kwargs):
        if candidate.name == "ridge" and some[0].part == 2:
            raise CalibrationError("no")
        return answers(candidates.single("ridge", {}, 0), some, **kwargs)

    monkeypatch.setattr(made, "answers", failing)
    given_up = [[1], []]
    monkeypatch.setattr(
        rounds, "_hopeless", lambda _, running: [running[k] for k in given_up.pop(0)]
    )
    steps = []
    found = rounds.contest(made, Teller(steps.append))
    assert found.taken.name == "eegproject"
    assert found.unfit == {"ridge": "no"}
    assert [one.parts for one in found.judgements] == [3]
    assert np.unique(found.whole.part).tolist() == [1, 2, 3]
    assert steps[-1].done == pytest.approx(steps[-1].total)


def test_the_temperature_is_that_of_cosines_alone(made):
    live = made.live
    assert made.decoder.temperature == fit_temperature(live.cosines, live.shown.tolist())
