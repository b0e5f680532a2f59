"""A sender's clock counts as set where no error of measurement explains the step."""

from __future__ import annotations

import math

import numpy as np
import pytest

from saccade.realtime.errors import SourceError
from saccade.realtime.sources.lsl import clock as lsl_clock
from saccade.realtime.sources.lsl.clock import SenderClock
from saccade.realtime.timing.clocks import jumped
from saccade.realtime.types import ClockMeasure


def measure(offset_s, round_trip_s=0.001, at_s=0.0):
    return ClockMeasure("amp", at_s, offset_s, round_trip_s)


@pytest.mark.parametrize(
    ("step_s", "round_trips_s", "was_set"),
    [
        (0.0, (0.001, 0.001), False),
        (0.0999, (0.0, 0.0), False),
        (0.1001, (0.0, 0.0), True),
        (-3600.0, (0.05, 0.2), True),
        (0.2, (0.0, 0.21), False),  # half a round trip of 210 ms, and 100 ms
        (0.21, (0.0, 0.21), True),
        (-0.2, (0.21, 0.0), False),
    ],
)
def test_a_step_is_a_set_clock_beyond_what_round_trips_explain(step_s, round_trips_s, was_set):
    before, after = measure(5.0, round_trips_s[0]), measure(5.0 + step_s, round_trips_s[1])
    assert jumped(before, after) is was_set


class Script:
    """Stands for liblsl: one measurement after another, the last for ever."""

    def __init__(self, *measurements):
        self.left = list(measurements)

    def __call__(self, inlet, timeout_s):
        found = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if isinstance(found, Exception):
            raise found
        return found


def test_each_measurement_is_told_once(monkeypatch):
    first, second, third = (2.0, 10.0, 1e-4), (2.00001, 12.0, 2e-4), (7.0, 14.0, 1e-4)
    script = Script(lsl_clock.NotInTime(), first, first, first, second, third, third)
    monkeypatch.setattr(lsl_clock, "measured", script)
    clock = SenderClock(None, "amp")
    clock.start()
    assert math.isnan(clock.offset_s)
    clock.wait(1.0)
    assert clock.offset_s == 2.0
    assert clock.news() == (ClockMeasure("amp", 10.0, 2.0, 1e-4), False)
    assert clock.news() == (None, False)
    assert clock.news() == (ClockMeasure("amp", 12.0, 2.00001, 2e-4), False)
    assert clock.news() == (ClockMeasure("amp", 14.0, 7.0, 1e-4), True)
    assert clock.news() == (None, False)
    assert clock.offset_s == 7.0


@pytest.mark.parametrize("error", [lsl_clock.NotInTime(), lsl_clock.LostError()])
def test_without_a_measurement_the_last_holds(monkeypatch, error):
    monkeypatch.setattr(lsl_clock, "measured", Script((2.0, 10.0, 1e-4), error))
    clock = SenderClock(None, "amp")
    clock.wait(1.0)
    assert clock.news() == (None, False)
    assert clock.offset_s == 2.0
    monkeypatch.setattr(lsl_clock, "measured", Script(error))
    with pytest.raises(SourceError, match=r"can't be measured within 2 s.*block UDP"):
        SenderClock(None, "amp").wait(2.0)
    assert np.isnan(SenderClock(None, "amp").offset_s)


@pytest.mark.parametrize("noise_s", [2e-4, 1e-3])
@pytest.mark.parametrize("sfreq", [1000.0, 5000.0])
def test_noise_of_the_measurements_makes_no_gap(monkeypatch, noise_s, sfreq):
    rng = np.random.default_rng(0)
    measurements = [(7.0 + rng.normal(0, noise_s), 2.0 * i, 1e-3) for i in range(31)]
    monkeypatch.setattr(lsl_clock, "measured", Script(*measurements))
    clock = SenderClock(None, "amp")
    stamps = 1e5 + np.arange(60 * sfreq) / sfreq
    offsets_s = []
    for of_two_s in np.split(stamps, 30):
        clock.news()
        offsets_s += [clock.offsets_s(part) for part in np.array_split(of_two_s, 20)]
    offset_s = np.concatenate(offsets_s)
    assert np.abs(np.diff(offset_s)).max() <= lsl_clock.SLEW / sfreq * 1.001
    assert np.abs(offset_s - 7.0).max() < 4 * noise_s
    steps_s = np.diff(stamps + offset_s) * sfreq
    assert steps_s.min() > 0.999
    assert steps_s.max() < 1.001


def test_the_offset_follows_a_drift_and_leaps_with_a_clock_that_is_set(monkeypatch):
    script = Script((7.0, 0.0, 1e-3), (7.0004, 2.0, 1e-3), (57.0, 4.0, 1e-3), (57.1, 6.0, 1e-3))
    monkeypatch.setattr(lsl_clock, "measured", script)
    clock = SenderClock(None, "amp")
    clock.news()
    assert clock.offsets_s(np.array([100.0, 102.0])).tolist() == [7.0, 7.0]
    clock.news()
    assert clock.offsets_s(np.array([102.5, np.nan, 104.0])) == pytest.approx(
        [7.00025, 7.00025, 7.0004]
    )
    assert clock.news()[1]
    assert clock.offsets_s(np.array([104.1])).tolist() == [57.0]
    assert len(clock.offsets_s(np.empty(0))) == 0
    assert clock.offset_s == 57.0
    clock.news()
    assert clock.offsets_s(np.array([104.0, 106.1])) == pytest.approx([57.0, 57.001])
