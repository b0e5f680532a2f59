"""How far a session has come: what an operator sees."""

from __future__ import annotations

import collections
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from saccade.calibration.session import Session
from saccade.calibration.session_summary import Tally
from saccade.realtime.sinks.tally import kind_of


@dataclass(frozen=True, slots=True)
class Progress:
    """A session as it stands.

    Parameters
    ----------
    phase : str
        Of :class:`~saccade.calibration.session.Session`.
    block, of : int
        Which block it is, from 1, and how many there will be in all, as it looks now.
    done, planned : int
        Trials.
    kept : int
        Trials done that nothing speaks against.
    rejected, lost : mapping of str to int
        Why trials may not count, and why some are yet to be shown again.
    shown, markers : int
        Pictures that count in this block, and their markers.
    questions, targets, hits, false_alarms : int
        Questions asked; sequences with the target, and those in which it was seen; sequences
        without, in which it was.
    dropped_frames : int
        Frames that came late.
    left_s : float
        How long it will take yet, as planned, in s of the session.
    bad : mapping of str to str
        Channels that are bad now, and why.
    check : mapping or None
        The latest figures after a block.
    text : str
        What there is to say.
    """

    phase: str
    block: int = 0
    of: int = 0
    done: int = 0
    planned: int = 0
    kept: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    lost: Mapping[str, int] = field(default_factory=dict)
    shown: int = 0
    markers: int = 0
    questions: int = 0
    targets: int = 0
    hits: int = 0
    false_alarms: int = 0
    dropped_frames: int = 0
    left_s: float = 0.0
    bad: Mapping[str, str] = field(default_factory=dict)
    check: Mapping[str, Any] | None = None
    text: str = ""


def progress_of(
    session: Session,
    tally: Tally,
    *,
    shown: int = 0,
    markers: int = 0,
    bad: Mapping[str, str] | None = None,
    text: str = "",
) -> Progress:
    """Return how far a session has come; the keywords are fields of :class:`Progress`."""
    before, of = session.blocks
    pending, done = session.pending, len(session.done)
    runs = [tally.runs[number] for number in session.numbers]
    rejected = sum((collections.Counter(run.rejected) for run in runs), collections.Counter[str]())
    lost = collections.Counter(kind_of(tally.lost[n]) for n in pending if n in tally.lost)
    return Progress(
        phase=session.phase,
        block=before + (session.phase in ("setup", "gate", "doubt", "ready") and bool(pending)),
        of=of,
        done=done,
        planned=done + len(pending),
        kept=done - min(done, rejected.total()),
        rejected=dict(rejected),
        lost=dict(lost),
        shown=shown,
        markers=markers,
        left_s=_left_s(session, of - before),
        bad=dict(bad or {}),
        check=tally.check,
        text=text,
        **tally.counts(session.numbers),
    )


def _left_s(session: Session, blocks_left: int) -> float:
    """Return about how long it will take yet, in s."""
    plan, pending = session.plan, session.pending
    protocol = plan.protocol
    n_sequences = len(pending) / protocol.sequence_length if protocol.sequence_length else 0.0
    each_s = SEQUENCE_S + QUESTION_S * bool(protocol.catch_share)
    rests_s = max(0, blocks_left - (session.phase != "block")) * protocol.rest_s
    shown_s = plan.duration_s(pending) + len(pending) * PREPARED_S
    return shown_s + n_sequences * each_s + blocks_left * protocol.lead_in_s + rests_s


SEQUENCE_S, QUESTION_S = 1.5, 2.0  # what a sequence takes beside its pictures, and an answer
PREPARED_S = 1 / 60  # a frame, in which a picture is made ready before its sequence
