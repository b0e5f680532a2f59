"""The stimulus window as a process: on an X screen, with markers over LSL, and when all fails."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pylsl
import pytest

from saccade.calibration.stimulator import StimulusProcess
from saccade.calibration.stimuli import Photodiode, StimuliSettings
from saccade.realtime.errors import SessionError

pytestmark = [
    pytest.mark.lsl,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X screens are Linux's"),
]

Start = Callable[..., tuple[StimulusProcess, dict[str, Any]]]


@pytest.fixture
def start(stream_name: str, x_display: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Return what starts the window on an X screen that nobody sees."""
    monkeypatch.setenv("DISPLAY", x_display)
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    started = []

    def begin(**settings: Any) -> tuple[StimulusProcess, dict[str, Any]]:
        process = StimulusProcess(
            StimuliSettings(
                **{
                    "stream": stream_name,
                    "events_stream": f"{stream_name}-events",
                    "full_screen": False,
                    "size_px": (400, 300),
                    "fixation_s": 0.1,
                    "settle_s": 0.1,
                    **settings,
                }
            )
        )
        started.append(process)
        return process, process.start()

    yield begin
    for process in started:
        process.close()


@pytest.fixture
def inlet(stream_name: str) -> Callable[[str], pylsl.StreamInlet]:
    """Return what opens one of the window's two streams, by what follows its name."""

    def join(part: str = "") -> pylsl.StreamInlet:
        (info, *_) = pylsl.resolve_byprop("name", stream_name + part, 1, 60.0)
        made = pylsl.StreamInlet(info)
        made.open_stream(60.0)
        return made

    return join


def sequence(number: int, n: int, question: bool = False) -> dict[str, Any]:
    concepts = ("dog", "cat", "a name with ümläuts", "car")
    return {
        "number": number,
        "trials": [
            {"trial": n * number + i, "concept": concepts[i % 4], "picture": 0, "on_s": 0.1}
            | {"soa_s": 0.2, "catch": i == 3}
            for i in range(n)
        ],
        "question": {"target": "dog", "seen": True} if question else None,
    }


def until(process: StimulusProcess, *at: str) -> list[dict[str, Any]]:
    """Return all messages to the first of these."""
    messages: list[dict[str, Any]] = []
    end_s = time.monotonic() + 60.0
    while not messages or messages[-1]["at"] not in at:
        assert time.monotonic() < end_s, f"none of {at} in {messages}"
        messages += process.poll(1.0)
    return messages


def pulled(inlet: pylsl.StreamInlet, n: int) -> list[tuple[str, float]]:
    samples = [inlet.pull_sample(10.0) for _ in range(n)]
    return [(values[0], stamp) for values, stamp in samples]


def test_a_block_on_an_x_screen_four_times_as_fast(start: Start, inlet: Any) -> None:
    process, about = start(
        speed=4.0, origin_s=pylsl.local_clock(), auto=True, photodiode=Photodiode()
    )
    assert about["surface"] == "raster"
    assert about["size_px"] == [400, 300]
    markers, events = inlet(), inlet("-events")
    process.block(1, 2, [sequence(0, 10, question=True), sequence(1, 10)], 1.0)
    told = until(process, "block_over", "refused")
    assert told[-1] == {"at": "block_over", "number": 1, "stopped": False, "order": 1} | {
        "stamp_s": told[-1]["stamp_s"]
    }
    shown = [m for m in told if m["at"] == "shown"]
    assert [m["trial"] for m in shown] == [n for n in range(20) if n % 10 != 3]
    assert pulled(markers, len(shown)) == [(m["concept"], m["stamp_s"]) for m in shown]
    assert [json.loads(text) for text, _ in pulled(events, len(told))] == told
    (caught, *_) = [m for m in told if m["at"] == "catch"]
    assert caught["concept"] == "car"
    (answer,) = [m for m in told if m["at"] == "answer"]
    assert answer["yes"] is answer["correct"] is True
    missed = sum(m["frames"] for m in told if m["at"] == "dropped")
    steps_s = [b["stamp_s"] - a["stamp_s"] for a, b in itertools.pairwise(shown[3:9])]
    assert steps_s == pytest.approx([0.2] * 5, abs=0.04 + missed / 60)


