"""The conductor in a world of its own: whatever happens, every planned trial counts once."""

from __future__ import annotations

import collections
import dataclasses
import errno
import json
import math
import shutil

import pytest
from session_world import CONCEPTS, EPOCHS, Bench

from saccade.calibration.folder import SessionFolder
from saccade.calibration.hands import Answer, FitResult
from saccade.calibration.protocol import Protocol
from saccade.calibration.session_events import Reopened
from saccade.realtime.errors import CalibrationError, ConfigError, SessionError, StreamNotFound
from saccade.realtime.sinks.xdf import XDFSink, XDFSinkSettings
from saccade.realtime.types import Marker
from saccade.realtime.xdf.writer import XDFWriter


@pytest.fixture
def bench(tmp_path, monkeypatch):
    # Minutes of the session take a second here: so write as often, or a crash would find nothing.
    monkeypatch.setattr("saccade.realtime.xdf.background.WRITE_EVERY_S", 0.001)
    monkeypatch.setattr("saccade.calibration.journal.os.fsync", lambda _: None)  # the power stays
    return Bench(tmp_path / "session")


def counted_once(bench, plan=None):
    """Hold what is in the files against the plan."""
    shown = [concept for _, concept, _ in bench.recorded()]
    planned = [trial.concept for trial in (plan or bench.plan).trials]
    assert collections.Counter(shown) == collections.Counter(planned)


def test_what_the_journal_tells_later_is_what_was_told_live(bench):
    outcome = bench.run()
    with SessionFolder.open(bench.path) as folder:
        assert folder.summary() == outcome.summary
    json.dumps(outcome.summary.asdict())


def endings(outcome):
    return [run.ending for run in outcome.summary.runs]


class TestAGoodDay:
    def test_goes_from_the_gate_over_blocks_and_rests_to_a_decoder(self, bench):
        outcome = bench.run()
        assert outcome.finished
        assert outcome.result.verdict == "go"
        assert [p.name for p in bench.fits[0][0]] == ["run-01.xdf", "run-02.xdf", "run-03.xdf"]
        shown = [concept for _, concept, _ in bench.recorded()]
        assert shown == [trial.concept for trial in bench.plan.trials]
        (screen,) = bench.screens
        assert [(b["number"], b["of"]) for b in screen.blocks] == [(1, 3), (2, 3), (3, 3)]
        assert screen.rests == [2.0, 2.0]
        assert screen.closed
        summary = bench.fits[0][1]
        assert [(r.planned, r.done, r.shown, r.markers) for r in summary.runs] == [
            (20, 20, 20, 20)
        ] * 3
        assert summary.checks == ({"runs": 1}, {"runs": 2})
        assert summary.simulated

    def test_tells_the_operator_how_far_it_is(self, bench):
        bench.run()
        seen = bench.seen
        done = [p.done for p in seen]
        assert done == sorted(done)
        assert {p.planned for p in seen} == {60}
        assert {p.phase for p in seen} >= {"gate", "block", "rest", "fit", "verdict", "over"}
        blocks = [p.block for p in seen if p.phase == "block"]
        assert blocks[0] == 1
        assert max(blocks) == 3
        assert {p.of for p in seen} == {3}
        left = [p.left_s for p in seen]
        assert left == sorted(left, reverse=True)
        assert left[0] > 60 * 0.2 + 3 * 2.0
        in_block = next(p for p in seen if p.phase == "block" and p.shown > 10)
        assert in_block.markers > 0
        assert any(p.check == {"runs": 1} for p in seen)
        last = seen[-1]
        assert last.kept == 60
        assert last.questions == 6
        assert last.targets == last.hits > 0
        assert last.false_alarms == 0

    def test_counts_what_was_seen_that_was_not_there(self, bench):
        def eager(screen):
            told = screen.poll

            def poll(timeout_s):
                return [m | {"yes": True} if m["at"] == "answer" else m for m in told(timeout_s)]

            screen.poll = poll

        bench.prepare = eager
        summary = bench.run().summary
        assert summary.questions == 6
        assert summary.hits == summary.targets
        assert summary.false_alarms == 6 - summary.targets > 0

    def test_filters_settle_before_the_first_picture_however_short_the_lead_in(self, tmp_path):
        protocol = Bench(tmp_path).protocol
        bench = Bench(tmp_path / "s", dataclasses.replace(protocol, lead_in_s=0.0))
        assert bench.run().finished
        counted_once(bench)
        assert not any(run.lost for run in bench.fits[0][1].runs)

    def test_rejected_trials_are_done_and_told(self, bench):
        bench.epochs = dataclasses.replace(EPOCHS, reject_ptp_uv=0.1)
        outcome = bench.run()
        assert outcome.finished
        assert [dict(run.rejected) for run in outcome.summary.runs] == [{"peak to peak": 20}] * 3
        assert bench.seen[-1].kept == 0
        assert bench.seen[-1].rejected == {"peak to peak": 60}


