"""What is counted of a session: recordings that were set aside count no more, anywhere."""

from __future__ import annotations

import pytest

from saccade.calibration.plan import make_plan
from saccade.calibration.progress import progress_of
from saccade.calibration.protocol import MOST_TRIALS, Protocol, load_protocol
from saccade.calibration.session import Session, replayed
from saccade.calibration.session_events import (
    Answered,
    BlockBegun,
    BlockOver,
    Fitted,
    FramesDropped,
    Judged,
    Opened,
    QuestionAnswered,
    Reopened,
    TrialDone,
    TrialLost,
)
from saccade.calibration.session_summary import Tally, summarise
from saccade.models.galleries.gallery_files import load_everyday
from saccade.realtime.errors import SessionError

NAMES = ("cat", "dog", "horse")
GOOD = Judged(True, "fine")
OPENED = Opened("Amp", 250.0, ("Cz",), ("µV",), simulated=False)


def plan(n: int, trials_per_block: int = 4):
    return make_plan(Protocol("single", trials_per_block, trials=n, soa_s=1.0), NAMES)


def block(run: int, trials, yes: bool | None, frames: int):
    return (
        *(GOOD, GOOD, BlockBegun(run, tuple(trials))),
        *(TrialDone(run, n, "cat", float(n)) for n in trials),
        *(QuestionAnswered(run, k, "dog", True, yes) for k in range(20)),
        FramesDropped(run, 0, frames),
        BlockOver(run, "complete", len(trials), len(trials)),
    )


def tallied(events) -> Tally:
    tally = Tally()
    for event in events:
        tally.take(event)
    return tally


def test_questions_and_frames_of_a_recording_that_was_set_aside_do_not_count():
    redo = (Fitted("redo", "questions were missed", 0, {}), Answered("redo", 0))
    events = (OPENED, *block(1, range(4), None, 50), *redo, *block(2, range(4), True, 3))
    summary = summarise(events, {2})
    assert (summary.questions, summary.targets, summary.hits) == (20, 20, 20)
    assert summary.dropped_frames == 3
    assert [(run.questions, run.hits, run.dropped_frames) for run in summary.runs] == [
        (20, 0, 50),
        (20, 20, 3),
    ]
    told = progress_of(replayed(plan(4), events), tallied(events))
    assert (told.questions, told.hits, told.dropped_frames) == (20, 20, 3)


def lost_yet(*events):
    return progress_of(replayed(plan(6), events), tallied(events)).lost


def test_what_is_to_be_shown_again_goes_down_once_it_was():
    first = (OPENED, GOOD, GOOD, BlockBegun(1, (0, 1, 2, 3)))
    first = (*first, TrialDone(1, 0, "cat", 0.0), TrialLost(1, 1, "torn"), TrialLost(1, 2, "torn"))
    assert lost_yet(*first) == {"torn": 2}
    again = (*first, BlockOver(1, "stalled", 3, 3), GOOD, GOOD, BlockBegun(2, (1, 2, 3, 4)))
    assert lost_yet(*again, TrialDone(2, 1, "dog", 9.0)) == {"torn": 1}
    assert lost_yet(*again, Reopened({"1": (0,), "2": (1, 2)})) == {}


FITTED_EARLY = (
    *(OPENED, GOOD, GOOD, BlockBegun(1, tuple(range(100)))),
    *(TrialDone(1, n, "cat", float(n)) for n in range(100) if n != 7),
    *(TrialLost(1, 7, "torn"), BlockOver(1, "aborted", 100, 100, "broken off"), Answered("fit")),
    Fitted("more", "about 300 more", 300, {}),
)


def test_more_after_an_early_fit_is_as_many_as_was_said_the_lost_ones_first():
    session = replayed(plan(3000, 100), (*FITTED_EARLY, Answered("more", 300)))
    assert session.pending == (7, *range(100, 399))
    assert session.blocks == (1, 4)
    told = progress_of(session, tallied(FITTED_EARLY))
    assert (told.done, told.planned) == (99, 399)


def test_more_than_is_left_goes_on_beyond_the_plan():
    session = replayed(plan(110, 100), (*FITTED_EARLY, Answered("more", 30)))
    assert session.pending == (7, *range(100, 129))
    assert session.plan == make_plan(session.plan.protocol, NAMES, 129)


def test_what_is_done_again_is_shown_though_little_more_was_wanted():
    more = (*FITTED_EARLY, Answered("more", 1), GOOD, GOOD, BlockBegun(2, (7,)))
    over = (TrialDone(2, 7, "cat", 200.0), BlockOver(2, "complete", 1, 1))
    redo = (*over, Fitted("redo", "bad", 0, {}), Answered("redo", 1))
    assert replayed(plan(3000, 100), (*more, *over)).phase == "fit"
    assert replayed(plan(3000, 100), (*more, *redo)).pending == (7,)
    half = tuple(n for n in range(50) if n != 7)  # a damaged file
    lost = Reopened({"1": half, "2": (7,)})
    found = replayed(plan(3000, 100), (*more, *over, lost))
    assert found.pending == tuple(n for n in range(50, 100))


def test_more_than_anybody_could_show_is_refused_at_once():
    with pytest.raises(SessionError, match=f"a session has {MOST_TRIALS} at most: say fewer"):
        replayed(plan(110, 100), (*FITTED_EARLY, Answered("more", 10**9)))


@pytest.mark.parametrize(("name", "minutes"), [("rsvp", 25), ("single", 20), ("demo", 3)])
def test_a_protocol_takes_as_long_as_its_file_says(name, minutes):
    session = Session(make_plan(load_protocol(name), load_everyday().names))
    assert round(progress_of(session, Tally()).left_s / 60) == minutes
