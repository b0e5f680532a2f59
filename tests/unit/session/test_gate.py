"""The quality gate: which windows are good, and what is said of those that are not."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.calibration.gate import Gate, GateSettings
from saccade.calibration.visual import is_visual
from saccade.realtime.errors import ConfigError
from saccade.realtime.quality.monitor import TOO_EARLY, QualityMonitor
from saccade.realtime.quality.presets import preset
from saccade.realtime.simulation.subject import SimulatedSubject, SubjectSettings
from saccade.realtime.sources.simulated import SimulatedSource, SimulatedSourceSettings
from saccade.realtime.types import QualityReport

NAMES = ("Fz", "F3", "F4", "Cz", "C3", "C4", "Pz", "O1", "Oz", "O2", "HEOG")


def report(at_s, bad=None, reasons=None, names=NAMES):
    bad = bad or {}
    states = tuple("bad" if name in bad else "good" for name in names)
    told = tuple((reasons or bad).get(name, "") for name in names)
    return QualityReport(0, at_s, names, {}, states, told)


def judged(bad, used=NAMES[:-1], **settings):
    gate = Gate(GateSettings(**settings), used)
    windows = [gate.step(report(at_s, bad)) for at_s in np.arange(0, 12, 0.25)]
    return [window for window in windows if window is not None]


def test_windows_follow_each_other():
    assert len(judged({})) == 2
    assert len(judged({}, window_s=1.0)) == 11
    assert all(window.good for window in judged({}))
    assert judged({})[0].text == "all channels of 10 good enough"


def test_the_first_begins_when_all_can_be_judged():
    gate = Gate(GateSettings(window_s=1.0), NAMES)
    early = {"Fz": f"0.5 s {TOO_EARLY}, 2 s needed"}
    times = [
        at_s
        for at_s in np.arange(0, 5, 0.25)
        if gate.step(report(at_s, reasons=early if at_s < 2 else None))
    ]
    assert times == [3.0, 4.0]


def test_a_channel_bad_now_and_then_makes_the_window_bad_only_at_its_end():
    gate = Gate(GateSettings(window_s=1.0, most_bad=0.0), NAMES)
    bad = {"Fz": "flat"}
    windows = [gate.step(report(at_s, bad if at_s == 0.5 else {})) for at_s in (0, 0.5, 1, 1.5, 2)]
    assert [w.good for w in windows if w] == [True, True]


def test_few_bad_channels_are_told_and_let_through():
    (window, _) = judged({"Fz": "flat; and more", "F3": "railed"})
    assert window.good
    assert window.text == "all but Fz: flat, F3: railed of 10 good enough"
    assert dict(window.bad) == {"Fz": "flat; and more", "F3": "railed"}


def test_many_bad_channels_are_not_with_a_way_out():
    (window, _) = judged({"Fz": "flat", "F3": "flat", "F4": "flat"})
    assert not window.good
    assert "3 of 10 channels are bad (Fz: flat, F3: flat, F4: flat)" in window.text
    assert "--bads Fz,F3,F4" in window.text
    assert judged({"Fz": "flat", "F3": "flat", "F4": "flat"}, most_bad=0.3)[0].good


def test_dead_channels_over_the_visual_cortex_are_not_however_good_the_others():
    dead = dict.fromkeys(("O1", "Oz", "O2"), "has not changed for 5.0 s")
    (window, _) = judged(dead, most_bad=1.0)
    assert not window.good
    assert window.text.startswith("3 of 3 channels over the visual cortex are bad (O1: has not")
    assert "go on at the risk" in window.text
    assert judged(dead, most_bad=1.0, most_bad_visual=1.0)[0].good


def test_one_of_three_over_the_visual_cortex_may_be_bad():
    assert judged({"O1": "flat"})[0].good
    assert not judged({"O1": "flat", "O2": "flat"})[0].good


def test_what_is_not_used_is_no_hindrance():
    assert judged({"HEOG": "railed"}, most_bad=0.0)[0].good
    assert judged({"O1": "flat", "Oz": "flat", "O2": "flat"}, used=NAMES[:7])[0].good


def test_of_channels_that_can_not_be_judged_none_is_called_good():
    gate = Gate(GateSettings(window_s=0.5), ("MEG 0111", "MEG 0112"))
    told = [
        QualityReport(0, at_s, ("MEG 0111", "MEG 0112"), {}, ("not judged",) * 2, ("",) * 2)
        for at_s in (0.0, 0.5)
    ]
    assert gate.step(told[0]) is None
    window = gate.step(told[1])
    assert window.good
    assert window.text.startswith("none of the 2 channels used is EEG")


def test_channels_without_a_place_over_the_visual_cortex_are_judged_by_number():
    names = ("TP9", "AF7", "AF8", "TP10")
    gate = Gate(GateSettings(window_s=0.5), names)
    gate.step(report(0.0, {"AF7": "flat"}, names=names))
    window = gate.step(report(0.5, {"AF7": "flat"}, names=names))
    assert window.text.startswith("1 of 4 channels are bad")


def test_more_names_than_can_be_read_are_numbered():
    bad = dict.fromkeys(NAMES[:9], "flat")
    assert "Pz: flat" not in judged(bad)[0].text
    assert "4 more)" in judged(bad)[0].text


@pytest.mark.parametrize("name", ["O1", "oz", "Iz", "PO7", "POz", "PO9h", "POO3", "PO3-Ref"])
def test_visual_names(name):
    assert is_visual(name)


@pytest.mark.parametrize("name", ["CP1", "TP9", "Fp1", "P10", "Pz", "O", "EOG", "Photo1"])
def test_other_names(name):
    assert not is_visual(name)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"window_s": 0.0}, "window_s of the gate must be above 0 s, not 0"),
        ({"most_bad": 1.1}, "most_bad of the gate must be 0 to 1, not 1.1"),
        ({"most_bad_visual": -0.1}, "most_bad_visual of the gate must be 0 to 1"),
    ],
)
def test_settings_that_can_never_be_met_are_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        GateSettings(**settings)


def test_a_simulated_persons_signal_is_let_through_by_the_monitor_that_runs_live():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 40)).astype(np.float32)
    subject = SimulatedSubject(SubjectSettings(), vectors, [f"thing{n}" for n in range(30)])
    source = SimulatedSource(subject, SimulatedSourceSettings(duration_s=14.0))
    spec = source.open()
    monitor = QualityMonitor(preset("generic"))
    monitor.reset(spec)
    gate = Gate(GateSettings(), spec.ch_names)
    windows = []
    while (reading := source.read(0.0)) is not None:
        windows += [w for r in monitor.step(reading.chunk) if (w := gate.step(r)) is not None]
    assert [window.good for window in windows] == [True, True]
