"""Reading a timing test to its end: told by the window, whether or not a marker ever came."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from saccade.cli import timing_test
from saccade.cli.timing_test import Asked
from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Chunk, Reading, StreamSpec

SPEC = StreamSpec("Amp", 100.0, ("Photodiode",), ("misc",), ("V",))
ASKED = Asked(None, 20, 0, windowed=True, simulated=False, speed=1.0, as_json=True)


class Window:
    def block(self, *_: Any) -> None:
        self.told = [{"at": "block_over", "number": 1, "stopped": False, "stamp_s": 52.0}]

    def poll(self, timeout_s: float) -> list[dict[str, Any]]:
        told, self.told = self.told, []
        return told


class Amplifier:
    def __init__(self, silent: bool = False) -> None:
        self.silent, self.index = silent, 0

    def read(self, timeout_s: float) -> Reading:
        if self.silent:
            return Reading(Chunk.empty(1, 0))
        numbers = np.arange(self.index, self.index + 10)
        chunk = Chunk(
            np.zeros((10, 1), np.float32), 50 + numbers / 100, np.zeros(10, np.uint16), self.index
        )
        self.index += 10
        return Reading(chunk)


def watch(amplifier: Amplifier) -> Any:
    settings = SimpleNamespace(pipeline=SimpleNamespace(dejitter=False))
    return timing_test._watch(amplifier, SPEC, Window(), 0, ASKED, settings)  # type: ignore[arg-type]


def test_it_ends_a_second_after_the_block_without_a_single_marker() -> None:
    seen = watch(Amplifier())
    assert not seen.flashes_s
    assert 53.0 < seen.stamps_s[-1][-1] < 53.2


def test_an_amplifier_that_sends_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing_test, "SILENT_S", 0.2)
    with pytest.raises(CalibrationError, match=r"'Amp' has sent nothing for 0\.2 s"):
        watch(Amplifier(silent=True))
