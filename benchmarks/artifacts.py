"""Repair, reconstruction and potato on a simulated subject, whose truth is known, and their cost.

The background of a simulated head with and without artifacts is the same but for them, so that what
is taken out of the signal and what is taken from it by mistake can be told apart. All of it passes
the causal pipeline: notch, 0.5 to 40 Hz, then what is tested. No figure says anything about people.

    OMP_NUM_THREADS=1 python benchmarks/artifacts.py            # five minutes of a core
    OMP_NUM_THREADS=1 python benchmarks/artifacts.py --quick

reconstruction
    calibrated on two minutes with usual artifacts, tried on another head: RMS of the artifacts over
    the signal before and after, and the damage to the signal that has none.
potato
    calibrated on five minutes with usual artifacts: share of epochs of 0.8 s beyond z 3, of clean
    ones and of those with an artifact of more than 30 µV.
repair
    of an electrode that dies, comes loose, or goes its own way after 20 s: when it is repaired,
    others repaired by mistake, and the correlation of what is put in its place with the truth.
cost
    thread time per second of signal of 64 channels, in chunks of 20 ms; per epoch for the potato.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from common import emit, machine, options, print_table

from saccade.calibration.artifacts import learn_potato, learn_reconstruction
from saccade.realtime.blocks.artifact import Artifact, ArtifactSettings
from saccade.realtime.blocks.bandpass import BandpassSettings
from saccade.realtime.blocks.notch import NotchSettings
from saccade.realtime.blocks.repair import Repair, RepairSettings
from saccade.realtime.epoch_gates import Potato
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.protocols import Block
from saccade.realtime.simulation.artifacts import Artifacts, usual
from saccade.realtime.simulation.montage import CH_NAMES
from saccade.realtime.simulation.subject import SimulatedSubject, SubjectSettings
from saccade.realtime.types import Chunk, Float32, Reading, StreamSpec

FILTERS = PipelineSettings(
    blocks=(("notch", NotchSettings(50.0)), ("bandpass", BandpassSettings(0.5, 40.0)))
)
SETTLED_S = 5.0
EPOCH_S = 0.8
KINDS = {
    "blink": Artifacts(blinks_per_min=12.0),
    "muscle": Artifacts(muscle_per_min=6.0),
    "pop": Artifacts(pops_per_min=6.0),
}
CHANNEL = 20  # FCz


def spec(sfreq: float) -> StreamSpec:
    """Return what the simulated amplifier carries."""
    n = len(CH_NAMES)
    return StreamSpec("simulated", sfreq, CH_NAMES, ("eeg",) * n, ("µV",) * n, simulated=True)


def background(seed: int, seconds: float, artifacts: Artifacts, sfreq: float = 250.0) -> Float32:
    """Return what a head sends that looks at nothing."""
    gallery = np.random.default_rng(seed).standard_normal((30, 32)).astype(np.float32)
    settings = SubjectSettings(sfreq=sfreq, seed=seed, artifacts=artifacts)
    names = tuple(str(number) for number in range(30))
    head = SimulatedSubject(settings, gallery, names).background()
    return head.take(round(seconds * sfreq)).astype(np.float32)


def chunks(data: Float32, sfreq: float, chunk_s: float = 0.02) -> Iterator[Chunk]:
    """Cut a signal as an amplifier sends it."""
    n = max(1, round(chunk_s * sfreq))
    for start in range(0, len(data), n):
        part = data[start : start + n].copy()
        stamps = np.arange(start, start + len(part)) / sfreq
        yield Chunk(part, stamps, np.zeros(len(part), np.uint16), start)


class Recorded:
    """A signal as a source."""

    def __init__(self, data: Float32, sfreq: float) -> None:
        self._data, self._sfreq = data, sfreq

    def open(self) -> StreamSpec:
        """Go to the beginning."""
        self._chunks = chunks(self._data, self._sfreq, 1.0)
        return spec(self._sfreq)

    def read(self, timeout_s: float) -> Reading | None:
        """Return the next second."""
        del timeout_s
        chunk = next(self._chunks, None)
        return None if chunk is None else Reading(chunk)

    def close(self) -> None:
        """Do nothing."""


def through(block: Block | Pipeline, data: Float32, sfreq: float) -> Float32:
    """Return what a block or pipeline makes of a signal."""
    block.reset(spec(sfreq))
    return np.concatenate([block.step(chunk).data for chunk in chunks(data, sfreq)])


def filtered(data: Float32, sfreq: float = 250.0) -> Float32:
    """Return a signal behind the filters."""
    return through(Pipeline(FILTERS), data, sfreq)


def rms(values: Float32) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def learned(cutoff: float, sfreq: float = 250.0, seconds: float = 120.0) -> ArtifactSettings:
    """Return reconstruction calibrated on a recording with usual artifacts."""
    source = Recorded(background(0, seconds, usual(1.0), sfreq), sfreq)
    return learn_reconstruction([source], FILTERS, CH_NAMES, cutoff)


def reconstruction(seconds: float, cutoffs: tuple[float, ...]) -> list[dict[str, Any]]:
    """Return what is taken out, by cutoff and look-ahead."""
    rows = []
    clean = filtered(background(1, seconds, Artifacts()))
    spoilt = filtered(background(1, seconds, usual(1.0)))
    for cutoff in cutoffs:
        settings = learned(cutoff)
        for ahead_s in (0.0, 0.125, 0.25):
            block = Artifact(dataclasses.replace(settings, ahead_s=ahead_s))
            untouched, cleaned = (through(block, data, 250.0) for data in (clean, spoilt))
            rows_of = slice(round(SETTLED_S * 250), len(cleaned))
            rows.append(
                {
                    "part": "reconstruction",
                    "cutoff": cutoff,
                    "ahead_s": ahead_s,
                    "late_ms": 1e3 * block.look_ahead_s,
                    "artifact_uv_before": rms(spoilt[rows_of] - clean[rows_of]),
                    "artifact_uv_after": rms(cleaned[rows_of] - clean[rows_of]),
                    "damage_uv": rms(untouched[rows_of] - clean[rows_of]),
                    "signal_uv": rms(clean[rows_of]),
                }
            )
    return rows


def epochs(data: Float32) -> Float32:
    """Return a settled signal as epochs, (n, n_channels, n_times)."""
    n_times = round(EPOCH_S * 250)
    data = data[round(SETTLED_S * 250) :]
    n = len(data) // n_times
    return data[: n * n_times].reshape(n, n_times, -1).transpose(0, 2, 1)


def potato(seconds: float, numbers: tuple[int, ...]) -> list[dict[str, Any]]:
    """Return how many epochs of each kind are rejected, by number of channels."""
    known = epochs(filtered(background(1, seconds, usual(1.0))))
    clean = epochs(filtered(background(2, seconds, Artifacts())))
    kinds = {"clean": clean}
    for name, artifacts in KINDS.items():
        spoilt = epochs(filtered(background(2, seconds, artifacts)))
        kinds[name] = spoilt[np.ptp(spoilt - clean, axis=2).max(axis=1) > 30.0]
    rows = []
    for number in numbers:
        picks = np.linspace(0, 63, number).round().astype(int)
        began = time.process_time()
        model = Potato(learn_potato(known[:, picks], 3.0))
        row: dict[str, Any] = {"part": "potato", "channels": number}
        row["fit_core_s"] = time.process_time() - began
        for name, found in kinds.items():
            beyond = [model.z(epoch) > 3.0 for epoch in found[:, picks]]
            row |= {name: float(np.mean(beyond)), f"n_{name}": len(beyond)}
        rows.append(row)
    return rows


def repair(seeds: range) -> list[dict[str, Any]]:
    """Return when an electrode is repaired that was spoilt after 20 s."""
    rows = []
    start = 20 * 250
    for kind in ("dies", "loose", "own way"):
        waited, mistaken, likeness = [], 0.0, []
        for seed in seeds:
            truth = background(seed, 60.0, usual(1.0))
            spoilt, rng = truth.copy(), np.random.default_rng(seed)
            n = len(truth) - start
            spoilt[start:, CHANNEL] = {
                "dies": np.zeros(n),
                "loose": truth[start:, CHANNEL] + 100 * rng.normal(size=n),
                "own way": 5 * np.cumsum(rng.normal(size=n)),
            }[kind]
            signal, wanted = filtered(spoilt), filtered(truth)
            block = Repair(RepairSettings(auto=True))
            repaired = through(block, signal, 250.0)
            changed = np.flatnonzero(repaired[:, CHANNEL] != signal[:, CHANNEL])
            if len(changed):
                waited.append((changed[0] - start) / 250)
                late = slice(changed[0] + 250, None)
                likeness.append(np.corrcoef(repaired[late, CHANNEL], wanted[late, CHANNEL])[0, 1])
            others = block.report()["repaired_s"]
            mistaken += sum(s for name, s in others.items() if name != CH_NAMES[CHANNEL])
        rows.append(
            {
                "part": "repair",
                "kind": kind,
                "n": len(seeds),
                "found": len(waited),
                "after_s": float(np.median(waited)) if waited else None,
                "correlation": float(np.median(likeness)) if likeness else None,
                "mistaken_channel_s_per_min": mistaken / len(seeds),
            }
        )
    return rows


def cost(sfreqs: tuple[float, ...], seconds: float) -> list[dict[str, Any]]:
    """Return the thread time of each."""
    rows = []
    for sfreq in sfreqs:
        signal = filtered(background(1, seconds, usual(1.0), sfreq), sfreq)
        blocks = {
            "repair of 2": Repair(RepairSettings(bads=("Fp1", "T8"))),
            "repair auto": Repair(RepairSettings(auto=True)),
            "reconstruction 10": Artifact(learned(10.0, sfreq, 60.0)),
        }
        for name, block in blocks.items():
            block.reset(spec(sfreq))
            pieces = list(chunks(signal, sfreq))
            began = time.thread_time()
            for piece in pieces:
                block.step(piece)
            spent = (time.thread_time() - began) / seconds
            rows.append({"part": "cost", "what": name, "sfreq": sfreq, "ms_per_s": 1e3 * spent})
    known = np.random.default_rng(0).normal(size=(40, 64, 200)).astype(np.float32)
    model = Potato(learn_potato(known, 3.0))
    began = time.thread_time()
    for epoch in known:
        model.z(epoch)
    spent = (time.thread_time() - began) / len(known)
    rows.append({"part": "cost", "what": "potato, an epoch", "ms": 1e3 * spent})
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    """Print rows of one part."""
    if not rows:
        return
    keys = [key for key in dict.fromkeys(key for row in rows for key in row) if key != "part"]
    print(f"\n{rows[0]['part']} (SIMULATED)")
    print_table(keys, [[_cell(row.get(key)) for key in keys] for row in rows])


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main() -> None:
    """Run the benchmark."""
    chosen = options(__doc__).parse_args()
    print(f"{machine()}")
    rows: list[dict[str, Any]] = []
    quick = chosen.quick
    for part in (
        lambda: reconstruction(30.0 if quick else 180.0, (10.0,) if quick else (5.0, 10.0, 20.0)),
        lambda: potato(60.0 if quick else 300.0, (8,) if quick else (8, 16, 32, 64)),
        lambda: repair(range(1 if quick else 10)),
        lambda: cost((250.0,) if quick else (250.0, 1000.0), 10.0 if quick else 60.0),
    ):
        found = part()
        show(found)
        sys.stdout.flush()
        rows += found
    if chosen.json:
        taken = {
            f"artifacts left, cutoff {row['cutoff']:g}, {row['late_ms']:.0f} ms late": (
                row["artifact_uv_after"] / row["artifact_uv_before"]
            )
            for row in rows
            if row["part"] == "reconstruction"
        }
        emit(rows, taken, simulated=True)


if __name__ == "__main__":
    main()
