"""How right and how quick is the search of a gallery.

    python benchmarks/retrieval.py [--quick] [--json] [--clip FOLDER] [--threads N]

The real gallery is 200 concepts of THINGS in CLIP ViT-L/14: for each an image that was shown, and a
prototype, the mean of other images. Larger ones are grown from it: each vector is a random mixture
of three prototypes, as far from their mean as these are, plus noise with the covariance that images
have around their prototype, shrunken after Ledoit and Wolf. So they have mean and covariance of the
shown images. Where the real vectors are absent, 200 synthetic ones with their spectra stand in and
the table says so.

"Clear" queries are grown as the gallery was, "faint" ones are as far from it as single-trial
predictions: cosine 0.3, the rest noise of the gallery's own covariance. Neither is in the index.
Times are of one query on one core, recall is of the ten nearest. Building includes choosing how
much to look at and measuring recall against exact search; its CPU time is that of all threads
together. --threads is for building only.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # before numpy reads it

import resource  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import common  # noqa: E402
import numpy as np  # noqa: E402

from saccade.models.alignment.whitening import ledoit_wolf  # noqa: E402
from saccade.models.galleries import index_build  # noqa: E402
from saccade.models.galleries.index import Kind, import_faiss  # noqa: E402
from saccade.models.galleries.search import search  # noqa: E402
from saccade.realtime.types import Float32  # noqa: E402

SHOWN = "things200-vitl14/clip_feature_maps_test.npy"
PROTOTYPES = "things200-vitl14/center_clip.npy"
N_REAL, DIM = 200, 768
# Of the real ones: length of the prototypes' mean; variance in all, and how it falls with the rank,
# of the prototypes and of the shown images around them.
MEAN_LENGTH = 0.81
BETWEEN, BETWEEN_SLOPE = 0.34, -0.89
WITHIN, WITHIN_SLOPE = 0.21, -0.74

N_QUERIES = 300
K = 10
MIB = 2**20


def unit(vectors: Float32) -> Float32:
    """Return the rows at unit length."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def real(folder: Path | None) -> tuple[Float32, Float32, str]:
    """Return shown images and prototypes, each (200, 768) at unit length, and what they are."""
    base = common.BESIDE if folder is None else folder
    if (base / SHOWN).exists():
        shown = np.load(base / SHOWN).reshape(-1, DIM).astype(np.float32)
        prototypes = np.load(base / PROTOTYPES).astype(np.float32)
        return unit(shown), unit(prototypes), "THINGS test images, CLIP ViT-L/14"
    rng = np.random.default_rng(0)
    ranks = np.arange(1, DIM + 1)

    def drawn(total: float, slope: float) -> Float32:
        axes = np.linalg.qr(rng.standard_normal((DIM, DIM)))[0]
        spectrum = ranks**slope * (total / (ranks**slope).sum())
        return np.asarray(rng.standard_normal((N_REAL, DIM)) * np.sqrt(spectrum) @ axes.T)

    mean = rng.standard_normal(DIM)
    prototypes = MEAN_LENGTH * mean / np.linalg.norm(mean) + drawn(BETWEEN, BETWEEN_SLOPE)
    shown = prototypes + drawn(WITHIN, WITHIN_SLOPE)
    return unit(shown), unit(prototypes), "synthetic, with the spectra of THINGS in CLIP ViT-L/14"


def grow(shown: Float32, prototypes: Float32, n: int) -> tuple[Float32, Float32]:
    """Return n vectors grown from the real ones and further queries, centred, at unit length."""
    rng = np.random.default_rng(1)
    mean = prototypes.mean(axis=0)
    root = np.linalg.cholesky(ledoit_wolf((shown - prototypes).T)).astype(np.float32)
    grown = np.empty((n + N_QUERIES, DIM), np.float32)
    for start in range(0, len(grown), 10_000):
        block = grown[start : start + 10_000]
        parents = rng.integers(0, len(prototypes), (len(block), 3))
        # Shares drawn like these halve the covariance; the root of two makes up for it.
        shares = rng.dirichlet([1, 1, 1], len(block)).astype(np.float32) * np.sqrt(np.float32(2))
        mixed = np.einsum("npd,np->nd", (prototypes - mean)[parents], shares)
        noise = rng.standard_normal(block.shape, dtype=np.float32) @ root.T
        block[:] = unit(mean + mixed + noise)
    centre = grown[:n].mean(axis=0, dtype=np.float64).astype(np.float32)
    for start in range(0, len(grown), 10_000):
        grown[start : start + 10_000] = unit(grown[start : start + 10_000] - centre)
    return grown[:n], grown[n:]


def faint(queries: Float32, vectors: Float32) -> Float32:
    """Return the queries under noise of the gallery's covariance, at cosine 0.3."""
    rng = np.random.default_rng(2)
    noise = unit(rng.standard_normal((len(queries), 3000), dtype=np.float32) @ vectors[:3000])
    return unit(
        index_build.FAINT_COSINE * queries + np.sqrt(1 - index_build.FAINT_COSINE**2) * noise
    )


def milliseconds(call: Callable[[Float32], Any], queries: Float32) -> tuple[float, float]:
    """Return median and 99th percentile of a call's duration, one query at a time."""
    for query in queries[:10]:
        call(query[None])
    took = []
    for query in queries:
        started = time.perf_counter()
        call(query[None])
        took.append(1e3 * (time.perf_counter() - started))
    return float(np.median(took)), float(np.percentile(took, 99))


