"""How far dejittered time stamps are from the truth after samples were lost.

An amplifier of 250 Hz stamps with jitter and loses 100 ms, 500 ms or 2 s of samples, one minute
into four, while the connection holds. Beside the raw stamps stand those of liblsl (a real inlet
with ``proc_clocksync | proc_dejitter``), of pyxdf (a file with these stamps, read by ``load_xdf``)
and of saccade. An error is that to the true time, less the mean of the jitter: no method can know
how late a stamp is on average. Of several seeds, the error furthest from 0 is shown.

A stamp that is later than calibration found jitter to be is flagged as a gap, too, whether anything
is missing or not: "from +1 s" leaves out the first second after whatever a method flags.

    OMP_NUM_THREADS=1 python benchmarks/dejitter.py             # half a minute of a core
    OMP_NUM_THREADS=1 python benchmarks/dejitter.py --quick     # one seed
    OMP_NUM_THREADS=1 python benchmarks/dejitter.py --memory    # why saccade forgets as it does
"""

from __future__ import annotations

import itertools
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import emit, options, print_table
from numpy.typing import NDArray

from saccade.realtime.timing import line
from saccade.realtime.timing.continuity import Continuity, ContinuitySettings, measured_gap_s
from saccade.realtime.types import Chunk, Flag, Float64, StreamSpec

SFREQ, LENGTH_S, LOST_AT_S = 250.0, 240.0, 60.0
DROPOUTS_S = (0.1, 0.5, 2.0)
AFTER_S = (0.1, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 175.0)
SEEDS = 5
MEMORIES_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
SLEW_PPM = 500.0  # the most by which Linux turns a clock to follow network time
SPEC = StreamSpec("amplifier", SFREQ, ("Fz",), ("eeg",), ("µV",))
Numbers = NDArray[np.intp]
Jitter = Callable[[np.random.Generator, int], Float64]
JITTERS: dict[str, Jitter] = {
    "normal, sd 2 ms": lambda rng, n: rng.normal(0, 2e-3, n),
    "log-normal, median 1 ms": lambda rng, n: rng.lognormal(np.log(1e-3), 0.8, n),
}


@dataclass(frozen=True)
class Recording:
    """Time stamps as they came, and what they should have been."""

    stamps: Float64
    truth: Float64

    @property
    def resumed_s(self) -> float:
        """True time of the first sample after the loss."""
        return float(self.truth[self.truth > LOST_AT_S][0])

    def errors_ms(self, stamps: Float64) -> Float64:
        """Return by how much each stamp is late, beyond what all are."""
        return 1e3 * (stamps - self.truth - np.mean(self.stamps - self.truth))


def recording(dropout_s: float, jitter: str, drift_ppm: float, seed: int) -> Recording:
    """Return the stamps of an amplifier that loses samples once."""
    truth = np.arange(round(LENGTH_S * SFREQ)) / SFREQ * (1 + 1e-6 * drift_ppm)
    truth = truth[(truth < LOST_AT_S) | (truth >= LOST_AT_S + dropout_s)]
    return Recording(truth + JITTERS[jitter](np.random.default_rng(seed), len(truth)), truth)


def saccade(stamps: Float64) -> tuple[Float64, Numbers]:
    """Return what saccade makes of them, and which samples it flags as following a gap.

    What a gap is was measured before the loss, as in a calibration.
    """
    gap_s = measured_gap_s(stamps[: round(0.9 * LOST_AT_S * SFREQ)], SFREQ)
    block = Continuity(ContinuitySettings(gap_s, dejitter=True))
    block.reset(SPEC)
    n = len(stamps)
    data = np.arange(n, dtype=np.float32)[:, None]
    out = block.step(Chunk(data, stamps, np.zeros(n, np.uint16), 0))
    return out.stamps, np.flatnonzero(out.flags & np.uint16(Flag.GAP))


