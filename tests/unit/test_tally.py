"""What only the end of a session can tell: why epochs were rejected, which channels were bad."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.realtime.quality.monitor import TOO_EARLY
from saccade.realtime.sinks.tally import Tally, kind_of
from saccade.realtime.types import Epoch, Prediction, QualityReport, Ranking, StreamSpec

SPEC = StreamSpec("amp", 250.0, ("Cz", "Oz"), ("eeg", "eeg"), ("µV", "µV"))


def epoch(*rejected):
    data = np.zeros((2, 5), np.float32)
    return Epoch(0, data, 250.0, 0.0, 1.0, 250, rejected=rejected)


def counted(*told, health=None):
    tally = Tally()
    tally.open(SPEC, {})
    for kind, value in told:
        getattr(tally, kind)(value)
    if health:
        tally.health(health)
    summary = {"epochs": {}}
    tally.close(summary)
    return summary


def test_a_session_without_trouble_has_no_more_to_tell():
    good = Prediction(epoch(), Ranking((), np.zeros(2, np.float32), np.zeros(2, np.float32)))
    health = {"wrong_rate": False, "effective_sfreq": 250.0, "nominal_sfreq": 250.0}
    assert counted(("prediction", good), health=health) == {"epochs": {}}


def test_reasons_are_counted_whatever_their_numbers_and_decoded_or_not():
    ranking = Ranking((), np.zeros(2, np.float32), np.zeros(2, np.float32))
    summary = counted(
        ("rejected", epoch("settling", "gap")),
        ("rejected", epoch("peak to peak 143 µV on AF7 (limit 100 µV)")),
        ("prediction", Prediction(epoch("peak to peak 120 µV on Cz", "gap"), ranking)),
        ("rejected", epoch("peak to peak 300 µV on Cz")),
    )
    assert summary["epochs"]["reasons"] == {"peak to peak": 3, "gap": 2, "settling": 1}


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("missing 3 of 50 samples", "missing"), ("flat: peak to peak 0.1 µV", "flat: peak to peak")],
)
def test_the_kind_of_a_reason(reason, kind):
    assert kind_of(reason) == kind


def test_what_can_not_be_judged_yet_is_no_trouble():
    reason = f"1.5 s {TOO_EARLY}, 2 s needed"
    early = QualityReport(374, 1.5, SPEC.ch_names, {}, ("doubtful",) * 2, (reason,) * 2)
    assert counted(("quality", early))["quality"] == {"judged_s": 1.5, "bad": {}, "doubtful": {}}


def test_how_long_a_channel_was_bad_and_why():
    def report(index, states, reason):
        return QualityReport(index, index / 250, SPEC.ch_names, {}, states, ("", reason))

    summary = counted(
        ("quality", report(249, ("good", "good"), "")),
        ("quality", report(499, ("good", "doubtful"), "muscle or contact")),
        ("quality", report(999, ("good", "bad"), "flat for 2 s")),
        ("quality", report(1249, ("good", "bad"), "flat for 3 s")),
        ("quality", report(2499, ("good", "good"), "")),
    )
    assert summary["quality"] == {
        "judged_s": 10.0,
        "bad": {"Oz": {"s": 3.0, "reason": "flat for 3 s"}},
        "doubtful": {"Oz": {"s": 1.0, "reason": "muscle or contact"}},
    }


def test_a_rate_that_is_not_what_was_announced():
    told = {"effective_sfreq": 125.0, "nominal_sfreq": 250.0}
    assert counted(health={"wrong_rate": True, "gaps": 0} | told)["wrong_rate"] == told
