"""Two recordings: how right a decision is after so many flashes, or pictures of one kind.

The decoder is calibrated on the first part of the recording alone (60 % of the P300 run; four of
six N170 runs), and decodes the rest epoch by epoch. What was recorded has neither items nor trials
of several epochs, so these are *resampled* from the held-out epochs: drawn at random, no epoch in
two trials of a draw, 50 draws averaged. The interval is Wilson's for as many trials as one draw
has, as more draws bring no more epochs. The control has ten decoders of permuted labels, as
one may be right or wrong by luck, and is so however many draws there are: its row tells the mean
over decoders, and the lowest and the highest of them.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from recordings_data import N170, P300, DataSet, Preprocessing, gallery_of, read

from saccade.calibration.choose import FitSettings, choose_decoder
from saccade.calibration.collect import Trials
from saccade.models.decoders.decoder import RetrievalDecoder
from saccade.models.decoders.decoder_file import DecoderFile
from saccade.models.evaluation.accuracy import wilson
from saccade.realtime.evidence.rehearsal import TRIAL, Notes, Seen, regrouped
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.types import Epoch, Float32

WHAT = {
    "p300": "P300 oddball: flashes, held out",
    "n170": "N170: pictures of one kind, held out",
}
TRAINING_SHARE, TRAINING_RUNS = 0.6, 4
REACH_S, SOA_S = 0.8, 0.28
ITEMS = tuple("ABCDEF")
PREPROCESSING = {
    "p300": Preprocessing(1.0, 15.0, True, None),
    "n170": Preprocessing(1.0, 15.0, True, None),
}


def seen_by(
    decoder: RetrievalDecoder | None, data: Float32, sfreq: float, labels: list[str]
) -> list[Seen]:
    """Return epochs, each decoded alone; without a decoder, not at all."""
    epochs = [
        Epoch(number, signal, sfreq, 0.0, float(number), number, None, label)
        for number, (signal, label) in enumerate(zip(data, labels, strict=True))
    ]
    return [(epoch, None if decoder is None else decoder.decode(epoch)) for epoch in epochs]


def split(part: str, trials: Trials) -> tuple[np.ndarray, np.ndarray]:
    """Return which trials to train on, and which to test on, later by more than an epoch."""
    if part == "n170":
        return trials.runs < TRAINING_RUNS, trials.runs >= TRAINING_RUNS
    last = trials.onsets_s[round(TRAINING_SHARE * len(trials.labels))]
    return trials.onsets_s < last, trials.onsets_s >= last + 1.0


def calibrated(
    data_set: DataSet, folder: Path, trials: Trials, train: np.ndarray, seed: int | None = None
) -> DecoderFile:
    """Return the decoder of the first part; with a seed, of permuted labels."""
    rows = np.flatnonzero(train)
    known = rows if seed is None else np.random.default_rng(seed).permutation(rows)
    first = dataclasses.replace(
        trials,
        data=trials.data[rows],
        labels=tuple(trials.labels[row] for row in known),
        onsets_s=trials.onsets_s[rows],
        runs=trials.runs[rows],
        rejections=(),
    )
    gallery = gallery_of(data_set, folder)
    return choose_decoder(first, gallery, FitSettings(encoder="ridge")).decoder


def measure(part: str, folder: Path, draws: int, permutations: int) -> list[dict[str, Any]]:
    """Return all rows of one recording; each permuted decoder has a fifth of the draws."""
    data_set = P300 if part == "p300" else N170
    trials = read(data_set, folder, PREPROCESSING[part])
    train, test = split(part, trials)
    labels = [trials.labels[row] for row in np.flatnonzero(test)]

    def with_decoder(seed: int | None, draws: int) -> list[dict[str, Any]]:
        made = calibrated(data_set, folder, trials, train, seed)
        seen = seen_by(RetrievalDecoder(made), trials.data[test], trials.working_spec.sfreq, labels)
        notes = Notes()
        notes.reset(made.gallery.names, REACH_S)
        groups = {name: [one for one in seen if one[0].label == name] for name in data_set.pair}
        known = made.calibration.get("decision", {})
        about = {key: known[name] for key, name in KNOWN.items() if name in known}
        return [
            {
                "part": part,
                "question": question,
                "decoder": made.encoder.architecture,
                "epochs": n,
                "resampled": True,
                "trained_on": int(train.sum()),
                **found,
            }
            for question, settings, sizes, build in QUESTIONS[part](data_set.pair, about)
            for n in sizes
            if (found := decided(notes, groups, settings, n, build, draws)) is not None
        ]

    told = [with_decoder(seed, max(draws // 5, 2)) for seed in range(permutations)]
    return [*with_decoder(None, draws), *map(_control, zip(*told, strict=True))]


def _control(rows: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """Return one row for decoders of permuted labels: their mean, and their range."""
    right = [row["right"] for row in rows]
    return rows[0] | {
        "decoder": "labels permuted",
        "permutations": len(rows),
        "right": float(np.mean(right)),
        "range": [min(right), max(right)],
        "ci95": list(wilson(float(np.mean(right)) * rows[0]["n"], rows[0]["n"])),
        "says": float(np.mean([row["says"] for row in rows])),
    }


def decided(
    notes: Notes,
    groups: dict[str, list[Seen]],
    settings: EvidenceSettings,
    n: int,
    build: Any,
    draws: int,
) -> dict[str, Any] | None:
    """Return how right decisions after n epochs of each are, over draws of the epochs."""
    right, says, n_trials = [], [], 0
    for draw in range(draws):
        rng = np.random.default_rng(draw)
        mixed = {
            name: [group[i] for i in rng.permutation(len(group))] for name, group in groups.items()
        }
        trials = build(mixed, n, rng)
        if len(trials) < 2:
            return None
        other, how = regrouped(notes, trials, SOA_S, settings)
        made = other.decide(dataclasses.replace(how, max_epochs=None))
        right += [d.choice == d.truth for d in made]
        says += [d.probability for d in made]
        n_trials = len(made)
    share = float(np.mean(right))
    return {
        "right": share,
        "ci95": list(wilson(share * n_trials, n_trials)),
        "says": float(np.mean(says)),
        "n": n_trials,
        "chance": 1 / notes.n_alternatives(settings),
    }


def of_one_kind(mixed: dict[str, list[Seen]], n: int, rng: Any) -> list[list[Seen]]:
    """Return trials of n epochs of one kind, as many of each, none used twice."""
    del rng
    count = min(len(group) for group in mixed.values()) // n
    return [group[i * n : (i + 1) * n] for group in mixed.values() for i in range(count)]


def speller(mixed: dict[str, list[Seen]], n: int, rng: Any) -> list[list[Seen]]:
    """Return trials of n rounds in which six items flash once each, one of them attended to."""
    targets, others = mixed.values()
    made = []
    for trial in range(min(len(targets) // n, len(others) // (5 * n))):
        attended = ITEMS[rng.integers(len(ITEMS))]
        flashes = []
        for round_ in range(trial * n, (trial + 1) * n):
            own = iter(others[5 * round_ : 5 * round_ + 5])
            for item in rng.permutation(ITEMS):
                epoch, ranked = targets[round_] if item == attended else next(own)
                flashes.append((dataclasses.replace(epoch, marker=str(item)), ranked))
        made.append(flashes)
    return made


def _p300(pair: tuple[str, str], about: dict[str, Any]) -> list[tuple[Any, ...]]:
    two = EvidenceSettings(candidates=pair, max_epochs=1, **about)
    six = EvidenceSettings(mode="target", target=pair[0], items=ITEMS, starts=(TRIAL,), **about)
    sizes = (1, 2, 3, 4, 6, 8)
    return [("target or not", two, sizes, of_one_kind), ("one of 6", six, sizes, speller)]


def _n170(pair: tuple[str, str], about: dict[str, Any]) -> list[tuple[Any, ...]]:
    two = EvidenceSettings(candidates=pair, max_epochs=1, **about)
    return [("house or face", two, (1, 2, 4, 8), of_one_kind)]


KNOWN = {"assumed": "prior", "correlation": "correlation"}  # setting, and name in a decoder
QUESTIONS = {"p300": _p300, "n170": _n170}
