"""How much faster than life a recording is decoded in process, on one core.

    python benchmarks/replay.py [--quick] [--json]

64 channels at 1 kHz, noise in 256-sample chunks, with 5 markers a second. Pipeline and epochs:
continuity and guard as always, notches at 50 Hz and all its multiples, band-pass 0.5 to 40 Hz of
order 4, average reference, 250 Hz; epochs of 1 s with 0.2 s of baseline before. Then the same with
every epoch decoded: whitening, ATM-S as built for 64 x 250 and exported to TorchScript, its vector
of 1024 compared with 1854 concepts. Its weights are untrained and the gallery is random, which
costs what the trained ones cost. No sink is attached, and nothing is read from a disk.

One process, one thread. "x real time" is signal over the CPU time of the process, which other
programs on the machine do not disturb, the median of the runs; "wall" is the same by the clock.
Below, what each block adds to the pipeline; "always" is what every pipeline has.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # before numpy reads it

import functools  # noqa: E402
import statistics  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
from common import emit, machine, options, print_table  # noqa: E402

from saccade.models.decoders.decoder import RetrievalDecoder  # noqa: E402
from saccade.models.decoders.decoder_file import (  # noqa: E402
    DecoderFile,
    EncoderSignature,
    InputSignature,
)
from saccade.models.encoders import export  # noqa: E402
from saccade.models.encoders.atm import ATMS  # noqa: E402
from saccade.models.encoders.network import ForSubject, Shape  # noqa: E402
from saccade.models.galleries.gallery import Gallery  # noqa: E402
from saccade.realtime.engine import Engine  # noqa: E402
from saccade.realtime.epochs import Epocher, EpochSettings  # noqa: E402
from saccade.realtime.pipeline import Pipeline, settings_from_spec  # noqa: E402
from saccade.realtime.types import Chunk, Marker, Reading, StreamSpec  # noqa: E402

SFREQ, N_CHANNELS, CHUNK, MARKERS_PER_S = 1000.0, 64, 256, 5
WORKING_SFREQ, N_TIMES, DIM, N_CONCEPTS = 250.0, 250, 1024, 1854
WANTED = {"pipeline and epochs": 100.0, "with ATM-S": 30.0}  # times real time
CH_NAMES = tuple(f"channel {number}" for number in range(N_CHANNELS))
SPEC = StreamSpec("noise", SFREQ, CH_NAMES, ("eeg",) * N_CHANNELS, ("µV",) * N_CHANNELS)
PIPELINE: dict[str, Any] = {
    "blocks": [
        {"block": "notch", "line_hz": 50.0},
        {"block": "bandpass", "low_hz": 0.5, "high_hz": 40.0, "order": 4},
        {"block": "reference", "kind": "average"},
        {"block": "resample", "sfreq": WORKING_SFREQ},
    ]
}
EPOCHS = EpochSettings(tmin_s=-0.2, tmax_s=1.0, baseline_s=(-0.2, 0.0), crop_s=(0.0, 1.0))


class Noise:
    """So many seconds of signal, ready to be handed out."""

    def __init__(self, seconds: int) -> None:
        rng = np.random.default_rng(0)
        n = int(seconds * SFREQ)
        data = rng.standard_normal((n, N_CHANNELS), dtype=np.float32) * np.float32(20)
        stamps = np.arange(n) / SFREQ
        flags = np.zeros(n, np.uint16)
        every = int(SFREQ / MARKERS_PER_S)
        self.readings = []
        for start in range(0, n, CHUNK):
            part = slice(start, start + CHUNK)
            onsets = range(-(-start // every) * every, min(start + CHUNK, n), every)
            markers = tuple(Marker("picture", row / SFREQ) for row in onsets)
            chunk = Chunk(data[part], stamps[part], flags[part], start)
            self.readings.append(Reading(chunk, markers))

    def open(self) -> StreamSpec:
        """Begin anew."""
        self._left = iter(self.readings)
        return SPEC

    def read(self, timeout_s: float) -> Reading | None:
        """Return the next chunk, or None after the last."""
        del timeout_s
        return next(self._left, None)

    def close(self) -> None:
        """Do nothing."""


def untrained() -> DecoderFile:
    """Return a decoder with an untrained ATM-S and a random gallery."""
    torch.manual_seed(0)
    tower = ATMS().tower(Shape(N_CHANNELS, N_TIMES, DIM))
    vectors = np.random.default_rng(1).standard_normal((N_CONCEPTS, DIM)).astype(np.float32)
    names = tuple(f"concept {number}" for number in range(N_CONCEPTS))
    gallery = Gallery(names, vectors, "none", "none", "image", simulated=True)
    return DecoderFile(
        input=InputSignature(CH_NAMES, SPEC.ch_types, SPEC.units, "none", SFREQ),
        working_sfreq=WORKING_SFREQ,
        pipeline=PIPELINE,
        epochs={},
        encoder=EncoderSignature("atms", {}, N_CHANNELS, N_TIMES, DIM),
        script=export(ForSubject(tower), N_CHANNELS, N_TIMES),
        gallery=gallery,
        gallery_centre=gallery.centre,
        signal_mean=np.zeros(N_CHANNELS),
        signal_whitening=np.eye(N_CHANNELS) / 20.0,
        temperature=0.1,
        simulated=True,
    )


def replay(noise: Noise, decoder: RetrievalDecoder | None) -> dict[str, Any]:
    """Run a session from the first sample to the last; return its summary."""
    engine = Engine(
        noise, Pipeline(settings_from_spec(PIPELINE)), Epocher(EPOCHS), time.perf_counter, decoder
    )
    engine.start()
    engine.run(lambda _: False)
    return engine.stop()


def timed(work: Callable[[], Any], runs: int) -> tuple[float, float, Any]:
    """Return the median CPU and wall seconds of some runs, and what the last returned."""
    cpu_s, wall_s = [], []
    result = work()  # once for caches and just-in-time compilers
    for _ in range(runs):
        began_cpu, began = time.process_time(), time.perf_counter()
        result = work()
        cpu_s.append(time.process_time() - began_cpu)
        wall_s.append(time.perf_counter() - began)
    return statistics.median(cpu_s), statistics.median(wall_s), result


def block_seconds(noise: Noise, runs: int) -> dict[str, float]:
    """Return the CPU seconds that each block adds to the pipeline, over the whole signal."""
    spent: dict[str, float] = {}
    blocks = PIPELINE["blocks"]
    for n_blocks in range(len(blocks) + 1):
        pipeline = Pipeline(settings_from_spec({"blocks": blocks[:n_blocks]}))

        def work(pipeline: Pipeline = pipeline) -> None:
            pipeline.reset(SPEC)
            for reading in noise.readings:
                pipeline.step(reading.chunk)

        cpu_s = timed(work, runs)[0]
        name = str(blocks[n_blocks - 1]["block"]) if n_blocks else "always"
        spent[name] = cpu_s - sum(spent.values())
    return spent


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__).parse_args()
    seconds, runs = (30, 3) if chosen.quick else (120, 5)
    noise = Noise(seconds)
    decoder = RetrievalDecoder(untrained(), clock=time.perf_counter)
    rows: list[dict[str, Any]] = []
    for what, used in (("pipeline and epochs", None), ("with ATM-S", decoder)):
        cpu_s, wall_s, summary = timed(functools.partial(replay, noise, used), runs)
        rows.append(
            {
                "what": what,
                "signal_s": seconds,
                "epochs": summary["epochs"]["total"],
                "predictions": summary["predictions"],
                "cpu_s": cpu_s,
                "wall_s": wall_s,
                "times_real_time": seconds / cpu_s,
                "wanted": WANTED[what],
                "runs": runs,
            }
        )
    print(f"{N_CHANNELS} channels at {SFREQ:g} Hz for {seconds} s, {runs} runs; {machine()}")
    print_table(
        ("", "x real time", "wanted", "wall", "epochs", "decoded"),
        [
            [
                row["what"],
                f"{row['times_real_time']:.0f}",
                f"{row['wanted']:.0f}",
                f"{seconds / row['wall_s']:.0f}",
                str(row["epochs"]),
                str(row["predictions"]),
            ]
            for row in rows
        ],
    )
    parts = block_seconds(noise, runs)
    print()
    print_table(
        ("block", "ms of CPU a second of signal"),
        [[name, f"{1e3 * cpu_s / seconds:.2f}"] for name, cpu_s in parts.items()],
    )
    if chosen.json:
        rows += [{"what": f"block {name}", "cpu_s": cpu_s} for name, cpu_s in parts.items()]
        ratios = {row["what"]: row["times_real_time"] for row in rows if "wanted" in row}
        emit(rows, ratios, case={"channels": N_CHANNELS, "sfreq": SFREQ, "chunk": CHUNK})


if __name__ == "__main__":
    main()
