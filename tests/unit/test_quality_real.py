"""What the monitor says of real recordings; each has its twin in ``test_quality_monitor.py``."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.realtime.quality.monitor import QualityMonitor
from saccade.realtime.quality.presets import preset
from saccade.realtime.types import Chunk, StreamSpec

pytestmark = pytest.mark.real_data

# Probably; one column is said to be no electrode. The order was chosen because with it each column
# but two follows from its neighbours, so the measures of place prove nothing of themselves here.
P300 = (
    *("F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz", "C4"),
    *("T8", "P7", "P3", "Pz", "P4", "P8", "O1", "O2"),
)


def states_over(data, names, sfreq, name="generic"):
    """Return the share of reports after 10 s in which each channel was bad, and not good."""
    monitor, n = QualityMonitor(preset(name)), len(names)
    monitor.reset(StreamSpec("real", sfreq, tuple(names), ("eeg",) * n, ("µV",) * n))
    data = np.asarray(data, np.float32)
    flags = np.zeros(len(data), np.uint16)
    reports = monitor.step(Chunk(data, np.arange(len(data)) / sfreq, flags, 0))
    states = np.array([report.states for report in reports if report.index > 10 * sfreq])
    bad, good = (states == "bad").mean(axis=0), (states == "good").mean(axis=0)
    return dict(zip(names, bad, strict=True)), dict(zip(names, 1 - good, strict=True))


def test_a_muse_is_seldom_bad(real_data):
    for path in sorted((real_data / "n170-house-face").glob("*.csv")):
        data = np.genfromtxt(path, delimiter=",", skip_header=1)[:, 1:5]
        bad, not_good = states_over(data, ("TP9", "AF7", "AF8", "TP10"), 256.0, "muse")
        assert max(bad.values()) < 0.1
        assert max(not_good["TP9"], not_good["TP10"]) < 0.15


def test_an_old_p300_recording_has_two_odd_columns(real_data):
    with np.load(real_data / "p300-oddball" / "subject_01_session_01.npz") as file:
        data = file["data"]
    nowhere = tuple(str(i) for i in range(1, 18))  # no place is known
    bad, not_good = states_over(data, nowhere, 128.0)
    assert not_good["8"] > 0.9
    assert not_good["4"] > 0.2
    assert max(share for name, share in not_good.items() if name not in {"4", "8"}) < 0.15
    assert max(bad.values()) < 0.2
    bad, _ = states_over(data, P300, 128.0)
    assert {name for name, share in bad.items() if share > 0.5} == {"F4", "Cz"}
