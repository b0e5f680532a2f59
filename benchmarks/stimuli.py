"""How exactly the stimulus window keeps its frames on a screen that tells none.

The real window, as a process, shows THINGS-style sequences (100 ms on, 200 ms from onset to onset)
on an X screen, its own Xvfb where there is no DISPLAY; frames then follow the session's clock.
A row is a speed, with the machine idle or every core kept busy. Of each step from one onset to the
next its error is taken, in ms of life: what it was, less the frames that it should have been. That
says how well the window keeps time, not when light comes: only a photodiode tells that
(docs/stimuli.md).
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pylsl
from common import emit, options, print_table

from saccade.calibration.stimulator import StimulusProcess
from saccade.calibration.stimuli import Photodiode, StimuliSettings
from saccade.models.galleries.gallery_files import load_everyday

ON_S, SOA_S, N_SEQUENCE = 0.1, 0.2, 20
SPEEDS = (1.0, 2.0, 4.0, 8.0)
PATIENCE_S = 60.0
BUSY = "while True: sum(range(1000))"


@contextlib.contextmanager
def display() -> Iterator[None]:
    """Give the environment an X screen, if it has none."""
    if os.environ.get("DISPLAY"):
        yield
        return
    program = shutil.which("Xvfb")
    if program is None:
        sys.exit("there is no X screen and no Xvfb to make one: apt-get install xvfb")
    told, tell = os.pipe()
    server = subprocess.Popen(
        [
            program,
            "-displayfd",
            str(tell),
            "-screen",
            "0",
            "1920x1080x24",
            "-nolisten",
            "tcp",
            "-noreset",
        ],
        pass_fds=(tell,),
        stderr=subprocess.DEVNULL,
    )
    os.close(tell)
    try:
        with os.fdopen(told) as answer:
            os.environ["DISPLAY"] = f":{answer.readline().strip()}"
        yield
    finally:
        del os.environ["DISPLAY"]
        server.terminate()
        server.wait()


@contextlib.contextmanager
def busy(n: int) -> Iterator[None]:
    """Keep so many cores busy."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(n)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def drain(name: str, over: threading.Event) -> None:
    """Receive a stream until it is over, as a recorder would."""
    (info, *_) = pylsl.resolve_byprop("name", name, 1, PATIENCE_S)
    inlet = pylsl.StreamInlet(info)
    inlet.open_stream(PATIENCE_S)
    while not over.is_set():
        inlet.pull_sample(0.2)


def measure(speed: float, n_pictures: int, n_busy: int) -> dict[str, Any]:
    """Show pictures; return how far from their frames they came."""
    name = f"saccade-benchmark-{uuid.uuid4().hex[:8]}"
    names = load_everyday().names
    sequences = [
        {
            "number": number,
            "trials": [
                {
                    "trial": trial,
                    "concept": names[trial % len(names)],
                    "picture": 0,
                    "on_s": ON_S,
                    "soa_s": SOA_S,
                }
                for trial in range(N_SEQUENCE * number, N_SEQUENCE * (number + 1))
            ],
            "question": None,
        }
        for number in range(n_pictures // N_SEQUENCE)
    ]
    settings = StimuliSettings(
        name,
        f"{name}-events",
        photodiode=Photodiode(),
        auto=True,
        speed=speed,
        origin_s=pylsl.local_clock(),
        surface="raster",
        refresh_hz=60.0,
        settle_s=0.2,
    )
    over = threading.Event()
    messages: list[dict[str, Any]] = []
    with StimulusProcess(settings) as process, busy(n_busy):
        receiver = threading.Thread(target=drain, args=(name, over), daemon=True)
        receiver.start()
        process.block(1, 1, sequences, 1.0)
        end_s = time.monotonic() + PATIENCE_S + 2 * n_pictures * SOA_S / speed
        while not messages or messages[-1]["at"] not in ("block_over", "refused"):
            messages += process.poll(1.0)
            if time.monotonic() > end_s:
                sys.exit("the stimulus window does not come to an end")
        over.set()
        receiver.join()
    stamps_s = {m["trial"]: m["stamp_s"] for m in messages if m["at"] == "shown"}
    steps_s = np.array(
        [
            stamps_s[after] - stamps_s[before]
            for before, after in itertools.pairwise(sorted(stamps_s))
            if after % N_SEQUENCE  # the first of a sequence follows no picture
        ]
    )
    error_ms = np.abs(steps_s - SOA_S) * 1e3 / speed
    return {
        "speed": speed,
        "busy_cores": n_busy,
        "frames_per_s": 60.0 * speed,
        "pictures": len(stamps_s),
        "dropped_frames": sum(m["frames"] for m in messages if m["at"] == "dropped"),
        "late_pictures": int((error_ms > 0.5e3 / 60 / speed).sum()),
        "error_ms": {
            "p50": round(float(np.percentile(error_ms, 50)), 3),
            "p95": round(float(np.percentile(error_ms, 95)), 3),
            "p99": round(float(np.percentile(error_ms, 99)), 3),
            "max": round(float(error_ms.max()), 3),
        },
    }


def main() -> None:
    """Measure every speed, idle and busy; print a table."""
    parser: argparse.ArgumentParser = options(__doc__)
    parser.add_argument("--pictures", type=int, default=600, help="a row, in sequences of 20")
    asked = parser.parse_args()
    n_pictures = 40 if asked.quick else asked.pictures
    busy_cores = os.cpu_count() or 1
    if asked.quick:
        cases = [(4.0, 0), (4.0, busy_cores)]
    else:
        cases = [*((speed, 0) for speed in SPEEDS), (1.0, busy_cores), (4.0, busy_cores)]
    with display():
        rows = [measure(speed, n_pictures, n_busy) for speed, n_busy in cases]
    print_table(
        ["speed", "frames/s", "busy cores", "pictures", "dropped", "late", "p50", "p95", "p99",
         "max ms"],
        [
            [
                f"{row['speed']:g}",
                f"{row['frames_per_s']:g}",
                str(row["busy_cores"]),
                str(row["pictures"]),
                str(row["dropped_frames"]),
                str(row["late_pictures"]),
                *(f"{row['error_ms'][key]:.3f}" for key in ("p50", "p95", "p99", "max")),
            ]
            for row in rows
        ],
    )  # fmt: skip
    if asked.json:
        emit(rows, {})


if __name__ == "__main__":
    main()
