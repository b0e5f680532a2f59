"""A recording that is wound, looped, stopped and sped up while it goes out over LSL."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pylsl
import pytest

from saccade.realtime.errors import ConfigError
from saccade.realtime.lsl_metadata import describe
from saccade.realtime.replay.pace import SEAM_S
from saccade.realtime.replay.player import Player, PlayerSettings
from saccade.realtime.replay.tape import Tape
from saccade.realtime.types import Marker, StreamSpec

pytestmark = pytest.mark.lsl

SFREQ, N = 250.0, 2500  # 10 s
SPEC = StreamSpec("recording", SFREQ, ("row", "Pz"), ("eeg",) * 2, ("µV",) * 2)
ROWS = np.arange(N)
DATA = np.stack([ROWS, -ROWS], axis=1).astype(np.float32)
STAMPS = 777.0 + ROWS / SFREQ
EVENTS = range(125, N, 250)  # a marker at 0.5, 1.5, ... s
MARKERS = [Marker(str(row), float(STAMPS[row])) for row in EVENTS]


class Listener:
    """Everything a player sends, with the stamps that it sent."""

    def __init__(self, name: str) -> None:
        self.inlets = []
        for stream in (name, f"{name}-m"):
            (info, *_) = pylsl.resolve_byprop("name", stream, 1, 30.0)
            self.inlets.append(pylsl.StreamInlet(info, max_buflen=3600))
            self.inlets[-1].open_stream(30.0)
        self.info = self.inlets[0].info(30.0)
        self.rows = np.empty(0, int)
        self.stamps = np.empty(0)
        self.markers: list[tuple[str, float]] = []

    def pull(self, wait_s: float = 0.02) -> None:
        values, stamps = self.inlets[0].pull_chunk(wait_s, 8192)
        if stamps:
            self.rows = np.concatenate([self.rows, np.array(values)[:, 0].astype(int)])
            self.stamps = np.concatenate([self.stamps, stamps])
        values, stamps = self.inlets[1].pull_chunk(0.0)
        self.markers += [(value[0], stamp) for value, stamp in zip(values, stamps, strict=True)]


def played(
    stream_name, source, steer: Callable[[Player, Listener], None] = lambda *_: None, **fields
):
    """Play to a listener, which may steer; return the report and what was heard."""
    given = {"wait_for_consumers_s": 30.0, "linger_s": 0.5} | fields
    player = Player(source, PlayerSettings(stream_name, f"{stream_name}-m", **given))
    with ThreadPoolExecutor(1) as pool:
        ended = []
        future = pool.submit(player.run, lambda: bool(ended))
        try:
            heard = Listener(stream_name)
            steer(player, heard)
            while not future.done():
                heard.pull()
            heard.pull(0.2)
        finally:
            ended.append(True)
        return future.result(), heard


def until(heard: Listener, condition: Callable[[], bool]) -> None:
    """Listen until something is so."""
    end_s = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < end_s, "it never came to be so"
        heard.pull()


def tape(array_source, *part, sizes=(700, 0, 800, 1000), arrivals=None):
    if arrivals is None:
        bounds = np.cumsum(sizes)
        arrivals = np.searchsorted(bounds, EVENTS, side="right").tolist()
    return Tape(array_source(SPEC, DATA, STAMPS, MARKERS, list(sizes), arrivals), *part)


def assert_structure(heard: Listener) -> list[int]:
    """Demand the recording's stamps but for jumps, and markers at their samples; return jumps."""
    steps = np.diff(heard.stamps)
    jumps = np.flatnonzero(np.diff(heard.rows) != 1)
    inside = np.delete(steps, jumps)
    assert np.allclose(inside, 1 / SFREQ, atol=1e-6)
    assert (steps[jumps] >= SEAM_S - 1e-6).all()
    sent = {(row, round(stamp, 6)) for row, stamp in zip(heard.rows, heard.stamps, strict=True)}
    for value, stamp in heard.markers:
        assert (int(value), round(stamp, 6)) in sent
    return jumps.tolist()


@pytest.mark.parametrize("speed", [1.0, 20.0])
def test_rounds_follow_one_another_after_a_gap(stream_name, array_source, speed):
    source = tape(array_source, 2.3, 2.6)
    report, heard = played(stream_name, source, speed=speed, rounds=3)
    assert (report.samples, report.markers) == (225, 3)
    assert np.array_equal(heard.rows, np.tile(np.arange(575, 650), 3))
    assert assert_structure(heard) == [74, 149]
    assert [value for value, _ in heard.markers] == ["625"] * 3
    seams_s = np.diff(heard.stamps)[[74, 149]]
    assert (seams_s >= SEAM_S).all()
    assert report.duration_s >= (3 * 74 / SFREQ + 2 * SEAM_S) / speed


def test_markers_around_a_round_stay_in_it(stream_name, array_source):
    early, late = Marker("early", float(STAMPS[0]) - 0.4), Marker("late", float(STAMPS[-1]) + 0.7)
    source = Tape(array_source(SPEC, DATA, STAMPS, [early, late], [0, N, 0], [0, 2]))
    report, heard = played(stream_name, source, speed=20.0, rounds=2)
    assert (report.samples, report.markers) == (2 * N, 4)
    first, last = heard.stamps[0], heard.stamps[N - 1]
    again = heard.stamps[N]
    (early_s, late_s, early_again_s, _) = (stamp for _, stamp in heard.markers)
    assert early_s == pytest.approx(first - 0.4, abs=1e-6)
    assert late_s == pytest.approx(last + 0.7, abs=1e-6)
    assert early_again_s == pytest.approx(again - 0.4, abs=1e-6)
    assert early_again_s >= late_s + SEAM_S - 1e-6


