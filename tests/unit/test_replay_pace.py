"""When things leave and how they are stamped: at other speeds, across pauses and jumps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from saccade.realtime.replay.pace import SEAM_S, Pace


def begun(speed=1.0, time_s=0.0, stamp=777.0, now_s=100.0):
    pace = Pace(speed)
    pace.begin(time_s, stamp, now_s)
    return pace


@pytest.mark.parametrize("speed", [0.25, 1.0, 50.0])
def test_stamps_are_moved_and_only_the_waiting_depends_on_the_speed(speed):
    pace = begun(speed)
    stamps = 777.0 + np.array([0.0, 0.003, 0.01, 2.0])
    assert np.array_equal(pace.stamped(stamps), 100.0 + (stamps - 777.0))
    assert pace.due_s(0.0) == 100.0
    assert pace.due_s(2.0) == 100.0 + 2.0 / speed


@pytest.mark.parametrize("speed", [1.0, 4.0])
def test_a_pause_moves_what_is_due_and_the_stamps(speed):
    pace = begun(speed)
    before_s = pace.due_s(3.0)
    pace.pause(101.0)
    pace.pause(102.0)  # still since the first
    assert pace.paused
    assert pace.due_s(3.0) == math.inf
    pace.resume(106.0)
    pace.resume(107.0)
    assert not pace.paused
    assert pace.due_s(3.0) == before_s + 5.0
    assert pace.stamped(778.0) == 106.0


def test_another_speed_goes_on_from_where_it_is():
    pace = begun()
    pace.set_speed(4.0, 110.0)
    assert pace.due_s(10.0) == 110.0
    assert pace.due_s(14.0) == 111.0
    assert pace.stamped(777.0 + 14.0) == 114.0  # as recorded, ahead of the clock
    pace.pause(110.0)
    pace.set_speed(1.0, 115.0)
    pace.resume(120.0)
    assert pace.due_s(14.0) == 124.0


def test_a_speed_that_is_set_before_anything_is_sent():
    pace = Pace(1.0)
    pace.set_speed(2.0, 50.0)
    pace.begin(0.0, 777.0, 100.0)
    assert pace.due_s(1.0) == 100.5


@pytest.mark.parametrize("speed", [0.5, 1.0, 10.0])
@pytest.mark.parametrize("stamp", [777.0, 5.0])
def test_after_a_jump_stamps_are_later_than_all_before(speed, stamp):
    pace = begun(speed)
    newest = pace.stamped(np.array([777.0, 780.0])).max()
    sent_s = pace.due_s(3.0)
    pace.jump()
    assert not pace.running
    pace.begin(60.0, stamp, sent_s)
    assert pace.running
    assert pace.due_s(60.0) == sent_s + SEAM_S / speed
    first = pace.stamped(stamp)
    assert first >= newest + SEAM_S
    assert first >= pace.due_s(60.0)  # never behind the clock
    if speed == 1.0:
        assert first == pace.due_s(60.0)  # and in step with it


def test_a_jump_while_paused_waits_for_the_end_of_the_pause():
    pace = begun()
    pace.stamped(778.0)
    pace.pause(101.0)
    pace.jump()
    pace.begin(60.0, 837.0, 105.0)
    assert pace.due_s(60.0) == math.inf
    pace.resume(110.0)
    assert pace.due_s(60.0) == 110.0 + SEAM_S
    assert pace.stamped(837.0) == 110.0 + SEAM_S


def test_a_jump_before_anything_was_sent_leaves_no_gap():
    pace = Pace(1.0)
    pace.jump()
    pace.begin(60.0, 837.0, 105.0)
    assert pace.due_s(60.0) == 105.0
