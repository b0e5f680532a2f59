"""How long a stream may be silent follows from how it is sent."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.realtime.sources.lsl.pace import Pace


def after(silences_s, stall_s=0.4):
    pace = Pace(stall_s)
    for silence_s in silences_s:
        pace.hear(silence_s)
    return pace.patience_s


@pytest.mark.parametrize("period_s", [0.001, 0.02, 0.05, 0.1])
def test_of_an_ordinary_sender_a_stall_is_told_after_the_time_that_is_set(period_s):
    assert after([period_s] * round(0.5 / period_s)) == 0.4


@pytest.mark.parametrize("piece_s", [0.3, 0.5, 0.9, 3.0])
def test_a_sender_of_large_pieces_may_be_silent_for_two_of_them(piece_s):
    # Samples of one piece come in with a few milliseconds between them.
    assert after([piece_s, 0.002, 0.001] * 3) == pytest.approx(max(0.4, 2 * piece_s))


def test_as_long_as_the_pace_is_not_known_a_second_may_pass():
    assert after([]) == after([0.5, 0.001]) == after([0.02] * 5) == 1.0


def test_pieces_that_come_irregularly_are_never_late():
    pace = Pace(0.4)
    for silence_s in np.random.default_rng(0).uniform(0.35, 0.65, 500).tolist():
        assert silence_s < pace.patience_s
        pace.hear(silence_s)


def test_a_sender_that_changes_its_pace_is_known_again():
    pieces, flow = [0.5, 0.001] * 3, [0.02] * 25
    assert after([*pieces, *flow]) == 0.4
    assert after([*flow, *pieces]) == pytest.approx(1.0)


def test_what_has_been_away_thrice_between_ordinary_samples_is_no_slow_sender():
    assert after([3.0, *[0.02] * 25] * 5) == 0.4


def test_who_grants_more_time_is_obeyed():
    assert after([0.5, 0.001] * 3, stall_s=5.0) == 5.0
