"""Law 1: the same samples and markers give the same epochs and predictions, to the last bit.

The offline side is written out with SciPy on whole arrays, and shares no code with the pipeline,
ring or epocher.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from saccade.models.decoders.decoder import RetrievalDecoder
from saccade.models.decoders.decoder_file import (
    DecoderFile,
    EncoderSignature,
    InputSignature,
    from_bytes,
    to_bytes,
)
from saccade.models.encoders import export
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.pipeline import Pipeline, settings_from_spec
from saccade.realtime.types import Marker, Prediction, StreamSpec

SFREQ, N, C = 256.0, 2000, 4
NAMES = tuple("ABCDEFGH")
SPEC = StreamSpec("s", SFREQ, ("F3", "F4", "O1", "O2"), ("eeg",) * C, ("µV",) * C)
PIPELINE = {
    "gap_s": None,
    "rail_uv": 1e6,
    "blocks": [
        {"block": "notch", "line_hz": 50.0, "n_harmonics": 1},
        {"block": "bandpass", "low_hz": 1.0, "high_hz": 40.0, "order": 4},
        {"block": "reference", "kind": "average"},
    ],
}
EPOCHS = EpochSettings(
    tmin_s=-0.2, tmax_s=0.6, baseline_s=(-0.2, 0.0), crop_s=(0.0, 0.5), keep_flagged=("settling",)
)
FIRST, LAST, BASE, CROP = -51, 154, 51, slice(51, 179)  # the same in samples


def recording(seed: int) -> tuple[np.ndarray, np.ndarray, list[Marker]]:
    """Return signal, stamps and markers of a run of 7.8 s."""
    rng = np.random.default_rng(seed)
    data = rng.normal(0.0, 10.0, (N, C)).cumsum(axis=0).astype(np.float32) + np.float32(3e4)
    stamps = 100.0 + np.arange(N) / SFREQ
    onsets = np.sort(rng.uniform(stamps[60], stamps[-160], 6))
    return data, stamps, [Marker(NAMES[i], t) for i, t in enumerate(onsets)]


@pytest.fixture(scope="module")
def file() -> DecoderFile:
    """Return a decoder with random weights, once through its file."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(C * 128, 16))
    gallery = Gallery(NAMES, rng.standard_normal((8, 16)).astype(np.float32), "t", "t", "text")
    whitening = np.eye(C) / 20.0 + rng.standard_normal((C, C)) / 500.0
    return from_bytes(
        to_bytes(
            DecoderFile(
                input=InputSignature(SPEC.ch_names, SPEC.ch_types, SPEC.units, "none", SFREQ),
                working_sfreq=SFREQ,
                pipeline=PIPELINE,
                epochs={},
                encoder=EncoderSignature("test", {}, C, 128, 16),
                script=export(module, C, 128),
                gallery=gallery,
                gallery_centre=gallery.centre,
                signal_mean=np.zeros(C),
                signal_whitening=(whitening + whitening.T) / 2,
                temperature=0.2,
            )
        )
    )


def offline_epochs(data: np.ndarray, stamps: np.ndarray, markers: list[Marker]) -> list[np.ndarray]:
    """Filter, reference and cut the whole array at once, with SciPy."""
    x = data
    for sos in (
        np.concatenate(signal.iirnotch(50.0, 30.0, fs=SFREQ))[None, :],
        signal.butter(4, [1.0, 40.0], "bandpass", fs=SFREQ, output="sos"),
    ):
        state = signal.sosfilt_zi(sos)[:, :, None] * x[0].astype(np.float64)
        x = signal.sosfilt(sos, x.astype(np.float64), axis=0, zi=state)[0].astype(np.float32)
    doubles = x.astype(np.float64)
    x = (x - doubles.mean(axis=1, keepdims=True)).astype(np.float32)
    epochs = []
    for marker in markers:
        position = (marker.stamp - stamps[0]) * SFREQ
        nearest = int(np.ceil(position - 0.6))  # up to 0.6 periods after a sample it is meant
        epoch = x[nearest + FIRST : nearest + LAST].T
        mean = epoch[:, :BASE].mean(axis=1, dtype=np.float64)
        epochs.append((epoch - mean[:, None]).astype(np.float32)[:, CROP])
    return epochs


def run(source: Any, file: DecoderFile) -> list[Prediction]:
    """Return what the engine makes of a source."""
    predictions: list[Prediction] = []
    engine = Engine(
        source,
        Pipeline(settings_from_spec(PIPELINE)),
        Epocher(EPOCHS),
        lambda: 0.0,
        RetrievalDecoder(file),
    )
    engine.start()
    while not (result := engine.step(0.0)).ended:
        predictions += result.predictions
    return predictions


@given(
    seed=st.integers(0, 2**16),
    cuts=st.lists(st.integers(0, N), max_size=15).map(sorted),
    arrivals=st.lists(st.integers(0, 15), min_size=6, max_size=6),
)
@settings(max_examples=60)
def test_any_chunking_gives_the_offline_epochs_and_predictions_bit_for_bit(
    array_source: Any, file: DecoderFile, seed: int, cuts: list[int], arrivals: list[int]
) -> None:
    data, stamps, markers = recording(seed)
    sizes = np.diff([0, *cuts, N]).tolist()  # zero lengths included
    live = run(array_source(SPEC, data, stamps, markers, sizes, arrivals), file)
    whole = run(array_source(SPEC, data, stamps, markers), file)
    offline = offline_epochs(data, stamps, markers)
    assert len(live) == len(whole) == len(offline) == 6
    by_label = {p.epoch.label: p for p in live}
    for expected, cut in zip(whole, offline, strict=True):
        got = by_label[expected.epoch.label]
        assert np.array_equal(got.epoch.data, cut)
        assert np.array_equal(expected.epoch.data, cut)
        assert np.array_equal(got.ranking.scores, expected.ranking.scores)
        assert np.array_equal(got.ranking.probabilities, expected.ranking.probabilities)
        assert got.ranking.top == expected.ranking.top
        assert got.label_rank == expected.label_rank