def top1(shown: Float32, prototypes: Float32, source: str) -> dict[str, Any]:
    """Return how often the nearest prototype of a shown image is its own."""
    nearest = search(prototypes, shown, 1).rows[:, 0]
    right = float((nearest == np.arange(len(shown))).mean())
    chance = 1 / len(prototypes)
    return {"what": "image to prototype", "n": len(shown), "source": source, "top1": right,
            "chance": chance}  # fmt: skip


def exact(n: int, dim: int) -> dict[str, Any]:
    """Return how long one exact search takes; numbers do not matter to it."""
    rng = np.random.default_rng(0)
    vectors = unit(rng.standard_normal((n, dim), dtype=np.float32))
    queries = unit(rng.standard_normal((1000, dim), dtype=np.float32))
    p50, p99 = milliseconds(lambda query: search(vectors, query, K), queries)
    return {"what": "exact", "n": n, "dim": dim, "ms": p50, "ms_p99": p99, "recall": 1.0}


def quick_search(vectors: Float32, queries: Float32, kind: Kind, threads: int) -> dict[str, Any]:
    """Return what one index costs and finds."""
    started, started_cpu = time.perf_counter(), time.process_time()
    built = index_build.build(vectors, kind=kind, threads=threads)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - started_cpu
    found: dict[str, Any] = {
        "what": kind,
        "n": len(vectors),
        "dim": vectors.shape[1],
        "looked_at": built.facts.looked_at,
        "ranked_again": built.facts.ranked_again,
        "build_s": seconds,
        "build_cpu_s": cpu_seconds,
        "threads": threads,
        "index_mib": import_faiss().serialize_index(built.searcher).nbytes / MIB,
        "vectors_mib": vectors.nbytes / MIB,
        "stored_recall": built.facts.recall,
        "stored_recall_faint": built.facts.recall_faint,
    }
    for sort, asked in (("", queries), ("_faint", faint(queries, vectors))):
        truth = search(vectors, asked, K).rows
        rows = built.search(asked, K).rows
        pairs = zip(rows, truth, strict=True)
        found[f"recall{sort}"] = float(np.mean([len(np.intersect1d(*pair)) / K for pair in pairs]))
        p50, p99 = milliseconds(lambda query: built.search(query, K), asked)
        found |= {f"ms{sort}": p50, f"ms{sort}_p99": p99}
    p50, _ = milliseconds(lambda query: search(vectors, query, K), queries[:30])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found | {"exact_ms": p50, "peak_mib": peak / (MIB if sys.platform == "darwin" else 1024)}


def main() -> None:
    """Measure and print."""
    options = common.options(__doc__)
    options.add_argument("--clip", type=Path, help="folder of public CLIP embeddings")
    options.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="to build with")
    chosen = options.parse_args()
    absent = [
        name for name in (SHOWN, PROTOTYPES) if chosen.clip and not (chosen.clip / name).is_file()
    ]
    if absent:
        options.error(f"there is no {chosen.clip / absent[0]}: leave --clip out, or correct it")
    shown, prototypes, source = real(chosen.clip)
    first, second = top1(shown, prototypes, source), exact(1854, 1024)
    print(f"image → prototype, {first['n']} of {source}: top-1 {first['top1']:.3f} "
          f"(chance {first['chance']:.3f})")  # fmt: skip
    print(f"exact, 1854 × 1024: {second['ms']:.3f} ms, p99 {second['ms_p99']:.3f} ms\n", flush=True)
    cases: tuple[tuple[int, Kind], ...] = ((200_000, "ivf-pq"),)
    if not chosen.quick:
        cases += ((1_000_000, "ivf-pq"), (200_000, "hnsw"))
    rows = []
    for n, kind in cases:
        rows.append(quick_search(*grow(shown, prototypes, n), kind, chosen.threads))
        row = rows[-1]
        print(f"{kind} of {n}: recall {row['recall']:.3f}, faint {row['recall_faint']:.3f}, "
              f"{row['ms']:.2f} ms, built in {row['build_s']:.0f} s", file=sys.stderr)  # fmt: skip
    table = [
        [
            f"{row['what']} {row['looked_at']}/{row['ranked_again']}",
            f"{row['n']} × {row['dim']}",
            *(f"{row[f'recall{s}']:.3f}  {row[f'ms{s}']:.2f} ({row[f'ms{s}_p99']:.2f})"
              for s in ("", "_faint")),
            f"{row['exact_ms']:.1f}",
            f"{row['build_s']:.0f}, CPU {row['build_cpu_s']:.0f} ({row['threads']})",
            f"{row['index_mib']:.0f} + {row['vectors_mib']:.0f}",
            f"{row['peak_mib']:.0f}",
        ]
        for row in rows
    ]  # fmt: skip
    common.print_table(
        ("index", "gallery", "clear: recall  ms (p99)", "faint: recall  ms (p99)", "exact ms",
         "build and measure s (threads)", "index + vectors MiB", "peak MiB"),
        table,
    )  # fmt: skip
    if chosen.json:
        ratios = {f"exact/{row['what']} {row['n']}": row["exact_ms"] / row["ms"] for row in rows}
        common.emit([first, second, *rows], ratios, source=source)


if __name__ == "__main__":
    main()
