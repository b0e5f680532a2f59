"""What rejecting and cleaning trials is worth, on two real recordings, forward in time.

Each way of dealing with artifacts is calibrated as ``saccade calibrate`` does it, on the first part
of the recording alone (four of six N170 runs; 60 % of the P300 run): limits, potato, reconstruction
and ridge. The rest is then decoded through the pipeline and the epochs of the decoder, one trial at
a time. "good" are the test trials that the decoder's own gates let through, which is what it shows
live; "all" adds those it rejected. The AUC is that of one class's cosine less that of the other,
with DeLong's 95 % interval.

    OMP_NUM_THREADS=1 python benchmarks/gates.py --data DIR    # two minutes of a core
    OMP_NUM_THREADS=1 python benchmarks/gates.py --quick       # a synthetic twin
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import BESIDE, emit, machine, options, print_table
from recordings_data import DATA_SETS, DataSet, directions
from recordings_twin import write_twin

from saccade.calibration.crossvalidate import fit
from saccade.cli import configuration, fitting
from saccade.models.evaluation.accuracy import auc, auc_interval
from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.errors import SaccadeError
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.registry import load
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.timing.continuity import measured_gap_s
from saccade.realtime.types import Epoch, Reading, StreamSpec

TRAINING_SHARE = 0.6  # of a recording in one file
TRAINING_RUNS = 4  # of one in six
LOW_HZ, HIGH_HZ = 1.0, 15.0

WAYS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "peak to peak 150 µV": {"epochs.reject_ptp_uv": 150.0},
    "peak to peak 100 µV": {"epochs.reject_ptp_uv": 100.0},
    "flat 1 µV": {"epochs.reject_flat_uv": 1.0},
    "potato z 3": {"epochs.potato_z": 3.0},
    "potato z 2.5": {"epochs.potato_z": 2.5},
    "potato z 2": {"epochs.potato_z": 2.0},
    "100 µV and potato z 3": {"epochs.reject_ptp_uv": 100.0, "epochs.potato_z": 3.0},
    "reconstruction 20": {"pipeline.asr_cutoff": 20.0},
    "reconstruction 10": {"pipeline.asr_cutoff": 10.0},
    "reconstruction 5": {"pipeline.asr_cutoff": 5.0},
    "reconstruction 10 and potato z 3": {"pipeline.asr_cutoff": 10.0, "epochs.potato_z": 3.0},
    "repair auto": {"pipeline.repair": "auto"},
}
QUICK = ("nothing", "peak to peak 100 µV", "potato z 3", "reconstruction 10")


class Part:
    """The first seconds of a source."""

    def __init__(self, source: FileSource, share: float) -> None:
        self._source, self._share = source, share
        self.close = source.close

    def open(self) -> StreamSpec:
        """Go to the beginning."""
        spec = self._source.open()
        self._left = round(self._share * len(self._source.recording.data))
        return spec

    def read(self, timeout_s: float) -> Reading | None:
        """Return what comes next, until the share is over."""
        reading = self._source.read(timeout_s) if self._left > 0 else None
        self._left -= 0 if reading is None else len(reading.chunk)
        return reading


def split(data_set: DataSet, folder: Path) -> tuple[list[Any], list[FileSource], float]:
    """Return the sources to train on, those to test on, and where in the latter the test begins."""
    names = None if data_set.named else data_set.ch_names
    sources = [
        FileSource(FileSourceSettings(path, "uV", data_set.sfreq, names))
        for path in sorted(folder.glob(data_set.files))
    ]
    if len(sources) > 1:
        return sources[:TRAINING_RUNS], sources[TRAINING_RUNS:], -np.inf
    sources[0].open()
    stamps = sources[0].recording.stamps
    at = round(TRAINING_SHARE * len(stamps))
    return [Part(sources[0], TRAINING_SHARE)], sources, float(stamps[at])


def tested(
    sources: list[FileSource], pipeline: PipelineSettings, epochs: EpochSettings, from_s: float
) -> list[Epoch]:
    """Return all whole epochs of the test, in order, rejected ones too."""
    found = []
    for source in sources:
        engine = Engine(source, Pipeline(pipeline), Epocher(epochs), time.monotonic)
        engine.start()
        while not (result := engine.step(0.1)).ended:
            found += [e for e in result.epochs if not e.n_missing and e.onset_s >= from_s]
        engine.stop()
    return found


def measure(data_set: DataSet, folder: Path, way: str) -> dict[str, Any]:
    """Return the row of one way."""
    row: dict[str, Any] = {"data": data_set.name, "way": way, "single_trial": True}
    wanted = {
        "markers.labels": data_set.labels,
        "pipeline.channels": data_set.ch_names,
        "pipeline.low_hz": LOW_HZ,
        "pipeline.high_hz": HIGH_HZ,
        "pipeline.order": 2,
        "pipeline.rail_uv": 1e7,
        "epochs.crop_s": data_set.crop_s,
    }
    settings = configuration.load(None, wanted | WAYS[way]).config
    training, test, from_s = split(data_set, folder)
    spec = training[0].open()
    source = training[0] if isinstance(training[0], FileSource) else test[0]
    gap_s = measured_gap_s(source.recording.stamps, spec.sfreq)
    try:
        trials = fitting.trials_from(training, settings, spec, gap_s)
    except SaccadeError as error:
        return row | {"refused": str(error)}
    gallery = directions(data_set)
    rows = [gallery.row(label) for label in trials.labels]
    fitted = fit(load("saccade.encoders", "ridge")(), trials.data, rows, gallery)
    epochs = tested(test, trials.pipeline, trials.epochs, from_s)
    scores = fitted.scores(np.stack([epoch.data for epoch in epochs]), gallery)
    contrast = scores[:, 0] - scores[:, 1]
    first = np.array([epoch.label == data_set.pair[0] for epoch in epochs])
    good = np.array([not epoch.rejected for epoch in epochs])
    for name, chosen in (("good", good), ("all", np.ones_like(good))):
        low, high = auc_interval(contrast[chosen], first[chosen])
        row |= {
            f"n_{name}": int(chosen.sum()),
            f"auc_{name}": auc(contrast[chosen], first[chosen]),
            f"ci95_auc_{name}": [low, high],
        }
    return row | {"n_training": len(rows), "chance_auc": 0.5}


def main() -> None:
    """Run the benchmark."""
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, help="folder of the public recordings")
    chosen = parser.parse_args()
    folder = chosen.data or BESIDE.parent
    simulated = chosen.quick or not (chosen.data or folder.is_dir())
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        if simulated:
            folder = write_twin(Path(scratch))
        print(f"{machine()}")
        for data_set in DATA_SETS:
            mine = [measure(data_set, folder, way) for way in (QUICK if chosen.quick else WAYS)]
            print(f"\n{'SIMULATED twin of ' if simulated else ''}{data_set.name}, ridge")
            header = ["way", "trained on", "AUC good [95 %]", "n good", "AUC all [95 %]", "n all"]
            print_table(header, [_cells(row) for row in mine if "refused" not in row])
            for row in mine:
                if "refused" in row:
                    print(f"{row['way']}: refused ({row['refused']})")
            rows += mine
    if chosen.json:
        nothing = {row["data"]: row for row in rows if row["way"] == "nothing"}
        gains = {
            f"{row['data']}: {row['way']}": row["auc_good"] - nothing[row["data"]]["auc_good"]
            for row in rows
            if "auc_good" in row
        }
        emit(rows, gains, simulated=simulated)


def _cells(row: dict[str, Any]) -> list[str]:
    cells = [row["way"], str(row["n_training"])]
    for name in ("good", "all"):
        low, high = row[f"ci95_auc_{name}"]
        cells += [f"{row[f'auc_{name}']:.3f} [{low:.3f}, {high:.3f}]", str(row[f"n_{name}"])]
    return cells


if __name__ == "__main__":
    main()