def liblsl(stamps: Float64) -> Float64:
    """Return what an inlet makes of them; they are sent faster than they say."""
    import pylsl

    name = f"dejitter-{uuid.uuid4().hex}"
    outlet = pylsl.StreamOutlet(
        pylsl.StreamInfo(name, "EEG", 1, SFREQ, "float32", name), max_buffered=600
    )
    (info,) = pylsl.resolve_byprop("name", name, timeout=30)
    flags = pylsl.proc_clocksync | pylsl.proc_dejitter
    inlet = pylsl.StreamInlet(info, max_buflen=600, processing_flags=flags)
    inlet.open_stream(30)
    outlet.wait_for_consumers(30)
    origin_s = pylsl.local_clock() - LENGTH_S
    came: list[float] = []
    for start in range(0, len(stamps), 250):
        sent = stamps[start : start + 250]
        outlet.push_chunk(
            np.zeros((len(sent), 1), np.float32), timestamp=(origin_s + sent).tolist()
        )
        while len(came) < start + len(sent):
            came += inlet.pull_chunk(30.0, max_samples=start + len(sent) - len(came))[1]
    return np.array(came) - origin_s - inlet.time_correction(30)


def pyxdf(stamps: Float64) -> Float64:
    """Return what pyxdf makes of them when it reads a file."""
    from pyxdf import load_xdf

    from saccade.realtime.xdf import chunks, descriptions

    # saccade's own files ask not to be dejittered; those of other programs do not.
    header = descriptions.header_xml(SPEC, "EEG", "float32").replace(">true<", ">false<")
    content = (
        chunks.MAGIC
        + chunks.file_header(descriptions.file_xml({}))
        + chunks.stream_header(1, header)
        + chunks.samples(1, stamps, np.zeros((len(stamps), 1), np.float32))
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dejitter.xdf"
        path.write_bytes(content)
        return load_xdf(path, synchronize_clocks=False)[0][0]["time_stamps"]


NOTHING = np.empty(0, np.intp)
METHODS: dict[str, Callable[[Float64], tuple[Float64, Numbers]]] = {
    "raw": lambda stamps: (stamps, NOTHING),
    "liblsl": lambda stamps: (liblsl(stamps), NOTHING),
    "pyxdf": lambda stamps: (pyxdf(stamps), NOTHING),
    "saccade": saccade,
}


def furthest(values: Any) -> float:
    """Return the value furthest from 0, rounded to a microsecond."""
    values = np.concatenate([np.ravel(one) for one in values])
    return round(float(values[np.abs(values).argmax()]), 3)


def compare(
    dropout_s: float, jitter: str, drift_ppm: float, seeds: int
) -> Iterator[dict[str, Any]]:
    """Yield one row a method."""
    recordings = [recording(dropout_s, jitter, drift_ppm, seed) for seed in range(seeds)]
    for name, method in METHODS.items():
        before, later, whole, from_1_s = [], [], [], []
        n_flagged = 0
        for one in recordings:
            stamps, gaps = method(one.stamps)
            errors = one.errors_ms(stamps)
            n_flagged += len(gaps)
            first = int(np.searchsorted(one.truth, one.resumed_s))
            at = np.searchsorted(one.truth, one.resumed_s + np.array(AFTER_S) - 1e-6)
            before.append(errors[first - 1])
            later.append(errors[at])
            whole.append(errors)
            ages_s = [one.truth - one.truth[gap] for gap in (first, *gaps)]
            early = np.any([(age_s >= 0) & (age_s < 1) for age_s in ages_s], axis=0)
            early |= one.truth < one.resumed_s
            from_1_s.append(errors[~early])
        yield {
            "dropout_ms": 1e3 * dropout_s,
            "jitter": jitter,
            "drift_ppm": drift_ppm,
            "stamps": name,
            "before_ms": furthest(before),
            "after_ms": {
                str(after): furthest(column)
                for after, column in zip(AFTER_S, zip(*later, strict=True), strict=True)
            },
            "worst_ms": max(abs(furthest(errors)) for errors in whole),
            "worst_from_1_s_ms": max(abs(furthest(errors)) for errors in from_1_s),
            "flagged": n_flagged,
            "seeds": seeds,
        }


def memory_row(memory_s: float, seeds: int) -> dict[str, Any]:
    """Return how well a line that forgets at this pace removes jitter, and follows a clock."""
    steady, slewed = [], []
    line.MEMORY_S, kept_s = memory_s, line.MEMORY_S
    for seed in range(seeds):
        one = recording(0.0, "normal, sd 2 ms", 0.0, seed)
        steady.append(one.errors_ms(saccade(one.stamps)[0])[len(one.truth) // 2 :])
        bent = np.maximum(one.truth - LENGTH_S / 2, 0) * 1e-6 * SLEW_PPM
        two = Recording(one.stamps + bent, one.truth + bent)
        slewed.append(two.errors_ms(saccade(two.stamps)[0])[len(one.truth) // 2 :])
    line.MEMORY_S = kept_s
    return {
        "memory_s": memory_s,
        "sd_ms": round(float(np.std(steady)), 4),
        "worst_after_slew_ms": abs(furthest(slewed)),
        "seeds": seeds,
    }


@contextmanager
def loopback() -> Iterator[None]:
    """Keep LSL's streams on this computer."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "lsl_api.cfg"
        config.write_text("[multicast]\nResolveScope = machine\n[log]\nlevel = -3\n", "utf-8")
        os.environ.setdefault("LSLAPICFG", str(config))
        yield


def main() -> None:
    """Measure and print."""
    parser = options(__doc__)
    parser.add_argument("--memory", action="store_true", help="compare paces of forgetting")
    chosen = parser.parse_args()
    seeds = 1 if chosen.quick else SEEDS
    if chosen.memory:
        rows = [memory_row(memory_s, seeds) for memory_s in MEMORIES_S]
        print_table(
            ("memory s", "sd ms", f"worst ms, rate changed by {SLEW_PPM:g} ppm"),
            [[f"{r['memory_s']:g}", f"{r['sd_ms']:.3f}", f"{r['worst_after_slew_ms']:.2f}"]
             for r in rows],
        )  # fmt: skip
        if chosen.json:
            emit(rows, {})
        return
    rows = []
    cases = itertools.product(JITTERS, (0.0, 200.0), DROPOUTS_S)
    with loopback():
        for jitter, drift_ppm, dropout_s in itertools.islice(cases, 3 if chosen.quick else None):
            rows += compare(dropout_s, jitter, drift_ppm, seeds)
    header = ("dropout", "jitter", "drift ppm", "stamps", "before",
              *(f"+{after:g} s" for after in AFTER_S), "worst", "from +1 s", "flagged")  # fmt: skip
    print_table(
        header,
        [
            [
                f"{row['dropout_ms']:g} ms",
                row["jitter"],
                f"{row['drift_ppm']:g}",
                row["stamps"],
                f"{row['before_ms']:.2f}",
                *(f"{value:.2f}" for value in row["after_ms"].values()),
                f"{row['worst_ms']:.2f}",
                f"{row['worst_from_1_s_ms']:.2f}",
                f"{row['flagged']}",
            ]
            for row in rows
        ],
    )
    if chosen.json:
        ratios = {
            f"{a['stamps']}/saccade, {a['dropout_ms']:g} ms lost, {a['jitter']}, "
            f"{a['drift_ppm']:g} ppm": round(a["worst_from_1_s_ms"] / b["worst_from_1_s_ms"], 1)
            for a, b in itertools.product(rows, rows)
            if b["stamps"] == "saccade" != a["stamps"]
            and all(a[key] == b[key] for key in ("dropout_ms", "jitter", "drift_ppm"))
        }
        emit(rows, ratios, sfreq=SFREQ)


if __name__ == "__main__":
    main()
