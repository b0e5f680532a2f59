"""What tells artifacts from brain is learned from the calibration recording, by two libraries.

Both are looked up only here, at calibration (``pip install saccade[artifact]``): what they find is
written into the settings of the pipeline and of the epochs, as plain numbers, and at run time numpy
and scipy do the rest. So a decoder cleans and rejects in the same way wherever it runs.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from saccade.realtime.blocks.artifact import HOP_S, ArtifactSettings, Matrix
from saccade.realtime.epoch_gates import PotatoSettings, shrunk_covariance
from saccade.realtime.errors import CalibrationError, ConfigError
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.protocols import Source
from saccade.realtime.types import Float32, Float64

logger = logging.getLogger(__name__)

LEAST_S, MOST_S = 30.0, 120.0  # of clean signal, for artifact subspace reconstruction
WINDOW_S, SAMPLES_PER_CHANNEL = 0.5, 1.5  # its window: at least 1.5 samples a channel
LEAST_EPOCHS = 30  # to learn from what is usual
SHRINKAGE = 0.1


def learn_reconstruction(
    sources: Sequence[Source],
    in_front: PipelineSettings,
    ch_names: Sequence[str],
    cutoff: float,
    ahead_s: float | None = None,
) -> ArtifactSettings:
    """Return artifact subspace reconstruction as a recording teaches it.

    The first two minutes without a flag are looked at, at least 30 s; of them, meegkit leaves out
    the windows that are not clean.

    Parameters
    ----------
    sources : sequence of Source
        The runs, in the order of time; each is opened, read and closed.
    in_front : PipelineSettings
        The pipeline up to the block; it must hold a high-pass.
    ch_names : sequence of str
        Channels to learn, at least 2: those that are not bad.
    cutoff : float
        How many standard deviations of a component's clean amplitude are still clean; above 0.
        5 takes much away, 20 takes little.
    ahead_s : float or None
        As in :class:`~saccade.realtime.blocks.artifact.ArtifactSettings`; None is half a window.

    Raises
    ------
    ConfigError
        If meegkit is not there, or the cutoff is not above 0.
    CalibrationError
        If there is too little signal, or it teaches nothing.
    """
    if not (math.isfinite(cutoff) and cutoff > 0):
        raise ConfigError(f"the cutoff must be above 0 standard deviations, not {cutoff}")
    asr = _library("meegkit.asr")
    data, sfreq = _signal(sources, in_front, ch_names)
    still = [name for name, row in zip(ch_names, data, strict=True) if np.ptp(row) == 0]
    if still or len(data) < 2:
        raise CalibrationError(
            f"artifacts are told by at least 2 channels that all move, but {len(data)} came, of "
            f"which {', '.join(still) or 'none'} stands still: name what is bad with --bads"
        )
    window_s = asr_window_s(len(data), sfreq)
    model = asr.ASR(sfreq=sfreq, cutoff=cutoff, win_len=window_s, estimator="scm")
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            model.fit(data)
    except (ValueError, IndexError, np.linalg.LinAlgError) as error:
        raise CalibrationError(
            f"no clean data was found to tell artifacts from ({error}): record a minute at rest"
        ) from error
    if said.getvalue():
        logger.warning("meegkit: %s", said.getvalue().strip())
    found = [np.asarray(model.state_[name], np.float64) for name in ("M", "T")]
    if not all(np.isfinite(matrix).all() for matrix in found):
        raise CalibrationError(
            "artifacts can't be told from this recording, for its clean amplitudes come out as "
            "NaN: leave bad channels out with --bads, or record a minute at rest"
        )
    a, b = model.ab_
    return ArtifactSettings(
        ch_names=tuple(ch_names),
        sfreq=sfreq,
        mixing=_plain(found[0]),
        thresholds=_plain(found[1]),
        shaping_b=tuple(np.asarray(b, float).tolist()),
        shaping_a=tuple(np.asarray(a, float).tolist()),
        window_s=window_s,
        ahead_s=window_s / 2 if ahead_s is None else ahead_s,
    )


def asr_window_s(n_channels: int, sfreq: float) -> float:
    """Return the length of its window in s: half a second, or more for many channels."""
    n_window = max(WINDOW_S * sfreq, SAMPLES_PER_CHANNEL * n_channels)
    return HOP_S * math.ceil(n_window / sfreq / HOP_S)


def learn_potato(data: Float32, z: float, shrinkage: float = SHRINKAGE) -> PotatoSettings:
    """Return how epochs usually are.

    Parameters
    ----------
    data : array of shape (n_epochs, n_channels, n_times), float32
        EEG channels of epochs that passed the other gates, uncropped, in µV.
    z : float
        Largest z-score; epochs beyond it are left out in turn, until the others are all within.
    shrinkage : float
        See :func:`~saccade.realtime.epoch_gates.shrunk_covariance`.

    Raises
    ------
    ConfigError
        If pyriemann is not there, or z is not above 0.
    CalibrationError
        If there are too few epochs, none is usual, or they have no channel.
    """
    if not (math.isfinite(z) and z > 0):
        raise ConfigError(f"z of the potato must be above 0, not {z}")
    if data.shape[1] == 0:
        raise CalibrationError(
            "what is usual is learned from channels of EEG, SEEG, ECoG and the like, but none of "
            "the epochs' channels is one: leave the potato out"
        )
    if len(data) < LEAST_EPOCHS:
        raise CalibrationError(
            f"what is usual takes at least {LEAST_EPOCHS} good epochs to learn, but {len(data)} "
            "came: record more, or leave the potato out"
        )
    detection = _library("pyriemann.artifact_detection")
    covariances = np.stack([shrunk_covariance(epoch, shrinkage) for epoch in data])
    potato = detection.Potato(metric="riemann", threshold=z)
    try:
        with np.errstate(all="ignore"):  # of a single matrix that is left
            potato.fit(covariances)
    except ValueError as error:
        raise CalibrationError(f"no epoch is usual by z {z:g} ({error}): raise it") from error
    return PotatoSettings(
        z=z,
        centre=_plain(potato.covmean_),
        mean=float(potato._mean),
        sd=float(potato._std),
        shrinkage=shrinkage,
    )


def _signal(
    sources: Sequence[Source], in_front: PipelineSettings, ch_names: Sequence[str]
) -> tuple[Float64, float]:
    """Return (n_channels, n_samples) of clean signal of some runs, and its rate."""
    parts: list[Float32] = []
    sfreq, missing = math.nan, math.inf
    for source in sources:
        pipeline = Pipeline(in_front)
        spec = pipeline.reset(source.open())
        sfreq = spec.sfreq
        missing = round(MOST_S * sfreq) - sum(map(len, parts))
        columns = [spec.ch_names.index(name) for name in ch_names]
        try:
            while missing > 0 and (reading := source.read(0.1)) is not None:
                chunk = pipeline.step(reading.chunk)
                parts.append(chunk.data[chunk.flags == 0][:missing, columns])
                missing -= len(parts[-1])
        finally:
            source.close()
    data = np.concatenate(parts).T.astype(np.float64) if parts else np.zeros((0, 0))
    if not data.shape[1] >= LEAST_S * sfreq:
        raise CalibrationError(
            f"artifacts are told from clean signal of at least {LEAST_S:g} s, but "
            f"{data.shape[1] / sfreq:.1f} s came without a flag: record more"
        )
    return data, sfreq


def _plain(matrix: Float64) -> Matrix:
    return tuple(tuple(row) for row in np.asarray(matrix, np.float64).tolist())


def _library(name: str) -> Any:
    """Return a module of the extra, or say how to get it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own dependencies
            return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"this needs {name.split('.')[0]}, which is not installed ({error}): "
            "pip install saccade[artifact]"
        ) from error
