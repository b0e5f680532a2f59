"""What the quality monitor sees, beside PREP, and what it costs.

    python benchmarks/quality.py [--quick] [--json] [--cost]

Recordings are simulated: 64 channels at 250 Hz with 1/f background, alpha, mains and the usual
blinks, bursts and pops. Each is healthy for 15 s; then a fault of known kind sets in at channels of
known place, chosen at random: four of them, and an adjacent pair where channels are bridged. Judged
is the last report, a minute later.

Sensitivity is the share of spoilt channels that break the limit meant for the fault, and that are
"not good" or "bad" for whatever reason; specificity is the share of the other channels of the same
recordings that do not break it, and that are "good". Intervals are Wilson's, 95 %; channels of one
recording are counted as independent.

pyprep's ``NoisyChannels.find_all_bads`` (with RANSAC) gets the same minute, offline: "prep" is
everything that it finds, "PREP" leaves out what only its rule on the power spectrum does, which the
pipeline it is named after does not have.

--cost prints only the CPU time of the monitor's thread for 64 channels at 1 kHz in chunks of 20 ms,
with RANSAC, per second of signal.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # before numpy reads it

import importlib.util  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from typing import Any  # noqa: E402

import common  # noqa: E402
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from quality_faults import FAULTS, Fault  # noqa: E402

from saccade.models.evaluation.accuracy import wilson  # noqa: E402
from saccade.realtime.blocks.units import MICROVOLT  # noqa: E402
from saccade.realtime.quality.monitor import QualityMonitor  # noqa: E402
from saccade.realtime.quality.settings import QualitySettings  # noqa: E402
from saccade.realtime.quality.verdict import RULES, levels  # noqa: E402
from saccade.realtime.simulation.artifacts import usual  # noqa: E402
from saccade.realtime.simulation.background import Background  # noqa: E402
from saccade.realtime.simulation.montage import CH_NAMES, positions  # noqa: E402
from saccade.realtime.simulation.noise import Levels, cortex, noise_of  # noqa: E402
from saccade.realtime.types import Chunk, Float64, QualityReport, StreamSpec  # noqa: E402

SFREQ, HEALTHY_S, SPOILT_S = 250.0, 15.0, 60.0
N_SPOILT = 4
Mask = NDArray[np.bool_]


def healthy(seed: int, seconds: float, sfreq: float) -> Float64:
    """Return a recording without a fault, (n_samples, 64) in µV."""
    strengths = Levels(noise_uv=10.0, alpha_uv=6.0, sensor_uv=1.0, line_uv=2.0, line_hz=50.0)
    noise = noise_of(strengths, sfreq, np.ones(len(cortex())))
    return Background(noise, strengths, usual(1.0), seed).take(int(seconds * sfreq))


def reports(data: Float64, sfreq: float, chunk: int) -> tuple[list[QualityReport], float]:
    """Return the monitor's reports on a recording, and the CPU time it took in s."""
    n = len(CH_NAMES)
    monitor = QualityMonitor(QualitySettings())
    monitor.reset(StreamSpec("simulated", sfreq, CH_NAMES, ("eeg",) * n, (MICROVOLT,) * n))
    signal, stamps = data.astype(np.float32), np.arange(len(data)) / sfreq
    chunks = [
        Chunk(signal[i : i + chunk], stamps[i : i + chunk], np.zeros(chunk, np.uint16), i)
        for i in range(0, len(data) - chunk + 1, chunk)
    ]
    begun = time.thread_time()
    made = [report for one in chunks for report in monitor.step(one)]
    return made, time.thread_time() - begun


