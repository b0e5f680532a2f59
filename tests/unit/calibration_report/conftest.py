"""Shared by the tests of the report: small sessions with a response that is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from saccade.calibration.choose import Calibrated, FitSettings, choose_decoder
from saccade.calibration.collect import Rejection, Trials
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.epochs import EpochSettings
from saccade.realtime.pipeline import settings_from_spec
from saccade.realtime.types import StreamSpec

CH_NAMES = ("Fz", "C3", "Cz", "C4", "P3", "Pz", "P4", "O1", "Oz", "O2")
N_TIMES, SFREQ = 40, 100.0


def session(
    n_trials: int = 160, n_concepts: int = 4, strength: float = 1.0, seed: int = 0, **fields: Any
) -> Trials:
    """Return trials of concepts that each have a pattern of their own, in two runs."""
    rng = np.random.default_rng(seed)
    common = np.exp(-((np.arange(N_TIMES) - 15) ** 2) / 20) * np.linspace(-3, 6, 10)[:, None]
    patterns = rng.normal(size=(n_concepts, 10, N_TIMES))
    shown = np.concatenate([rng.permutation(n_concepts) for _ in range(n_trials)])[:n_trials]
    noise = rng.normal(size=(n_trials, 10, N_TIMES))
    spec = StreamSpec("made up", SFREQ, CH_NAMES, ("eeg",) * 10, ("uV",) * 10, simulated=True)
    half = n_trials // 2
    onsets = np.concatenate([10 + 0.5 * np.arange(half), 7 + 0.5 * np.arange(n_trials - half)])
    made: dict[str, Any] = {
        "data": (3 * noise + common + strength * patterns[shown]).astype(np.float32),
        "labels": tuple(f"concept {k}" for k in shown),
        "spec": spec,
        "working_spec": spec,
        "pipeline": settings_from_spec(
            {"blocks": [{"block": "select", "ch_names": list(CH_NAMES)}]}
        ),
        "epochs": EpochSettings(tmin_s=-0.1, tmax_s=0.4, crop_s=(0.0, 0.4)),
        "delay_ms": 12.0,
        "settling_s": 3.9,
        "onsets_s": onsets,
        "runs": np.repeat([0, 1], [half, n_trials - half]),
        "rejections": (
            Rejection(0, 9.5, "concept 0", ("settling",)),
            Rejection(1, 90.0, "concept 1", ("peak to peak 312 µV at Oz",)),
        ),
        "sources": ({"name": "run-01.xdf", "sha256": "ab" * 32}, {"name": "run-02.xdf"}),
    }
    return Trials(**(made | fields))


def gallery_of(n_concepts: int, groups: tuple[str, ...] | None = None) -> Gallery:
    vectors = np.random.default_rng(9).normal(size=(n_concepts, 12)).astype(np.float32)
    names = tuple(f"concept {k}" for k in range(n_concepts))
    return Gallery(names, vectors, "made-up", "none", "attributes", groups=groups, simulated=True)


@pytest.fixture(scope="session")
def make_session() -> Callable[..., Trials]:
    """Return what makes trials."""
    return session


@pytest.fixture(scope="session")
def make_gallery() -> Callable[..., Gallery]:
    """Return what makes galleries."""
    return gallery_of


@pytest.fixture(scope="session")
def few(make_session: Callable[..., Trials]) -> tuple[Trials, Gallery, Calibrated]:
    """Return a calibration on four concepts."""
    trials, gallery = make_session(), gallery_of(4)
    return trials, gallery, choose_decoder(trials, gallery, FitSettings("ridge"))


@pytest.fixture(scope="session")
def many(make_session: Callable[..., Trials]) -> tuple[Trials, Gallery, Calibrated]:
    """Return a calibration on thirty concepts, of which others than the tested are learned."""
    trials = make_session(n_trials=240, n_concepts=30)
    gallery = gallery_of(30, groups=tuple(f"group <{k % 3}>" for k in range(30)))
    return trials, gallery, choose_decoder(trials, gallery, FitSettings("ridge"))
