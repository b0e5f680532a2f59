"""What is on the screen on which frame, what is said of it, and how it ends early.

The screen is a script here: it keeps every scene and stamps frames by a time of its own, so that
a whole block takes no time. What the person and the parent do is tied to the number of the frame.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage, QPainter

from saccade.calibration.stimuli import Photodiode, StimuliSettings
from saccade.gui.stimuli.orders import (
    Block,
    End,
    Order,
    Question,
    Rest,
    Sequence,
    Stop,
    Text,
    Trial,
)
from saccade.gui.stimuli.screen import Scene, Texture
from saccade.gui.stimuli.show import Show
from saccade.realtime.errors import ConfigError

pytestmark = pytest.mark.usefixtures("qapp")

HZ = 60.0
LEAD_IN_S, FIXATION_S, SETTLE_S = 0.5, 0.1, 0.2


@dataclass
class ScriptedScreen:
    """A screen whose frames pass as fast as they are asked for."""

    size: tuple[int, int] = (400, 300)
    refresh_hz: float = HZ
    vsync: bool = True
    surface: str = "script"
    time_s: float = 100.0
    scenes: list[Scene] = field(default_factory=list)
    stamps_s: list[float] = field(default_factory=list)
    late: dict[int, int] = field(default_factory=dict)  # frame -> frames that it comes too late
    keys: dict[int, list[int]] = field(default_factory=dict)

    def upload(self, image: QImage) -> Texture:
        return Texture(image, image.width(), image.height())

    def flip(self, scene: Scene) -> float:
        self.time_s += (1 + self.late.get(len(self.scenes), 0)) / HZ
        self.scenes.append(scene)
        self.stamps_s.append(self.time_s)
        assert len(self.scenes) < 10_000, "this never ends"
        return self.time_s

    def pressed(self) -> list[int]:
        return self.keys.get(len(self.scenes), [])

    def close(self) -> None:
        pass

    def now(self) -> float:
        return self.time_s

    def pixel(self, frame: int, x: int, y: int) -> QColor:
        """Return the colour of a pixel on a frame, the background's where nothing is."""
        image = QImage(*self.size, QImage.Format.Format_RGB32)
        image.fill(QColor("#808080"))
        painter = QPainter(image)
        for placed in self.scenes[frame]:
            painter.drawImage(placed.left, placed.top, placed.texture.handle)
        painter.end()
        return image.pixelColor(x, y)


@dataclass
class ScriptedParent:
    """Gives these orders, and one that breaks off at a frame; a number stands for a wait."""

    screen: ScriptedScreen
    orders: list[Any]
    stop_at: int | None = None
    told: list[dict[str, Any]] = field(default_factory=list)
    n_alive: int = 0

    def tell(self, content: dict[str, Any]) -> None:
        self.told.append(content)

    def alive(self) -> None:
        self.n_alive += 1

    def order(self) -> Order | ConfigError | None:
        if self.orders and isinstance(self.orders[0], int):
            if len(self.screen.scenes) < self.orders[0]:
                return None
            self.orders.pop(0)
        return self.orders.pop(0) if self.orders else End()

    def breaks_off(self) -> bool:
        if self.stop_at is None or len(self.screen.scenes) < self.stop_at:
            return False
        self.stop_at = None
        return True


@dataclass
class Outlets:
    """Keeps what is sent; a receiver comes after so many questions for one."""

    deaf_for: int = 0
    markers: list[tuple[str, float]] = field(default_factory=list)
    events: list[tuple[dict[str, Any], float]] = field(default_factory=list)

    def heard(self) -> bool:
        self.deaf_for -= 1
        return self.deaf_for < 0

    def mark(self, concept: str, stamp_s: float) -> None:
        self.markers.append((concept, stamp_s))

    def event(self, content: dict[str, Any], stamp_s: float) -> None:
        self.events.append((content, stamp_s))


@dataclass
class Played:
    """A show that is over."""

    screen: ScriptedScreen
    parent: ScriptedParent
    outlets: Outlets

    def told(self, at: str) -> list[dict[str, Any]]:
        return [message for message in self.parent.told if message["at"] == at]


@pytest.fixture
def play() -> Callable[..., Played]:
    def run(
        *orders: Any,
        screen: ScriptedScreen | None = None,
        deaf_for: int = 0,
        stop_at: int | None = None,
        **settings: Any,
    ) -> Played:
        screen = screen or ScriptedScreen()
        parent = ScriptedParent(screen, list(orders), stop_at)
        outlets = Outlets(deaf_for)
        made = StimuliSettings(
            "pictures", "events", fixation_s=FIXATION_S, settle_s=SETTLE_S, **settings
        )
        Show(made, screen, parent, outlets, screen).run()  # type: ignore[arg-type]
        return Played(screen, parent, outlets)

    return run


