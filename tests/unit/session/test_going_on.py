"""Going on with a session: the same amplifier, answers that can be done, a fit that can be left."""

from __future__ import annotations

import collections
import dataclasses

import pytest
from session_world import EPOCHS, Bench

from saccade.calibration.folder import About, SessionFolder
from saccade.calibration.hands import Answer, FitResult, Left
from saccade.realtime.errors import SessionError


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.setattr("saccade.realtime.xdf.background.WRITE_EVERY_S", 0.001)
    monkeypatch.setattr("saccade.calibration.journal.os.fsync", lambda _: None)
    return Bench(tmp_path / "session")


def test_another_cap_with_as_many_channels_is_refused(bench, monkeypatch):
    bench.run_until_killed(5)
    monkeypatch.setattr("session_world.NAMES", ("Fz", "Pz", "Cz", "Oz"))
    said = r"ch_names is 'Cz' at channel 2, but 'Amp' has 'Pz' at channel 2: connect the same"
    with pytest.raises(SessionError, match=said):
        bench.run()


def test_what_is_kept_though_torn_is_not_shown_again(bench):
    bench.epochs = dataclasses.replace(EPOCHS, keep_flagged=("gap", "settling"))
    holes = []

    def torn(stamp_s):
        if bench.world.n_trials == 7 and not holes:
            holes.append(stamp_s)
        return bool(holes) and holes[0] <= stamp_s < holes[0] + 0.5

    bench.world.torn = torn
    outcome = bench.run()
    assert set(outcome.summary.runs[0].lost) == {"samples are missing in its window"}
    shown = collections.Counter(concept for _, concept, _ in bench.recorded())
    assert shown == collections.Counter(trial.concept for trial in bench.plan.trials)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer("redo", 5), "of 3 recordings 5 can't be done again: say fewer"),
        (Answer("more", 10**7), "a session has 100000 at most: say fewer"),
    ],
)
def test_an_answer_that_can_not_be_done_is_asked_for_again(bench, answer, said):
    bench.verdicts = [FitResult("redo", "the last was bad")]
    bench.answers = [answer, Answer("go")]
    assert bench.run().finished
    assert said in bench.asked[1].text
    assert bench.asked[1].choices == bench.asked[0].choices
    assert len(bench.fits) == 1


def test_a_fit_that_is_left_is_made_when_the_session_goes_on(bench):
    def leave(files, summary):
        raise Left

    fit, bench.fit = bench.fit, leave
    outcome = bench.run()
    assert not outcome.finished
    assert outcome.text == "the session was left; it can be resumed"
    bench.fit = fit
    assert bench.run().finished
    assert not bench.screens[1].blocks


def test_a_crash_before_there_is_a_session_leaves_a_folder_that_can_be_used(tmp_path):
    (tmp_path / "lock").touch()
    (tmp_path / ".session.json.part").write_text('{"version"')
    with SessionFolder.create(tmp_path, About({"kind": "single"}, "plan", "gallery")) as folder:
        assert folder.about.plan == "plan"
    assert not (tmp_path / ".session.json.part").exists()
