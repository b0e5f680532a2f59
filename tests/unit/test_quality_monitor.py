"""The monitor finds faults where they are, says why, and every limit matters."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest

from saccade.realtime.protocols import Monitor
from saccade.realtime.quality.layout import MEASURES, about, columns, row
from saccade.realtime.quality.monitor import QualityMonitor
from saccade.realtime.quality.settings import QualitySettings
from saccade.realtime.quality.splines import directions
from saccade.realtime.types import Chunk, Flag, StreamSpec

NAMES = (
    *("Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz", "C4", "T8"),
    *("P7", "P3", "Pz", "P4", "P8", "O1", "Oz", "O2"),
)
SFREQ = 250.0
HOP = 62  # samples of a report at this rate


def scalp(seconds, seed=0, sfreq=SFREQ):
    """Return an EEG-like signal of 20 channels: smooth fields with 1/f courses, in µV."""
    rng = np.random.default_rng(seed)
    n = int(seconds * sfreq)
    sources = rng.normal(size=(30, 3))
    sources /= np.linalg.norm(sources, axis=1, keepdims=True)
    fields = np.exp(3 * (directions(NAMES) @ sources.T))
    fields *= 10 / np.sqrt(np.square(fields).sum(axis=1, keepdims=True))
    freqs = np.fft.rfftfreq(n, 1 / sfreq)
    spectrum = rng.normal(size=(30, len(freqs))) + 1j * rng.normal(size=(30, len(freqs)))
    courses = np.fft.irfft(spectrum / np.maximum(freqs, 0.5), n)
    courses /= courses.std(axis=1, keepdims=True)
    return (fields @ courses).T + 0.7 * rng.normal(size=(n, len(NAMES)))


def spec(names=NAMES, types=None, units=None, sfreq=SFREQ):
    n = len(names)
    return StreamSpec("amp", sfreq, tuple(names), types or ("eeg",) * n, units or ("µV",) * n)


def reports_on(data, settings=None, stamps=None, flags=None, spec=spec, size=500):
    """Return all reports on a signal; its spec may be given."""
    spec = spec() if callable(spec) else spec
    monitor = QualityMonitor(settings or QualitySettings())
    monitor.reset(spec)
    data = np.asarray(data, np.float32)
    stamps = np.arange(len(data)) / spec.sfreq if stamps is None else stamps
    flags = np.zeros(len(data), np.uint16) if flags is None else flags
    made = []
    for i in range(0, len(data), size):
        piece = slice(i, i + size)
        arrays = (array[piece].copy() for array in (data, stamps, flags))
        made += monitor.step(Chunk(*arrays, i))
    return made


@pytest.fixture(scope="module")
def healthy():
    """Return 16 s without a fault: a round of RANSAC takes 15."""
    return scalp(16.0)


def states_of(report):
    return dict(zip(report.ch_names, report.states, strict=True))


def reason_of(report, name):
    return report.reasons[report.ch_names.index(name)]


def test_a_healthy_signal_is_good_everywhere_after_two_seconds_and_four(healthy):
    reports = reports_on(healthy)
    assert len(reports) == len(healthy) // HOP
    assert [report.index for report in reports[:2]] == [HOP - 1, 2 * HOP - 1]
    assert reports[1].stamp_s == pytest.approx((2 * HOP - 1) / SFREQ)
    for report in reports[:7]:
        assert set(report.states) == {"doubtful"}
        assert reason_of(report, "Cz").endswith("s since the stream began or was torn, 2 s needed")
    for report in reports[8:]:
        assert set(report.states) == {"good"}
        assert set(report.reasons) == {""}
    assert set(reports[-1].measures) == set(MEASURES)
    for name, values in reports[-1].measures.items():
        unknown = name in ("full_scale", "impedance_kohm")
        assert (values.shape, values.dtype) == ((len(NAMES),), np.float32)
        assert np.isnan(values).all() if unknown else np.isfinite(values).all()
        assert not values.flags.writeable
    assert reports[-1].measures["amplitude_uv"].mean() == pytest.approx(5, abs=3)


def spoilt(healthy, name, change, onset_s=6.0):
    data, i, onset = healthy.copy(), NAMES.index(name), int(onset_s * SFREQ)
    data[onset:, i] = change(data[onset:, i])
    return data


def pushed_to(rail_uv):
    return lambda x: np.minimum(x + rail_uv, rail_uv)


def noise(uv):
    return lambda x: uv * np.random.default_rng(9).normal(size=len(x))


def holey(x):
    return np.where(np.arange(len(x)) % 3, x, np.nan)


def buzz(x):
    return np.diff(noise(15.0)(x), prepend=0.0)


def hum(uv, hz):
    def add(x):
        return x + uv * np.sqrt(2) * np.sin(2 * np.pi * hz * np.arange(len(x)) / SFREQ)

    return add


@pytest.mark.parametrize(
    ("change", "state", "reason"),
    [
        (lambda x: np.full_like(x, np.nan), "bad", "only 0% of the last 2 s is there"),
        (lambda x: np.full_like(x, 3.0), "bad", "has not changed for"),
        (pushed_to(1e5), "bad", "at one extreme value: railed"),
        (noise(0.2), "bad", "hardly any signal"),
        (lambda x: 30 * x, "bad", "too large for an EEG"),
        (lambda x: 3.5 * x, "doubtful", "robust SD larger than the other channels"),
        (hum(25.0, 50.0), "doubtful", "50 Hz mains are"),
        (hum(25.0, 60.0), "doubtful", "60 Hz mains are"),
        (lambda x: x + buzz(x), "bad", "muscle or contact"),
        (lambda x: x + 100 * np.arange(len(x)) / SFREQ, "doubtful", "wandered"),
        (lambda x: scalp(10.0, seed=5)[:, 0], "bad", "correlates"),
    ],
)
def test_a_fault_is_found_where_it_is_and_said_in_words(healthy, change, state, reason):
    report = reports_on(spoilt(healthy, "C3", change))[-1]
    states = states_of(report)
    assert states.pop("C3") == state
    assert reason in reason_of(report, "C3")
    assert set(states.values()) == {"good"}


def test_a_bridged_pair_is_named(healthy):
    data = healthy.copy()
    data[:, 3] = data[:, 4] + 0.3 * np.random.default_rng(1).normal(size=len(data))
    report = reports_on(data)[-1]
    assert reason_of(report, "F3").endswith("from Fz: bridged?")
    assert reason_of(report, "Fz").endswith("from F3: bridged?")
    assert [n for n, s in states_of(report).items() if s != "good"] == ["F3", "Fz"]
    assert set(report.states) == {"good", "doubtful"}  # bridged is never bad


def test_cables_that_are_exchanged_are_found_by_ransac():
    data = scalp(60.0)
    data[:, [0, 18]] = data[:, [18, 0]]
    reports = reports_on(data)
    assert np.isnan(reports[40].measures["ransac"]).all()  # no round is over yet
    last = reports[-1]
    disagreed = {n for n, v in zip(NAMES, last.measures["ransac"], strict=True) if v > 0.4}
    assert disagreed == {"Fp1", "Oz"}
    assert (states_of(last)["Fp1"], states_of(last)["Oz"]) == ("bad", "bad")


def test_states_follow_after_half_a_second_and_two(healthy):
    data = healthy.copy()
    onset, end = int(8 * SFREQ), int(10 * SFREQ)
    data[onset:end, 8] = 1e5 + np.zeros(end - onset)
    reports = reports_on(data, QualitySettings(flat_s=(0.1, 0.2), drift_uv=(np.inf, np.inf)))
    bad = [r.index / SFREQ for r in reports if states_of(r)["C3"] == "bad"]
    assert 8.2 <= bad[0] <= 9.0
    assert 14 <= bad[-1] <= 16  # the filter and the window forget, then two seconds of better


def test_nothing_flickers_at_a_limit(healthy):
    amplitudes = np.array([r.measures["amplitude_uv"] for r in reports_on(healthy)[8:]])
    limit = float(np.median(amplitudes[:, 8]))
    crossings = np.count_nonzero(np.diff(amplitudes[:, 8] > limit))
    settings = QualitySettings(high_uv=(limit, 1e3))
    states = [states_of(r)["C3"] for r in reports_on(healthy, settings)[8:]]
    assert crossings >= 6
    assert sum(a != b for a, b in itertools.pairwise(states)) <= crossings // 2


def test_after_a_gap_windows_fill_anew_and_the_report_says_so(healthy):
    stamps = np.arange(len(healthy)) / SFREQ
    stamps[2500:] += 0.4
    reports = reports_on(healthy, stamps=stamps)
    after = [r for r in reports if r.index >= 2500]
    assert after[0].index == 2500 + HOP - 1  # hops are counted from the tear
    assert set(after[0].states) == {"doubtful"}
    assert reason_of(after[0], "Cz").startswith("0.2 s since the stream began or was torn")
    assert after[0].measures["usable"][0] == pytest.approx(1 / 8)
    assert np.isnan(after[0].measures["amplitude_uv"]).all()
    assert set(after[7].states) == {"good"}
    flags = np.zeros(len(healthy), np.uint16)
    flags[2500] = Flag.GAP
    flagged = reports_on(healthy, flags=flags)
    assert [r.index for r in flagged] == [r.index for r in reports]
    assert [row(a).tobytes() for a in flagged] == [row(b).tobytes() for b in reports]


def test_a_bad_channel_stays_bad_over_a_gap(healthy):
    stamps = np.arange(len(healthy)) / SFREQ
    stamps[2500:] -= 3.0
    reports = reports_on(spoilt(healthy, "C3", noise(0.2)), stamps=stamps)
    assert all(states_of(r)["C3"] == "bad" for r in reports if r.index >= 2500)


@pytest.mark.parametrize("flag", [Flag.FILLED, Flag.MISSING])
def test_samples_that_were_not_measured_do_not_count_as_there(healthy, flag):
    flags = np.where(np.arange(len(healthy)) % 5 < 2, flag, 0).astype(np.uint16)
    report = reports_on(healthy, flags=flags)[-1]
    assert report.measures["usable"] == pytest.approx(np.full(20, 0.6), abs=0.01)
    assert set(report.states) == {"doubtful"}


def test_what_is_no_number_spoils_nothing_else(healthy):
    clean = reports_on(healthy)[-1]
    data = healthy.astype(np.float32)
    data[3000:, 8] = np.nan
    data[3100:, 9] = np.inf
    data[3200:, 10] = 1e30
    report = reports_on(data)[-1]
    assert [states_of(report)[n] for n in ("C3", "Cz", "C4")] == ["bad"] * 3
    rest = [i for i in range(20) if i not in (8, 9, 10)]
    for name in ("amplitude_uv", "hf_ratio", "line_ratio", "drift_uv"):
        assert (report.measures[name][rest] == clean.measures[name][rest]).all()
        assert np.isnan(report.measures[name][8:11]).all()
    assert report.measures["predictability"][rest].min() > 0.5


def test_voltages_and_stamps_beyond_reason_raise_no_alarm_but_the_state():
    data = scalp(16.0)
    data[:, 3] *= 1e10
    stamps = np.arange(len(data)) / SFREQ
    stamps[[1000, 1001, 2000]] = np.inf, np.inf, np.nan
    last = reports_on(data, stamps=stamps)[-1]
    assert [name for name, state in states_of(last).items() if state != "good"] == ["F3"]
    assert np.isfinite(last.measures["amplitude_uv"]).all()


@pytest.mark.parametrize(
    ("types", "units", "sfreq"),
    [(("eeg", "eog", "misc"), ("µV", "µV", "g"), 250.0), (("eeg",) * 3, ("µV",) * 3, 50.0)],
)
def test_only_what_can_be_judged_is(types, units, sfreq):
    data = 10 * np.random.default_rng(0).normal(size=(2000, 3))
    data[:, 1:] = 0
    report = reports_on(data, spec=spec(("Cz", "eye", "acc"), types, units, sfreq))[-1]
    assert report.states[1] == "bad"  # a flat EOG is flat
    assert report.states[2] == ("not judged" if types[2] == "misc" else "bad")
    assert report.reasons[2] == "misc is no voltage" or types[2] == "eeg"
    assert np.isnan(row(report)[-1]) == (types[2] == "misc")  # its state, as a number
    assert math.isfinite(report.measures["flat_s"][1])
    assert np.isnan(report.measures["amplitude_uv"][1:]).all()
    assert np.isfinite(report.measures["amplitude_uv"][0]) == (sfreq > 60)
    assert np.isnan(report.measures["correlation"]).all()  # too few channels
    assert np.isnan(report.measures["flat_s"][2]) == (types[2] == "misc")


@pytest.mark.parametrize("sfreq", [100.0, 128.0, 512.0, 2048.0])
def test_other_rates_are_judged_too(sfreq):
    report = reports_on(scalp(8.0, sfreq=sfreq), spec=spec(sfreq=sfreq), size=100)[-1]
    assert set(report.states) == {"good"}
    assert report.measures["amplitude_uv"].mean() == pytest.approx(5, abs=3)
    assert np.isnan(report.measures["line_ratio"]).all() == (sfreq == 100)


@pytest.mark.parametrize(
    ("names", "kind", "unit", "value"),
    [
        (("imp_C3", "imp_Cz"), "impedance", "kOhm", 80.0),
        (("Cz-impedance", "C3 imp"), "misc", "ohms", 80e3),
        (("x1", "x2"), "imp", "", 80.0),
        (("C3 Z", "Cz Z"), "misc", "MΩ", 0.08),
    ],
)
def test_impedances_are_found_and_judged(names, kind, unit, value):
    data = np.concatenate([scalp(6.0)[:, 8:10], np.full((1500, 2), 5.0)], axis=1)
    data[:, 2 + [("C3" in n or n == "x1") for n in names].index(True)] = value
    factor = value / 80
    data[:, 2:] = np.where(data[:, 2:] == 5.0, 5.0 * factor, data[:, 2:])
    about_it = spec(("C3", "Cz", *names), ("eeg", "eeg", kind, kind), ("µV", "µV", unit, unit))
    report = reports_on(data, spec=about_it)[-1]
    assert report.measures["impedance_kohm"][:2] == pytest.approx([80, 5], rel=1e-5)
    assert report.states == ("doubtful", "good", "not judged", "not judged")
    assert report.reasons[0] == "impedance 80 kΩ"


@pytest.mark.parametrize("unknown", [np.nan, -1.0, np.inf])
def test_an_impedance_that_is_not_measured_now_is_none(unknown):
    data = np.concatenate([scalp(6.0)[:, 8:10], np.full((1500, 2), unknown)], axis=1)
    data[:600, 2] = 200.0
    about_it = spec(
        ("C3", "Cz", "imp C3", "imp Cz"), ("eeg", "eeg", "imp", "imp"), ("µV", "µV", "kOhm", "kOhm")
    )
    reports = reports_on(data, spec=about_it)
    early = next(r for r in reports if r.index > 500)
    assert early.measures["impedance_kohm"][0] == 200
    for report in (early, reports[-1]):
        assert np.isnan(report.measures["impedance_kohm"][1])
        assert states_of(report)["Cz"] != "bad"
    assert np.isnan(reports[-1].measures["impedance_kohm"][0])
    assert reports[-1].states[:2] == ("good", "good")
    flags = np.full(len(data), Flag.FILLED, np.uint16)
    filled = reports_on(data, spec=about_it, flags=flags)
    assert np.isnan(filled[5].measures["impedance_kohm"]).all()


def test_a_quiet_channel_is_no_fault_for_near_the_reference_all_are(healthy):
    quiet = reports_on(spoilt(healthy, "C3", lambda x: x / 3, onset_s=0.0))[-1]
    assert quiet.measures["deviation_z"][8] < -5
    assert states_of(quiet)["C3"] == "good"
    loud = reports_on(spoilt(healthy, "C3", lambda x: x * 5, onset_s=0.0))[-1]
    assert states_of(loud)["C3"] != "good"


LIMITS = {
    "full_scale_uv": (QualitySettings(full_scale_uv=110.0), lambda x: 100 + x),
    "line_hz": (QualitySettings(line_hz=60.0), hum(25.0, 50.0)),
    "gap_s": (QualitySettings(gap_s=1.0), None),
    "worse_after_s": (QualitySettings(worse_after_s=60.0), noise(0.2)),
    "better_after_s": (QualitySettings(better_after_s=60.0), None),
    "usable": (
        QualitySettings(usable=(0, 0)),
        holey,
    ),
    "full_scale": (QualitySettings(full_scale_uv=1e3, full_scale=(0.05, 0.06)), lambda x: x + 80),
    "clipped": (QualitySettings(clipped=(1, 1)), lambda x: np.minimum(x, 1.0)),
    "flat_s": (QualitySettings(flat_s=(90, 90)), lambda x: np.full_like(x, 3.0)),
    "low_uv": (QualitySettings(low_uv=(0, 0)), noise(0.2)),
    "high_uv": (QualitySettings(high_uv=(5, 6)), lambda x: x * 2),
    "deviation_z": (QualitySettings(deviation_z=(1, 2)), lambda x: x * 2),
    "line_ratio": (QualitySettings(line_ratio=(90, 90)), hum(25.0, 50.0)),
    "hf_ratio": (QualitySettings(hf_ratio=(9, 9)), lambda x: x + buzz(x)),
    "drift_uv": (QualitySettings(drift_uv=(9e9, 9e9)), lambda x: x + 100 * np.arange(len(x)) / 250),
    "correlation": (QualitySettings(correlation=(0.999, 0.99)), lambda x: x),
    "predictability": (QualitySettings(predictability=(1, 1)), lambda x: x),
    "ransac": (QualitySettings(ransac=(0.1, 0.15)), lambda x: x + 2 * scalp(16.0, 5)[:, 0]),
    "bridge_uv": (QualitySettings(bridge_uv=(9, 8)), lambda x: x),
    "impedance_kohm": (QualitySettings(impedance_kohm=(1, 2)), None),
}


def test_every_setting_has_a_case():
    assert set(LIMITS) == {field.name for field in dataclasses.fields(QualitySettings)}


@pytest.mark.parametrize("name", LIMITS)
def test_every_setting_changes_the_verdict(healthy, name):
    settings, change = LIMITS[name]
    stamps = np.arange(len(healthy)) / SFREQ
    about_it, data = spec(), healthy
    if change is not None:
        data = spoilt(healthy, "C3", change, onset_s=0.0)
    elif name == "gap_s":
        stamps[3700:] += 0.5
    elif name == "better_after_s":
        data = healthy.copy()
        data[1500:2500, 8] = 0.0
    else:
        data = np.column_stack([healthy, np.full(len(healthy), 10.0)])
        about_it = spec((*NAMES, "Cz imp"), ("eeg",) * 20 + ("imp",), ("µV",) * 20 + ("kohm",))
    before, after = (reports_on(data, s, stamps, spec=about_it)[-1] for s in (None, settings))
    assert (before.states, before.reasons) != (after.states, after.reasons)


def test_numbers_leave_channel_by_channel(healthy):
    report = reports_on(spoilt(healthy, "C3", noise(0.2)))[-1]
    named = dict(zip([label for label, _ in columns(NAMES)], row(report), strict=True))
    assert len(named) == 20 * (len(MEASURES) + 1)
    assert named["C3 amplitude_uv"] == report.measures["amplitude_uv"][8]
    assert (named["C3 state"], named["Cz state"]) == (2, 0)
    assert list(named)[len(MEASURES) : len(MEASURES) + 2] == ["Fp1 state", "Fp2 usable"]
    assert '"measures": ["usable", ' in about(NAMES)


def test_it_is_a_monitor():
    monitor: Monitor = QualityMonitor(QualitySettings())
    monitor.reset(spec())
    assert monitor.step(Chunk.empty(20, 0)) == []