def block(*questions: Question | None, n: int = 3, catch: tuple[int, ...] = ()) -> Block:
    """Return a block of as many sequences as questions."""
    return Block(
        1,
        2,
        tuple(
            Sequence(
                number,
                tuple(
                    Trial(n * number + i, ("cat", "dog", "cup")[i % 3], 0, 0.1, 0.2, i in catch)
                    for i in range(n)
                ),
                question,
            )
            for number, question in enumerate(questions)
        ),
        LEAD_IN_S,
    )


def test_every_picture_has_its_marker_at_the_stamp_of_its_first_frame(play: Any) -> None:
    played = play(block(None, None))
    shown = played.told("shown")
    assert [(m["trial"], m["concept"]) for m in shown] == [
        (number, ("cat", "dog", "cup")[number % 3]) for number in range(6)
    ]
    assert played.outlets.markers == [(m["concept"], m["stamp_s"]) for m in shown]
    assert {m["stamp_s"] for m in shown} <= set(played.screen.stamps_s)
    steps_s = [b["stamp_s"] - a["stamp_s"] for a, b in itertools.pairwise(shown[:3])]
    assert steps_s == pytest.approx([0.2, 0.2])


def test_the_square_is_white_on_exactly_the_frames_of_a_picture(play: Any) -> None:
    played = play(block(None), photodiode=Photodiode("bottom-right", 20))
    screen = played.screen
    onsets = [screen.stamps_s.index(m["stamp_s"]) for m in played.told("shown")]
    on = {frame for onset in onsets for frame in range(onset, onset + 6)}
    for frame in range(len(screen.scenes)):
        expected = QColor("white") if frame in on else QColor("black")
        assert screen.pixel(frame, 399, 299) == expected, frame
        assert screen.pixel(frame, 379, 279) != QColor("white")
        picture_there = screen.pixel(frame, 200 - 74, 150 - 74) != QColor("#808080")
        assert picture_there == (frame in on) or frame < onsets[0], frame


@pytest.mark.parametrize(
    ("corner", "inside"),
    [
        ("top-left", (0, 0)),
        ("top-right", (399, 0)),
        ("bottom-left", (0, 299)),
        ("bottom-right", (399, 299)),
    ],
)
def test_the_square_is_in_its_corner(play: Any, corner: str, inside: tuple[int, int]) -> None:
    played = play(block(None), photodiode=Photodiode(corner, 20))  # type: ignore[arg-type]
    onset = played.screen.stamps_s.index(played.told("shown")[0]["stamp_s"])
    assert played.screen.pixel(onset, *inside) == QColor("white")


def test_a_catch_picture_is_shown_and_told_but_has_no_marker(play: Any) -> None:
    played = play(block(None, catch=(1,)))
    assert [concept for concept, _ in played.outlets.markers] == ["cat", "cup"]
    (caught,) = played.told("catch")
    assert caught["concept"] == "dog"
    assert caught["stamp_s"] - played.told("shown")[0]["stamp_s"] == pytest.approx(0.2)
    assert (caught, caught["stamp_s"]) in played.outlets.events


def test_messages_go_to_the_events_stream_as_they_are_and_markers_do_not(play: Any) -> None:
    played = play(block(None))
    assert [content for content, _ in played.outlets.events] == played.parent.told
    assert [content["at"] for content, _ in played.outlets.events] == [
        *("block", "sequence", "shown", "shown", "shown", "block_over")
    ]


def test_before_and_after_the_pictures_of_a_sequence_there_is_only_the_mark(play: Any) -> None:
    played = play(block(None))
    first, *_, last = [played.screen.stamps_s.index(m["stamp_s"]) for m in played.told("shown")]
    mark_alone = played.screen.scenes[first - 1]
    assert len(mark_alone) == 1
    before = range(first - round(FIXATION_S * HZ), first)
    after = range(last + 6, last + 12 + round(SETTLE_S * HZ))
    assert all(played.screen.scenes[frame] == mark_alone for frame in (*before, *after))


def test_a_missed_frame_is_told_with_its_trial_and_moves_what_follows(play: Any) -> None:
    clean = play(block(None))
    onset = clean.screen.stamps_s.index(clean.told("shown")[1]["stamp_s"])
    screen = ScriptedScreen(late={onset + 2: 1, onset + 12: 2})
    played = play(block(None), screen=screen)
    assert [(m["trial"], m["frames"]) for m in played.told("dropped")] == [(1, 1), (1, 2)]
    stamps_s = [m["stamp_s"] for m in played.told("shown")]
    assert stamps_s[2] - stamps_s[1] == pytest.approx(0.2 + 3 / HZ)
    assert not clean.told("dropped")


