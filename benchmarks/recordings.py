"""Every encoder on two real recordings: houses and faces (N170), and rare flashes (P300).

The first 60 % of the pictures or flashes, in the order of time, are trained on, the rest are
tested, one trial at a time and none left out for its amplitude. The signal passes the causal
pipeline, as live. Its lower edge, the baseline, and the amplitude above which a training trial is
left out are chosen on the training part alone: by ridge's AUC when each quarter of it but the
first is decoded from all before it. All networks get one recipe.

    OMP_NUM_THREADS=1 python benchmarks/recordings.py --data DIR    # ten minutes of a core
    OMP_NUM_THREADS=1 python benchmarks/recordings.py --quick       # a synthetic twin

The AUC is that of the cosine with one class less that with the other, with DeLong's 95 % interval;
"over ridge" is the paired difference, with a bootstrap's. The control is trained on permuted
labels, and is given as mean (lowest to highest): as such a decoder points anywhere, it may tell
the classes apart by accident, either way round, and only the mean has to be chance.

A house or face is also ranked among 500 concepts, but two concepts teach a contrastive encoder
only their contrast, and where that points among the 498 others is left to chance: top-1 is to be
read for ridge, which predicts the vector itself. Blur and corruption act on the embeddings, as
there are no pictures. Classic figures are those of an xDAWN, tangent-space and logistic regression
decoder, and of ridge, behind zero-phase filters over the whole file, which see the future: not
what a live session can have.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import BESIDE, emit, forward_in_time, machine, options, print_table
from recordings_data import (
    DATA_SETS,
    DataSet,
    Preprocessing,
    directions,
    gallery_of,
    read,
)
from recordings_twin import write_twin

from saccade.calibration.collect import Trials
from saccade.calibration.crossvalidate import fit
from saccade.models.encoders import EncoderFamily
from saccade.models.evaluation.accuracy import accuracy, auc, auc_interval
from saccade.models.evaluation.bootstrap import Measured
from saccade.realtime.errors import SaccadeError
from saccade.realtime.registry import build_settings, load
from saccade.realtime.types import Float64

TRAINING_SHARE = 0.6
REACH = 3  # last training trials, left out as their windows may reach into the test
CONTROLS = 2  # trainings of a network on permuted labels; of ridge ten times as many
DRAWS = 1000

CHOICES = tuple(
    Preprocessing(low_hz, 15.0, baseline, limit_uv)
    for low_hz, baseline, limit_uv in itertools.product((0.5, 1.0), (True, False), (None, 100.0))
)

ENCODERS = {
    "ridge": "ridge",
    "EEGNet": "eegnet",
    "ShallowFBCSPNet": "shallow",
    "EEGProject": "eegproject",
    "NICE": "nice",
    "ATM-S": "atms",
    "UBP": "ubp",
    "NeuroBridge": "neurobridge",
    "blur bank": "blurbank",
    "SimpleConv": "simpleconv",
}
QUICK = ("ridge", "EEGProject", "NICE")
# The papers' recipes average the repetitions of 16 540 pictures; here a concept has hundreds of
# repetitions and there are two of them, so single trials are all there is to learn from.
RECIPE: dict[str, Any] = {
    "batch_size": 64,
    "lr": 1e-3,
    "repetitions": "single",
    "positives": "concept",
    "epochs": 60,
    "patience": 60,
    "held_out": 0.2,
}


def n_training(trials: Trials) -> int:
    """Return how many trials the training part has."""
    return round(TRAINING_SHARE * len(trials.labels))


def below(trials: Trials, rows: np.ndarray, limit_uv: float | None) -> np.ndarray:
    """Return the rows whose peak-to-peak amplitude no channel takes beyond the limit."""
    if limit_uv is None:
        return rows
    return rows[np.ptp(trials.data[rows], axis=2).max(axis=1) <= limit_uv]


def choose(data_set: DataSet, folder: Path, choices: tuple[Preprocessing, ...]) -> Preprocessing:
    """Return the preprocessing that serves ridge best, forward in time on the training part."""
    ridge = load("saccade.encoders", "ridge")()
    gallery = directions(data_set)
    found = []
    for choice in choices:
        trials = read(data_set, folder, choice)
        labels = trials.labels[: n_training(trials)]
        contrasts, truth = [], []
        for train, test in forward_in_time(len(labels), 3):
            kept = below(trials, train, choice.limit_uv)
            rows = [gallery.row(labels[row]) for row in kept]
            scores = fit(ridge, trials.data[kept], rows, gallery).scores(trials.data[test], gallery)
            contrasts.append(scores[:, 0] - scores[:, 1])
            truth.append(np.array([labels[row] == data_set.pair[0] for row in test]))
        found.append(auc(np.concatenate(contrasts), np.concatenate(truth)))
        print(f"  {choice}: AUC {found[-1]:.3f} within the training part", file=sys.stderr)
    return choices[int(np.argmax(found))]


def family_of(entry: str, recipe: dict[str, Any]) -> EncoderFamily:
    """Return an encoder with as much of the recipe as it has."""
    made = load("saccade.encoders", entry)
    settings = type(made().settings)
    known = {field.name for field in dataclasses.fields(settings)}
    chosen = {key: value for key, value in recipe.items() if key in known}
    family: EncoderFamily = made(build_settings(settings, chosen, entry))
    return family


class Task:
    """One data set, split in time."""

    def __init__(self, data_set: DataSet, folder: Path, chosen: Preprocessing) -> None:
        self.data_set, self.chosen = data_set, chosen
        self.trials = read(data_set, folder, chosen)
        self.gallery = gallery_of(data_set, folder)
        self.rows = np.array([self.gallery.row(label) for label in self.trials.labels])
        split = n_training(self.trials)
        self.train = below(self.trials, np.arange(split - REACH), chosen.limit_uv)
        self.test = np.arange(split, len(self.rows))
        self.columns = [self.gallery.row(name) for name in data_set.pair]
        self.first = self.rows[self.test] == self.columns[0]

    def scores(self, family: EncoderFamily, seed: int | None = None) -> tuple[Float64, float]:
        """Return the test trials' scores and the AUC of the training trials.

        With a seed, the labels are permuted before training.
        """
        data, known = self.trials.data, self.rows[self.train]
        if seed is not None:
            known = np.random.default_rng(seed).permutation(known)
        ch_names = self.trials.working_spec.ch_names
        fitted = fit(family, data[self.train], known.tolist(), self.gallery, ch_names)
        on_training = self.contrast(fitted.scores(data[self.train], self.gallery))
        found = fitted.scores(data[self.test], self.gallery)
        return found, auc(on_training, known == self.columns[0])

    def contrast(self, scores: Float64) -> Float64:
        """Return how much more the first concept than the second."""
        return scores[:, self.columns[0]] - scores[:, self.columns[1]]

    def top1(self, scores: Float64) -> dict[str, Any]:
        """Return the accuracy among the whole gallery."""
        shown = self.rows[self.test]
        ranks = 1 + (scores > scores[np.arange(len(shown)), shown][:, None]).sum(axis=1)
        labels = [self.gallery.names[row] for row in shown]
        return accuracy(ranks.tolist(), len(self.gallery), labels).to_dict()


def judged(task: Task, name: str, recipe: dict[str, Any], controls: int) -> dict[str, Any]:
    """Train an encoder and return its row of the table, test trials' contrast included."""
    family = family_of(ENCODERS[name], recipe)
    began = time.process_time()
    scores, on_training = task.scores(family)
    spent = time.process_time() - began
    contrast = task.contrast(scores)
    row: dict[str, Any] = {
        "data": task.data_set.name,
        "encoder": name,
        "auc": auc(contrast, task.first),
        "ci95_auc": list(auc_interval(contrast, task.first)),
        "chance_auc": 0.5,
        "n": len(task.test),
        "n_first": int(task.first.sum()),
        "n_training": len(task.train),
        "auc_training": on_training,
        "training_core_s": round(spent, 1),
        "single_trial": True,
    }
    permuted = [task.scores(family, seed)[0] for seed in range(controls)]
    row["auc_permuted"] = [auc(task.contrast(one), task.first) for one in permuted]
    if task.data_set.gallery:
        row["accuracy"] = task.top1(scores)
        row["top1_permuted"] = [task.top1(one)["top1"] for one in permuted]
    return row | {"contrast": contrast}


