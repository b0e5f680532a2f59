"""How a calibration session goes: a state machine without clock, screen, stream or file.

::

    setup ─ opened ──→ gate ─ two good windows ──→ ready ─ block begun ──→ block
                       │  ↑                          ↑                       │
         bad for long  ↓  │ wait            checked and rested               │ block over
                      doubt ── go, at a risk ──→ ready                       │
                                                     │                       ↓
    all done, or no more wanted: fit ←───────────────┴── rest ←── complete ──┤
       │                                                 gate ←── stalled ───┤
       ↓ fitted                                   interrupted ←── aborted ───┘  or refused
    verdict ── go ──→ over
       └── more, redo ──→ gate

Whatever happens, a trial that is not done is shown again, and one that is done is not. Leaving is
possible at any time and leads to ``paused``; only reopening leads on from there, as it does from
anywhere after a crash. Reopening takes the word of the files over that of the journal: done is
what is recorded. The state is what the events so far make of it, so a journal of events is all
that needs to be kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from saccade.calibration.plan import Plan, extended
from saccade.calibration.runs import Run, as_in_files, in_vain
from saccade.calibration.session_events import (
    Action,
    Answered,
    Ask,
    BlockBegun,
    BlockOver,
    Checked,
    Choice,
    End,
    Event,
    Fit,
    Fitted,
    FramesDropped,
    Judge,
    Judged,
    Open,
    Opened,
    QuestionAnswered,
    Reopened,
    Rest,
    Rested,
    SetAside,
    StartBlock,
    Stopped,
    TrialDone,
    TrialLost,
    name_of,
)
from saccade.realtime.errors import SessionError

# fmt: off
Phase = Literal[
    "setup", "gate", "doubt", "ready", "block", "rest", "fit", "verdict",
    "interrupted", "paused", "over",
]
# fmt: on
WINDOWS_NEEDED = 2
"""Good windows in a row before a block; EEG-ExPy waits for as many."""
WINDOWS_BEFORE_ASKING = 6
Step: TypeAlias = tuple["Session", tuple[Action, ...]]


@dataclass(frozen=True, slots=True)
class Session:
    """The state of a session.

    Parameters
    ----------
    plan : Plan
        What is to be shown; it grows when more is wanted.
    phase : str
        See the drawing above.
    spared : frozenset of int
        Trials of the plan that need not be shown: a decoder was fitted early, and then some more
        were wanted, but not all.
    runs : tuple of Run
        Every recording so far.
    good, bad : int
        Windows in a row that were good, or that were not since somebody was asked last.
    checked, rested : bool
        Which of the two are behind us in a break.
    fitted : Fitted or None
        The latest verdict.
    """

    plan: Plan
    phase: Phase = "setup"
    spared: frozenset[int] = frozenset()
    runs: tuple[Run, ...] = ()
    good: int = 0
    bad: int = 0
    checked: bool = False
    rested: bool = False
    fitted: Fitted | None = None

    @property
    def counted(self) -> tuple[Run, ...]:
        """The recordings that take part."""
        return tuple(run for run in self.runs if run.counted)

    @property
    def done(self) -> frozenset[int]:
        """Trials that are recorded and count."""
        return frozenset().union(*(run.done for run in self.counted))

    @property
    def pending(self) -> tuple[int, ...]:
        """Trials still to be shown, in the order of the plan."""
        behind = self.done | self.spared
        return tuple(t.number for t in self.plan.trials if t.number not in behind)

    @property
    def numbers(self) -> tuple[int, ...]:
        """Numbers of the recordings that take part."""
        return tuple(run.number for run in self.counted)

    @property
    def blocks(self) -> tuple[int, int]:
        """How many blocks there were, this one included, and will have been, as it looks now."""
        running = self.runs[-1].trials if self.phase == "block" else ()
        left = len(frozenset(self.pending) - frozenset(running))
        n_blocks = len(self.counted)
        return n_blocks, n_blocks + -(-left // self.plan.protocol.trials_per_block)

    def begin(self) -> Step:
        """Return the session with what is to be done first."""
        return self, (Open(),)

    def step(self, event: Event) -> Step:
        """Return what an event makes of the session, and what is to be done now.

        Raises
        ------
        SessionError
            If this can't happen now; the session stays as it is.
        """
        if isinstance(event, Stopped) and self.phase not in ("block", "paused", "over"):
            return self._now("paused"), (End(),)
        if isinstance(event, Reopened) and self.phase != "over":
            return self._reopened(event)
        handle = _HANDLERS.get((self.phase, type(event)))
        if handle is None:
            raise SessionError(
                f"a session in the phase '{self.phase}' can't take the event "
                f"'{name_of(event)}': this journal, or program, is wrong"
            )
        return handle(self, event)

    def _now(self, phase: Phase, **changes: Any) -> Session:
        return dataclasses.replace(self, phase=phase, **changes)

    def _gate(self) -> Step:
        return self._now("gate", good=0, bad=0), (Judge(),)

    def _next(self) -> Step:
        """Order the next block, or a decoder if all is done."""
        pending = self.pending
        if not pending:
            return self._now("fit"), (Fit(self.numbers),)
        before, of = self.blocks
        order = StartBlock(len(self.runs) + 1, before + 1, of, self.plan.next_block(pending))
        return self._now("ready"), (order,)

    def _judged(self, event: Judged) -> Step:
        if event.good:
            session = dataclasses.replace(self, good=self.good + 1, bad=0)
            return session._next() if session.good >= WINDOWS_NEEDED else (session, ())
        session = dataclasses.replace(self, good=0, bad=self.bad + 1)
        if session.bad < WINDOWS_BEFORE_ASKING:
            return session, ()
        ask = Ask("gate", event.text, ("wait", "go", "quit"), "wait")
        return session._now("doubt"), (ask,)

    def _doubt_answered(self, event: Answered) -> Step:
        return self._chosen(event, wait=self._gate, go=self._next)

    def _begun(self, event: BlockBegun) -> Step:
        due, trials = len(self.runs) + 1, frozenset(event.trials)
        if event.run != due or not trials <= frozenset(self.pending):
            odd = min(trials - frozenset(self.pending), default="none")
            raise SessionError(
                f"recording {due} was to begin, of trials that are not done, but {event.run} did, "
                f"with trial {odd} of another kind: this journal does not belong to this plan"
            )
        return self._now("block", runs=(*self.runs, Run(event.run, event.trials))), ()

    def _this_run(self, number: int) -> Run:
        run = self.runs[-1]
        if number != run.number:
            raise SessionError(f"recording {run.number} is running, not {number}")
        return run

    def _trial_done(self, event: TrialDone) -> Step:
        run = self._this_run(event.run)
        if event.trial not in run.trials or event.trial in run.done:
            raise SessionError(
                f"trial {event.trial} can't be done in recording {run.number}: it is done "
                "already, or was not to be shown"
            )
        return self._with_runs(dataclasses.replace(run, done=run.done | {event.trial})), ()

    def _with_runs(self, *changed: Run) -> Session:
        new = {run.number: run for run in changed}
        runs = tuple(new.get(run.number, run) for run in self.runs)
        return dataclasses.replace(self, runs=runs)

    def _trial_lost(self, event: TrialLost) -> Step:
        """Take it for not done, even if it was: its window may not have reached the disk."""
        run = self._this_run(event.run)
        return self._with_runs(dataclasses.replace(run, done=run.done - {event.trial})), ()

    def _noted(self, event: QuestionAnswered | FramesDropped) -> Step:
        self._this_run(event.run)
        return self, ()

    def _block_over(self, event: BlockOver) -> Step:
        run = self._this_run(event.run)
        session: Session = self
        actions: tuple[Action, ...] = ()
        if event.ending == "refused" or not run.done:
            session, actions = self._without(run)
        if event.ending == "complete" and not session.pending:
            session, more = session._next()
        elif event.ending in ("complete", "stalled") and (why := in_vain(session.runs)):
            session, more = session._interrupted("; ".join(filter(None, (why, event.text))), "quit")
        elif event.ending == "complete":
            before, of = session.blocks
            session = session._now("rest", checked=False, rested=False)
            more = (Rest(before, of, session.numbers),)
        elif event.ending == "stalled":
            session, more = session._gate()
        else:
            suggested: Choice = "quit" if event.ending == "refused" else "go"
            session, more = session._interrupted(event.text, suggested)
        return session, (*actions, *more)

    def _without(self, *runs: Run) -> Step:
        aside = [dataclasses.replace(run, counted=False) for run in runs]
        return self._with_runs(*aside), (SetAside(tuple(run.number for run in runs)),)

    def _interrupted(self, text: str, suggested: Choice) -> Step:
        choices: tuple[Choice, ...] = ("go", "fit", "quit") if self.done else ("go", "quit")
        return self._now("interrupted"), (Ask("interrupted", text, choices, suggested),)

    def _interruption_answered(self, event: Answered) -> Step:
        if not self.done:
            return self._chosen(event, go=self._gate)
        return self._chosen(
            event, go=self._gate, fit=lambda: (self._now("fit"), (Fit(self.numbers),))
        )

    def _checked(self, event: Checked) -> Step:
        del event  # what it says is for people
        session = dataclasses.replace(self, checked=True)
        return session._next() if session.rested else (session, ())

    def _rested(self, event: Rested) -> Step:
        del event
        session = dataclasses.replace(self, rested=True)
        return session._next() if session.checked else (session, ())

    def _fitted(self, event: Fitted) -> Step:
        return dataclasses.replace(self, fitted=event)._ask_verdict(event)

    def _ask_verdict(self, fitted: Fitted) -> Step:
        choices: tuple[Choice, ...] = ("go", "more", "redo", "quit")
        ask = Ask("verdict", fitted.why, choices, fitted.verdict)
        return self._now("verdict"), (ask,)

    def _verdict_answered(self, event: Answered) -> Step:
        return self._chosen(
            event,
            go=lambda: (self._now("over"), (End(),)),
            more=lambda: self._more(event.number),
            redo=lambda: self._redo(event.number),
        )

    def _more(self, n_trials: int) -> Step:
        """Show so many trials that are not done: those left of the plan first, then others."""
        if n_trials < 1:
            raise SessionError(f"more must be at least 1 trial, not {n_trials}: say how many")
        done = self.done
        left = [trial.number for trial in self.plan.trials if trial.number not in done]
        lacking = n_trials - len(left)
        plan = extended(self.plan, lacking) if lacking > 0 else self.plan
        return dataclasses.replace(self, plan=plan, spared=frozenset(left[n_trials:]))._gate()

    def _redo(self, n_runs: int) -> Step:
        """Do the last so many recordings again; 0 means all."""
        if not 0 <= n_runs <= len(self.counted):
            raise SessionError(
                f"of {len(self.counted)} recordings {n_runs} can't be done again: say fewer"
            )
        session, aside = self._without(*self.counted[-n_runs or None :])
        session, actions = session._gate()
        return session, (*aside, *actions)

    def _chosen(self, event: Answered, **ways: Callable[[], Step]) -> Step:
        if event.choice == "quit":
            return self._now("paused"), (End(),)
        if event.choice not in ways:
            raise SessionError(
                f"in the phase '{self.phase}' the answer is one of {', '.join([*ways, 'quit'])}, "
                f"not '{event.choice}'"
            )
        return ways[event.choice]()

    def _reopened(self, event: Reopened) -> Step:
        """Believe the files, and begin again where trials are missing."""
        session = self._now("setup", runs=as_in_files(self.runs, event.done))
        empty = [run for run in session.counted if not run.done]
        aside: tuple[Action, ...] = ()
        if empty:
            session, aside = session._without(*empty)
        return session, (*aside, Open())

    def _opened(self, event: Opened) -> Step:
        del event
        return self._gate() if self.pending else self._next()


def replayed(plan: Plan, events: Iterable[Event]) -> Session:
    """Return the session that these events make.

    Raises
    ------
    SessionError
        If they can't have happened in this order.
    """
    session = Session(plan)
    for event in events:
        session, _ = session.step(event)
    return session


_HANDLERS: dict[tuple[Phase, type[Event]], Callable[[Session, Any], Step]] = {
    ("setup", Opened): Session._opened,
    ("gate", Judged): Session._judged,
    ("doubt", Answered): Session._doubt_answered,
    ("ready", BlockBegun): Session._begun,
    ("block", TrialDone): Session._trial_done,
    ("block", TrialLost): Session._trial_lost,
    ("block", QuestionAnswered): Session._noted,
    ("block", FramesDropped): Session._noted,
    ("block", BlockOver): Session._block_over,
    ("interrupted", Answered): Session._interruption_answered,
    ("rest", Checked): Session._checked,
    ("rest", Rested): Session._rested,
    ("fit", Fitted): Session._fitted,
    ("verdict", Answered): Session._verdict_answered,
}
