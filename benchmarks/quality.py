"""What the quality monitor sees, beside PREP, and what it costs.

    python benchmarks/quality.py [--quick] [--json] [--cost]

Recordings are simulated: 64 channels at 250 Hz with 1/f background, alpha, mains and the usual
blinks, bursts and pops, and beside each channel its impedance; no two faults have a recording in
common. Each is healthy for 15 s; then a fault of known kind sets in at channels of
known place, chosen at random: four of them, and an adjacent pair where channels are bridged. Judged
is the last report, a minute later.

Sensitivity is the share of spoilt channels that break the limit meant for the fault, and that are
"not good" or "bad" for whatever reason; specificity is the share of the other channels of the same
recordings that do not break it, and that are "good". A fault that two limits are meant for has two
rows, and is in "all" once. Intervals are Wilson's, 95 %, for as many independent channels as the
differences between recordings leave (Korn and Graubard 1998, Surv Methodol 24:193-201); where no
recording differs from another, all are taken for independent.

pyprep's ``NoisyChannels.find_all_bads`` (with RANSAC) gets the same minute, offline: "prep" is
everything that it finds, "PREP" leaves out what only its rule on the power spectrum does, which the
pipeline it is named after does not have.

--cost prints only the CPU time of the monitor's thread for 64 channels at 1 kHz, with RANSAC, per
second of signal: in chunks of 20 ms and sample by sample.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # before numpy reads it

import gc  # noqa: E402
import importlib.util  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from typing import Any  # noqa: E402

import common  # noqa: E402
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from quality_faults import FAULTS, RAIL_UV, Fault  # noqa: E402

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
N_SPOILT, HEALTHY_KOHM = 4, 5.0
SETTINGS = QualitySettings(full_scale_uv=RAIL_UV)
Mask = NDArray[np.bool_]


def healthy(seed: int, seconds: float, sfreq: float) -> Float64:
    """Return a recording without a fault, (n_samples, 64) in µV."""
    strengths = Levels(noise_uv=10.0, alpha_uv=6.0, sensor_uv=1.0, line_uv=2.0, line_hz=50.0)
    noise = noise_of(strengths, sfreq, np.ones(len(cortex())))
    return Background(noise, strengths, usual(1.0), seed).take(int(seconds * sfreq))


def reports(
    data: Float64, sfreq: float, chunk: int, *, impedances: bool = False
) -> tuple[list[QualityReport], float]:
    """Return the monitor's reports on a recording, and the CPU time it took in s."""
    n, more = len(CH_NAMES), len(CH_NAMES) if impedances else 0
    monitor = QualityMonitor(SETTINGS)
    names = (*CH_NAMES, *(f"{name} imp" for name in CH_NAMES[:more]))
    kinds, units = ("eeg",) * n + ("impedance",) * more, (MICROVOLT,) * n + ("kOhm",) * more
    monitor.reset(StreamSpec("simulated", sfreq, names, kinds, units))
    signal, stamps = data.astype(np.float32), np.arange(len(data)) / sfreq
    chunks = [
        Chunk(signal[i : i + chunk], stamps[i : i + chunk], np.zeros(chunk, np.uint16), i)
        for i in range(0, len(data) - chunk + 1, chunk)
    ]
    gc.freeze()  # or else so many chunks at once keep the garbage collector busy
    begun = time.thread_time()
    made = [report for one in chunks for report in monitor.step(one)]
    spent = time.thread_time() - begun
    gc.unfreeze()
    return made, spent


