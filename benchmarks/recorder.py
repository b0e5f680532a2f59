"""What recording costs, and whether all of it is there.

    python benchmarks/recorder.py [--quick] [--json] [--minutes M] [--speed X] [--folder DIR]

64 channels at 5 kHz, with the sender's stamps, five markers a second, and a prediction for each,
are handed to the recorder as the engine would, a reading every 20 ms of signal. "Thread" is the
CPU time of the thread that writes, "sink" what the engine's loop spends in the recorder, both as a
share of one core per second of signal. Afterwards every sample and stamp in the file is compared
with what was sent, by a reader of this program's own. With --speed 10, ten seconds of signal come
in one.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # before numpy reads it

import struct  # noqa: E402
import tempfile  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, BinaryIO  # noqa: E402

import common  # noqa: E402
import numpy as np  # noqa: E402

from saccade.realtime.sinks.xdf import XDFSink  # noqa: E402
from saccade.realtime.types import (  # noqa: E402
    Candidate,
    Chunk,
    Epoch,
    Float32,
    Float64,
    Marker,
    Prediction,
    Ranking,
    Reading,
    StreamSpec,
)

N_CHANNELS, SFREQ = 64, 5000.0
READING = 100  # samples
MARKER_EVERY = 1000
AHEAD_S = 17.25  # of our clock, that the sender's is
ALLOWED = 0.10  # of a core


def signal(first: int, n: int) -> tuple[Float32, Float64]:
    """Return samples that follow from their number alone, and their stamps."""
    numbers = np.arange(first, first + n)
    channels = np.arange(N_CHANNELS, dtype=np.float32) / 64
    return (numbers[:, None] % 65536).astype(np.float32) + channels, 1000.0 + numbers / SFREQ


def reading(first: int) -> Reading:
    """Return what the engine receives in 20 ms."""
    data, stamps = signal(first, READING)
    raw = stamps + AHEAD_S
    chunk = Chunk(data, stamps, np.zeros(READING, np.uint16), first, raw_stamps=raw)
    markers = (Marker("1", float(stamps[0]), "stimuli"),) if first % MARKER_EVERY == 0 else ()
    return Reading(chunk, markers)


def prediction(number: int) -> Prediction:
    """Return the kind of thing that a decoder of 1854 concepts says."""
    epoch = Epoch(number, np.zeros((N_CHANNELS, 200), np.float32), 250.0, 0.0, 1.0, 1, "1", "cat")
    scores = np.zeros(1854, np.float32)
    top = tuple(Candidate(i, f"concept {i}", 0.123456789 / (i + 1), 0.1) for i in range(5))
    return Prediction(epoch, Ranking(top, scores, scores), 3)


def record(path: Path, minutes: float, speed: float) -> dict[str, Any]:
    """Record so much signal at this pace; return what it took and what came of it."""
    names = tuple(f"E{i + 1}" for i in range(N_CHANNELS))
    spec = StreamSpec("amplifier", SFREQ, names, ("eeg",) * N_CHANNELS, ("µV",) * N_CHANNELS)
    sink = XDFSink(path)
    sink.open(spec, {})
    (thread,) = [t for t in threading.enumerate() if t.name == "xdf-recorder"]
    if thread.ident is None:
        raise RuntimeError("the recorder's thread has not started")
    thread_clock = time.pthread_getcpuclockid(thread.ident)
    wanted = round(60 * minutes * SFREQ / READING) * READING
    sink_s = longest_s = thread_s = 0.0
    begun_s = time.monotonic()
    for first in range(0, wanted, READING):
        time.sleep(max(0.0, begun_s + (first + READING) / SFREQ / speed - time.monotonic()))
        came = reading(first)
        called_s, used_s = time.monotonic(), time.thread_time()
        sink.received(came)
        if came.markers:
            sink.prediction(prediction(first // MARKER_EVERY))
        sink_s += time.thread_time() - used_s
        longest_s = max(longest_s, time.monotonic() - called_s)
        thread_s = time.clock_gettime(thread_clock)
    took_s = time.monotonic() - begun_s
    sink.close({})
    report = sink.report()
    return {
        "minutes": minutes,
        "speed": speed,
        "thread": thread_s / (wanted / SFREQ),
        "sink": sink_s / (wanted / SFREQ),
        "longest_call_ms": 1e3 * longest_s,
        "took_s": took_s,
        "mb": report["bytes"] / 1e6,
        "sent": wanted,
        "recorded": report["samples"],
        "lost": report["lost"],
        "stopped": report["stopped"],
    }


def number(file: BinaryIO) -> int | None:
    """Return the next variable-length number of an XDF file, None at its end."""
    size = file.read(1)
    return int.from_bytes(file.read(size[0]), "little") if size else None


def equal_samples(path: Path) -> int:
    """Return how many of the signal's samples and stamps are in the file as they were sent."""
    row = np.dtype([("bytes", "u1"), ("stamp", "<f8"), ("values", "<f4", (N_CHANNELS,))])
    found = equal = 0
    with path.open("rb") as file:
        file.read(4)
        while (length := number(file)) is not None:
            end = file.tell() + length
            tag, stream = struct.unpack("<HI", file.read(6))
            if (tag, stream) == (3, 1):
                n = number(file) or 0
                rows = np.frombuffer(file.read(n * row.itemsize), row)
                data, stamps = signal(found, n)
                same = (rows["values"] == data).all(axis=1) & (rows["stamp"] == stamps)
                equal += int(same.sum())
                found += n
            file.seek(end)
    return equal


def main() -> None:
    """Record, compare, and print what it took."""
    parser = common.options(__doc__)
    parser.add_argument(
        "--minutes", type=float, help="of signal; 10 unless told, 0.25 with --quick"
    )
    parser.add_argument("--speed", type=float, default=1.0, help="seconds of signal in a second")
    parser.add_argument("--folder", type=Path, help="on the disk to be tried; for temporary files")
    arguments = parser.parse_args()
    minutes = arguments.minutes or (0.25 if arguments.quick else 10.0)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "session.xdf"
        result = record(path, minutes, arguments.speed)
        result["equal"] = equal_samples(path)
    complete = result["equal"] == result["recorded"] == result["sent"]
    print(
        f"{N_CHANNELS} channels at {SFREQ:g} Hz for {minutes:g} min, at {arguments.speed:g} times "
        f"the pace of life: {result['mb']:.1f} MB\n"
    )
    common.print_table(
        ["thread", "sink", "longest call", "sent", "in the file, equal", "lost", "verdict"],
        [
            [
                f"{result['thread']:.2%}",
                f"{result['sink']:.2%}",
                f"{result['longest_call_ms']:.1f} ms",
                str(result["sent"]),
                str(result["equal"]),
                str(result["lost"]["samples"]),
                "complete" if complete and result["thread"] <= ALLOWED else "NOT AS PROMISED",
            ]
        ],
    )
    if arguments.json:
        common.emit([result], {"thread to allowed": result["thread"] / ALLOWED})


if __name__ == "__main__":
    main()
