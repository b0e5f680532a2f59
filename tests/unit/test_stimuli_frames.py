"""A sequence in frames: counted, whole, and what was missed is told."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.calibration.durations import check_durations, whole_frames
from saccade.calibration.protocol import Protocol
from saccade.gui.stimuli.frames import FramePace, FrameWatch, schedule
from saccade.gui.stimuli.orders import Trial
from saccade.realtime.errors import ConfigError


def trials(n: int, on_s: float = 0.1, soa_s: float = 0.2) -> list[Trial]:
    return [Trial(number, f"concept {number}", 0, on_s, soa_s) for number in range(n)]


@pytest.mark.parametrize(
    ("duration_s", "refresh_hz", "n_frames"),
    [
        (0.1, 60.0, 6),
        (0.1, 59.94, 6),
        (0.1, 120.0, 12),
        (0.1, 240.0, 24),
        (0.2, 75.0, 15),
        (0.1, 144.0, 14),  # 97.2 ms
        (0.05, 60.0, 3),
    ],
)
def test_a_duration_close_to_whole_frames_is_rounded(
    duration_s: float, refresh_hz: float, n_frames: int
) -> None:
    assert whole_frames(duration_s, refresh_hz) == n_frames


@pytest.mark.parametrize(
    ("duration_s", "refresh_hz", "message"),
    [
        (0.1, 75.0, r"100 ms are 7\.50 frames .* 75\.00 Hz: ask for 93\.3 or 106\.7 ms"),
        (0.1, 85.0, r"8\.50 frames"),
        (0.025, 60.0, r"ask for 16\.7 or 33\.3 ms"),
        (0.005, 60.0, r"0\.30 frames .* ask for 16\.7 ms, or"),
    ],
)
def test_a_duration_far_from_whole_frames_is_refused(
    duration_s: float, refresh_hz: float, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        whole_frames(duration_s, refresh_hz)


@given(st.floats(0.05, 5.0), st.floats(20.0, 500.0))
def test_what_is_not_refused_is_within_five_percent(duration_s: float, refresh_hz: float) -> None:
    try:
        n_frames = whole_frames(duration_s, refresh_hz)
    except ConfigError:
        return
    assert n_frames >= 1
    assert abs(n_frames / refresh_hz - duration_s) <= 0.05 * duration_s * (1 + 1e-9)


@pytest.mark.parametrize(
    ("on_s", "soa_s", "jitter_s", "refresh_hz", "message"),
    [
        (0.1, 0.2, 0.0, 75.0, r"100 ms are 7\.50 frames"),
        (0.2, 0.26, 0.0, 75.0, None),
        (0.2, 0.22, 0.0, 25.0, r"220 ms are 5\.50 frames"),
        (0.1, 0.15, 0.1, 60.0, r"from 150 ms on .* 60\.00 Hz: let soa_s be 0\.167 or more"),
        (0.1, 0.167, 0.1, 60.0, None),
        (0.3, 1.1, 0.4, 85.0, None),
    ],
)
def test_a_protocol_that_a_screen_can_not_show_is_refused_as_a_whole(
    on_s: float, soa_s: float, jitter_s: float, refresh_hz: float, message: str | None
) -> None:
    protocol = Protocol("single", 10, trials=10, on_s=on_s, soa_s=soa_s, jitter_s=jitter_s)
    if message is None:
        check_durations(protocol, refresh_hz)
        return
    with pytest.raises(ConfigError, match=message):
        check_durations(protocol, refresh_hz)


@given(st.floats(0.0, 1.0), st.floats(20.0, 500.0), st.floats(0.001, 0.5))
def test_no_interval_that_is_drawn_is_refused_by_the_luck_of_the_draw(
    drawn: float, refresh_hz: float, soa_s: float
) -> None:
    protocol = Protocol("single", 10, trials=10, on_s=1e-3, soa_s=soa_s, jitter_s=0.3)
    try:
        check_durations(dataclasses.replace(protocol, on_s=1 / refresh_hz), refresh_hz)
    except ConfigError:
        return
    whole_frames(soa_s + drawn * protocol.jitter_s, refresh_hz)


def test_the_sequence_of_things_style_rsvp_at_60_hz() -> None:
    planned = schedule(trials(20), 60.0)
    onsets = [change.frame for change in planned.changes if change.trial is not None]
    ends = [change.frame for change in planned.changes if change.trial is None]
    assert onsets == [12 * number for number in range(20)]
    assert ends == [12 * number + 6 for number in range(20)]
    assert planned.n_frames == 240
    assert planned.rounded_s < 1e-12


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), min_size=1, max_size=30),
    st.sampled_from([60.0, 75.0, 120.0, 144.0]),
)
def test_every_picture_is_on_for_its_frames_and_the_next_comes_when_it_should(
    lengths: list[tuple[int, int]], refresh_hz: float
) -> None:
    """Whole frames in, the same whole frames out, played frame by frame."""
    asked = [
        Trial(number, "x", 0, on / refresh_hz, (on + off) / refresh_hz)
        for number, (on, off) in enumerate(lengths)
    ]
    planned = schedule(asked, refresh_hz)
    changes = {change.frame: change.trial for change in planned.changes}
    assert len(changes) == len(planned.changes)
    seen: list[int | None] = []
    now: Trial | None = None
    for frame in range(planned.n_frames):
        now = changes.get(frame, now)
        seen.append(None if now is None else now.trial)
    expected = [
        number if frame < on else None
        for number, (on, off) in enumerate(lengths)
        for frame in range(on + off)
    ]
    assert seen == expected


def test_how_far_durations_were_rounded_is_told() -> None:
    assert schedule(trials(2), 144.0).rounded_s == pytest.approx(0.1 - 14 / 144)


def test_a_watch_counts_frames_that_were_missed() -> None:
    watch = FrameWatch(60.0)
    frame_s = 1 / 60
    stamps_s = [0.0, frame_s, 2.2 * frame_s, 3 * frame_s, 5 * frame_s, 9 * frame_s]
    assert [watch.step(stamp_s) for stamp_s in stamps_s] == [0, 0, 0, 0, 1, 3]


def test_frames_of_a_clock_lie_on_a_grid_and_none_is_shown_twice() -> None:
    pace = FramePace(50.0)
    assert pace.next_s(10.0) == pytest.approx(10.02)
    assert pace.next_s(10.001) == pytest.approx(10.04)  # early: the frame after
    assert pace.next_s(10.071) == pytest.approx(10.08)  # late: the next that can be met
    assert pace.next_s(10.085) == pytest.approx(10.10)


@given(st.lists(st.floats(0.0, 0.1), min_size=2, max_size=50), st.floats(20.0, 500.0))
def test_frames_only_go_forward(pauses_s: list[float], refresh_hz: float) -> None:
    pace = FramePace(refresh_hz)
    now_s, times_s = 1000.0, []
    for pause_s in pauses_s:
        times_s.append(pace.next_s(now_s))
        assert times_s[-1] > now_s - 1e-9
        now_s += pause_s
    assert all(later - sooner > 0.99 / refresh_hz for sooner, later in itertools.pairwise(times_s))
