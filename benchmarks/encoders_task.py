"""One experiment of the encoders' benchmark: its size, its trials, and what learns from them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from common import ConceptSet

from saccade.models.alignment.whitening import mvnn, whiten
from saccade.models.data.signals import ArraySignals
from saccade.models.data.table import TrialTable, count_within
from saccade.models.encoders import EncoderFamily, FittedEncoder
from saccade.models.encoders.network import ForSubject, NetworkFamily
from saccade.models.encoders.positions import unit_square
from saccade.models.evaluation.trials import Candidates, Trials
from saccade.models.galleries.gallery import Gallery
from saccade.models.targets.corruption_embedding import EmbeddingLevels
from saccade.models.training.train import train
from saccade.realtime.simulation.observer import IdealObserver
from saccade.realtime.simulation.subject import SimulatedSubject, SubjectSettings
from saccade.realtime.types import Float32, Float64


@dataclass(frozen=True)
class Case:
    """How large the experiment is.

    ``effects`` are the middle one, half and twice; ``budget_core_s`` is each encoder's processor
    time for training, validation included.
    """

    n_concepts: int = 1203
    n_test: int = 200
    train_repetitions: int = 6
    test_repetitions: int = 80
    levels: tuple[int, ...] = (1, 4, 16, 80)
    n_components: int = 32
    effects: tuple[float, ...] = (0.064, 0.032, 0.128)
    budget_core_s: float = 90.0
    best: int = 4
    seed: int = 0


class Task:
    """The trials of one effect size, whitened, and what is possible on them."""

    def __init__(self, case: Case, effect: float, known: ConceptSet) -> None:
        self.case, self.effect = case, effect
        order = np.random.default_rng(case.seed).permutation(len(known.names))
        self.test, self.training = np.sort(order[: case.n_test]), np.sort(order[case.n_test :])
        settings = SubjectSettings(effect=effect, n_components=case.n_components, seed=case.seed)
        self.subject = SimulatedSubject(settings, known.vectors, known.names)
        rng = np.random.default_rng([case.seed, 1])
        shown = rng.permutation(np.repeat(self.training, case.train_repetitions))
        tested = np.repeat(self.test, case.test_repetitions)
        epochs = self.subject.epochs(shown, seed=1)
        matrix = mvnn(epochs)
        self.signals = self._set(whitened(epochs, matrix), shown, known)
        self.tests = self._set(whitened(self.subject.epochs(tested, seed=2), matrix), tested, known)
        gallery = Gallery(
            known.names, known.vectors, backbone="ViT-B-32", weights="openai", kind="text"
        )
        # Everybody's target: unit length, less the mean of the training concepts.
        unit = known.vectors / np.linalg.norm(known.vectors, axis=1, keepdims=True)
        self.targets = gallery.centred(unit[self.training].mean(axis=0))
        self.versions = EmbeddingLevels(self.targets[self.training], case.seed)
        self.names = tuple(known.names[row] for row in self.test)
        self.ideal = IdealObserver(self.subject)

    def _set(self, data: Float32, rows: np.ndarray, known: ConceptSet) -> ArraySignals:
        table = TrialTable(
            subject=np.zeros_like(rows),
            concept=rows,
            image=rows,
            repetition=count_within(rows),
            subjects=("simulated",),
            concept_names=known.names,
            image_names=known.names,
        )
        return ArraySignals(data, table, self.subject.ch_names, 250.0, 0.0)

    def fit(self, family: EncoderFamily) -> tuple[FittedEncoder, str]:
        """Learn from the training trials; say in words how that ended."""
        rows = self.signals.table.concept
        if not isinstance(family, NetworkFamily):
            data = self.signals.signals(np.arange(len(rows)))
            return family.fit(data, self.targets[rows]), "closed form"
        trained = train(
            family,
            self.signals,
            self.versions.apply(self.targets, family.levels()),
            positions=unit_square(self.subject.ch_names) if family.needs_positions else None,
            on_pass=_say,
        )

        def project(vectors: Float32) -> Float32:
            return trained.project(self.versions.apply(vectors, family.levels()))

        passes = len(trained.history)
        still = trained.best >= passes - 1
        said = f"{passes} passes, " + ("still learning" if still else f"best {trained.best}")
        return FittedEncoder(ForSubject(trained.tower, 0), "learned", project), said

    def candidates(self, fitted: FittedEncoder) -> Candidates:
        """Return the test concepts where the encoder wants them."""
        vectors = self.targets[self.test]
        if fitted.projection:
            vectors = fitted.project(vectors)
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return Candidates(unit.astype(np.float32), self.names, "text", simulated=True)

    def trials(self) -> Trials:
        """Return what each test trial showed."""
        concept = self.tests.table.concept
        return Trials(
            np.searchsorted(self.test, concept), concept, np.zeros_like(concept), ("simulated",)
        )


def whitened(epochs: Float32, matrix: Float64) -> Float32:
    """Whiten epochs in their place, as there may be gigabytes of them."""
    rest = np.zeros(epochs.shape[1])
    for start in range(0, len(epochs), 256):
        epochs[start : start + 256] = whiten(epochs[start : start + 256], rest, matrix)
    return epochs


def _say(done: Any) -> None:
    print(
        f"    pass {done.number}: loss {done.loss:.3f}, validation {done.bits:.2f} bits, "
        f"{done.spent_core_s:.0f} s",
        file=sys.stderr,
        flush=True,
    )
