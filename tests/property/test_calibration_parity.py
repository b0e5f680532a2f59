"""What cleans a calibration cleans the live signal: the same epochs, to the last bit.

A recording with everything that repair, reconstruction and the gates are for is calibrated on as
``saccade calibrate`` does it. Pipeline and epochs as the decoder file keeps them, JSON and back,
must then cut the very epochs that the decoder was made from, however the samples arrive.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.calibration.collect import Trials
from saccade.calibration.recorded import how_recorded
from saccade.cli import configuration, fitting
from saccade.models.data.recorded_epochs import RecordedEpochs
from saccade.models.decoders.manifest import read_json, write_json
from saccade.realtime import registry
from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.pipeline import Pipeline, settings_from_spec
from saccade.realtime.types import Epoch, Marker, StreamSpec

SFREQ, SECONDS = 128.0, 50
NAMES = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "TRG")
SPEC = StreamSpec("amp", SFREQ, NAMES, ("eeg",) * 10 + ("stim",), ("µV",) * 11)
WANTED: dict[str, Any] = {
    "markers.labels": {"1": "lamp", "2": "dog"},
    "pipeline.low_hz": 1.0,
    "pipeline.order": 2,
    "pipeline.bads": ("Fp2",),
    "pipeline.repair": "auto",
    "pipeline.asr_cutoff": 8.0,
    "pipeline.reference": "average",
    "pipeline.resample_hz": 64.0,
    "epochs.tmin_s": -0.1,
    "epochs.tmax_s": 0.5,
    "epochs.baseline_s": (-0.1, 0.0),
    "epochs.crop_s": (0.0, 0.4),
    "epochs.reject_flat_uv": 0.1,
    "epochs.potato_z": 2.5,
}


class Run(NamedTuple):
    """A recording."""

    data: np.ndarray
    stamps: np.ndarray
    markers: list[Marker]


def recording() -> Run:
    """Return signal with blinks, bursts, a dead, a dying and a loose electrode, and a gap."""
    rng = np.random.default_rng(0)
    n = round(SECONDS * SFREQ)
    near = np.exp(-np.abs(np.arange(10)[:, None] - np.arange(10)) / 4.0)
    data = np.zeros((n, 11))
    data[:, :10] = 10 * rng.normal(size=(n, 10)) @ near + 5e3
    for start in range(700, n - 100, 900):
        data[start : start + 40, :4] += 400 * np.hanning(40)[:, None]
    for start in range(1000, n - 100, 1500):
        data[start : start + 60, 6:10] += 150 * rng.normal(size=(60, 4))
    data[:, 1] = 5e3
    data[3900:, 4] = 4e3
    stamps = 10.0 + np.arange(n) / SFREQ
    stamps[2600:] += 0.4
    markers = [Marker(str(1 + k % 2), float(t)) for k, t in enumerate(np.arange(11.0, 59.0, 0.45))]
    return Run(data.astype(np.float32), stamps, markers)


RUN = recording()


@pytest.fixture(scope="module")
def calibrated(array_source: Any) -> tuple[Trials, RecordedEpochs]:
    """Return the trials of a calibration, and what the decoder file keeps of their making."""
    pytest.importorskip("meegkit")
    pytest.importorskip("pyriemann")
    source = array_source(SPEC, *RUN, sizes=[640] * (len(RUN.data) // 640))
    trials = fitting.trials_from([source], configuration.load(None, WANTED).config, SPEC, None)
    kept = read_json(
        RecordedEpochs, write_json(dataclasses.asdict(how_recorded(trials))), "recorded.json"
    )
    return trials, kept


def decoded(array_source: Any, kept: RecordedEpochs, sizes: list[int]) -> tuple[list[Epoch], Any]:
    """Return the epochs that a decoder would see, and the session's summary."""
    source = array_source(SPEC, *RUN, sizes=sizes)
    cut = registry.build_settings(EpochSettings, kept.epochs | {"labels": None}, "the epochs")
    engine = Engine(source, Pipeline(settings_from_spec(kept.pipeline)), Epocher(cut), lambda: 0.0)
    engine.start()
    epochs: list[Epoch] = []
    while not (result := engine.step(0.0)).ended:
        epochs += result.epochs
    return epochs, engine.stop()


def test_everything_is_at_work_in_this_recording(
    array_source: Any, calibrated: tuple[Trials, RecordedEpochs]
) -> None:
    trials, kept = calibrated
    assert [block["block"] for block in kept.pipeline["blocks"]] == [
        *("select", "bandpass", "artifact", "repair", "reference", "resample")
    ]
    assert {"gap", "settling", "unusual: potato z"} <= set(trials.rejected)
    _, summary = decoded(array_source, kept, [len(RUN.data)])
    assert summary["blocks"]["artifact"]["cleaned_s"] > 1
    repaired = summary["blocks"]["repair"]["repaired_s"]
    assert set(repaired) == {"Fp2", "C3"}
    assert repaired["Fp2"] > 45 > 20 > repaired["C3"] > 10


@settings(max_examples=8)
@given(data=st.data())
def test_the_live_epochs_are_those_of_the_calibration(
    array_source: Any, calibrated: tuple[Trials, RecordedEpochs], data: st.DataObject
) -> None:
    trials, kept = calibrated
    n = len(RUN.data)
    step = data.draw(st.sampled_from([1, 7, 100, 1000, n]))
    cuts = data.draw(st.lists(st.integers(0, n), max_size=20))
    edges = sorted({0, n, *cuts, *range(0, n, step if step > 1 else 37)})
    sizes = [stop - start for start, stop in itertools.pairwise(edges)]
    if step == 1:  # a stretch sample by sample
        start = data.draw(st.integers(0, n - 600))
        sizes = [start, *([1] * 600), n - start - 600]
    epochs, _ = decoded(array_source, kept, sizes)
    good = [epoch for epoch in epochs if not epoch.rejected]
    assert np.array_equal(np.stack([epoch.data for epoch in good]), trials.data)
    labels = {"1": "lamp", "2": "dog"}
    assert tuple(labels[str(epoch.label)] for epoch in good) == trials.labels
