"""Whoever sits beside a session: what they see of it, and what they are asked.

Concurrent activities: none. The conductor tells its progress again and again, which is drawn at
most four times a second and never waits. A question waits for a person, and while it does nothing
is shown and no trial counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import typer
from rich.console import Console
from rich.live import Live

from saccade.calibration.hands import Answer
from saccade.calibration.progress import Progress
from saccade.calibration.session_events import Ask
from saccade.cli import common, session_view

REDRAW_EVERY_S = 0.25
NUMBERED = ("more", "redo")  # answers with which a number may come


class SessionDisplay:
    """Shows the session's state on stderr; where nothing can be drawn, a line for each phase.

    Parameters
    ----------
    title : str
        What stands above the state.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._console = Console(stderr=True)
        self._live: Live | None = None
        self._drawn_s = 0.0
        self._at = ("", 0)

    def __call__(self, progress: Progress) -> None:
        """Take how far the session has come."""
        now, at = time.monotonic(), (progress.phase, progress.block)
        if not self._console.is_terminal:
            if at != self._at:
                where, how_far = session_view.lines(progress)[:2]
                common.say(f"saccade: {where}: {how_far}")
                if progress.text:
                    common.say(f"saccade: {progress.text}")
        elif now - self._drawn_s >= REDRAW_EVERY_S or at != self._at:
            self._drawn_s = now
            if self._live is None:
                self._live = Live(console=self._console, auto_refresh=False)
                self._live.start()
            self._live.update(session_view.view(progress, self._title), refresh=True)
        self._at = at

    def close(self) -> None:
        """Let the last state stand, and leave the terminal to others; it may go on later."""
        if self._live is not None:
            self._live.stop()
            self._live = None


class TerminalOperator:
    """A person at the terminal; whoever leaves there, by Ctrl-C too, says quit.

    Parameters
    ----------
    display : SessionDisplay
        What they look at.
    stopped : callable
        Returns whether a signal asked to end.
    """

    def __init__(self, display: SessionDisplay, stopped: Callable[[], bool]) -> None:
        self.stopped = stopped
        self.progress = display
        self._display = display

    def ask(self, question: Ask) -> Answer:
        """Ask the person; an empty line takes what is suggested, ``more 200`` gives a number."""
        self._display.close()
        common.say(question.text)
        try:
            with common.breaking_off():
                return self._answer(question)
        except (KeyboardInterrupt, typer.Abort):  # Ctrl-C, or nobody is at the other end any more
            common.say("")
            return Answer("quit")

    def _answer(self, question: Ask) -> Answer:
        choices = {str(choice): choice for choice in question.choices}
        while not self.stopped():
            told = typer.prompt(
                ", ".join(choices), default=question.suggested, err=True, prompt_suffix="? "
            )
            word, _, number = str(told).strip().casefold().partition(" ")
            if number and word in choices and word not in NUMBERED:
                common.say(f"{word} takes no number")
            elif word in choices and (not number or number.isdecimal()):
                return Answer(choices[word], int(number or 0))
            else:
                common.say(f"please say one of {', '.join(choices)}")
        raise KeyboardInterrupt