def difference(one: Float64, other: Float64, first: np.ndarray) -> Measured:
    """Return by how much one AUC exceeds another on the same trials, drawn anew by class."""
    rng = np.random.default_rng(0)
    classes = [np.flatnonzero(first), np.flatnonzero(~first)]
    draws = []
    for _ in range(DRAWS):
        rows = np.concatenate([rng.choice(own, len(own)) for own in classes])
        draws.append(auc(one[rows], first[rows]) - auc(other[rows], first[rows]))
    low, high = np.quantile(draws, [0.025, 0.975])
    return Measured(auc(one, first) - auc(other, first), len(first), 0.0, (float(low), float(high)))


def measure(
    data_set: DataSet,
    folder: Path,
    encoders: tuple[str, ...],
    recipe: dict[str, Any],
    choices: tuple[Preprocessing, ...] = CHOICES,
    controls: int = CONTROLS,
) -> tuple[Task, list[dict[str, Any]]]:
    """Return the task and a row for each encoder; ridge has to be among them, and comes first."""
    chosen = choices[0] if len(choices) == 1 else choose(data_set, folder, choices)
    task = Task(data_set, folder, chosen)
    rows: list[dict[str, Any]] = []
    for name in ("ridge", *(name for name in encoders if name != "ridge")):
        print(f"{data_set.name}: {name}", file=sys.stderr, flush=True)
        try:
            repeated = controls * 10 if name == "ridge" else controls
            rows.append(judged(task, name, recipe, repeated))
        except SaccadeError as error:
            rows.append({"data": data_set.name, "encoder": name, "refused": str(error)})
    ridge = rows[0]["contrast"]
    for row in rows:
        if "contrast" in row:
            over = difference(row.pop("contrast"), ridge, task.first)
            row["over_ridge"], row["ci95_over_ridge"] = over.value, list(over.ci95)
    return task, rows