def test_the_streams_say_what_they_are(start: Start, inlet: Any) -> None:
    start(speed=2.0, origin_s=pylsl.local_clock())
    info = inlet().info()
    assert (info.type(), info.channel_count(), info.nominal_srate()) == ("Markers", 1, 0.0)
    own = info.desc().child("saccade")
    assert float(own.child_value("speed")) == 2.0
    assert json.loads(own.child_value("stimuli"))["refresh_hz"] == 60.0
    assert inlet("-events").info().type() == "Events"


BOTH_SURFACES = """
import hashlib, json, sys
from PySide6.QtGui import QGuiApplication, QImage
from saccade.calibration.stimuli import StimuliSettings
from saccade.gui.stimuli import pages
from saccade.gui.stimuli.drawings.draw import draw
from saccade.gui.stimuli.open_screen import open_screen
from saccade.gui.stimuli.screen import Placed
from saccade.realtime.errors import ConfigError
from saccade.realtime.session_clock import SessionClock

application = QGuiApplication([])
seen = {}
for surface in ("raster", "gl"):
    settings = StimuliSettings("a", "b", full_screen=False, size_px=(400, 300), surface=surface)
    try:
        screen = open_screen(settings, SessionClock())
    except ConfigError as error:
        sys.exit(str(error))
    picture = Placed.centred(screen.upload(draw("dog", 151)), screen.size)
    mark = Placed.centred(screen.upload(pages.fixation(600)), screen.size)
    page = Placed(screen.upload(pages.page(screen.size, "#808080", "Rest", "0:10")), 0, 0)
    seen[surface] = []
    for scene in ((), (picture, mark), (page,), (Placed(picture.texture, 0, 149), mark)):
        for _ in range(3):
            screen.flip(scene)
        window = screen._window
        image = window.screen().grabWindow(window.winId()).toImage()
        image = image.convertToFormat(QImage.Format.Format_RGB32)
        seen[surface].append(hashlib.sha256(bytes(image.constBits())).hexdigest())
    screen.close()
print(json.dumps(seen))
"""


def test_opengl_draws_what_the_other_surface_draws(x_display: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BOTH_SURFACES],
        env={**os.environ, "DISPLAY": x_display, "QT_QPA_PLATFORM": "xcb"},
        capture_output=True,
        text=True,
        check=False,
    )
    if "no OpenGL here" in done.stderr:
        pytest.skip("there is no OpenGL on this X screen: apt-get install libgl1-mesa-dri")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert len(set(seen["raster"])) == 4
    assert seen["gl"] == seen["raster"]


def test_auto_follows_the_clock_where_flips_follow_no_display(start: Start) -> None:
    _, about = start(surface="auto")
    assert (about["surface"], about["vsync"]) == ("raster", False)


def test_stop_breaks_off_and_the_window_goes_on(start: Start, inlet: Any) -> None:
    process, _ = start(auto=True)
    markers = inlet()
    process.block(1, 2, [sequence(0, 200)], 0.0)
    until(process, "shown")
    process.stop()
    first = until(process, "block_over")
    assert first[-1]["stopped"]
    process.block(2, 2, [sequence(0, 4)], 0.0)
    second = until(process, "block_over")
    assert not second[-1]["stopped"]
    n_shown = 1 + sum(m["at"] == "shown" for m in first + second)
    assert len(pulled(markers, n_shown)) == n_shown