def test_a_loop_goes_on_until_it_is_told_to_stop(stream_name, array_source):
    stop = []
    source = tape(array_source, 0.0, 0.4)
    settings = PlayerSettings(stream_name, f"{stream_name}-m", 100.0, linger_s=0.0, rounds=None)
    player = Player(source, settings)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(player.run, lambda: bool(stop))
        heard = Listener(stream_name)
        until(heard, lambda: (heard.rows == 0).sum() >= 5)
        stop.append(True)
        assert future.result().samples >= 500
    assert_structure(heard)


def test_it_is_wound_forward_and_back(stream_name, array_source):
    def steer(player: Player, heard: Listener) -> None:
        until(heard, lambda: len(heard.rows) > 50)
        with pytest.raises(ConfigError, match=r"from 0 to 10\.00 s, but not at 11 s"):
            player.seek(11.0)
        player.seek(9.0)
        assert player.position_s == 9.0
        until(heard, lambda: heard.rows[-1] >= 2300)
        player.seek(9.4)
        until(heard, lambda: player.position_s > 9.5)

    report, heard = played(stream_name, tape(array_source), steer)
    first, second = assert_structure(heard)
    assert heard.rows[0] == 0
    assert heard.rows[first + 1] == 2250
    assert heard.rows[second + 1] == 2350
    assert heard.rows[-1] == N - 1
    assert report.samples == len(heard.rows)
    after = [value for value, stamp in heard.markers if stamp > heard.stamps[first]]
    assert after == ["2375"]  # once: the second jump was before it
    # In step with the clock again.
    assert heard.stamps[first + 1] - heard.stamps[0] < report.duration_s


def test_a_pause_is_a_gap_as_long_as_it_was(stream_name, array_source):
    times: list[float] = []

    def steer(player: Player, heard: Listener) -> None:
        until(heard, lambda: len(heard.rows) > 100)
        player.pause()
        times.append(pylsl.local_clock())
        heard.pull(0.5)
        n = len(heard.rows)
        position_s = player.position_s
        assert player.paused
        heard.pull(0.5)
        assert len(heard.rows) == n
        assert player.position_s == position_s == pytest.approx((n - 1) / SFREQ)
        times.append(pylsl.local_clock())
        player.resume()
        assert not player.paused
        until(heard, lambda: len(heard.rows) > n)

    report, heard = played(stream_name, tape(array_source, 0.0, 1.5), steer)
    assert np.array_equal(heard.rows, np.arange(375))
    assert report.samples == 375
    steps = np.diff(heard.stamps)
    (at,) = np.flatnonzero(steps > 0.1)
    assert steps[at] == pytest.approx(times[1] - times[0] + 1 / SFREQ, abs=0.05)
    assert np.allclose(np.delete(steps, at), 1 / SFREQ, atol=1e-6)


def test_it_can_begin_paused(stream_name, array_source):
    player = Player(tape(array_source, 0.0, 0.2), PlayerSettings(stream_name, f"{stream_name}-m"))
    player.pause()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(player.run)
        heard = Listener(stream_name)
        heard.pull(0.3)
        assert len(heard.rows) == 0
        player.resume()
        assert future.result().samples == 50


def test_another_speed_leaves_the_stamps_alone(stream_name, array_source):
    def steer(player: Player, heard: Listener) -> None:
        assert math.isnan(describe(heard.info).speed)  # they are not in step with the clock
        until(heard, lambda: len(heard.rows) > 50)
        player.set_speed(50.0)
        assert player.speed == 50.0

    report, heard = played(stream_name, tape(array_source), steer, variable_speed=True)
    assert np.array_equal(heard.rows, ROWS)
    assert assert_structure(heard) == []
    assert report.duration_s < 5.0  # instead of 10


def test_what_can_not_be_done_is_refused(stream_name, array_source):
    settings = PlayerSettings(stream_name, f"{stream_name}-m", wait_for_consumers_s=None)
    player = Player(tape(array_source, 0.0, 0.1), settings)
    with pytest.raises(ConfigError, match="only while it plays"):
        player.seek(0.0)
    with pytest.raises(ConfigError, match="announced to stay 1, so it can't become 2"):
        player.set_speed(2.0)
    with pytest.raises(ConfigError, match=r"0\.01 to 1000, not 0"):
        player.set_speed(0.0)
    assert player.run().samples == 25
    with pytest.raises(ConfigError, match="only while it plays"):
        player.seek(0.0)
    plain = array_source(SPEC, DATA[:9], STAMPS[:9])
    with pytest.raises(ConfigError, match="only a recording can be wound"):
        Player(plain, settings).seek(0.0)
    twice = PlayerSettings("a", "b", rounds=2)
    with pytest.raises(ConfigError, match="only a recording can be played more than once"):
        Player(plain, twice)
    with pytest.raises(ConfigError, match="rounds must be at least 1, not 0"):
        PlayerSettings("a", "b", rounds=0)


def test_a_marker_of_another_clock_does_not_hold_up_the_samples(stream_name, array_source):
    markers = [Marker("of 1970", 0.0), Marker("a", float(STAMPS[20]))]
    source = Tape(array_source(SPEC, DATA[:50], STAMPS[:50], markers, [0, 50], [0, 1]))
    report, heard = played(stream_name, source)
    assert (report.samples, report.markers) == (50, 2)
    assert report.duration_s < 5.0
    assert heard.markers[1][1] == pytest.approx(heard.stamps[20], abs=1e-6)
