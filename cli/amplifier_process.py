"""The simulated amplifier as a process beside this one.

Concurrent activities: the process itself, ``saccade simulate --follow``; and a thread here that
reads what it says. It ends when its standard input does, so that it never outlives this process,
however that ends.
"""

from __future__ import annotations

import collections
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import TracebackType

from saccade.cli import common
from saccade.realtime.errors import SessionError

END_S = 10.0
LAST_WORDS = 3


class AmplifierProcess:
    """Runs ``saccade simulate`` until it is closed.

    Parameters
    ----------
    flags : sequence of str
        Its flags; it is started with ``--with-parent``.
    """

    def __init__(self, flags: Sequence[str]) -> None:
        self._sees = threading.Event()
        self._said: collections.deque[str] = collections.deque(maxlen=LAST_WORDS)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "saccade.cli.main", "simulate", *flags, "--with-parent"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for us; we end it
        )
        self._reader = threading.Thread(target=self._read, name="amplifier's words", daemon=True)
        self._reader.start()

    def wait_until_seen(self, timeout_s: float) -> None:
        """Wait until it sees the pictures.

        Raises
        ------
        SessionError
            If it has ended, or does not see them within the time.
        """
        self._sees.wait(timeout_s)
        self.check()
        if not self._sees.is_set():
            raise SessionError(
                f"the simulated amplifier did not find the pictures' stream within {timeout_s:g} s:"
                " does LSL reach this computer itself?"
            )

    def check(self) -> None:
        """Raise SessionError, with its last words, if it has ended: it will not come back."""
        code = self._process.poll()
        if code is not None:
            self._reader.join(END_S)
            raise SessionError(
                f"the simulated amplifier ended with code {code}; it said: "
                f"{' / '.join(self._said) or 'nothing'}"
            )

    def close(self) -> None:
        """End it, and say so if that was no clean end; may be called twice."""
        if self._process.stdin is None or self._process.stdin.closed:
            return
        self._process.stdin.close()
        try:
            code = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._sees.set()
        self._reader.join(END_S)
        if self._process.stderr is not None:
            self._process.stderr.close()
        if code:
            common.say(f"saccade: the amplifier: {' / '.join(self._said)}")

    def __enter__(self) -> AmplifierProcess:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it."""
        self.close()

    def _read(self) -> None:
        for line in self._process.stderr or ():
            text = line.strip().removeprefix("saccade: ")
            if text.startswith("sees "):
                self._sees.set()
            elif text:
                self._said.append(text)
        self._sees.set()  # whoever waits finds that it has ended