def test_what_a_stopped_block_had_to_say_is_no_news_of_the_next(start: Start, inlet: Any) -> None:
    """Nobody listens between the two, as while the signal is looked at."""
    process, _ = start(auto=True)
    _markers, events = inlet(), inlet("-events")
    process.block(1, 2, [sequence(0, 200)], 0.0)
    until(process, "shown")
    process.stop()
    process.text("One moment", "The signal is being looked at.")
    while "block_over" not in events.pull_sample(30.0)[0][0]:
        pass
    process.block(2, 2, [sequence(1, 4)], 0.0)
    told = until(process, "block_over")
    assert {m["order"] for m in told} == {3}
    assert [m["trial"] for m in told if m["at"] == "shown"] == [4, 5, 6]
    assert not told[-1]["stopped"]


def test_a_window_that_hangs_is_given_up_and_an_idle_one_is_not(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saccade.calibration.stimulator.GRACE_S", 15.0)
    monkeypatch.setattr("saccade.calibration.stimulator.SILENT_S", 1.5)
    process, _ = start()
    end_s = time.monotonic() + 4.0
    while time.monotonic() < end_s:
        assert not process.poll(0.1)
    running = process._process
    assert running is not None
    running.send_signal(signal.SIGSTOP)
    monkeypatch.setattr("saccade.calibration.stimulator.GRACE_S", 0.1)
    monkeypatch.setattr("saccade.calibration.stimulator.LEAVES_WITHIN_S", 0.1)
    with pytest.raises(SessionError, match=r"has shown nothing for .* is the screen locked"):
        until(process, "never")
    process.close()


def test_the_window_ends_with_the_one_who_started_it(stream_name: str, x_display: str) -> None:
    window = subprocess.Popen(
        [sys.executable, "-m", "saccade.gui.stimuli"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "DISPLAY": x_display, "QT_QPA_PLATFORM": "xcb"},
    )
    assert window.stdin is not None
    assert window.stdout is not None
    settings = StimuliSettings(stream_name, f"{stream_name}-e", full_screen=False)
    window.stdin.write(settings.to_json().encode() + b"\n")
    window.stdin.flush()
    assert json.loads(window.stdout.readline())["at"] == "ready"
    window.stdin.close()
    assert window.wait(20.0) == 0
    window.stdout.close()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pictures": {"dog": ("/nowhere/dog.png",)}}, r"/nowhere/dog\.png of 'dog' can't be read"),
        ({"screen": 5}, "there is no screen 5"),
    ],
)
def test_what_can_not_be_shown_is_refused_before_anything_is(
    start: Start, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SessionError, match=message):
        start(**changes)


def test_no_display_is_told_in_a_sentence(
    stream_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    process = StimulusProcess(StimuliSettings(stream_name, f"{stream_name}-events"))
    with pytest.raises(SessionError, match="no screen to show pictures on"):
        process.start()


def test_a_display_that_does_not_answer_is_told_with_the_last_words(
    stream_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":987")
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    process = StimulusProcess(StimuliSettings(stream_name, f"{stream_name}-events"))
    with pytest.raises(SessionError, match=r"with exit code -\d+; its last words: .*:987"):
        process.start()
    process.close()


def test_the_death_of_the_window_comes_after_its_last_message(start: Start) -> None:
    process, _ = start()
    process.rest(600.0, "Rest", "")
    until(process, "rest")
    process._process.kill()  # type: ignore[union-attr]
    for _ in range(2):
        with pytest.raises(SessionError, match="the stimulus window has ended with exit code -9"):
            process.poll(60.0)
    with pytest.raises(SessionError, match="has ended"):
        process.text("Hello", "")


def test_a_window_that_says_nothing_is_given_up(stream_name: str) -> None:
    silent = (sys.executable, "-c", "import sys; sys.stdin.read()")
    process = StimulusProcess(StimuliSettings(stream_name, f"{stream_name}-events"), silent)
    with pytest.raises(SessionError, match=r"should be ready within 0\.5 s, but it says nothing"):
        process.start(timeout_s=0.5)


def test_orders_need_a_window(stream_name: str) -> None:
    process = StimulusProcess(StimuliSettings(stream_name, f"{stream_name}-events"))
    with pytest.raises(SessionError, match="is not open: start it first"):
        process.stop()
    process.close()
    process.close()
