"""Saccade's own programs, started by the examples."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ENDS_WITHIN_S = 600.0


class Program:
    """A saccade program that was started; its output goes to files, where nobody need read it.

    A program whose output goes to a pipe stands still once that is full.
    """

    def __init__(self, folder: Path, *arguments: object) -> None:
        self._verb = str(arguments[0])
        self._result, self._words = (folder / f"{self._verb}.{end}" for end in ("out", "err"))
        command = [sys.executable, "-m", "saccade.cli.main", *map(str, arguments)]
        with self._result.open("w") as result, self._words.open("w") as words:
            self._process = subprocess.Popen(command, stdout=result, stderr=words)

    def said(self) -> str:
        """Return what it has said so far; end with that if it has failed."""
        code = self._process.poll()
        said = self._words.read_text(errors="replace")
        if code:
            raise SystemExit(f"saccade {self._verb} ended with {code}: {said}")
        return said

    def result(self) -> dict[str, Any]:
        """Wait for its end; return its result."""
        self._process.wait(ENDS_WITHIN_S)
        self.said()
        return json.loads(self._result.read_text(errors="replace").splitlines()[-1])

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