def test_frames_missed_while_pictures_are_made_ready_are_nobodys_business(play: Any) -> None:
    late = dict.fromkeys(range(10, 34), 5)
    assert not play(block(None), screen=ScriptedScreen(late=late)).told("dropped")


@pytest.mark.parametrize(
    ("key", "seen", "yes", "correct"),
    [
        (Qt.Key.Key_Y, True, True, True),
        (Qt.Key.Key_Left, False, True, False),
        (Qt.Key.Key_N, False, False, True),
        (Qt.Key.Key_Right, True, False, False),
        (Qt.Key.Key_Space, True, None, False),
    ],
)
def test_an_answer_is_scored(
    play: Any, key: Qt.Key, seen: bool, yes: bool | None, correct: bool
) -> None:
    question = Question("dog", seen)
    asked = play(block(question), answer_s=2.0).told("question")[0]["stamp_s"]
    frame = round((asked - 100.0) * HZ) + 24
    screen = ScriptedScreen(keys={frame: [key]})
    (answer,) = play(block(question), screen=screen, answer_s=2.0).told("answer")
    assert (answer["seen"], answer["yes"], answer["correct"]) == (seen, yes, correct)
    assert answer["after_s"] == pytest.approx(2.0 if yes is None else 0.4, abs=1.5 / HZ)


def test_a_key_pressed_before_the_question_is_no_answer(play: Any) -> None:
    screen = ScriptedScreen(keys={40: [Qt.Key.Key_Y]})
    (answer,) = play(block(Question("dog", seen=True)), screen=screen, answer_s=1.0).told("answer")
    assert answer["yes"] is None


def test_nobody_needed_with_auto_and_its_share_of_right_answers(play: Any) -> None:
    questions = [Question("dog", seen=number % 2 == 0) for number in range(60)]

    def right(share: float, seed: int = 0) -> list[bool]:
        played = play(block(*questions, n=1), auto=True, auto_correct=share, seed=seed)
        return [answer["correct"] for answer in played.told("answer")]

    assert all(right(1.0))
    assert not any(right(0.0))
    assert 20 < sum(right(0.6)) < 50
    assert right(0.6) == right(0.6) != right(0.6, seed=1)
    rested = play(Rest(300.0, "Rest"), auto=True)
    assert len(rested.screen.scenes) < 10
    assert [m["at"] for m in rested.parent.told] == ["rest", "rest_over"]


def test_a_rest_counts_down_until_it_is_over_or_space_ends_it(play: Any) -> None:
    rest = Rest(3.0, "Rest", "Blink.")
    whole = play(rest)
    assert whole.told("rest_over")[0]["stamp_s"] - whole.told("rest")[0]["stamp_s"] == (
        pytest.approx(3.0, abs=2 / HZ)
    )
    assert len(set(whole.screen.scenes)) == 1 + 3  # nothing, then three numbers
    short = play(rest, screen=ScriptedScreen(keys={60: [Qt.Key.Key_Space]}))
    assert len(short.screen.scenes) == 60


def test_a_text_stays_until_the_next_order_whatever_is_pressed(play: Any) -> None:
    screen = ScriptedScreen(keys={50: [Qt.Key.Key_Y], 70: [Qt.Key.Key_Space]})
    played = play(Text("Hello", "Sit still."), 90, block(None), screen=screen)
    assert len(set(screen.scenes[:90])) == 1
    assert screen.scenes[0] != screen.scenes[90]
    assert played.parent.told[0]["at"] == "block"


def test_after_a_rest_there_are_words_until_the_next_order(play: Any) -> None:
    """The session may have something to compute yet, and nobody should look at nothing."""
    played = play(Rest(1.0, "Rest"), 100)
    after = played.screen.scenes[round(HZ) + 2 :]
    assert len(after) > 30
    assert set(after) == {after[0]}
    (page,) = after[0]
    assert page.texture.width == played.screen.size[0]


def test_what_is_told_has_the_number_of_its_order_and_what_is_told_of_none_the_newest(
    play: Any,
) -> None:
    escape = [Qt.Key.Key_Escape]
    screen = ScriptedScreen(keys=dict.fromkeys((500, 510), escape))
    numbered = dataclasses.replace(block(None), order=7)
    played = play(Rest(0.1, order=6), numbered, Text("Wait", order=8), 600, screen=screen)
    assert {(m["at"], m["order"]) for m in played.parent.told} == {
        *(("rest", 6), ("rest_over", 6), ("aborted", 8)),
        *((at, 7) for at in ("block", "sequence", "shown", "block_over")),
    }
    assert played.parent.n_alive == len(screen.scenes)


