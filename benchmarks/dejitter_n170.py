"""Whether dejittered time stamps decode better: houses and faces, seen with a Muse headband.

Its stamps step by −27 to +33 ms at 256 Hz. Ridge is judged single trial by single trial, forward in
time within the first four runs, and on the last two after training on the first four; with the raw
stamps and the dejittered ones, with a baseline and without. The gain has a bootstrap's 95 %
interval over the same trials.

    OMP_NUM_THREADS=1 python benchmarks/dejitter_n170.py --data DIR    # a minute of a core
    OMP_NUM_THREADS=1 python benchmarks/dejitter_n170.py --quick       # a synthetic twin
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import BESIDE, emit, forward_in_time, options, print_table
from recordings import below, difference
from recordings_data import N170, directions
from recordings_twin import write_twin

from saccade.calibration.collect import Trials, collect
from saccade.calibration.crossvalidate import fit
from saccade.models.evaluation.accuracy import auc
from saccade.realtime.epochs import EpochSettings
from saccade.realtime.pipeline import settings_from_spec
from saccade.realtime.registry import load
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.timing.continuity import measured_gap_s
from saccade.realtime.types import Float64

LIMIT_UV = 100.0  # of a trial that is trained on
N_FOLDS = 5


def trials(paths: list[Path], gap_s: float, dejitter: bool, baseline: bool) -> Trials:
    """Return all pictures of some runs."""
    blocks = [
        {"block": "select", "ch_names": list(N170.ch_names)},
        {"block": "bandpass", "low_hz": 1.0, "high_hz": 15.0, "order": 2},
    ]
    return collect(
        [FileSource(FileSourceSettings(path, "uV")) for path in paths],
        settings_from_spec(
            {"gap_s": gap_s, "rail_uv": 1e7, "dejitter": dejitter, "blocks": blocks}
        ),
        EpochSettings(
            baseline_s=(-0.2, 0.0) if baseline else None, crop_s=N170.crop_s, labels=N170.labels
        ),
        time.monotonic,
    )


def contrast(train: Trials, rows: np.ndarray, test: Trials, at: np.ndarray) -> Float64:
    """Return by how much each tested trial is rather a house, as ridge has it."""
    gallery = directions(N170)
    rows = below(train, rows, LIMIT_UV)
    fitted = fit(
        load("saccade.encoders", "ridge")(),
        train.data[rows],
        [gallery.row(train.labels[row]) for row in rows],
        gallery,
    )
    scores = fitted.scores(test.data[at], gallery)
    return np.asarray(scores[:, 0] - scores[:, 1], np.float64)


def is_house(of: Trials, rows: np.ndarray) -> np.ndarray:
    """Return which trials showed a house."""
    return np.array([of.labels[row] == N170.pair[0] for row in rows])


def compare(paths: list[Path], baseline: bool) -> list[dict[str, Any]]:
    """Return a row for each way to judge: AUC on raw and dejittered stamps, and the gain."""
    gaps_s = []
    for path in paths[:4]:
        source = FileSource(FileSourceSettings(path, "uV"))
        spec = source.open()
        gaps_s.append(measured_gap_s(source.recording.stamps, spec.sfreq))
    forward, later = [], []
    for dejitter in (False, True):
        early = trials(paths[:4], max(gaps_s), dejitter, baseline)
        late = trials(paths[4:], max(gaps_s), dejitter, baseline)
        parts = list(forward_in_time(len(early.labels), N_FOLDS))
        forward.append(
            np.concatenate([contrast(early, train, early, test) for train, test in parts])
        )
        tested = np.concatenate([is_house(early, test) for _, test in parts])
        every = np.arange(len(late.labels))
        later.append(contrast(early, np.arange(len(early.labels)), late, every))
    rows = []
    for name, (raw, dejittered), house in (
        ("forward, runs 1 to 4", forward, tested),
        ("runs 5 and 6", later, is_house(late, every)),
    ):
        gain = difference(dejittered, raw, house)
        rows.append(
            {
                "judged": name,
                "baseline": baseline,
                "n": len(house),
                "auc_raw": auc(raw, house),
                "auc_dejittered": auc(dejittered, house),
                "gain": gain.value,
                "ci95_gain": list(gain.ci95),
            }
        )
    return rows


def main() -> None:
    """Measure and print."""
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, default=BESIDE.parent, help="folder of recordings")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = chosen.data
        if chosen.quick:
            data = Path(folder)
            write_twin(data)
        paths = sorted(data.glob(N170.files))
        if len(paths) != 6:
            parser.error(f"{data} should hold six of {N170.files}, but has {len(paths)}")
        rows = [row for baseline in (True, False) for row in compare(paths, baseline)]
    print_table(
        ("judged", "baseline", "n", "AUC raw", "AUC dejittered", "gain (95 %)"),
        [
            [
                row["judged"],
                "yes" if row["baseline"] else "no",
                str(row["n"]),
                f"{row['auc_raw']:.3f}",
                f"{row['auc_dejittered']:.3f}",
                f"{row['gain']:+.3f} ({row['ci95_gain'][0]:+.3f} to {row['ci95_gain'][1]:+.3f})",
            ]
            for row in rows
        ],
    )
    if chosen.json:
        emit(rows, {}, simulated=chosen.quick)


if __name__ == "__main__":
    main()
