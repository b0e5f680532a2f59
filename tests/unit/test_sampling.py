"""Seconds to samples: rounded, never truncated, refused when meaningless."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.realtime.errors import ConfigError
from saccade.realtime.sampling import samples


def test_products_just_below_a_whole_number_are_not_cut() -> None:
    assert int(0.29 * 100) == 28  # what truncating would give
    assert samples(0.29, 100.0) == 29
    assert samples(-0.29, 100.0) == -29


def test_halves_go_away_from_zero_on_both_sides() -> None:
    assert (samples(0.5, 1.0), samples(1.5, 1.0)) == (1, 2)
    assert (samples(-0.5, 1.0), samples(-1.5, 1.0)) == (-1, -2)


@given(count=st.integers(-(10**7), 10**7), sfreq=st.sampled_from([128.0, 250.0, 256.0, 300.0, 1e3]))
def test_whole_numbers_survive_the_way_through_seconds(count: int, sfreq: float) -> None:
    assert samples(count / sfreq, sfreq, exact=True) == count


def test_exactness_can_be_asked_for() -> None:
    with pytest.raises(ConfigError, match=r"hop_s must be a whole number.*2\.560.*use 0\.0117188"):
        samples(0.01, 256.0, "hop_s", exact=True)


@pytest.mark.parametrize(
    ("duration", "rate"), [(math.nan, 1.0), (1.0, 0.0), (1.0, -2.0), (1.0, math.inf)]
)
def test_what_is_no_time_is_refused(duration: float, rate: float) -> None:
    with pytest.raises(ConfigError, match="tmin_s must be a finite time at a rate above 0"):
        samples(duration, rate, "tmin_s")
