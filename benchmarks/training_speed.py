"""How fast training is on arrays of THINGS-EEG2's size, and what bounds it.

One person's training part has 16 540 pictures x 4 repetitions x 63 channels x 250 samples, 4.2 GB
in float32, mapped from a file as the readers of data sets do. Each encoder trains by its paper's
recipe through the loop of ``saccade train``, in full precision and in bfloat16, on a GPU if there
is one; each pass is over all pictures there, over 512 drawn ones on a CPU. The signals are noise,
as their values do not change the speed.

    python benchmarks/training_speed.py              # writes and removes the 4.2 GB, see --folder
    python benchmarks/training_speed.py --quick      # a small array and few pictures

The first pass warms up, the next two are timed. Reading with averaging, and copying to the device,
are timed apart on the same batches: the loop does one thing after the other, so that they add up.
The optimiser is timed in one more pass, with the device waited for before and after. What is left
is forward and backward, validation (8 trials) and bookkeeping. "hidden" is what could be reached
if reading and copying cost nothing, as while another batch is computed.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import emit, machine, options, print_table
from lightning_fabric import Fabric
from torch.optim import optimizer as hooks

from saccade.models.data.signals import ArraySignals
from saccade.models.data.table import TrialTable
from saccade.models.encoders.network import NetworkFamily
from saccade.models.targets.target_bank import TargetBank
from saccade.models.training.recipe import Precision
from saccade.models.training.sampling import Rows, batches_of, means, samples_of
from saccade.models.training.train import Pass, train
from saccade.realtime.registry import load

ENCODERS = {"ATM-S": "atms", "blur bank": "blurbank"}
PRECISIONS: tuple[Precision, ...] = ("32-true", "bf16-mixed")
TIMED = 2  # passes


@dataclass(frozen=True)
class Case:
    """Size of the array, and how many pictures a pass is over (None: all)."""

    n_images: int = 16_540
    n_repetitions: int = 4
    n_channels: int = 63
    n_times: int = 250
    dim: int = 1024
    per_pass: int | None = None


WHOLE = Case()
QUICK = Case(n_images=200, dim=256, per_pass=64)
ON_CPU = 512  # pictures of a pass


def mapped(case: Case, folder: Path) -> ArraySignals:
    """Return noise, mapped from a file that is written here."""
    shape = (case.n_images, case.n_repetitions, case.n_channels, case.n_times)
    data = np.lib.format.open_memmap(folder / "epochs.npy", "w+", np.float32, shape)
    block = np.random.default_rng(0).standard_normal((256, *shape[1:]), dtype=np.float32)
    for start in range(0, case.n_images, len(block)):
        data[start : start + len(block)] = block[: case.n_images - start]
    data.flush()
    image = np.repeat(np.arange(case.n_images), case.n_repetitions)
    names = tuple(f"picture {number}" for number in range(case.n_images))
    table = TrialTable(
        subject=np.zeros_like(image),
        concept=image,
        image=image,
        repetition=np.tile(np.arange(case.n_repetitions), case.n_images),
        subjects=("noise",),
        concept_names=names,
        image_names=names,
    )
    ch_names = tuple(f"channel {number}" for number in range(case.n_channels))
    read_only = np.load(folder / "epochs.npy", mmap_mode="r")
    return ArraySignals(read_only, table, ch_names, 250.0, 0.0)


def bank_of(case: Case, levels: tuple[str, ...]) -> TargetBank:
    """Return noise for vectors of the pictures."""
    shape = (case.n_images, len(levels), case.dim)
    vectors = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
    return TargetBank(vectors, levels, on_embeddings=True)


class Watch:
    """Wall time at the end of each pass, and of the optimiser in the pass after the timed ones."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.ends: list[float] = []
        self.optimiser_s = 0.0
        self._handles: list[Any] = []

    def now(self) -> float:
        """Return the time once the device has done what it was given."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def on_pass(self, done: Pass) -> None:
        """Note the end of a pass."""
        self.ends.append(self.now())
        if done.number == 1 + TIMED:
            self._handles = [
                hooks.register_optimizer_step_pre_hook(self._before),
                hooks.register_optimizer_step_post_hook(self._after),
            ]

    def close(self) -> None:
        """Stop listening to optimisers."""
        for handle in self._handles:
            handle.remove()

    def _before(self, *_: object) -> None:
        self._began = self.now()

    def _after(self, *_: object) -> None:
        self.optimiser_s += self.now() - self._began

    @property
    def pass_s(self) -> float:
        """Mean of the timed passes."""
        return (self.ends[TIMED] - self.ends[0]) / TIMED


def timed(work: Callable[[], object], watch: Watch) -> float:
    """Return the seconds of the second of two runs."""
    work()
    began = watch.now()
    work()
    return watch.now() - began


def speed(
    name: str, precision: Precision, case: Case, signals: ArraySignals, accelerator: str
) -> dict[str, Any]:
    """Return the row of one encoder in one precision."""
    made = load("saccade.encoders", ENCODERS[name])
    settings = dataclasses.replace(
        made().settings, precision=precision, epochs=2 + TIMED, patience=2 + TIMED
    )
    family: NetworkFamily = made(settings)
    fabric = Fabric(accelerator=accelerator, devices=1, precision=precision)
    per_pass = min(case.per_pass or case.n_images, case.n_images - 2)
    rows, validation = _split(signals.table, per_pass)
    watch = Watch(fabric.device)
    try:
        train(
            family,
            signals,
            bank_of(case, family.levels()),
            rows,
            validation,
            fabric=fabric,
            on_pass=watch.on_pass,
        )
    finally:
        watch.close()
    samples = samples_of(signals.table, rows, settings.repetitions, np.random.default_rng(0))
    batches = batches_of(samples, settings.batch_size)
    reading_s = timed(lambda: [means(signals, batch) for batch in batches], watch)
    ready = [torch.zeros(len(batch), signals.n_channels, signals.n_times) for batch in batches[:2]]
    copying_s = timed(lambda: [x.to(fabric.device) for x in ready], watch)
    copying_s *= len(samples) / sum(len(x) for x in ready)
    parts = {
        "read and average": reading_s,
        "copy to device": copying_s if fabric.device.type == "cuda" else 0.0,
        "optimiser": watch.optimiser_s,
    }
    parts["forward, backward"] = max(0.0, watch.pass_s - sum(parts.values()))
    waiting_s = parts["read and average"] + parts["copy to device"]
    return {
        "encoder": name,
        "precision": precision,
        "device": _called(fabric.device),
        "trials_per_s": len(rows) / watch.pass_s,
        "samples_per_s": len(samples) / watch.pass_s,
        "repetitions": settings.repetitions,
        "batch_size": settings.batch_size,
        "trials": len(rows),
        "pass_s": watch.pass_s,
        "passes_s": np.diff(watch.ends[: 1 + TIMED]).tolist(),
        "parts_s": parts,
        "bound_by": max(parts, key=lambda part: parts[part]),
        "trials_per_s_hidden": len(rows) / max(watch.pass_s - waiting_s, waiting_s),
    }


def _split(table: TrialTable, n_images: int) -> tuple[Rows, Rows]:
    """Return the rows of drawn pictures, and those of two others."""
    drawn = np.random.default_rng(2).permutation(len(table.image_names))
    trained, held_out = drawn[:n_images], drawn[n_images : n_images + 2]
    return (
        np.flatnonzero(np.isin(table.image, trained)),
        np.flatnonzero(np.isin(table.image, held_out)),
    )


def _called(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"


def run(case: Case, folder: Path, accelerator: str) -> list[dict[str, Any]]:
    """Return a row for each encoder and precision."""
    signals = mapped(case, folder)
    return [
        speed(name, precision, case, signals, accelerator)
        for name in ENCODERS
        for precision in PRECISIONS
    ]


def show(rows: list[dict[str, Any]], case: Case) -> None:
    """Print the table."""
    gigabytes = 4 * case.n_images * case.n_repetitions * case.n_channels * case.n_times / 1e9
    print(
        f"{case.n_images} x {case.n_repetitions} x {case.n_channels} x {case.n_times} float32 "
        f"({gigabytes:.1f} GB), targets of {case.dim}; {rows[0]['device']}; {machine()}"
    )
    parts = tuple(rows[0]["parts_s"])
    header = ["encoder", "precision", "sample", "batch", "trials/s", *parts, "hidden, trials/s"]
    table = [
        [
            row["encoder"],
            row["precision"],
            row["repetitions"],
            str(row["batch_size"]),
            f"{row['trials_per_s']:.0f}",
            *(f"{row['parts_s'][part] / row['pass_s']:.0%}" for part in parts),
            f"{row['trials_per_s_hidden']:.0f}",
        ]
        for row in rows
    ]
    print_table(header, table)
    if rows[0]["device"].startswith("CPU"):
        print("no GPU here: of a GPU this says only how fast the CPU could feed it, by the reading")
        for row in rows:
            fed = row["trials"] / row["parts_s"]["read and average"]
            print(f"  {row['encoder']}, {row['precision']}: {fed:.0f} trials/s read and averaged")


def main() -> None:
    """Run the benchmark."""
    parser: argparse.ArgumentParser = options(__doc__)
    parser.add_argument("--folder", type=Path, help="where to write the array (default: temporary)")
    parser.add_argument("--accelerator", default="auto", help="of Fabric: auto, cuda, cpu")
    parser.add_argument("--threads", type=int, help="of the CPU (default: torch's)")
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    case = QUICK if chosen.quick else WHOLE
    on_cpu = chosen.accelerator == "cpu" or not torch.cuda.is_available()
    if on_cpu and case.per_pass is None:
        case = dataclasses.replace(case, per_pass=ON_CPU)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        rows = run(case, Path(folder), "cpu" if on_cpu else "cuda")
    show(rows, case)
    if chosen.json:
        ratios = {
            f"{two['encoder']}: bf16 to fp32": two["trials_per_s"] / one["trials_per_s"]
            for one, two in zip(rows[::2], rows[1::2], strict=True)
        }
        emit(rows, ratios, case=dataclasses.asdict(case))


if __name__ == "__main__":
    main()