def test_escape_once_is_an_accident_twice_ends_the_block(play: Any) -> None:
    escape = [Qt.Key.Key_Escape]
    once = play(block(None), screen=ScriptedScreen(keys={20: escape, 90: escape}))
    assert once.told("block_over") == [{**once.told("block_over")[0], "stopped": False}]
    twice = play(
        block(None), Rest(0.0), auto=True, screen=ScriptedScreen(keys={45: escape, 60: escape})
    )
    assert not twice.told("block_over")
    assert [m["at"] for m in twice.parent.told][-3:] == ["aborted", "rest", "rest_over"]
    assert len(twice.told("shown")) < 3


@pytest.mark.parametrize("frame", [1, 20, 45, 60])
def test_stop_ends_the_block_at_any_frame_and_the_next_order_is_done(play: Any, frame: int) -> None:
    played = play(block(None, None), Stop(), block(None), stop_at=frame)
    over = played.told("block_over")
    assert [m["stopped"] for m in over] == [True, False]
    assert played.outlets.markers == [(m["concept"], m["stamp_s"]) for m in played.told("shown")]


def pictures_seen(screen: ScriptedScreen) -> list[int]:
    """Return the frames on which a picture came, by what was on the screen alone."""
    pairs = itertools.pairwise([(), *screen.scenes])
    return [n for n, (before, now) in enumerate(pairs) if len(now) == 2 and now != before]


@pytest.mark.parametrize("after", [0, 1, 6])
@pytest.mark.parametrize("how", ["stop", "escape"])
def test_a_picture_that_was_seen_has_its_marker_however_soon_the_block_ends(
    play: Any, after: int, how: str
) -> None:
    onsets = pictures_seen(play(block(None)).screen)
    assert len(onsets) == 3
    for n_seen, onset in enumerate(onsets, 1):
        frames = onset + 1 + after  # that are shown by then
        escape = [Qt.Key.Key_Escape]
        screen = ScriptedScreen(
            keys={frames - 5: escape, frames: escape} if how == "escape" else {}
        )
        orders = [block(None), *[Stop()][: how == "stop"]]
        played = play(*orders, screen=screen, stop_at=frames if how == "stop" else None)
        seen = pictures_seen(screen)
        assert len(seen) == n_seen
        assert [stamp_s for _, stamp_s in played.outlets.markers] == [
            screen.stamps_s[frame] for frame in seen
        ]


def test_stop_ends_a_rest(play: Any) -> None:
    assert play(Rest(100.0), Stop(), stop_at=30).told("rest_over")[0]["stopped"]


def test_a_block_waits_for_a_receiver_of_its_markers(play: Any) -> None:
    played = play(block(None), deaf_for=200)
    assert [m["at"] for m in played.parent.told][:2] == ["waiting", "block"]
    assert len(played.told("shown")) == 3
    assert played.told("block")[0]["stamp_s"] > 100.0 + 190 / HZ


def test_without_a_receiver_nothing_is_shown_and_the_reason_told(play: Any) -> None:
    played = play(block(None), deaf_for=10_000, wait_s=2.0)
    assert not played.told("shown")
    assert played.parent.told[-1]["at"] == "refused"
    assert "nobody received the markers 'pictures' within 2 s" in played.parent.told[-1]["text"]


def test_durations_that_are_no_whole_frames_are_refused_before_anything_is_shown(
    play: Any,
) -> None:
    trial = Trial(0, "cat", 0, 0.1, 0.2)
    played = play(
        Block(1, 1, (Sequence(0, (trial,)),), 0.0), screen=ScriptedScreen(refresh_hz=75.0)
    )
    assert [m["at"] for m in played.parent.told] == ["refused"]
    assert "7.50 frames" in played.parent.told[0]["text"]
    assert not played.outlets.markers


def test_rounding_is_told_once(play: Any) -> None:
    played = play(block(None), block(None), screen=ScriptedScreen(refresh_hz=144.0))
    (notice,) = played.told("notice")
    assert "144.00 Hz, up to 2.8 ms" in notice["text"]


def test_a_line_that_is_no_order_is_refused_and_the_next_is_done(play: Any) -> None:
    played = play(ConfigError("no order"), Rest(0.0))
    assert [m["at"] for m in played.parent.told] == ["refused", "rest", "rest_over"]


def test_a_picture_that_is_gone_ends_the_block_with_its_path(play: Any, tmp_path: Any) -> None:
    played = play(block(None), pictures={"cat": (str(tmp_path / "cat.png"),)})
    assert "cat.png of 'cat' can't be read" in played.parent.told[-1]["text"]
    assert not played.outlets.markers
