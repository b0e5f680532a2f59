"""How much of what a stranger's decoder loses does each alignment bring back.

    python benchmarks/alignment.py [--quick] [--json] [--clip FOLDER] [--effect E]

Ten simulated people look at 1003 concepts. For each of them in turn an encoder is trained on the
other nine, and decodes his or her single trials of 200 further concepts: as it is, and with each
alignment, learned from trials of the 1003 only. Beside it stand an encoder trained on the person's
own trials, and the ideal observer, who knows person and noise.

Every training person's signals are whitened by the person's own noise, as calibrations do. "None"
whitens the new person's by the mean noise of the others; Euclidean alignment by that of so many
unlabelled trials of the person. Intervals are for other concepts and, of 5 people or more, other
people.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import common
import numpy as np
import torch
from numpy.typing import NDArray
from pooled_ridge import Encode, Moments

from saccade.models.alignment.affine import Alignment
from saccade.models.alignment.align import linear, procrustes, whitening
from saccade.models.alignment.whitening import mvnn
from saccade.models.data.signals import ArraySignals
from saccade.models.data.table import Int64, TrialTable, count_within
from saccade.models.encoders.blurbank import BlurBank, BlurBankSettings
from saccade.models.encoders.network import ForSubject
from saccade.models.evaluation.bootstrap import Bootstrap, Resampling
from saccade.models.evaluation.embedding import module_encoder
from saccade.models.evaluation.ranking import ranks, similarities
from saccade.models.targets.corruption_embedding import EmbeddingLevels
from saccade.models.training.train import train
from saccade.realtime.simulation.montage import CH_NAMES
from saccade.realtime.simulation.observer import IdealObserver
from saccade.realtime.simulation.subject import SimulatedSubject, SubjectSettings
from saccade.realtime.types import Float32, Float64

N_TEST = 200
N_VALIDATION = 150  # concepts by which ridge chooses its penalty
UNLABELLED = (50, 200)
LABELLED = (100, 300)
EUCLIDEAN = f"Euclidean, {UNLABELLED[-1]} unlabelled"

Ranks = dict[str, Int64]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How large a case is; ``repetitions`` are of each concept by each person."""

    people: int
    repetitions: int
    test_repetitions: int
    strangers: int  # for whom the network is trained; ridge is for all
    network_core_s: float  # that a training of the network may take
    effect: float


MIDDLE = Size(10, 3, 4, strangers=3, network_core_s=150.0, effect=0.05)
QUICK = Size(3, 1, 1, strangers=1, network_core_s=3.0, effect=0.1)


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One person's trials.

    ``epochs`` (n, 64, 250) are for training, whitened by the person's own ``noise`` (64, 64);
    ``calibration``, the first of the same trials, and ``test`` are in µV.
    """

    rows: Int64
    epochs: NDArray[np.float16]
    noise: Float64
    calibration: Float32
    test: Float32
    ideal: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Decoding:
    """An encoder, and the vectors (1203, D) that it wants concepts to have, of unit length."""

    encode: Encode
    concepts: Float32


class Case:
    """People, and what they look at.

    Parameters
    ----------
    size : Size
        How large it is.
    found : common.ConceptSet
        The concepts.
    """

    def __init__(self, size: Size, found: common.ConceptSet) -> None:
        self.size = size
        order = np.random.default_rng(0).permutation(len(found.names))
        self.test, self.train = order[:N_TEST], order[N_TEST:]
        self.shown = np.repeat(np.arange(N_TEST), size.test_repetitions)
        unit = found.vectors / np.linalg.norm(found.vectors, axis=1, keepdims=True)
        centred = unit - unit[self.train].mean(axis=0)
        self.vectors = centred / np.linalg.norm(centred, axis=1, keepdims=True)
        self.people = [self._person(found, 100 + number) for number in range(size.people)]

    def _person(self, found: common.ConceptSet, seed: int) -> Person:
        settings = SubjectSettings(seed=seed, population=0, effect=self.size.effect)
        subject = SimulatedSubject(settings, found.vectors, found.names)
        order = np.random.default_rng(seed).permutation(len(self.train) * self.size.repetitions)
        rows = np.tile(self.train, self.size.repetitions)[order]
        epochs = subject.epochs(rows.tolist(), seed=1)
        whitener = mvnn(epochs[:1000])
        ideal = IdealObserver(subject).accuracy(self.test.tolist())
        return Person(
            rows=rows,
            epochs=whitened(epochs, whitener).astype(np.float16),
            noise=np.linalg.inv(whitener @ whitener),
            calibration=epochs[: max(*UNLABELLED, *LABELLED)].copy(),
            test=subject.epochs(self.test[self.shown].tolist(), seed=2),
            ideal=(ideal.top1, ideal.top5),
        )

    def ranks(self, vectors: Float32, concepts: Float32) -> Int64:
        """Return the place of each test trial's concept among the test concepts."""
        return ranks(similarities(vectors, concepts[self.test]), self.shown)

    def as_stranger(self, number: int, trained: Decoding) -> Iterator[tuple[str, Int64]]:
        """Yield every alignment of a person whom the encoder does not know, and the ranks."""
        person = self.people[number]
        others = np.mean([p.noise for k, p in enumerate(self.people) if k != number], axis=0)
        signals = {"none": inverse_root(others)}
        for n in UNLABELLED:
            signals[f"Euclidean, {n} unlabelled"] = mvnn(person.calibration[:n])
        for name, whitener in signals.items():
            vectors = trained.encode(whitened(person.test, whitener))
            yield name, self.ranks(vectors, trained.concepts)
        targets = trained.concepts[person.rows[: len(person.calibration)]]
        for signal in ("none", EUCLIDEAN):
            known = trained.encode(whitened(person.calibration, signals[signal]))
            vectors = trained.encode(whitened(person.test, signals[signal]))
            gallery = trained.concepts[self.train]
            for name, alignment in alignments(known, targets, gallery, most=signal == EUCLIDEAN):
                before = "" if signal == "none" else f"{EUCLIDEAN} + "
                yield before + name, self.ranks(alignment.apply(vectors), trained.concepts)

    def as_own(self, number: int, trained: Decoding) -> Int64:
        """Return the ranks of a person's test trials by the person's own encoder."""
        person = self.people[number]
        signals = whitened(person.test, inverse_root(person.noise))
        return self.ranks(trained.encode(signals), trained.concepts)