def chosen(fault: Fault, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the channels to be spoilt: some at random, or a random one and its neighbour."""
    if fault.limit != "bridge_uv":
        return np.sort(rng.choice(len(CH_NAMES), N_SPOILT, replace=False))
    one = int(rng.integers(len(CH_NAMES)))
    nearness = positions() @ positions()[one]
    nearness[one] = -1.0
    return np.array([one, int(nearness.argmax())])


def judged(fault: Fault, seed: int, with_prep: bool) -> dict[str, Mask]:
    """Return what was done to each channel of a recording, and what was found out."""
    rng = np.random.default_rng([seed, *fault.name.encode()])
    data = healthy(seed, HEALTHY_S + SPOILT_S, SFREQ)
    where, onset = chosen(fault, rng), int(HEALTHY_S * SFREQ)
    data[onset:, where] = fault.spoil(data[onset:, where], SFREQ, rng)
    last = reports(data, SFREQ, chunk=50)[0][-1]
    measured = {name: values.astype(np.float64) for name, values in last.measures.items()}
    broken = levels(measured, QualitySettings())
    found = {
        "spoilt": np.isin(np.arange(len(CH_NAMES)), where),
        "meant": broken[[rule.limit for rule in RULES].index(fault.limit)] > 0,
        "not good": np.array([state != "good" for state in last.states]),
        "bad": np.array([state == "bad" for state in last.states]),
    }
    if with_prep:
        found["prep"], found["PREP"] = prep(data[onset:])
    return found


def prep(data: Float64) -> tuple[Mask, Mask]:
    """Return which channels pyprep calls bad, by all of its rules and by all but that on power."""
    import mne
    from pyprep import NoisyChannels

    info = mne.create_info(list(CH_NAMES), SFREQ, "eeg")
    with warnings.catch_warnings(), mne.use_log_level("error"):
        warnings.simplefilter("ignore")
        raw = mne.io.RawArray(1e-6 * data.T, info)
        raw.set_montage("standard_1005")
        noisy = NoisyChannels(raw, random_state=1)
        noisy.find_all_bads(ransac=True)
    by = noisy.get_bads(as_dict=True)
    others = {
        name for rule, bad in by.items() if rule not in ("bad_by_psd", "bad_all") for name in bad
    }
    return np.isin(CH_NAMES, by["bad_all"]), np.isin(CH_NAMES, sorted(others))


def share(hits: Mask) -> dict[str, Any]:
    """Return a share with its n and interval."""
    n = len(hits)
    return {"share": float(hits.mean()), "n": n, "ci95": list(wilson(int(hits.sum()), n))}


def row(name: str, limit: str, runs: list[dict[str, Mask]]) -> dict[str, Any]:
    """Return how a fault shows over some recordings."""
    all_of = {key: np.concatenate([run[key] for run in runs]) for key in runs[0]}
    spoilt = all_of.pop("spoilt")
    made: dict[str, Any] = {"fault": name, "limit": limit}
    for key, found in all_of.items():
        made[f"{key}: sensitivity"] = share(found[spoilt])
        made[f"{key}: specificity"] = share(~found[~spoilt])
    if "PREP" in all_of:
        made["agreement with PREP"] = share(all_of["not good"] == all_of["PREP"])
    return made


def cost(seconds: float) -> float:
    """Return CPU seconds of the monitor per second of 64 channels at 1 kHz."""
    data = healthy(0, seconds, 1000.0)
    reports(data[:5000], 1000.0, 20)  # the first call looks the electrodes up
    return min(reports(data, 1000.0, 20)[1] for _ in range(3)) / seconds


def cell(figure: dict[str, Any]) -> str:
    """Return a share as it stands in the table."""
    low, high = figure["ci95"]
    return f"{figure['share']:.3f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    """Measure and print."""
    options = common.options(__doc__)
    options.add_argument("--cost", action="store_true", help="measure only the CPU time")
    asked = options.parse_args()
    spent = cost(20.0 if asked.quick else 60.0)
    print(f"monitor: {100 * spent:.2f} % of a core for 64 channels at 1 kHz, RANSAC included")
    if asked.cost:
        if asked.json:
            common.emit([], {"cpu per second": spent})
        return
    with_prep = importlib.util.find_spec("pyprep") is not None
    n_recordings = 1 if asked.quick else 5
    rows, every = [], []
    for fault in FAULTS:
        runs = [judged(fault, seed, with_prep) for seed in range(n_recordings)]
        rows.append(row(fault.name, fault.limit, runs))
        every += runs
        print(f"{fault.name}: {cell(rows[-1]['meant: sensitivity'])}", file=sys.stderr)
    rows.append(row("all", "", every))
    kinds = ["meant", "not good", "bad", *(["prep", "PREP"] if with_prep else [])]
    header = ["fault", "limit", *(f"{k}: {w}" for k in kinds for w in ("sens", "spec"))]
    header += [*(["same as PREP"] if with_prep else []), "n"]
    table = [
        [
            made["fault"],
            made["limit"],
            *(cell(made[f"{k}: {w}"]) for k in kinds for w in ("sensitivity", "specificity")),
            *([cell(made["agreement with PREP"])] if with_prep else []),
            f"{made['meant: sensitivity']['n']} / {made['meant: specificity']['n']}",
        ]
        for made in rows
    ]
    common.print_table(header, table)
    if asked.json:
        common.emit(rows, {"cpu per second": spent})


if __name__ == "__main__":
    main()