def chosen(fault: Fault, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the channels to be spoilt: some at random, or a random one and its neighbour."""
    if "bridge_uv" not in fault.limits:
        return np.sort(rng.choice(len(CH_NAMES), N_SPOILT, replace=False))
    one = int(rng.integers(len(CH_NAMES)))
    nearness = positions() @ positions()[one]
    nearness[one] = -1.0
    return np.array([one, int(nearness.argmax())])


def judged(fault: Fault, seed: int, with_prep: bool) -> dict[str, Mask]:
    """Return what was done to each channel of a recording, and what was found out."""
    rng = np.random.default_rng([seed, *fault.name.encode()])
    data = healthy(len(FAULTS) * seed + FAULTS.index(fault), HEALTHY_S + SPOILT_S, SFREQ)
    where, onset = chosen(fault, rng), int(HEALTHY_S * SFREQ)
    data[onset:, where] = fault.spoil(data[onset:, where], SFREQ, rng)
    kohm = np.full(data.shape, HEALTHY_KOHM)
    kohm[onset:, where] = fault.kohm
    both = np.concatenate([data, kohm], axis=1)
    last, n = reports(both, SFREQ, chunk=50, impedances=True)[0][-1], len(CH_NAMES)
    measured = {name: values[:n].astype(np.float64) for name, values in last.measures.items()}
    broken = dict(zip([rule.limit for rule in RULES], levels(measured, SETTINGS) > 0, strict=True))
    found = {
        "spoilt": np.isin(np.arange(n), where),
        **{limit: broken[limit] for limit in fault.limits},
        "not good": np.array([state != "good" for state in last.states[:n]]),
        "bad": np.array([state == "bad" for state in last.states[:n]]),
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


def share(recordings: list[Mask]) -> dict[str, Any]:
    """Return the share of hits among the channels of some recordings, with n and interval."""
    hits = np.array([int(one.sum()) for one in recordings])
    each = np.array([len(one) for one in recordings])
    n, many = int(each.sum()), len(recordings)
    found = float(hits.sum() / n)
    alone = found * (1 - found) * n  # variance of the hits, were all channels independent
    effect = 1.0
    if alone > 0 and many > 1:
        between = float(np.square(hits - found * each).sum()) * many / (many - 1)
        effect = max(1.0, between / alone)
    return {"share": found, "n": n, "ci95": list(wilson(found * n / effect, n / effect))}


def row(name: str, limit: str, runs: list[tuple[str, dict[str, Mask]]]) -> dict[str, Any]:
    """Return how a fault shows over some recordings, each with the limit that is looked at."""
    made: dict[str, Any] = {"fault": name, "limit": limit}
    for key in ("meant", "not good", "bad", "prep", "PREP"):
        found = [(run.get(own if key == "meant" else key), run["spoilt"]) for own, run in runs]
        there = [(mask, spoilt) for mask, spoilt in found if mask is not None]
        if there:
            made[f"{key}: sensitivity"] = share([mask[spoilt] for mask, spoilt in there])
            made[f"{key}: specificity"] = share([~mask[~spoilt] for mask, spoilt in there])
    if "PREP" in runs[0][1]:
        made["agreement with PREP"] = share([run["not good"] == run["PREP"] for _, run in runs])
    return made


def cost(seconds: float) -> dict[str, float]:
    """Return CPU seconds of the monitor per second of 64 channels at 1 kHz, by kind of chunk."""
    data = healthy(0, seconds, 1000.0)
    reports(data[:5000], 1000.0, 20)  # the first call looks the electrodes up
    return {
        name: min(reports(data, 1000.0, chunk)[1] for _ in range(3)) / seconds
        for name, chunk in (("in chunks of 20 ms", 20), ("sample by sample", 1))
    }


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
    told = ", ".join(f"{100 * share:.2f} % {name}" for name, share in spent.items())
    print(f"monitor: of a core, for 64 channels at 1 kHz, RANSAC included: {told}")
    ratios = {f"cpu per second, {name}": share for name, share in spent.items()}
    if asked.cost:
        if asked.json:
            common.emit([], ratios)
        return
    with_prep = importlib.util.find_spec("pyprep") is not None
    n_recordings = 1 if asked.quick else 5
    rows, every = [], []
    for fault in FAULTS:
        runs = [judged(fault, seed, with_prep) for seed in range(n_recordings)]
        rows += [row(fault.name, limit, [(limit, run) for run in runs]) for limit in fault.limits]
        every += [(fault.limits[0], run) for run in runs]
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
        common.emit(rows, ratios)


if __name__ == "__main__":
    main()
