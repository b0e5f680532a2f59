"""In any order of events, with any crashes, every planned trial of a session counts exactly once.

Beside the session stand the files that a recorder would have written: they hold what was shown,
whether or not the journal came to know.
"""

from __future__ import annotations

import collections
import dataclasses
import json

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from saccade.calibration.plan import make_plan
from saccade.calibration.protocol import Protocol
from saccade.calibration.session import Session, replayed
from saccade.calibration.session_events import (
    Answered,
    Ask,
    BlockBegun,
    BlockOver,
    Checked,
    Fitted,
    Judged,
    Opened,
    Reopened,
    Rested,
    SetAside,
    StartBlock,
    Stopped,
    TrialDone,
    TrialLost,
    from_json,
    to_json,
)
from saccade.realtime.errors import SessionError

PLAN = make_plan(
    Protocol(kind="single", trials_per_block=4, trials=10, soa_s=1.0), ("cat", "dog", "horse")
)
EXAMPLES = (
    Opened("Amp", 250.0, ("Cz", "Oz"), ("µV", "µV"), False),
    Judged(True, ""),
    BlockBegun(99, (0,)),
    TrialDone(99, 0, "cat", 0.0),
    TrialLost(99, 0, ""),
    BlockOver(99, "complete", 0, 0),
    Checked({}),
    Rested(),
    Answered("more", -1),
    Fitted("go", "", 0, {}),
)
LEGAL = {
    "setup": (Opened,),
    "gate": (Judged,),
    "doubt": (Answered,),
    "ready": (BlockBegun,),
    "block": (TrialDone, TrialLost, BlockOver),
    "rest": (Checked, Rested),
    "fit": (Fitted,),
    "verdict": (Answered,),
    "interrupted": (Answered,),
}


