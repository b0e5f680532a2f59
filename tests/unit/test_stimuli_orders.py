"""Settings and orders of the stimulus window: the same after a journey as JSON, or refused."""

from __future__ import annotations

import io
import json
import os
import threading
from typing import Any

import pytest

from saccade.calibration.stimuli import Photodiode, StimuliSettings
from saccade.gui.stimuli import orders
from saccade.gui.stimuli.parent import Gone, Parent
from saccade.realtime.errors import ConfigError, SaccadeError

BLOCK: dict[str, Any] = {
    "do": "block",
    "number": 1,
    "of": 6,
    "lead_in_s": 5.0,
    "sequences": [
        {
            "number": 4,
            "trials": [
                {"trial": 17, "concept": "cat", "picture": 0, "on_s": 0.1, "soa_s": 0.2},
                {"trial": -1, "concept": "dog", "picture": 1, "on_s": 0.1, "soa_s": 0.2}
                | {"catch": True},
            ],
            "question": {"target": "dog", "seen": True},
        }
    ],
}


def changed(**fields: Any) -> str:
    """Return the block with fields of its first trial changed."""
    block = json.loads(json.dumps(BLOCK))
    block["sequences"][0]["trials"][0] |= fields
    return json.dumps(block)


def test_settings_are_the_same_after_a_journey_as_json() -> None:
    settings = StimuliSettings(
        "pictures",
        "events",
        photodiode=Photodiode("top-right", 40),
        pictures={"Café": ("a.png", "b.png"), "cat": ()},
        speed=4.0,
        origin_s=12345.678901234567,
        size_px=(800, 600),
    )
    assert StimuliSettings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"events_stream": "pictures"}, "two streams need two names"),
        ({"stream": ""}, "two streams need two names"),
        ({"surface": "paper"}, "surface is one of auto, gl, raster"),
        ({"surface": "gl", "speed": 4.0}, "can't run 4 times as fast"),
        ({"speed": 0.0}, "speed"),
        ({"size_px": (960, 100)}, "960 × 100 pixels is too small"),
        ({"picture_share": 0.01}, "picture_share should be 0.05 to 1, not 0.01"),
        ({"auto_correct": 1.2}, "auto_correct should be 0 to 1"),
        ({"refresh_hz": 5.0}, "refresh_hz should be 20 to 1000, not 5"),
        ({"wait_s": -1.0}, "wait_s should be 0 to 600"),
        ({"wait_s": float("nan")}, "wait_s should be 0 to 600"),
        ({"background": "grey-ish"}, "'grey-ish' is no colour"),
    ],
)
def test_settings_of_which_no_window_can_be_made_are_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        StimuliSettings(**{"stream": "pictures", "events_stream": "events", **changes})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"corner": "middle"}, "corner is one of top-left, .*not 'middle'"),
        ({"size_px": 4}, "8 to 500 pixels"),
    ],
)
def test_a_square_that_no_diode_could_see_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Photodiode(**values)


@pytest.mark.parametrize("text", ["", "[]", '{"stream": "a"}', '{"stream": "a", "colour": 3}'])
def test_a_file_that_holds_no_settings_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no settings of a stimulus window"):
        StimuliSettings.from_json(text)


def test_a_block_is_read() -> None:
    block = orders.read_order(json.dumps(BLOCK))
    assert block == orders.Block(
        number=1,
        of=6,
        sequences=(
            orders.Sequence(
                4,
                (
                    orders.Trial(17, "cat", 0, 0.1, 0.2),
                    orders.Trial(-1, "dog", 1, 0.1, 0.2, catch=True),
                ),
                orders.Question("dog", seen=True),
            ),
        ),
        lead_in_s=5.0,
    )


