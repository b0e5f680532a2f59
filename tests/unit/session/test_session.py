"""Every transition of a session, with what is to be done at it; and every one that there is not."""

from __future__ import annotations

import pytest

from saccade.calibration.plan import make_plan
from saccade.calibration.protocol import Protocol
from saccade.calibration.session import WINDOWS_BEFORE_ASKING, Session, replayed
from saccade.calibration.session_events import (
    Answered,
    Ask,
    BlockBegun,
    BlockOver,
    Checked,
    End,
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

PLAN = make_plan(Protocol("single", 4, trials=6, soa_s=1.0), ("cat", "dog", "horse"))
OPENED = Opened("Amp", 250.0, ("Cz", "Oz"), ("µV", "µV"), simulated=False)
GOOD, BAD = Judged(True, "fine"), Judged(False, "O1 is flat", {"O1": "flat"})
GATE = (OPENED,)
READY = (*GATE, GOOD, GOOD)
BLOCK = (*READY, BlockBegun(1, (0, 1, 2, 3)))
DONE = tuple(TrialDone(1, n, "cat", float(n)) for n in range(4))
REST = (*BLOCK, *DONE, BlockOver(1, "complete", 4, 4))
SECOND = (*REST, Checked({}), Rested(), BlockBegun(2, (4, 5)))
LAST = (*SECOND, TrialDone(2, 4, "dog", 9.0), TrialDone(2, 5, "dog", 10.0))
FIT = (*LAST, BlockOver(2, "complete", 2, 2))
FITTED = Fitted("more", "not yet", 8, {"top1": 0.1})
VERDICT = (*FIT, FITTED)
OVER = (*VERDICT, Answered("go"))
DOUBT = (*GATE, *[BAD] * WINDOWS_BEFORE_ASKING)
INTERRUPTED = (*BLOCK, DONE[0], BlockOver(1, "aborted", 1, 1, "broken off"))
PAUSED = (*GATE, Stopped())
PHASES = {
    "setup": (),
    "gate": GATE,
    "doubt": DOUBT,
    "ready": READY,
    "block": BLOCK,
    "rest": REST,
    "fit": FIT,
    "verdict": VERDICT,
    "interrupted": INTERRUPTED,
    "paused": PAUSED,
    "over": OVER,
}


def after(events, event):
    """Return the phase that an event leads to, and what is to be done."""
    session, actions = replayed(PLAN, events).step(event)
    return session.phase, actions


def test_it_begins_by_looking_for_the_signal():
    session, actions = Session(PLAN).begin()
    assert session.phase == "setup"
    assert actions == (Open(),)


@pytest.mark.parametrize("phase", PHASES)
def test_the_ways_of_these_tests_lead_where_they_say(phase):
    assert replayed(PLAN, PHASES[phase]).phase == phase


@pytest.mark.parametrize(
    ("events", "event", "phase", "actions"),
    [
        ((), OPENED, "gate", (Judge(),)),
        (GATE, GOOD, "gate", ()),
        ((*GATE, GOOD), BAD, "gate", ()),
        ((*GATE, GOOD, BAD), GOOD, "gate", ()),
        ((*GATE, GOOD), GOOD, "ready", (StartBlock(1, 1, 2, (0, 1, 2, 3)),)),
        (DOUBT[:-1], BAD, "doubt", (Ask("gate", BAD.text, ("wait", "go", "quit"), "wait"),)),
        (DOUBT, Answered("wait"), "gate", (Judge(),)),
        (DOUBT, Answered("go"), "ready", (StartBlock(1, 1, 2, (0, 1, 2, 3)),)),
        (DOUBT, Answered("quit"), "paused", (End(),)),
        (READY, BlockBegun(1, (0, 1, 2, 3)), "block", ()),
        (BLOCK, DONE[0], "block", ()),
        (BLOCK, TrialLost(1, 0, "torn"), "block", ()),
        ((*BLOCK, DONE[0]), TrialLost(1, 0, "it did not reach the disk"), "block", ()),
        (BLOCK, QuestionAnswered(1, 1, "dog", True, True, 0.5), "block", ()),
        (BLOCK, FramesDropped(1, 0, 2), "block", ()),
        ((*BLOCK, *DONE), BlockOver(1, "complete", 4, 4), "rest", (Rest(1, 2, (1,)),)),
        ((*BLOCK, DONE[0]), BlockOver(1, "stalled", 1, 1), "gate", (Judge(),)),
        (BLOCK, BlockOver(1, "stalled", 0, 0), "gate", (SetAside((1,)), Judge())),
        (
            (*BLOCK, DONE[0]),
            BlockOver(1, "aborted", 1, 1, "why"),
            "interrupted",
            (Ask("interrupted", "why", ("go", "fit", "quit"), "go"),),
        ),
        (
            (*BLOCK, DONE[0]),
            BlockOver(1, "refused", 1, 1, "why"),
            "interrupted",
            (SetAside((1,)), Ask("interrupted", "why", ("go", "quit"), "quit")),
        ),
        (INTERRUPTED, Answered("go"), "gate", (Judge(),)),
        (INTERRUPTED, Answered("fit"), "fit", (Fit((1,)),)),
        (INTERRUPTED, Answered("quit"), "paused", (End(),)),
        (REST, Checked({}), "rest", ()),
        (REST, Rested(), "rest", ()),
        ((*REST, Checked({})), Rested(), "ready", (StartBlock(2, 2, 2, (4, 5)),)),
        ((*REST, Rested()), Checked({}), "ready", (StartBlock(2, 2, 2, (4, 5)),)),
        (LAST, BlockOver(2, "complete", 2, 2), "fit", (Fit((1, 2)),)),
        (
            FIT,
            FITTED,
            "verdict",
            (Ask("verdict", "not yet", ("go", "more", "redo", "quit"), "more"),),
        ),
        (VERDICT, Answered("go"), "over", (End(),)),
        (VERDICT, Answered("more", 8), "gate", (Judge(),)),
        (VERDICT, Answered("redo", 1), "gate", (SetAside((2,)), Judge())),
        (VERDICT, Answered("redo", 0), "gate", (SetAside((1, 2)), Judge())),
        (VERDICT, Answered("quit"), "paused", (End(),)),
        (PAUSED, Reopened({}), "setup", (Open(),)),
        (BLOCK, Reopened({"1": (0,)}), "setup", (Open(),)),
        (BLOCK, Reopened({"1": ()}), "setup", (SetAside((1,)), Open())),
        ((*VERDICT, Stopped(), Reopened({"1": (0, 1, 2, 3), "2": (4, 5)})), OPENED, "fit", None),
    ],
)
def test_what_happens_leads_on(events, event, phase, actions):
    came = after(events, event)
    assert came[0] == phase
    if actions is not None:
        assert came[1] == actions


@pytest.mark.parametrize("phase", set(PHASES) - {"block", "paused", "over"})
def test_it_can_be_left_at_any_time(phase):
    assert after(PHASES[phase], Stopped()) == ("paused", (End(),))


LEGAL = {
    "setup": {Opened},
    "gate": {Judged},
    "doubt": {Answered},
    "ready": {BlockBegun},
    "block": {TrialDone, TrialLost, QuestionAnswered, FramesDropped, BlockOver},
    "rest": {Checked, Rested},
    "fit": {Fitted},
    "verdict": {Answered},
    "interrupted": {Answered},
    "paused": set(),
    "over": set(),
}
ONE_OF_EACH = (
    *(OPENED, GOOD, BlockBegun(1, (0,)), DONE[0], TrialLost(1, 0, ""), FramesDropped(1, 0, 1)),
    *(QuestionAnswered(1, 1, "dog", False), BlockOver(1, "complete", 0, 0), Checked({}), Rested()),
    *(Answered("go"), FITTED),
)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("event", ONE_OF_EACH, ids=name_of)
def test_what_can_not_happen_is_refused_with_both_names(phase, event):
    if type(event) in LEGAL[phase]:
        return
    session = replayed(PLAN, PHASES[phase])
    with pytest.raises(SessionError, match=f"'{phase}' can't take the event '{name_of(event)}'"):
        session.step(event)


@pytest.mark.parametrize("event", [Stopped(), Reopened({})], ids=name_of)
def test_what_is_over_is_over(event):
    with pytest.raises(SessionError, match="phase 'over' can't take"):
        replayed(PLAN, OVER).step(event)


@pytest.mark.parametrize(
    ("events", "event", "said"),
    [
        (BLOCK, TrialDone(2, 0, "cat", 0.0), "recording 1 is running, not 2"),
        (BLOCK, TrialDone(1, 5, "cat", 0.0), "trial 5 can't be done in recording 1"),
        ((*BLOCK, DONE[0]), DONE[0], "trial 0 can't be done in recording 1: it is done already"),
        (READY, BlockBegun(2, (0, 1)), "recording 1 was to begin"),
        (SECOND[:-1], BlockBegun(2, (0, 4)), "with trial 0 of another kind"),
        (DOUBT, Answered("more", 1), "the answer is one of wait, go, quit, not 'more'"),
        (INTERRUPTED, Answered("redo"), "one of go, fit, quit, not 'redo'"),
        (VERDICT, Answered("more", 0), "more must be at least 1 trial, not 0"),
        (VERDICT, Answered("redo", 3), "of 2 recordings 3 can't be done again"),
        (REST, Reopened({"1": (4,)}), "recording 1 has trial 4, which is in another recording"),
    ],
)
def test_what_contradicts_itself_is_refused(events, event, said):
    with pytest.raises(SessionError, match=said):
        replayed(PLAN, events).step(event)


def test_two_files_with_the_same_trial_are_refused():
    events = (*INTERRUPTED, Answered("go"), GOOD, GOOD, BlockBegun(2, (1, 2, 3, 4)))
    with pytest.raises(SessionError, match="move 2 out of the folder"):
        replayed(PLAN, events).step(Reopened({"1": (0, 1), "2": (1,)}))


def test_a_trial_that_is_lost_after_it_was_done_is_not_done():
    session = replayed(PLAN, (*BLOCK, *DONE, TrialLost(1, 1, "it did not reach the disk")))
    assert session.done == {0, 2, 3}
    assert session.pending == (1, 4, 5)


@pytest.mark.parametrize("ending", ["complete", "stalled"])
def test_two_recordings_in_vain_are_asked_about_and_one_is_not(ending):
    one = (*BLOCK, BlockOver(1, ending, 4, 4))
    assert replayed(PLAN, one).phase == {"complete": "rest", "stalled": "gate"}[ending]
    way = (Checked({}), Rested()) if ending == "complete" else (GOOD, GOOD)
    second = (*one, *way, BlockBegun(2, (0, 1, 2, 3)))
    phase, (aside, ask) = after(second, BlockOver(2, ending, 4, 4, "silent"))
    assert phase == "interrupted"
    assert aside == SetAside((2,))
    assert (ask.choices, ask.suggested) == (("go", "quit"), "quit")
    assert ask.text == (
        "of the last 2 recordings 0 of 8 trials are whole: look at the amplifier and its "
        "connection before going on; silent"
    )
    done = TrialDone(2, 0, "cat", 1.0)
    assert after((*second, done), BlockOver(2, ending, 4, 4))[0] == replayed(PLAN, one).phase


def test_more_trials_continue_the_plan():
    session = replayed(PLAN, (*VERDICT, Answered("more", 5), GOOD, GOOD))
    assert session.plan.trials[:6] == PLAN.trials
    assert session.pending == tuple(range(6, 11))
    assert session.plan == make_plan(PLAN.protocol, PLAN.concepts, 11)
    assert session.blocks == (2, 4)


def test_redone_recordings_have_their_trials_shown_again_under_new_numbers():
    session, (order,) = replayed(PLAN, (*VERDICT, Answered("redo", 1), GOOD)).step(GOOD)
    assert order == StartBlock(3, 2, 2, (4, 5))
    assert session.numbers == (1,)


def test_blocks_stay_numbered_while_one_runs():
    for n in range(5):
        assert replayed(PLAN, (*BLOCK, *DONE[:n])).blocks == (1, 2)


def test_the_state_is_what_the_events_make_of_it():
    assert replayed(PLAN, OVER) == replayed(PLAN, OVER)
    assert replayed(PLAN, OVER).fitted == FITTED
