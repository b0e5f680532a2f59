"""Whether a session that takes commands decodes as soon as one that does not.

    python benchmarks/control.py [--quick] [--json]

The signal of benchmarks/replay.py (64 channels at 1 kHz, ATM-S, 1854 concepts), but in real time:
20 ms of it every 20 ms, and 5 pictures a second. The latency of a prediction is from the moment at
which the last sample of its epoch is due until it is decoded, so whatever keeps this process from
waking up is part of it. The same stretch of time is measured

    alone       without a control socket
    idle        with one that nobody talks to
    commands    while a client gives as many commands as one may, 20 a second
    strangers   while another program connects as often as it can, and talks garbage
    swaps       while one decoder after the other is read, verified and takes over

Whoever disturbs is a process of its own. "ratios" are the 99th percentile over that of "alone".
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # before numpy reads it

import contextlib  # noqa: E402
import socket  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
from common import emit, machine, options, print_table  # noqa: E402
from replay import EPOCHS, PIPELINE, SPEC, Noise, untrained  # noqa: E402

from saccade.models.decoders import decoder_file  # noqa: E402
from saccade.models.decoders.decoder import RetrievalDecoder  # noqa: E402
from saccade.realtime.control.client import ControlClient  # noqa: E402
from saccade.realtime.control.commands import Commands  # noqa: E402
from saccade.realtime.control.requests import Prepared  # noqa: E402
from saccade.realtime.control.server import ControlServer  # noqa: E402
from saccade.realtime.control.sessions import find  # noqa: E402
from saccade.realtime.engine import Engine, StepResult  # noqa: E402
from saccade.realtime.epochs import Epocher  # noqa: E402
from saccade.realtime.errors import ControlError  # noqa: E402
from saccade.realtime.pipeline import Pipeline, settings_from_spec  # noqa: E402
from saccade.realtime.types import Chunk, Marker, Reading, StreamSpec  # noqa: E402

CHUNK = 20  # samples of 1 ms
PICTURE_EVERY = 200
SESSION = "benchmark"
CASES = ("alone", "idle", "commands", "strangers", "swaps")


class Paced:
    """Noise, each chunk when its last sample is due."""

    def __init__(self, seconds: float) -> None:
        self._data = np.concatenate([r.chunk.data for r in Noise(2).readings])
        self._n = int(seconds * SPEC.sfreq)

    def open(self) -> StreamSpec:
        """Begin now."""
        self._next, self._start_s = 0, time.perf_counter()
        return SPEC

    def read(self, timeout_s: float) -> Reading | None:
        """Wait for the next chunk."""
        del timeout_s
        start, stop = self._next, self._next + CHUNK
        if stop > self._n:
            return None
        self._next = stop
        due_s = self._start_s + stop / SPEC.sfreq
        time.sleep(max(0.0, due_s - time.perf_counter()))
        rows = np.arange(start, stop)
        stamps = self._start_s + (rows + 1) / SPEC.sfreq
        chunk = Chunk(
            self._data[rows % len(self._data)],
            stamps,
            np.zeros(CHUNK, np.uint16),
            start,
            received_s=due_s,
        )
        shown = tuple(
            Marker("picture", float(stamp), received_s=due_s)
            for stamp in stamps[rows % PICTURE_EVERY == 0]
        )
        return Reading(chunk, shown)

    def close(self) -> None:
        """Do nothing."""


def disturb(case: str, folder: Path, decoder: Path) -> int:
    """Do what a case is named after, for as long as there is a session; return how often."""
    count = 0
    session = find(SESSION, folder)
    print("ready", flush=True)
    announced = folder / f"{SESSION}.json"
    while case == "strangers" and announced.exists():
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", session.port), 0.1) as stranger,
        ):
            stranger.sendall(b"let me in\n")
        count += 1
    with contextlib.suppress(ControlError):
        client = ControlClient(SESSION, folder=folder)
        while announced.exists():
            if case == "commands":
                client.reset()
                time.sleep(0.05)
            else:
                client.swap(decoder)
            count += 1
    return count


@contextlib.contextmanager
def disturbed(case: str, folder: Path, decoder: Path) -> Iterator[subprocess.Popen[str]]:
    """Have another process disturb from the beginning of the block to the end of the session."""
    command = [sys.executable, __file__, "--disturb", case, str(folder), str(decoder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is not None:
            process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def measure(case: str, seconds: float, folder: Path, path: Path) -> dict[str, Any]:
    """Run a session in one of the cases; return its latencies in ms."""
    engine = Engine(
        Paced(seconds),
        Pipeline(settings_from_spec(PIPELINE)),
        Epocher(EPOCHS),
        time.perf_counter,
        RetrievalDecoder(decoder_file.load(path)),
        decode_rejected=True,  # while the filters settle, too
    )
    commands = Commands()

    def prepare(other: Path) -> Prepared:
        return Prepared(RetrievalDecoder(decoder_file.load(other)), None, {"file": str(other)})

    def obey(_: StepResult) -> bool:
        commands.obey(engine)
        return False

    row: dict[str, Any] = {"case": case}
    with contextlib.ExitStack() as session:
        if case != "alone":
            session.enter_context(ControlServer(commands, prepare, SESSION, folder=folder))
        with contextlib.ExitStack() as others:
            if case not in ("alone", "idle"):
                process = others.enter_context(disturbed(case, folder, path))
            engine.start()
            engine.run(obey)
            summary = engine.stop()
            session.close()  # which who disturbs takes for the end
            if case not in ("alone", "idle"):
                row["disturbed"] = int(process.communicate(timeout=60.0)[0])
    return row | {"n": summary["predictions"]} | summary["latency_ms"]["prediction"]


def main() -> None:
    """Measure every case and print it."""
    parser = options(__doc__)
    parser.add_argument("--disturb", nargs=3, help="for this program's own use")
    chosen = parser.parse_args()
    if chosen.disturb:
        case, folder, decoder = chosen.disturb
        print(disturb(case, Path(folder), Path(decoder)))
        return
    seconds = 9.0 if chosen.quick else 60.0
    with tempfile.TemporaryDirectory() as place:
        folder, path = Path(place), Path(place) / "untrained.saccade"
        decoder_file.save(untrained(), path)
        rows = [measure(case, seconds, folder, path) for case in CASES]
    ratios = {row["case"]: round(row["p99"] / rows[0]["p99"], 3) for row in rows}
    if chosen.json:
        emit(rows, ratios)
        return
    print(f"{machine()}; latency of predictions in ms, {seconds:g} s of signal each\n")
    print_table(
        ("", "predictions", "p50", "p95", "p99", "disturbed"),
        [
            (
                row["case"],
                str(row["n"]),
                *(f"{row[key]:.1f}" for key in ("p50", "p95", "p99")),
                f"{row['disturbed']} times" if "disturbed" in row else "",
            )
            for row in rows
        ],
    )


if __name__ == "__main__":
    main()