def show(task: Task, rows: list[dict[str, Any]], simulated: bool) -> None:
    """Print the table of a data set."""
    good = [row for row in rows if "auc" in row]
    _, n_channels, n_times = task.trials.data.shape
    print(
        f"\n{'SIMULATED twin of ' if simulated else ''}{task.data_set.name}, single trials: "
        f"{good[0]['n_first']} {task.data_set.pair[0]} among {good[0]['n']} tested, "
        f"{len(task.train)} trained on; {n_channels} channels x {n_times} samples; "
        f"{task.chosen}; without a whole window: {sum(task.trials.rejected.values())}"
    )
    among = [f"top-1 of {len(task.gallery)}", "permuted"] if task.data_set.gallery else []
    header = ["encoder", "AUC [95 %]", "over ridge", "permuted", "AUC training", *among, "core-s"]
    table = []
    for row in good:
        cells = [
            row["encoder"],
            f"{row['auc']:.3f} {_span(row['ci95_auc'])}",
            "" if row is good[0] else f"{row['over_ridge']:+.3f} {_span(row['ci95_over_ridge'])}",
            _between(row["auc_permuted"]),
            f"{row['auc_training']:.3f}",
        ]
        if task.data_set.gallery:
            top1 = row["accuracy"]
            cells += [f"{top1['top1']:.3f} {_span(top1['ci95_top1'])}"]
            cells += [_between(row["top1_permuted"])]
        table.append([*cells, f"{row['training_core_s']:.1f}"])
    print_table(header, table)
    if not simulated:
        print(f"classic, zero-phase filters over the whole file: {task.data_set.classic}")
    print("chance: AUC .5", end="")
    if task.data_set.gallery:
        top1 = good[0]["accuracy"]
        print(
            f"; top-1 {top1['chance_top1']:.3f}, always the commoner class "
            f"{top1['majority_top1']:.3f}",
            end="",
        )
    print()
    for row in good[1:]:
        if row["ci95_over_ridge"][1] < 0:
            print(
                f"{row['encoder']} is below ridge: AUC {row['auc_training']:.3f} on the "
                f"{row['n_training']} trials it learned from, {row['auc']:.3f} on others"
            )
    for row in rows:
        if "refused" in row:
            print(f"{row['encoder']} was not trained: {row['refused']}")


def _span(ci95: list[float]) -> str:
    return f"[{ci95[0]:.3f}, {ci95[1]:.3f}]"


def _between(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def main() -> None:
    """Run the benchmark."""
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, help="folder of the public recordings and embeddings")
    parser.add_argument("--only", help="encoders, by commas (ridge is always there)")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    encoders = tuple(chosen.only.split(",")) if chosen.only else tuple(ENCODERS)
    unknown = [name for name in encoders if name not in ENCODERS]
    if unknown:
        parser.error(f"--only takes {', '.join(ENCODERS)}, not {', '.join(unknown)}")
    folder = chosen.data or BESIDE.parent
    simulated = chosen.quick or not (chosen.data or folder.is_dir())
    recipe, choices, controls = RECIPE, CHOICES, CONTROLS
    if chosen.quick:
        encoders, recipe, choices, controls = QUICK, RECIPE | {"epochs": 5}, CHOICES[:2], 1
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        if simulated:
            folder = write_twin(Path(scratch))
        print(f"{machine()}")
        for data_set in DATA_SETS:
            task, mine = measure(data_set, folder, encoders, recipe, choices, controls)
            show(task, mine, simulated)
            rows += [row | {"preprocessing": dataclasses.asdict(task.chosen)} for row in mine]
    if chosen.json:
        ratios = {
            f"{row['data']}: {row['encoder']}": row["over_ridge"]
            for row in rows
            if "over_ridge" in row and row["encoder"] != "ridge"
        }
        emit(rows, ratios, simulated=simulated, recipe=recipe)


if __name__ == "__main__":
    main()