class TestACrash:
    @pytest.mark.parametrize("trial", [1, 20, 21, 33, 60])
    def test_loses_no_trial_and_repeats_none(self, bench, trial):
        assert bench.run_until_killed(trial)
        outcome = bench.run()
        assert outcome.finished
        assert outcome.summary.resumed == 1
        counted_once(bench)

    @pytest.mark.soak
    @pytest.mark.parametrize("trial", range(1, 61))
    def test_loses_and_repeats_none_at_any_trial(self, bench, trial):
        assert bench.run_until_killed(trial)
        assert bench.run().finished
        counted_once(bench)

    def test_after_crash_and_again_it_comes_to_its_end(self, bench):
        times = 0
        while bench.run_until_killed(bench.world.n_trials + 17):
            times += 1
        assert times >= 3
        counted_once(bench)

    def test_believes_the_files_and_not_the_journal(self, bench):
        bench.run_until_killed(33)
        (bench.path / "run-01.xdf").unlink()
        assert bench.run().finished
        reopened = [e for e in bench.folder.events if isinstance(e, Reopened)]
        assert reopened[0].done["1"] == ()
        counted_once(bench)

    def test_goes_on_after_a_crash_while_the_decoder_was_fitted(self, bench):
        def crash(files, summary):
            raise KeyboardInterrupt

        fit, bench.fit = bench.fit, crash
        with pytest.raises(KeyboardInterrupt):
            bench.run()
        bench.fit = fit
        assert bench.run().finished
        assert not bench.screens[1].blocks
        counted_once(bench)