def alignments(
    known: Float32, targets: Float32, gallery: Float32, *, most: bool
) -> Iterator[tuple[str, Alignment]]:
    """Yield alignments of vectors from some trials; from as many as there are if ``most``."""
    for n in UNLABELLED[-1:] if most else UNLABELLED:
        yield f"whitening, {n} unlabelled", whitening(known[:n])
    for n in LABELLED[-1:] if most else LABELLED:
        yield f"Procrustes, {n} labelled", procrustes(known[:n], targets[:n], among=gallery)
    for n in LABELLED[-1:] if most else LABELLED:
        yield f"linear, {n} labelled", linear(known[:n], targets[:n], among=gallery)


def whitened(epochs: Float32, whitener: Float64) -> Float32:
    """Return epochs with their channels multiplied by a matrix."""
    return np.matmul(whitener.astype(np.float32), epochs)


def inverse_root(covariance: Float64) -> Float64:
    """Return the symmetric matrix that whitens."""
    variances, directions = np.linalg.eigh(covariance)
    return np.asarray(directions / np.sqrt(variances) @ directions.T)


def ridge_ranks(case: Case, say: Say) -> list[Ranks]:
    """Return the ranks of every person's test trials by ridge regression."""
    choosing = [np.isin(person.rows, case.train[:N_VALIDATION]) for person in case.people]

    def moments(number: int, chosen: NDArray[np.bool_]) -> Moments:
        person = case.people[number]
        return Moments.of(person.epochs[chosen], case.vectors[person.rows[chosen]])

    everybody = range(len(case.people))
    validation = [moments(k, choosing[k]) for k in everybody]
    training = [moments(k, ~choosing[k]) for k in everybody]

    def fitted(people: Sequence[int], judge: int) -> Decoding:
        """Return the encoder of some people, with the penalty that suits the judge best."""
        others = [k for k in people if k != judge] or [judge]
        trials = case.people[judge].epochs[choosing[judge]]
        targets = case.vectors[case.people[judge].rows[choosing[judge]]]
        alpha = Moments.total([training[k] for k in others]).best_ridge(trials, targets)
        say(f"ridge: {len(people)} people, penalty {alpha:g}")
        pooled = Moments.total([part[k] for part in (training, validation) for k in people])
        return Decoding(pooled.ridge(alpha), case.vectors)

    found = []
    for number in everybody:
        others = [k for k in everybody if k != number]
        mine = dict(case.as_stranger(number, fitted(others, others[0])))
        found.append(mine | {"in-subject": case.as_own(number, fitted([number], number))})
    return found


def network_ranks(case: Case, say: Say) -> list[Ranks]:
    """Return the ranks of some people's test trials by the blur bank."""
    found = []
    for number in range(case.size.strangers):
        others = [k for k in range(len(case.people)) if k != number]
        mine = dict(case.as_stranger(number, blur_bank(case, others, say)))
        found.append(mine | {"in-subject": case.as_own(number, blur_bank(case, [number], say))})
    return found