def test_the_other_orders_are_read() -> None:
    rest = orders.read_order('{"do": "rest", "seconds": 30, "title": "Rest", "text": ""}')
    assert rest == orders.Rest(30, "Rest", "")
    assert orders.read_order('{"do": "text", "title": "Hello"}') == orders.Text("Hello", "")
    assert orders.read_order('{"do": "stop"}') == orders.Stop()
    assert orders.read_order('{"do": "end"}') == orders.End()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no json", "one JSON object a line"),
        ("[1]", "is one of block, rest, text, stop, end, not None"),
        ('{"do": "dance"}', "not 'dance'"),
        ('{"do": "rest"}', "this is no 'rest': TypeError: .*seconds"),
        ('{"do": "rest", "seconds": -1}', "a rest lasts 0 to 3600 s, not -1"),
        ('{"do": "end", "now": true}', "this is no 'end'"),
        ('{"do": "block", "number": 1}', "this is no 'block': KeyError: 'sequences'"),
        ('{"do": "block", "number": 1, "of": 1, "sequences": []}', "block 1 should have sequences"),
        (json.dumps(BLOCK | {"sequences": [{"number": 1, "trials": []}]}), "at least one picture"),
        (json.dumps(BLOCK | {"lead_in_s": -1}), "lead-in lasts 0 to 600 s, not -1"),
        (changed(on_s=0.0), "trial 17 should be on for more than 0 s"),
        (changed(on_s=0.3), r"on_s is 0\.3 and soa_s 0\.2"),
        (changed(soa_s=float("inf")), "trial 17"),
        (changed(concept=5), "trial 17 needs the name of a concept, not 5"),
        (changed(concept=""), "trial 17 needs the name"),
        (changed(colour="red"), "this is no 'block': TypeError"),
        (changed(on_s="long"), "this is no 'block': TypeError"),
    ],
)
def test_what_is_no_order_is_refused(line: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        orders.read_order(line)


class Line:
    """Orders through a pipe, as from another process."""

    def __init__(self) -> None:
        read, self._write = os.pipe()
        self.pipe = os.fdopen(read, "rb", buffering=0)
        self.told = io.BytesIO()
        self.parent = Parent(self.pipe, self.told)

    def send(self, *lines: str) -> None:
        os.write(self._write, "".join(f"{line}\n" for line in lines).encode())

    def end(self) -> None:
        os.close(self._write)

    def next(self) -> Any:
        """Wait for the next order."""
        pause = threading.Event()
        for _ in range(2000):
            order = self.parent.order()
            if order is not None:
                return order
            pause.wait(0.005)
        raise AssertionError("no order came within 10 s")


@pytest.fixture
def line() -> Any:
    made = Line()
    yield made
    for thread in threading.enumerate():  # which reads the pipe to its end, then nothing more
        if thread.name == "saccade-stimuli-orders":
            thread.join(10.0)
    made.pipe.close()


def test_orders_come_in_order_and_the_end_of_the_input_is_the_end(line: Line) -> None:
    line.send('{"do": "text", "title": "a"}', "", "nonsense", '{"do": "rest", "seconds": 1}')
    line.end()
    assert line.next() == orders.Text("a")
    assert isinstance(line.next(), SaccadeError)
    assert line.next() == orders.Rest(1)
    assert line.next() == orders.End()
    assert line.parent.order() is None


def test_stop_overtakes_what_waits(line: Line) -> None:
    assert not line.parent.breaks_off()
    line.send('{"do": "text", "title": "a"}')
    line.send('{"do": "stop"}', '{"do": "text", "title": "b"}')
    pause = threading.Event()
    while not line.parent.breaks_off():
        pause.wait(0.005)
    assert line.next() == orders.Stop()
    assert line.next() == orders.Text("b")
    line.end()
    assert line.next() == orders.End()


def test_messages_are_a_line_each_until_nobody_reads(line: Line) -> None:
    line.parent.tell({"at": "ready", "name": "Käse"})
    line.parent.tell({"at": "continue"})
    told = [json.loads(text) for text in line.told.getvalue().splitlines()]
    assert told == [{"at": "ready", "name": "Käse"}, {"at": "continue"}]
    line.told.close()
    with pytest.raises(Gone):
        line.parent.tell({"at": "continue"})
    line.end()