class TestTheSignal:
    def test_that_falls_silent_breaks_the_block_off_and_unfinished_trials_come_again(self, bench):
        silence = []

        def silent(now_s):
            if bench.world.n_trials == 7 and not silence:
                silence.append(now_s)
            return bool(silence) and now_s < silence[0] + 10

        bench.world.silent = silent
        outcome = bench.run()
        assert outcome.finished
        assert endings(outcome) == ["stalled", *["complete"] * 3]
        assert 0 < outcome.summary.runs[0].done < 7
        assert "silent for 3 s" in outcome.summary.runs[0].text
        counted_once(bench)

    def test_with_a_hole_has_its_trials_shown_again(self, bench):
        holes = []

        def torn(stamp_s):
            if bench.world.n_trials == 7 and not holes:
                holes.append(stamp_s)
            return bool(holes) and holes[0] <= stamp_s < holes[0] + 0.5

        bench.world.torn = torn
        outcome = bench.run()
        assert set(outcome.summary.runs[0].lost) == {
            "samples are missing in its window",
            "the signal is torn in its window",
            "the filters had not settled",
        }
        assert endings(outcome) == ["complete"] * 4
        counted_once(bench)

    def test_that_falls_silent_while_the_screen_goes_on_does_not_end_the_next_block(self, bench):
        """The window answers a stop in its own time, when nobody listens any more."""
        silence = []

        def silent(now_s):
            if bench.world.n_trials == 2 and not silence:
                silence.append(now_s)
            return bool(silence) and now_s < silence[0] + 10

        bench.world.silent = silent
        outcome = bench.run()
        assert endings(outcome) == ["stalled", *["complete"] * 3]
        assert [run.done for run in outcome.summary.runs[1:]] == [20, 20, 20]
        counted_once(bench)

    def test_of_which_no_trial_is_whole_is_asked_about_after_two_blocks(self, bench):
        bench.world.torn = lambda stamp_s: stamp_s % 0.6 < 0.25
        outcome = bench.run()
        assert not outcome.finished
        assert endings(outcome) == ["complete", "complete"]
        (asked,) = bench.asked
        assert asked.text.startswith("of the last 2 recordings 0 of 40 trials are whole: look at")
        assert outcome.text == asked.text
        bench.world.torn = lambda _: False
        assert bench.run().finished
        counted_once(bench)

    def test_that_is_bad_keeps_the_gate_shut_and_asks(self, bench):
        bench.world.bad = {"Oz": "railed"}
        outcome = bench.run()
        assert not outcome.finished
        assert not outcome.summary.runs
        assert [a.kind for a in bench.asked] == ["gate"] * 3
        assert "Oz: railed" in bench.asked[0].text

    def test_that_is_bad_can_be_gone_on_with_at_a_risk_that_is_noted(self, bench):
        bench.world.bad = {"Oz": "railed", "Pz": "flat"}
        bench.answers = [Answer("go")]
        outcome = bench.run()
        assert outcome.finished
        (gate,) = outcome.summary.gates
        assert gate.risk
        assert gate.bad == bench.world.bad
        assert "1 of 1 channels over the visual cortex are bad" in gate.text

    def test_that_gets_better_opens_the_gate_by_itself(self, bench):
        bench.world.bad = {"Oz": "railed"}
        told = bench.seen.append

        def better(progress):
            told(progress)
            if bench.asked:
                bench.world.bad = {}

        bench.seen = type("Seen", (list,), {"append": lambda _, p: better(p)})()
        outcome = bench.run()
        assert outcome.finished
        assert [g.good for g in outcome.summary.gates] == [True]

    def test_that_is_not_there_is_said_at_once_and_leaves_nothing_behind(self, bench):
        bench.world.absent = True
        with pytest.raises(StreamNotFound):
            bench.run()
        assert bench.screens[0].closed
        bench.folder.discard()
        assert not bench.path.exists()

    def test_that_does_not_return_after_a_stall_is_asked_about(self, bench):
        def vanish(number):
            if number == 7:
                bench.world.absent = True
                bench.world.silent = lambda _: True

        bench.world.at_trial = vanish
        outcome = bench.run()
        assert not outcome.finished
        assert "start the amplifier" in bench.asked[-1].text
        bench.world.absent, bench.world.silent = False, lambda _: False
        bench.world.at_trial = lambda _: None
        assert bench.run().finished
        counted_once(bench)

    def test_of_another_amplifier_is_refused_when_a_session_goes_on(self, bench, monkeypatch):
        bench.run_until_killed(5)
        monkeypatch.setattr("session_world.SFREQ", 200.0)
        with pytest.raises(SessionError, match=r"sfreq is 100\.0, but 'Amp' has 200\.0"):
            bench.run()


