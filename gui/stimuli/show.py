"""The course of things on the stimulus window: one order after the other, frame by frame.

Everything here runs in one thread and reads from top to bottom: after each frame, and nowhere
else, :meth:`Show._attend` looks at keys and orders. What breaks off a block comes out of it as an
exception, wherever the block is; a picture that was flipped has its marker by then.

Messages, each with ``"at"``; all but the first three are also on the events stream, and have the
number of the order that they are about as ``"order"``:

``ready`` refresh_hz, vsync, surface, size_px, priority · ``alive``: a frame was shown, where
nothing else is told for a second · ``refused`` text · ``waiting`` number ·
``block`` number, of · ``notice`` text · ``shown`` trial, concept, stamp_s · ``catch`` concept,
stamp_s · ``dropped`` trial, frames · ``sequence`` number · ``question``
sequence, target · ``answer`` sequence, seen, yes (null: none came), correct, after_s ·
``block_over`` number, stopped · ``rest`` seconds · ``rest_over`` stopped · ``aborted``
"""

from __future__ import annotations

import math
import random
from typing import Any

from saccade.calibration.stimuli import StimuliSettings
from saccade.gui.stimuli import keys
from saccade.gui.stimuli.frames import WORTH_TELLING_S, FrameWatch, Schedule, schedule
from saccade.gui.stimuli.orders import Block, End, Question, Rest, Sequence, Text, Trial
from saccade.gui.stimuli.outlets import StimulusOutlets
from saccade.gui.stimuli.parent import Parent
from saccade.gui.stimuli.scenes import Scenes
from saccade.gui.stimuli.screen import Scene, Screen
from saccade.realtime.errors import ConfigError, SaccadeError
from saccade.realtime.session_clock import SessionClock

AUTO_ANSWERS_AFTER_S = 0.4
MOMENT = "One moment"


class BrokenOff(Exception):
    """What is being shown is to end now."""


class Aborted(BrokenOff):
    """The person wants it to end."""


