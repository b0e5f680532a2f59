"""What a client may ask for: checked, put before the loop, and answered.

Concurrent activities: the methods run in the control server's thread. A decoder that is to take
over is read and verified in another, and only then the loop hears of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saccade.realtime.control import commands as loop
from saccade.realtime.control.commands import Action, Commands
from saccade.realtime.engine import Engine
from saccade.realtime.errors import ControlError, SaccadeError
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.protocols import Decoder

logger = logging.getLogger(__name__)

ANSWER_S = 10.0  # for the loop to take up a command
LONGEST_MARK = 256

PLAIN: dict[str, Action] = {
    "status": loop.status,
    "pause": loop.pause,
    "resume": loop.resume,
    "reset": loop.reset,
    "stop": loop.end,
}
WITH_A_VALUE = ("mark", "swap")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A decoder that was found to fit the running session.

    Parameters
    ----------
    decoder : Decoder
        What takes over.
    evidence : EvidenceSettings or None
        How what it says is weighed; None where nothing is decided.
    about : dict
        What to tell of it, JSON-ready.
    """

    decoder: Decoder
    evidence: EvidenceSettings | None
    about: dict[str, Any]


Prepare = Callable[[Path], Prepared]
"""Reads and verifies a decoder file; raises a SaccadeError that names what does not fit."""


class Requests:
    """Answers what clients of one session ask for.

    Parameters
    ----------
    commands : Commands
        The way to the loop.
    prepare : callable or None
        What reads a decoder that is to take over; None refuses to swap.
    """

    def __init__(self, commands: Commands, prepare: Prepare | None) -> None:
        self._commands = commands
        self._prepare = prepare
        self._preparing = False

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what is asked and return the answer; a refusal has one key, ``error``."""
        try:
            do, value = _checked(request)
            if do == "mark":
                action = loop.mark(value)
            elif do == "swap":
                action = await self._swap(value)
            else:
                action = PLAIN[do]
            return {"ok": True, **await self._done(action)}
        except SaccadeError as error:
            return {"error": str(error)}

    async def _done(self, action: Action) -> dict[str, Any]:
        """Return what the loop answers; what it does not take up in time is withdrawn."""
        future = self._commands.submit(action)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), ANSWER_S)
        except TimeoutError as error:
            withdrawn = "it is withdrawn" if future.cancel() else "it is being done"
            raise ControlError(
                f"the session has not taken up the command for {ANSWER_S:g} s, and {withdrawn}: "
                "is it held up?"
            ) from error

    async def _swap(self, value: str) -> Action:
        """Verify a decoder while the session goes on; return what lets it take over."""
        path = Path(value)
        if self._prepare is None:
            raise ControlError("in this session no decoder can be swapped")
        if not path.is_absolute():
            raise ControlError(f"the decoder's whole path is expected, not '{value:.80}'")
        if self._preparing:
            raise ControlError("another decoder is being verified: wait for it")
        self._preparing = True
        try:
            ready = await asyncio.to_thread(self._prepare, path)
        except SaccadeError:
            raise
        except Exception as error:  # a bug, or a file made to cause one; the session goes on
            logger.exception("a decoder could not be verified")
            raise ControlError(
                f"{path.name} can't be verified: {type(error).__name__}: {error}"
            ) from error
        finally:
            self._preparing = False

        def swap(engine: Engine) -> dict[str, Any]:
            engine.swap(ready.decoder, ready.evidence, **ready.about)
            return ready.about

        return swap


def _checked(request: dict[str, Any]) -> tuple[str, str]:
    """Return what is asked for, and the value it needs ("" where it needs none)."""
    do, value = request.get("do"), request.get("value")
    known = (*PLAIN, *WITH_A_VALUE)
    if do not in known:
        raise ControlError(f"'do' must be one of {', '.join(known)}, not {do!r:.40}")
    unknown = request.keys() - {"do", "value"}
    if unknown:
        raise ControlError(f"a request has 'do' and 'value', not {', '.join(sorted(unknown)):.80}")
    if do not in WITH_A_VALUE:
        if value is not None:
            raise ControlError(f"'{do}' takes no value, but {value!r:.40} came")
        return str(do), ""
    if not isinstance(value, str):
        raise ControlError(f"'{do}' needs a text as 'value', not {value!r:.40}")
    if do == "mark" and not (0 < len(value) <= LONGEST_MARK and value.isprintable()):
        raise ControlError(
            f"a mark has 1 to {LONGEST_MARK} characters, all of them visible or blank, not "
            f"{len(value)} as in {value!r:.40}"
        )
    if do == "mark" and value != value.strip():
        raise ControlError(f"a mark begins and ends with no blank, as '{value:.40}' does: strip it")
    return str(do), value