class TestTheScreen:
    def test_that_dies_ends_the_session_with_its_words_and_it_goes_on_later(self, bench):
        def die(screen):
            poll = screen.poll

            def dying(timeout_s):
                if bench.world.n_trials >= 30:
                    raise SessionError("the stimulus window has ended: no screen")
                return poll(timeout_s)

            screen.poll = dying

        bench.prepare = die
        with pytest.raises(SessionError, match="the stimulus window has ended"):
            bench.run()
        assert bench.screens[0].closed
        bench.prepare = lambda _: None
        assert bench.run().finished
        counted_once(bench)

    def test_that_dies_while_the_signal_is_looked_at_is_told_at_once(self, bench):
        """So is a simulated amplifier that ends, which is watched by the same call."""

        def die(screen):
            def gone(timeout_s):
                raise SessionError("the simulated amplifier ended with code 1")

            def text(*_):
                screen.poll = gone

            screen.text = text

        bench.prepare = die
        bench.world.silent = lambda _: True
        before_s = bench.world.now_s
        with pytest.raises(SessionError, match="the simulated amplifier ended"):
            bench.run()
        assert bench.world.now_s - before_s < 1.0

    def test_that_refuses_a_block_is_told_and_the_recording_set_aside(self, bench):
        def refuse(screen):
            screen.refuses = "no frames"

        bench.prepare = refuse
        outcome = bench.run()
        assert not outcome.finished
        assert outcome.text == "no frames"
        assert endings(outcome) == ["refused"]

    def test_frames_that_came_late_are_counted(self, bench):
        def late(screen):
            block = screen.block

            def with_late_frames(*args):
                block(*args)
                screen.say(0.0, at="dropped", trial=3, frames=2)
                screen.say(0.0, at="dropped", trial=None, frames=1)

            screen.block = with_late_frames

        bench.prepare = late
        assert bench.run().summary.dropped_frames == 9

    def test_left_at_in_a_break_it_is_left(self, bench):
        def leave(screen):
            rest = screen.rest
            screen.rest = lambda *args: (rest(*args), screen.escape())

        bench.prepare = leave
        outcome = bench.run()
        assert not outcome.finished
        assert outcome.text == "the session was left at the screen; it can be resumed"
        bench.prepare = lambda _: None
        assert bench.run().finished
        counted_once(bench)

    def test_left_at_while_the_signal_is_looked_at_it_is_left(self, bench):
        def leave(screen):
            text = screen.text
            screen.text = lambda *args: (text(*args), screen.escape())

        bench.prepare = leave
        outcome = bench.run()
        assert not outcome.finished
        assert outcome.text == "the session was left at the screen; it can be resumed"
        assert not outcome.summary.runs
        bench.prepare = lambda _: None
        assert endings(bench.run()) == ["complete"] * 3

    def test_an_escape_before_a_block_began_is_none_of_it(self, bench):
        def leave_too_late(screen):
            block = screen.block
            screen.block = lambda *args: (screen.escape(), block(*args))

        bench.prepare = leave_too_late
        assert endings(bench.run()) == ["complete"] * 3
        counted_once(bench)

    def test_that_shows_nothing_any_more_ends_the_session_and_it_goes_on_later(
        self, bench, monkeypatch
    ):
        monkeypatch.setattr("saccade.calibration.stimulator.GRACE_S", 0.0)

        def freeze(screen):
            def at(number):
                if number == 25:
                    screen.frozen = True
                    bench.world.markers.clear()

            bench.world.at_trial = at

        bench.prepare = freeze
        with pytest.raises(SessionError, match="has shown nothing for 15 s: is the screen locked"):
            bench.run()
        bench.prepare = lambda _: None
        bench.world.at_trial = lambda _: None
        assert bench.run().finished
        counted_once(bench)

    def test_on_which_the_pictures_can_not_be_shown_so_long_is_refused_before_anything(self, bench):
        def other(screen):
            screen.refresh_hz = 75.0

        bench.prepare = other
        with pytest.raises(ConfigError, match=r"100 ms are 7\.50 frames of a screen at 75\.00 Hz"):
            bench.run()
        assert not bench.screens[0].blocks
        assert not bench.folder.events

    def test_has_words_on_it_wherever_nothing_else_is_shown(self, bench):
        bench.run()
        assert bench.screens[0].texts == ["One moment", "Thank you"]


class TestMarkers:
    def test_of_another_concept_end_the_block_and_set_it_aside(self, bench):
        def lie(screen):
            screen.says = lambda concept: "elephant" if screen.world.now_s else concept

        bench.prepare = lie
        outcome = bench.run()
        assert not outcome.finished
        assert endings(outcome) == ["refused"]
        first = bench.plan.trials[0].concept
        assert f"trial 0 in recording 1, its marker no. 1, was to be '{first}'" in outcome.text
        assert "but 'elephant' came" in outcome.text
        assert (bench.path / "set-aside" / "run-01.xdf").exists()
        assert not list(bench.path.glob("run-*.xdf"))
        bench.prepare = lambda _: None
        assert bench.run().finished
        counted_once(bench)

    def test_that_nobody_planned_are_refused(self, bench):
        def more(screen):
            block = screen.block

            def with_one_more(*args):
                block(*args)
                last_s = screen.world.markers[-1].stamp
                screen.world.markers.append(Marker("thing00", last_s + 0.1, "pictures"))

            screen.block = with_one_more

        bench.prepare = more
        outcome = bench.run()
        assert endings(outcome) == ["refused"]
        assert "was to have 20 markers, but one more came, 'thing00'" in outcome.text

    def test_that_never_came_are_told_and_their_trials_come_again(self, bench):
        def forget(screen):
            block = screen.block

            def without_the_last(*args):
                block(*args)
                if len(screen.blocks) == 1:
                    screen.world.markers.pop()

            screen.block = without_the_last

        bench.prepare = forget
        outcome = bench.run()
        assert outcome.finished
        first = outcome.summary.runs[0]
        assert (first.shown, first.markers, first.done) == (20, 19, 19)
        assert first.text == "20 pictures were shown, but 19 markers came"
        assert first.lost == {"its marker never came": 1}
        counted_once(bench)

    def test_in_a_file_that_is_not_this_sessions_are_refused_when_it_goes_on(self, bench, tmp_path):
        other = Bench(tmp_path / "other", dataclasses.replace(bench.protocol, seed=5))
        other.run_until_killed(30)
        bench.run_until_killed(30)
        shutil.copy(other.path / "run-01.xdf", bench.path / "run-01.xdf")
        with pytest.raises(SessionError, match=r"run-01\.xdf does not fit its session: trial \d"):
            bench.run()
        (bench.path / "run-01.xdf").unlink()  # the way out
        assert bench.run().finished
        counted_once(bench)