class Show:
    """Obeys orders until the last.

    Parameters
    ----------
    settings : StimuliSettings
        What stays the same.
    screen : Screen
        Where it is shown.
    parent : Parent
        Where orders come from and messages go to.
    outlets : StimulusOutlets
        Where markers go to.
    clock : SessionClock
        The time of stamps that are no flip's.
    """

    def __init__(
        self,
        settings: StimuliSettings,
        screen: Screen,
        parent: Parent,
        outlets: StimulusOutlets,
        clock: SessionClock,
    ) -> None:
        self._settings = settings
        self._screen = screen
        self._parent = parent
        self._outlets = outlets
        self._clock = clock
        self._scenes = Scenes(settings, screen)
        self._escape = keys.Escape()
        self._random = random.Random(settings.seed)
        self._pressed: list[str] = []
        self._page: Scene = self._scenes.dark  # what is seen while nothing is done
        self._order = 0  # number of the newest
        self._told_rounding = False

    def run(self) -> None:
        """Obey orders until one says to end."""
        while True:
            order = self._parent.order()
            match order:
                case None:
                    self._idle()
                case End():
                    return
                case SaccadeError():
                    self._parent.tell({"at": "refused", "text": str(order)})
                case Text():
                    self._order = order.order
                    self._page = self._scenes.page(order.title, order.text)
                case Block() | Rest():
                    self._order = order.order
                    self._obey(order)

    def _obey(self, order: Block | Rest) -> None:
        try:
            if isinstance(order, Block):
                self._block(order)
            else:
                self._rest(order)
        except Aborted:
            self._tell("aborted")
        except BrokenOff:
            if isinstance(order, Block):
                self._tell("block_over", number=order.number, stopped=True)
            else:
                self._tell("rest_over", stopped=True)
        except SaccadeError as error:
            self._parent.tell({"at": "refused", "text": str(error), "order": order.order})
        block = isinstance(order, Block)
        self._page = self._scenes.dark if block else self._scenes.page(MOMENT)

    def _block(self, block: Block) -> None:
        schedules = [schedule(s.trials, self._screen.refresh_hz) for s in block.sequences]
        self._tell_rounding(schedules)
        self._await_receiver(block.number)
        self._tell("block", number=block.number, of=block.of)
        title = f"Block {block.number} of {block.of}"
        page = self._scenes.page(title, "Look at the mark in the middle.")
        self._for_s(block.lead_in_s / 2, page)
        self._for_s(block.lead_in_s / 2, self._scenes.mark)
        for sequence, planned in zip(block.sequences, schedules, strict=True):
            self._sequence(sequence, planned)
            if sequence.question is not None:
                self._question(sequence.number, sequence.question)
        self._tell("block_over", number=block.number, stopped=False)

    def _sequence(self, sequence: Sequence, planned: Schedule) -> None:
        self._tell("sequence", number=sequence.number)
        scenes = self._prepared(sequence)
        self._for_s(self._settings.fixation_s, self._scenes.mark)
        changes = {change.frame: change.trial for change in planned.changes}
        watch = FrameWatch(self._screen.refresh_hz)
        newest = sequence.trials[0].trial
        for frame in range(planned.n_frames):
            trial = changes.get(frame)
            if frame in changes:
                scene = scenes[None if trial is None else _image(trial)]
            stamp_s = self._screen.flip(scene)
            missed = watch.step(stamp_s)
            if missed:
                self._tell("dropped", stamp_s, trial=newest, frames=missed)
            if trial is not None:
                newest = trial.trial
                self._mark(trial, stamp_s)
            self._attend(stamp_s)
        self._for_s(self._settings.settle_s, self._scenes.mark)

    def _prepared(self, sequence: Sequence) -> dict[tuple[str, int] | None, Scene]:
        """Return every scene of a sequence, its image ready; None stands for no picture."""
        scenes: dict[tuple[str, int] | None, Scene] = {None: self._scenes.mark}
        for image in {_image(trial) for trial in sequence.trials}:
            scenes[image] = self._scenes.picture(*image)
            self._frame(self._scenes.mark)
        return scenes

    def _mark(self, trial: Trial, stamp_s: float) -> None:
        if trial.catch:
            self._tell("catch", stamp_s, concept=trial.concept)
            return
        self._outlets.mark(trial.concept, stamp_s)
        self._tell("shown", stamp_s, trial=trial.trial, concept=trial.concept)

    def _question(self, number: int, question: Question) -> None:
        title = f"Did you see “{question.target}”?"
        page = self._scenes.page(title, footer=keys.footer("yes", "no"))
        asked_s = self._frame(page)
        self._tell("question", asked_s, sequence=number, target=question.target)
        said_yes, at_s = self._answer(question, page, asked_s)
        self._tell(
            "answer",
            at_s,
            sequence=number,
            seen=question.seen,
            yes=said_yes,
            correct=said_yes == question.seen,
            after_s=at_s - asked_s,
        )

    def _answer(self, question: Question, page: Scene, asked_s: float) -> tuple[bool | None, float]:
        self._pressed = []
        right = self._random.random() < self._settings.auto_correct
        while True:
            now_s = self._frame(page)
            if self._settings.auto and now_s - asked_s >= AUTO_ANSWERS_AFTER_S:
                return question.seen == right, now_s
            for meaning in self._pressed:
                if meaning in ("yes", "no"):
                    return meaning == "yes", now_s
            if now_s - asked_s >= self._settings.answer_s:
                return None, now_s

    def _rest(self, rest: Rest) -> None:
        begun_s = self._frame(self._scenes.dark)
        self._tell("rest", begun_s, seconds=rest.seconds)
        length_s = 0.0 if self._settings.auto else rest.seconds
        page, shown = self._scenes.dark, None
        self._pressed = []
        while (left_s := begun_s + length_s - self._clock.now()) > 0:
            whole = math.ceil(left_s)
            if whole != shown:
                shown = whole
                text = f"{rest.text}\n\n{whole // 60}:{whole % 60:02d}".strip()
                page = self._scenes.page(rest.title, text, keys.footer("continue"))
            self._frame(page)
            if "continue" in self._pressed:
                break
        self._tell("rest_over", stopped=False)

    def _await_receiver(self, number: int) -> None:
        """Wait until somebody receives the markers: what is sent before is lost to them."""
        if self._outlets.heard():
            return
        self._tell("waiting", number=number)
        page = self._scenes.page(MOMENT)
        wait_s = self._settings.wait_s * self._settings.speed
        end_s = self._clock.now() + wait_s
        while not self._outlets.heard():
            if self._frame(page) > end_s:
                raise ConfigError(
                    f"nobody received the markers '{self._settings.stream}' within "
                    f"{self._settings.wait_s:g} s: start what records them"
                )

    def _tell_rounding(self, schedules: list[Schedule]) -> None:
        rounded_s = max(planned.rounded_s for planned in schedules)
        if rounded_s > WORTH_TELLING_S and not self._told_rounding:
            self._told_rounding = True
            self._tell(
                "notice",
                text=f"durations are whole frames at {self._screen.refresh_hz:.2f} Hz, up to "
                f"{1e3 * rounded_s:.1f} ms from what was asked for",
            )

    def _for_s(self, duration_s: float, scene: Scene) -> None:
        for _ in range(round(duration_s * self._screen.refresh_hz)):
            self._frame(scene)

    def _idle(self) -> None:
        """Wait for an order; keep the window alive meanwhile."""
        try:
            self._frame(self._page)
        except Aborted:
            self._tell("aborted")
        except BrokenOff:
            return  # the order that says so is the next

    def _frame(self, scene: Scene) -> float:
        """Show a scene for a frame; return when that began, or raise as :meth:`_attend` does."""
        stamp_s = self._screen.flip(scene)
        self._attend(stamp_s)
        return stamp_s

    def _attend(self, stamp_s: float) -> None:
        """Look at keys and orders.

        Raises
        ------
        BrokenOff
            If the person or an order ends what is being shown.
        """
        self._parent.alive()
        for key in self._screen.pressed():
            if self._escape.step(key, stamp_s):
                raise Aborted
            if key in keys.MEANINGS:
                self._pressed.append(keys.MEANINGS[key])
        if self._parent.breaks_off():
            raise BrokenOff

    def _tell(self, at: str, stamp_s: float | None = None, **content: Any) -> None:
        stamp_s = self._clock.now() if stamp_s is None else stamp_s
        message = {"at": at, **content, "order": self._order, "stamp_s": stamp_s}
        self._parent.tell(message)
        self._outlets.event(message, stamp_s)


def _image(trial: Trial) -> tuple[str, int]:
    return trial.concept, trial.picture