class Sessions(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.journal: list[dict[str, object]] = []
        self.files: dict[int, list[int]] = {}
        self.aside: dict[int, list[int]] = {}
        self.session, actions = Session(PLAN).begin()
        self.order: StartBlock | None = None
        self.ask: Ask | None = None
        self.do(actions)

    def do(self, actions) -> None:  # type: ignore[no-untyped-def]
        for action in actions:
            if isinstance(action, StartBlock):
                self.order = action
            elif isinstance(action, Ask):
                self.ask = action
            elif isinstance(action, SetAside):
                for run in action.runs:
                    self.aside[run] = self.files.pop(run, [])

    def happen(self, event) -> None:  # type: ignore[no-untyped-def]
        self.session, actions = self.session.step(event)
        self.journal.append(json.loads(json.dumps(to_json(event))))
        self.do(actions)

    @property
    def phase(self) -> str:
        return self.session.phase

    @rule(n=st.integers(1, 12), torn=st.booleans())
    def nothing_much_goes_wrong(self, n: int, torn: bool) -> None:
        """Take some steps of a good day, for a random walk would hardly leave the beginning."""
        for step in range(n):
            if self.phase in ("fit", "verdict", "over", "paused", "doubt", "interrupted"):
                return
            outcome = "lost" if torn and step == n - 1 else "done"
            {
                "setup": self.opened,
                "gate": lambda: self.judged(good=True),
                "ready": self.begun,
                "block": lambda outcome=outcome: self.show_next(outcome),
                "rest": lambda: self.rested() if self.session.checked else self.checked(),
            }[self.phase]()

    def show_next(self, what: str) -> None:
        if self.next_trial() is None:
            self.over(ending="complete")
        else:
            self.trial(what=what)

    @precondition(lambda self: self.phase == "setup")
    @rule()
    def opened(self) -> None:
        self.happen(Opened("Amp", 250.0, ("Cz", "Oz"), ("µV", "µV"), False))

    @precondition(lambda self: self.phase == "gate")
    @rule(good=st.sampled_from([True, True, True, False]))
    def judged(self, good: bool) -> None:
        self.happen(Judged(good, "some", {}))

    @precondition(lambda self: self.phase == "ready")
    @rule()
    def begun(self) -> None:
        assert self.order is not None
        assert 0 < len(self.order.trials) <= PLAN.protocol.trials_per_block
        assert 1 <= self.order.block <= self.order.of
        self.files[self.order.run] = []
        self.happen(BlockBegun(self.order.run, self.order.trials))

    def next_trial(self) -> int | None:
        run = self.session.runs[-1]
        behind = max((run.trials.index(t) for t in self.files[run.number]), default=-1)
        left = run.trials[max(behind, self.lost_until()) + 1 :]
        return left[0] if left else None

    def lost_until(self) -> int:
        """Return the place of the last trial of this run that the journal calls lost."""
        run = self.session.runs[-1]
        lost = [e["trial"] for e in self.journal if e["at"] == "trial_lost"]
        own = [t for t in lost[len(lost) - self.n_lost :] if t in run.trials]
        return max((run.trials.index(t) for t in own), default=-1)

    n_lost = 0

    @precondition(lambda self: self.phase == "block")
    @rule(what=st.sampled_from(["done", "done", "done", "lost", "unknown"]))
    def trial(self, what: str) -> None:
        """Show a trial; "unknown" is recorded, but its journalling is what a crash prevents."""
        run = self.session.runs[-1].number
        trial = self.next_trial()
        if trial is None:
            return
        if what == "lost":
            self.n_lost += 1
            self.happen(TrialLost(run, trial, "torn"))
            return
        self.files[run].append(trial)
        if what == "unknown":
            self.crash(0)
        else:
            self.happen(TrialDone(run, trial, str(PLAN.trials[0].concept), 1.0))

    @precondition(lambda self: self.phase == "block")
    @rule(n=st.integers(1, 3), ending=st.sampled_from(["complete", "aborted"]))
    def disk_fails(self, n: int, ending: str) -> None:
        """Find the file without the last trials, as its recorder does once it is closed."""
        run = self.session.runs[-1].number
        self.files[run], lost = self.files[run][:-n], self.files[run][-n:]
        for trial in lost:
            self.happen(TrialLost(run, trial, "it did not reach the disk"))
        self.over(ending=ending)

    @precondition(lambda self: self.phase == "block")
    @rule(ending=st.sampled_from(["complete", "complete", "stalled", "aborted", "refused"]))
    def over(self, ending: str) -> None:
        self.n_lost = 0
        self.happen(BlockOver(self.session.runs[-1].number, ending, 0, 0, ""))  # type: ignore[arg-type]

    @precondition(lambda self: self.phase == "rest" and not self.session.checked)
    @rule()
    def checked(self) -> None:
        self.happen(Checked({"top1": 0.5}))

    @precondition(lambda self: self.phase == "rest" and not self.session.rested)
    @rule()
    def rested(self) -> None:
        self.happen(Rested())

    @precondition(lambda self: self.phase == "fit")
    @rule(verdict=st.sampled_from(["go", "more", "redo"]))
    def fitted(self, verdict: str) -> None:
        self.happen(Fitted(verdict, "why", 3, {}))  # type: ignore[arg-type]

    @precondition(lambda self: self.phase in ("doubt", "interrupted", "verdict"))
    @rule(data=st.data())
    def answered(self, data: st.DataObject) -> None:
        assert self.ask is not None
        choices = [c for c in self.ask.choices if c != "more" or len(self.session.plan.trials) < 30]
        choice = data.draw(st.sampled_from(choices))
        most = len(self.session.counted) if choice == "redo" else 5
        number = data.draw(st.integers(choice == "more", most))
        self.happen(Answered(choice, number if choice in ("more", "redo") else 0))

    @precondition(lambda self: self.phase not in ("block", "paused", "over"))
    @rule()
    def stopped(self) -> None:
        self.happen(Stopped())

    @precondition(lambda self: self.phase != "over")
    @rule(lost_in_file=st.integers(0, 2))
    def crash(self, lost_in_file: int) -> None:
        """Forget everything but the disk; the running file may lack what still waited for it."""
        self.n_lost = 0
        if self.phase == "block" and lost_in_file:
            run = self.session.runs[-1].number
            self.files[run] = self.files[run][:-lost_in_file]
        again = replayed(PLAN, map(from_json, self.journal))
        assert again == self.session
        self.session = again
        done = {str(r.number): tuple(self.files.get(r.number, ())) for r in again.counted}
        self.happen(Reopened(done))

    @rule(event=st.sampled_from(EXAMPLES))
    def impossible(self, event) -> None:  # type: ignore[no-untyped-def]
        legal = isinstance(event, LEGAL.get(self.phase, ()))
        if legal and getattr(event, "run", 0) != 99 and not isinstance(event, Answered):
            return
        before = self.session
        with pytest.raises(SessionError):
            self.session.step(event)
        assert self.session == before

    @invariant()
    def none_twice(self) -> None:
        shown = collections.Counter(t for run in self.session.counted for t in run.done)
        assert not shown or max(shown.values()) == 1
        planned = {t.number for t in self.session.plan.trials}
        pending, spared = set(self.session.pending), self.session.spared
        assert set(shown) | pending | spared == planned
        assert not pending & (set(shown) | spared)

    @invariant()
    def the_files_that_count_are_those_of_the_session(self) -> None:
        assert {r.number for r in self.session.counted} == set(self.files)
        if self.phase != "block":
            for run in self.session.counted:
                assert set(self.files[run.number]) == set(run.done)

    def teardown(self) -> None:
        """Lead the session to its end; then every planned trial is in the files once."""
        if self.phase == "over":
            return
        self.crash(0)
        while self.phase != "fit":
            self.nothing_much_goes_wrong(n=1, torn=False)
        shown = collections.Counter(t for trials in self.files.values() for t in trials)
        planned = {t.number for t in self.session.plan.trials} - self.session.spared
        assert shown == dict.fromkeys(planned | set(shown), 1)
        super().teardown()


Sessions.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestSessions = Sessions.TestCase


def test_events_survive_the_journal() -> None:
    for event in (*EXAMPLES, Stopped(), Reopened({"1": (3, 4)})):
        again = from_json(json.loads(json.dumps(to_json(event))))
        assert again == event
        assert {f.name for f in dataclasses.fields(again)} == {
            f.name for f in dataclasses.fields(event)
        }