class TestDecisions:
    def test_left_by_the_operator_it_goes_on_where_it_was(self, bench):
        bench.world.at_trial = lambda n: setattr(bench, "stop", n == 33)
        outcome = bench.run()
        assert not outcome.finished
        assert "resumed" in outcome.text
        bench.stop = False
        assert bench.run().finished
        counted_once(bench)

    def test_broken_off_at_the_screen_it_asks_and_goes_on(self, bench):
        def abort(screen):
            def at(number):
                if number == 25:
                    screen.escape()

            bench.world.at_trial = at

        bench.prepare = abort
        outcome = bench.run()
        assert outcome.finished
        assert bench.asked[0].kind == "interrupted"
        assert bench.asked[0].text == "block 2 was broken off at the screen"
        assert endings(outcome) == ["complete", "aborted", "complete", "complete"]
        counted_once(bench)

    def test_what_there_is_can_be_fitted_early(self, bench):
        def abort(screen):
            def at(number):
                if number == 25:
                    screen.escape()

            bench.world.at_trial = at

        bench.prepare = abort
        bench.answers = [Answer("fit"), Answer("go")]
        outcome = bench.run()
        assert outcome.finished
        assert [p.name for p in bench.fits[0][0]] == ["run-01.xdf", "run-02.xdf"]

    def test_more_goes_on_with_the_same_plan(self, bench):
        bench.verdicts = [FitResult("more", "not yet", 30), FitResult("go", "now")]
        outcome = bench.run()
        assert outcome.finished
        assert len(bench.fits) == 2
        assert len(bench.fits[1][0]) == 5
        from saccade.calibration.plan import make_plan

        counted_once(bench, make_plan(bench.protocol, CONCEPTS, 90))

    def test_more_is_granted_so_often_and_then_it_ends(self, bench):
        bench.verdicts = [FitResult("more", "not yet")] * 5
        outcome = bench.run()
        assert outcome.finished
        assert outcome.result.verdict == "more"
        assert len(bench.fits) == 3

    @pytest.mark.parametrize(("number", "aside"), [(1, ["run-03.xdf"]), (0, None)])
    def test_redo_sets_aside_and_shows_again(self, bench, number, aside):
        bench.verdicts = [FitResult("redo", "the last block was bad"), FitResult("go", "now")]
        bench.answers = [Answer("redo", number)]
        outcome = bench.run()
        assert outcome.finished
        moved = sorted(p.name for p in (bench.path / "set-aside").iterdir())
        assert moved == (aside or ["run-01.xdf", "run-02.xdf", "run-03.xdf"])
        assert [run.counted for run in outcome.summary.runs].count(False) == len(moved)
        counted_once(bench)

    def test_an_unattended_redo_ends_with_that_verdict(self, bench):
        bench.verdicts = [FitResult("redo", "the labels are mixed up")]
        outcome = bench.run()
        assert outcome.finished
        assert outcome.result.verdict == "redo"
        assert outcome.text == "the labels are mixed up"

    def test_data_that_make_no_decoder_are_a_verdict_and_no_crash(self, bench):
        def refuse(files, summary):
            raise CalibrationError("12 trials are too few: record 50")

        bench.fit = refuse
        outcome = bench.run()
        assert outcome.result.verdict == "redo"
        assert outcome.text == "12 trials are too few: record 50"

    def test_a_check_that_can_say_nothing_is_noted_and_no_hindrance(self, bench):
        def refuse(files):
            raise CalibrationError("one concept only")

        bench.check = refuse
        outcome = bench.run()
        assert outcome.finished
        assert outcome.summary.checks == ({"problem": "one concept only"},) * 2

    def test_that_is_over_is_not_gone_on_with(self, bench):
        bench.run()
        with pytest.raises(SessionError, match=r"is over: begin another, or make its decoder"):
            bench.run()