def blur_bank(case: Case, people: Sequence[int], say: Say) -> Decoding:
    """Return the network trained on some people's single trials."""
    rows = np.concatenate([case.people[k].rows for k in people])
    subject = np.repeat(np.arange(len(people)), [len(case.people[k].rows) for k in people])
    names = tuple(str(row) for row in range(len(case.vectors)))
    table = TrialTable(
        subject=subject,
        concept=rows,
        image=rows,
        repetition=count_within(subject, rows),
        subjects=tuple(str(k) for k in people),
        concept_names=names,
        image_names=names,
    )
    epochs = np.concatenate([case.people[k].epochs for k in people])
    family = BlurBank(
        BlurBankSettings(
            batch_size=256,
            patience=8,
            repetitions="single",
            budget_core_s=case.size.network_core_s,
        )
    )
    levels = EmbeddingLevels(case.vectors[case.train])
    bank = levels.apply(case.vectors, family.levels())
    result = train(family, ArraySignals(epochs, table, CH_NAMES, 250.0, 0.0), bank)
    best = result.history[result.best - 1]
    say(
        f"blur bank: {len(people)} people, {len(result.history)} passes in "
        f"{result.history[-1].spent_core_s:.0f} core s, {best.bits:.2f} bits a validation trial"
    )
    one = module_encoder(ForSubject(result.tower))

    def encode(epochs: Float32) -> Float32:
        starts = range(0, len(epochs), 256)
        return np.concatenate([one(epochs[start : start + 256]) for start in starts])

    concepts = result.project(bank)
    return Decoding(encode, concepts / np.linalg.norm(concepts, axis=1, keepdims=True))


def measured(case: Case, encoder: str, found: Sequence[Ranks]) -> Iterator[dict[str, Any]]:
    """Yield a row for each alignment: accuracies, and the gain over none, with intervals."""
    concept = np.tile(case.shown, len(found))
    person = np.repeat(np.arange(len(found)), len(case.shown))
    judge = Bootstrap(concept, person, Resampling())
    ideal = np.mean([p.ideal for p in case.people[: len(found)]], axis=0)
    unaligned = np.concatenate([mine["none"] for mine in found]) == 1
    for name in found[0]:
        places = np.concatenate([mine[name] for mine in found])
        top1 = judge.measure((places == 1).astype(np.float64), 1 / N_TEST)
        top5 = judge.measure((places <= 5).astype(np.float64), 5 / N_TEST)
        gain = judge.difference((places == 1).astype(np.float64), unaligned.astype(np.float64))
        yield {
            "encoder": encoder,
            "alignment": name,
            "n": top1.n,
            "people": len(found),
            "intervals_over": judge.drawn,
            "top1": top1.value,
            "ci95_top1": top1.ci95,
            "chance_top1": top1.chance,
            "ideal_top1": float(ideal[0]),
            "top5": top5.value,
            "ci95_top5": top5.ci95,
            "chance_top5": top5.chance,
            "ideal_top5": float(ideal[1]),
            "gain_top1": gain.value,
            "ci95_gain_top1": gain.ci95,
        }


def in_words(row: dict[str, Any]) -> list[str]:
    """Return a row as it is printed."""
    cells = [row["encoder"], row["alignment"]]
    for name, sign in (("top1", ""), ("top5", ""), ("gain_top1", "+")):
        low, high = row[f"ci95_{name}"]
        cells.append(f"{row[name]:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]")
    return [*cells, str(row["n"]), f"{row['ideal_top1']:.3f} / {row['ideal_top5']:.3f}"]


def main() -> None:
    """Run the comparison and print its table."""
    parser = common.options(__doc__)
    parser.add_argument("--clip", type=Path, help="folder of public CLIP embeddings")
    parser.add_argument("--effect", type=float, help="of the simulated people")
    parser.add_argument("--network-core-s", type=float, help="limit of each network's training")
    arguments = parser.parse_args()
    size = QUICK if arguments.quick else MIDDLE
    for name in ("effect", "network_core_s"):
        if (wanted := getattr(arguments, name)) is not None:
            size = replace(size, **{name: wanted})
    started_s = time.perf_counter()

    def say(what: str) -> None:
        print(f"{time.perf_counter() - started_s:6.0f} s  {what}", flush=True)

    torch.set_num_threads(1)
    found = common.concepts(arguments.clip)
    case = Case(size, found)
    say(f"{size.people} people; {found.source}")
    print(
        f"\nSIMULATED people, effect {size.effect:g}, {size.repetitions} trials of each training "
        f"concept a person.\nSingle trials among {N_TEST} new concepts: chance {1 / N_TEST:.3f} / "
        f"{5 / N_TEST:.3f}.\n"
    )
    rows: list[dict[str, Any]] = []
    for encoder, ranks_of in (("ridge", ridge_ranks), ("blur bank", network_ranks)):
        measured_rows = list(measured(case, encoder, ranks_of(case, say)))
        header = ["encoder", "alignment", "top-1", "top-5", "gain in top-1", "n", "ideal observer"]
        print(f"\n95 % intervals over {measured_rows[0]['intervals_over']}")
        common.print_table(header, [in_words(row) for row in measured_rows])
        rows += measured_rows
    if arguments.json:
        shares = {f"{r['encoder']}: {r['alignment']}": r["top1"] / r["ideal_top1"] for r in rows}
        about = {"simulated": True, "effect": size.effect, "concepts": found.source}
        common.emit(rows, shares, **about)


if __name__ == "__main__":
    main()
