"""Commands a running session, from any program on the same computer.

>>> with ControlClient() as session:  # doctest: +SKIP
...     session.mark("rest")
...     session.pause()
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from saccade.realtime.control.connection import Connection
from saccade.realtime.control.sessions import find

SWAP_S = 60.0  # at most, to read and verify a decoder


class ControlClient:
    """A conversation with a running session; for one thread.

    Parameters
    ----------
    session : str or None
        Its name; None takes the only one that runs.
    timeout_s : float
        How long to wait for an answer, in s.
    folder : Path or None
        Where sessions are found; None takes the user's own.

    Attributes
    ----------
    name : str
        Of the session.

    Raises
    ------
    ControlError
        If there is no such session, or it is not clear which is meant, or it does not answer.
        The methods raise it too, with the session's own sentence if it refuses.
    """

    def __init__(
        self, session: str | None = None, *, timeout_s: float = 10.0, folder: Path | None = None
    ) -> None:
        found = find(session, folder)
        self.name = found.name
        self._timeout_s = timeout_s
        self._connection = Connection(found.port, found.token, timeout_s)

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Hang up."""
        self.close()

    def close(self) -> None:
        """Hang up; the session goes on."""
        self._connection.close()

    def status(self) -> dict[str, Any]:
        """Return how the session does.

        Returns
        -------
        dict
            The summary so far, as :meth:`saccade.realtime.engine.Engine.summary` has it, with
            ``pid``, ``stream``, ``paused`` and, where a decoder file is at work,
            ``decoder_sha256``.
        """
        return self._ask("status")

    def pause(self) -> None:
        """Pause predictions and decisions; receiving and recording go on."""
        self._ask("pause")

    def resume(self) -> None:
        """Go on with predictions and decisions."""
        self._ask("resume")

    def reset(self) -> None:
        """Forget the evidence so far."""
        self._ask("reset")

    def mark(self, value: str) -> float:
        """Put a marker at the newest sample; return its time in s, on the clock of the stamps."""
        return float(self._ask("mark", value)["stamp_s"])

    def swap(self, path: Path | str) -> dict[str, Any]:
        """Let another decoder file take over; return what the session tells of it."""
        return self._ask("swap", str(Path(path).absolute()), max(SWAP_S, self._timeout_s))

    def stop(self) -> None:
        """End the session."""
        self._ask("stop")

    def _ask(
        self, do: str, value: str | None = None, timeout_s: float | None = None
    ) -> dict[str, Any]:
        request = {"do": do} if value is None else {"do": do, "value": value}
        answer = self._connection.ask(request, timeout_s or self._timeout_s)
        return {key: told for key, told in answer.items() if key != "ok"}
