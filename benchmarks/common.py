"""What the benchmarks share: concepts to decode, how results are printed, and the machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from saccade.models.galleries.gallery_files import load_arrays
from saccade.realtime.types import Float32

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data" / "clip"
LVIS = ("detic-text-vitb32/lvis_v1_clip_a+cname.npy", "detic-text-vitb32/lvis_names.txt")

N_CONCEPTS, DIM = 1203, 512
# Of the LVIS text embeddings at unit length: length of their mean, and some of the eigenvalues of
# their covariance, by rank from 1. Between these the spectrum is close to straight in log-log.
MEAN_LENGTH = 0.862
SPECTRUM = {
    1: 9.94e-3,
    2: 7.80e-3,
    5: 5.57e-3,
    10: 3.65e-3,
    20: 2.39e-3,
    50: 1.34e-3,
    100: 7.40e-4,
    200: 2.66e-4,
    300: 9.88e-5,
    400: 3.47e-5,
    500: 7.43e-7,
}


@dataclass(frozen=True, slots=True, eq=False)
class ConceptSet:
    """Concepts to decode.

    Parameters
    ----------
    names : tuple of str, length n
        Their names.
    vectors : array of shape (n, dim), float32
        Their CLIP vectors, or what stands in for them.
    source : str
        Where they are from, for a person to read.
    """

    names: tuple[str, ...]
    vectors: Float32
    source: str


def concepts(clip: Path | None = None) -> ConceptSet:
    """Return the 1203 LVIS concepts, or as many synthetic ones of the same covariance.

    Parameters
    ----------
    clip : Path or None
        Folder of public CLIP embeddings; None for the one beside the project, if there is one.
    """
    folder = BESIDE if clip is None else clip
    vectors, names = (folder / name for name in LVIS)
    if clip is not None or vectors.exists():
        found = load_arrays(vectors, names, backbone="ViT-B-32", weights="openai", kind="text")
        return ConceptSet(found.names, found.vectors, "LVIS, CLIP ViT-B/32 text embeddings")
    return ConceptSet(
        tuple(f"concept {number}" for number in range(N_CONCEPTS)),
        synthetic(N_CONCEPTS),
        "synthetic, with the covariance of LVIS's CLIP ViT-B/32 text embeddings",
    )


def synthetic(n: int, seed: int = 0) -> Float32:
    """Return vectors with the mean length and spectrum of real ones, (n, 512), float32."""
    rng = np.random.default_rng([seed, n])
    ranks = np.arange(1, DIM + 1)
    knots = np.log(list(SPECTRUM))
    log_eigenvalues = np.interp(np.log(ranks), knots, np.log(list(SPECTRUM.values())))
    axes = np.linalg.qr(rng.standard_normal((DIM, DIM)))[0]
    centred = rng.standard_normal((n, DIM)) * np.exp(log_eigenvalues / 2) @ axes.T
    mean = rng.standard_normal(DIM)
    vectors = centred + MEAN_LENGTH * mean / np.linalg.norm(mean)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def forward_in_time(n_trials: int, n_parts: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield each of some equal parts of a session but the first, behind all before it."""
    parts = np.array_split(np.arange(n_trials), n_parts + 1)
    for number in range(1, n_parts + 1):
        yield np.concatenate(parts[:number]), parts[number]


def options(purpose: str | None) -> argparse.ArgumentParser:
    """Return the options that every benchmark has."""
    parser = argparse.ArgumentParser(
        description=purpose, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a small case, under a minute")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    return parser


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in aligned columns."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in (header, ["-" * width for width in widths], *rows):
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def emit(rows: Sequence[dict[str, Any]], ratios: dict[str, float], **about: Any) -> None:
    """Print the one line that a machine reads."""
    print(json.dumps({"rows": list(rows), "ratios": ratios, "machine": machine()} | about))