class TestTheDisk:
    @pytest.fixture
    def full(self, bench, monkeypatch):
        """Return what fills the disk at the n-th picture; whoever is asked then makes room."""
        write, state = XDFWriter.write, {"from": math.inf}

        def written(writer, now):
            if bench.world.n_trials >= state["from"] and not bench.asked:
                raise OSError(errno.ENOSPC, "no space left on device")
            return write(writer, now)

        monkeypatch.setattr(XDFWriter, "write", written)
        return lambda number: state.update({"from": number})

    @pytest.mark.parametrize("number", [1, 8, 20, 33])
    def test_that_is_full_breaks_off_and_what_it_did_not_take_is_shown_again(
        self, bench, full, number
    ):
        full(number)
        bench.answers = [Answer("go")]
        outcome = bench.run()
        assert outcome.finished
        assert "the recording has stopped (no space left on device): make room" in (
            bench.asked[0].text
        )
        counted_once(bench)
        done = sum(run.done for run in outcome.summary.runs if run.counted)
        assert done == bench.seen[-1].done == bench.seen[-1].kept == 60

    def test_that_fails_at_the_very_end_of_a_block_does_not_go_unnoticed(
        self, bench, full, monkeypatch
    ):
        monkeypatch.setattr("saccade.realtime.xdf.background.WRITE_EVERY_S", 1e6)
        full(20)
        bench.answers = [Answer("go")]
        outcome = bench.run()
        assert endings(outcome)[0] == "aborted"
        assert outcome.summary.runs[0].lost == {"it did not reach the disk": 20}
        assert not outcome.summary.runs[0].counted
        counted_once(bench)

    def test_that_is_too_slow_costs_the_trials_it_did_not_take(self, bench, monkeypatch):
        monkeypatch.setattr("saccade.realtime.xdf.background.WRITE_EVERY_S", 1e6)
        limits_mb = [0.012]
        bench.recorder = lambda path: XDFSink(
            path, XDFSinkSettings(queue_mb=limits_mb.pop() if limits_mb else 256.0)
        )
        outcome = bench.run()
        assert outcome.finished
        first = outcome.summary.runs[0]
        assert first.ending == "complete"
        assert "the disk was too slow: " in first.text
        assert first.lost["it did not reach the disk"] == 20 - first.done > 0
        counted_once(bench)


LABELS = {"1": CONCEPTS[0], "2": CONCEPTS[1]}


class TestAnotherProgramPresents:
    @pytest.fixture
    def bench(self, tmp_path):
        protocol = Protocol("external", trials_per_block=15, trials=30, rest_s=0.0)
        bench = Bench(tmp_path / "session", protocol)
        bench.epochs = dataclasses.replace(EPOCHS, labels=LABELS, ignore=("space",))
        self.present(bench, ["1", "2", "space", "1"])
        return bench

    def present(self, bench, values):
        start_s = bench.world.now_s
        bench.world.markers += [
            Marker(values[i % len(values)], start_s + 5 + 0.5 * i, "theirs") for i in range(200)
        ]

    def test_trials_are_counted_as_their_markers_come(self, bench):
        outcome = bench.run(screen=False)
        assert outcome.finished
        assert endings(outcome) == ["complete", "complete"]
        assert [run.done for run in outcome.summary.runs] == [15, 15]
        assert outcome.summary.runs[1].lost == {"the filters had not settled": 2}
        assert {concept for _, concept, _ in bench.recorded()} == set(LABELS.values())

    def test_a_marker_without_a_label_is_refused_with_the_way_out(self, bench):
        bench.world.markers.clear()
        self.present(bench, ["1", "7"])
        outcome = bench.run(screen=False)
        assert not outcome.finished
        assert "'7' (1 times) has no label: begin again with --label '7'=CONCEPT" in outcome.text

    def test_a_concept_that_the_protocol_does_not_have_is_refused(self, tmp_path, bench):
        protocol = dataclasses.replace(bench.protocol, concepts=CONCEPTS[2:5])
        strict = Bench(tmp_path / "strict", protocol)
        strict.epochs = bench.epochs
        self.present(strict, ["1"])
        outcome = strict.run(screen=False)
        assert not outcome.finished
        assert "was to be 'thing02 or thing03 or thing04', but 'thing00' came" in outcome.text
