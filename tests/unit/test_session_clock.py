"""The session's clock: two processes with two numbers agree, and at speed 1 it is LSL's own."""

from __future__ import annotations

import math

import pylsl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.realtime.errors import ConfigError
from saccade.realtime.session_clock import SessionClock

TIMES = st.floats(0.0, 1e6)


@given(origin_s=TIMES, time_s=TIMES)
def test_at_the_speed_of_life_it_is_the_lsl_clock_to_the_last_bit(origin_s, time_s):
    clock = SessionClock(1.0, origin_s)
    assert clock.session_s(time_s) == clock.real_s(time_s) == time_s


@given(speed=st.floats(0.01, 1000.0), origin_s=TIMES, after_s=st.floats(0.0, 1e4))
def test_a_session_s_time_and_the_real_one_belong_together(speed, origin_s, after_s):
    clock = SessionClock(speed, origin_s)
    assert clock.session_s(origin_s) == origin_s
    there = clock.session_s(origin_s + after_s)
    assert there - origin_s == pytest.approx(speed * after_s, abs=1e-6)
    assert clock.real_s(there) == pytest.approx(origin_s + after_s, abs=1e-6)


def test_now_lies_between_two_readings_of_the_lsl_clock():
    clock = SessionClock(8.0, pylsl.local_clock())
    before, now, after = (f() for f in (pylsl.local_clock, clock.now, pylsl.local_clock))
    assert clock.session_s(before) <= now <= clock.session_s(after)


@pytest.mark.parametrize(
    ("speed", "origin_s", "message"),
    [
        (0.0, 0.0, "speed must be 0.01 to 1000, not 0"),
        (math.nan, 0.0, "speed must be"),
        (2.0, math.inf, "origin_s must be a time on the LSL clock, not inf"),
    ],
)
def test_what_makes_no_clock_is_refused(speed, origin_s, message):
    with pytest.raises(ConfigError, match=message):
        SessionClock(speed, origin_s)
