"""Law 1 over real LSL: what was decoded live comes out again, bit for bit, from what was received.

A recording is played over LSL and decoded live while a tap notes every sample, stamp and marker
that the source handed out. The notes as one array, the notes in other pieces, and the recording
itself from its file must all give the live epochs and predictions.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pylsl
import pytest
import torch

from saccade.models.decoders.decoder import RetrievalDecoder
from saccade.models.decoders.decoder_file import DecoderFile, EncoderSignature, InputSignature
from saccade.models.encoders import export
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.pipeline import Pipeline, settings_from_spec
from saccade.realtime.replay.player import Player, PlayerSettings
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.sources.lsl.resolve import StreamQuery
from saccade.realtime.sources.lsl.source import LSLSource, LSLSourceSettings
from saccade.realtime.types import Epoch, Marker, Prediction, Reading, StreamSpec

SFREQ, N, N_EVENTS = 250.0, 5000, 24
NAMES = tuple("ABCDEFGHIJKL")
CHANNELS = ("F3", "F4", "O1", "O2")
PIPELINE = {
    "rail_uv": 1e5,
    "blocks": [
        {"block": "select", "ch_names": list(CHANNELS)},
        {"block": "bandpass", "low_hz": 1.0, "high_hz": 30.0, "order": 4},
        {"block": "reference", "kind": "average"},
        {"block": "resample", "sfreq": 125.0},
    ],
}
EPOCHS = EpochSettings(
    tmin_s=-0.2,
    tmax_s=0.6,
    baseline_s=(-0.2, 0.0),
    crop_s=(0.0, 0.6),
    labels={str(i + 1): name for i, name in enumerate(NAMES)},
)


class Tap:
    """A source that notes what another one hands out."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.readings: list[Reading] = []

    def open(self) -> StreamSpec:
        self.spec: StreamSpec = self.source.open()
        return self.spec

    def read(self, timeout_s: float) -> Reading | None:
        reading = self.source.read(timeout_s)
        if reading is not None:
            self.readings.append(reading)
        return reading

    def close(self) -> None:
        self.source.close()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Write a run with overlapping epochs, a NaN, a rail and an unused channel."""
    rng = np.random.default_rng(5)
    data = rng.normal(0.0, 8.0, (N, 5)).astype(np.float32)
    data[:, :4] += np.sin(2 * np.pi * 10.0 * np.arange(N) / SFREQ)[:, None]
    data[2000, 1] = np.nan
    data[3000, 2] = 4e5
    stim = np.zeros(N, np.int16)
    stim[np.linspace(900, N - 300, N_EVENTS).astype(int)] = 1 + np.arange(N_EVENTS) % 12
    path = tmp_path / "run.npz"
    np.savez(path, data=data, stim=stim, sfreq=SFREQ, unit="uV", ch_names=[*CHANNELS[::-1], "Pz"])
    return path


def decoder() -> RetrievalDecoder:
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4 * 75, 16))
    gallery = Gallery(NAMES, rng.standard_normal((12, 16)).astype(np.float32), "t", "t", "text")
    return RetrievalDecoder(
        DecoderFile(
            input=InputSignature(CHANNELS, ("eeg",) * 4, ("µV",) * 4, "none", SFREQ),
            working_sfreq=125.0,
            pipeline=PIPELINE,
            epochs={},
            encoder=EncoderSignature("test", {}, 4, 75, 16),
            script=export(module, 4, 75),
            gallery=gallery,
            gallery_centre=gallery.centre,
            signal_mean=np.zeros(4),
            signal_whitening=np.eye(4) / 8.0,
            temperature=0.2,
        )
    )


def run(source: Any) -> tuple[list[Epoch], list[Prediction], dict[str, Any]]:
    """Return epochs, predictions and summary of decoding a source to its end."""
    epochs: list[Epoch] = []
    predictions: list[Prediction] = []
    engine = Engine(
        source,
        Pipeline(settings_from_spec(PIPELINE)),
        Epocher(EPOCHS),
        pylsl.local_clock,
        decoder(),
    )
    engine.start()
    received = 0
    while received < N and not (result := engine.step(0.1)).ended:
        received += result.n_samples
        epochs += result.epochs
        predictions += result.predictions
    return epochs, predictions, engine.stop()


def assert_same(a: Any, b: Any, *, times: bool) -> None:
    """Compare epochs and predictions of two runs, to the last bit."""
    (epochs_a, predictions_a, _), (epochs_b, predictions_b, _) = a, b
    assert len(epochs_a) == len(epochs_b) == N_EVENTS
    for x, y in zip(epochs_a, epochs_b, strict=True):
        assert np.array_equal(x.data, y.data)
        assert (x.onset_index, x.label, x.flags) == (y.onset_index, y.label, y.flags)
        assert x.rejected == y.rejected
        if times:
            assert (x.onset_s, x.last_stamp_s) == (y.onset_s, y.last_stamp_s)
    assert len(predictions_a) == len(predictions_b) > N_EVENTS // 2
    for p, q in zip(predictions_a, predictions_b, strict=True):
        assert np.array_equal(p.ranking.scores, q.ranking.scores)
        assert np.array_equal(p.ranking.probabilities, q.ranking.probabilities)
        assert p.ranking.top == q.ranking.top


@pytest.mark.lsl
def test_live_equals_replay_equals_file(
    recording: Path, stream_name: str, array_source: Any
) -> None:
    player = Player(
        FileSource(FileSourceSettings(recording)),
        PlayerSettings(
            name=stream_name,
            marker_name=f"{stream_name}-markers",
            speed=10.0,
            wait_for_consumers_s=20.0,
        ),
    )
    sender = threading.Thread(target=player.run, args=(lambda: False,))
    sender.start()
    tap = Tap(
        LSLSource(
            LSLSourceSettings(
                stream=StreamQuery(name=stream_name),
                markers=(StreamQuery(name=f"{stream_name}-markers"),),
                resolve_timeout_s=20.0,
            )
        )
    )
    try:
        live = run(tap)
    finally:
        sender.join(30.0)
    assert live[2]["samples"]["received"] == N
    assert live[2]["markers"] == {"received": N_EVENTS, "unmatched": 0}
    assert live[2]["samples"]["flagged"] == 2

    chunks = [reading.chunk for reading in tap.readings]
    data = np.concatenate([chunk.data for chunk in chunks])
    stamps = np.concatenate([chunk.stamps for chunk in chunks])
    markers: list[Marker] = [m for reading in tap.readings for m in reading.markers]
    whole = run(array_source(tap.spec, data, stamps, markers))
    assert_same(live, whole, times=True)
    rng = np.random.default_rng(1)
    cuts = np.sort(rng.integers(0, N, 200))  # some twice: empty chunks, but not at the end
    sizes = np.diff([0, *cuts, N]).tolist()
    # Each marker comes up to 2 s before or after its sample, which late_s allows.
    shifts = rng.integers(-2 * SFREQ, 2 * SFREQ, N_EVENTS)
    arrivals = [
        int(np.argmin(np.abs(stamps - m.stamp))) + s for m, s in zip(markers, shifts, strict=True)
    ]
    late = np.searchsorted(np.cumsum(sizes), np.clip(arrivals, 0, N - 1), side="right").tolist()
    pieces = run(array_source(tap.spec, data, stamps, markers, sizes, late))
    pieces = tuple(
        sorted(part, key=lambda x: getattr(x, "epoch", x).onset_s) if i < 2 else part
        for i, part in enumerate(pieces)
    )
    assert_same(live, pieces, times=True)
    # The file has its own clock: all but the times must be the same.
    assert_same(live, run(FileSource(FileSourceSettings(recording))), times=False)
