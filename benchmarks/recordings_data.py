"""The public recordings that the benchmark decodes, and how they become trials."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.calibration.collect import Trials, collect
from saccade.models.galleries.gallery import Gallery
from saccade.models.galleries.gallery_files import load_arrays
from saccade.realtime.epochs import EpochSettings
from saccade.realtime.errors import ConfigError
from saccade.realtime.pipeline import settings_from_spec
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.timing.continuity import measured_gap_s


@dataclass(frozen=True)
class DataSet:
    """A recording, and what is told apart in it.

    ``labels`` map markers to the two concepts; the AUC is that of the first. ``crop_s`` is the
    window an encoder sees. ``classic`` is what offline decoders reached.
    """

    name: str
    files: str
    labels: dict[str, str]
    ch_names: tuple[str, ...]
    crop_s: tuple[float, float]
    classic: str
    sfreq: float | None = None
    named: bool = True  # whether the file names its channels
    gallery: str = ""  # of the clip folder

    @property
    def pair(self) -> tuple[str, str]:
        """The two concepts."""
        first, second = self.labels.values()
        return first, second


N170 = DataSet(
    "N170 house/face",
    "n170-house-face/*.csv",
    {"1": "House", "2": "Human face"},
    ("TP9", "AF7", "AF8", "TP10"),
    (0.05, 0.45),
    "AUC .693 ± .024; ridge's top-1 of 500 .639",
    gallery="oid",
)
P300 = DataSet(
    "P300 oddball",
    "p300-oddball/*.npz",
    {"2": "target", "1": "non-target"},
    (
        *("F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz", "C4", "T8"),
        *("P7", "P3", "Pz", "P4", "P8", "O1", "O2"),
    ),
    (0.0, 0.8),
    "AUC .892 ± .030",
    sfreq=128.0,
    named=False,
)
DATA_SETS = (N170, P300)


@dataclass(frozen=True)
class Preprocessing:
    """What is chosen on the training part."""

    low_hz: float
    high_hz: float
    baseline: bool
    limit_uv: float | None

    def __str__(self) -> str:
        """Return it in words."""
        limit = "all trials" if self.limit_uv is None else f"trials below {self.limit_uv:g} µV"
        baseline = "baseline" if self.baseline else "no baseline"
        return f"{self.low_hz:g} to {self.high_hz:g} Hz, {baseline}, trained on {limit}"


def read(data_set: DataSet, folder: Path, chosen: Preprocessing) -> Trials:
    """Return all trials, in the order of time, from the causal pipeline."""
    names = None if data_set.named else data_set.ch_names
    sources = [
        FileSource(FileSourceSettings(path, "uV", data_set.sfreq, names))
        for path in sorted(folder.glob(data_set.files))
    ]
    if not sources:
        raise ConfigError(f"{folder} should hold {data_set.files}, but has none: give --data")
    # What jitter is ordinary is measured on runs that are trained on.
    sfreq = sources[0].open().sfreq
    gap_s = measured_gap_s(sources[0].recording.stamps, sfreq)
    band = {"low_hz": chosen.low_hz, "high_hz": chosen.high_hz, "order": 2}
    blocks = [
        {"block": "select", "ch_names": list(data_set.ch_names)},
        {"block": "bandpass", **band},
    ]
    epochs = EpochSettings(
        baseline_s=(-0.2, 0.0) if chosen.baseline else None,
        crop_s=data_set.crop_s,
        labels=data_set.labels,
    )
    pipeline = settings_from_spec({"gap_s": gap_s, "rail_uv": 1e7, "blocks": blocks})
    return collect(sources, pipeline, epochs, time.monotonic)


def gallery_of(data_set: DataSet, folder: Path) -> Gallery:
    """Return what trials are ranked among."""
    if not data_set.gallery:
        return directions(data_set)
    clip = folder / "clip" / "detic-text-vitb32"
    return load_arrays(
        clip / f"{data_set.gallery}_clip_a+cname.npy",
        clip / f"{data_set.gallery}_names.txt",
        backbone="ViT-B-32",
        weights="openai",
        kind="text",
    )


def directions(data_set: DataSet) -> Gallery:
    """Return a direction of its own for each concept, and one for what is never shown.

    Of two opposite ones, a cosine would leave nothing but a sign.
    """
    names = (*data_set.pair, "neither")
    return Gallery(names, np.eye(3, dtype=np.float32), "directions", "none", "attributes")
