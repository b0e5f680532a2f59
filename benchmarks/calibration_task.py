"""The task of the calibration benchmark: people, encoders of others, and ways to a decoder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import common
import numpy as np
import torch
from numpy.typing import NDArray
from pooled_ridge import BIN, Moments
from torch import nn

from saccade.calibration.choose import FitSettings, choose_decoder
from saccade.calibration.collect import Trials
from saccade.calibration.crossvalidate import fit
from saccade.calibration.recorded import how_recorded
from saccade.models.alignment.align import linear, procrustes, whitening
from saccade.models.alignment.whitening import mvnn, whiten
from saccade.models.data.signals import ArraySignals
from saccade.models.data.table import TrialTable, count_within
from saccade.models.decoders.decoder_file import DecoderFile, EncoderSignature
from saccade.models.encoders import EncoderFamily, export, load_script
from saccade.models.encoders.blurbank import BlurBank, BlurBankSettings
from saccade.models.encoders.eegproject import EEGProject
from saccade.models.encoders.network import ForSubject
from saccade.models.encoders.ridge import Ridge
from saccade.models.evaluation.embedding import module_encoder
from saccade.models.evaluation.ranking import ranks, similarities
from saccade.models.galleries.gallery import Gallery
from saccade.models.targets.corruption_embedding import EmbeddingLevels
from saccade.models.training.train import train
from saccade.realtime.epochs import EpochSettings
from saccade.realtime.pipeline import settings_from_spec
from saccade.realtime.simulation.montage import CH_NAMES
from saccade.realtime.simulation.observer import IdealObserver
from saccade.realtime.simulation.subject import SimulatedSubject, SubjectSettings
from saccade.realtime.types import Float32, Float64, StreamSpec

VERSION = 1  # raise it with every change to what is computed: results of others are not kept
SFREQ = 250.0
OTHERS, NEWCOMERS = 100, 50  # seeds of the first of each
ALPHAS = (1.0, 3.0, 10.0)
MAPS = {"Procrustes": procrustes, "linear": linear}

Ranks = NDArray[np.int64]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How large the experiment is.

    ``others`` are pretrained on, ``trials_of_others`` each; ``people`` are new. ``own`` are the
    numbers of their trials. ``network_core_s`` is for the deep encoder's pretraining. ``slow`` ways
    are EEGProject, and all that tries it.
    """

    others: int = 10
    trials_of_others: int = 1600
    people: int = 5
    own: tuple[int, ...] = (100, 200, 400, 800, 1600)
    n_test: int = 200
    test_repetitions: int = 4
    effect: float = SubjectSettings().effect
    network_core_s: float = 1200.0
    n_concepts: int = common.N_CONCEPTS
    slow: bool = True

    @property
    def digest(self) -> str:
        """What tells results of this size from those of another."""
        what = {key: value for key, value in asdict(self).items() if key not in ("people", "slow")}
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, eq=False)
class Pretrained:
    """An encoder of other people: whitened epochs to vectors, and where concepts are among these.

    ``noise`` (64, 64) is the others' mean.
    """

    module: nn.Module
    concepts: Float32
    noise: Float64

    def vectors(self, epochs: Float32, whitener: Float64) -> Float32:
        """Return the vectors of epochs in µV, (n, dim)."""
        encode = module_encoder(self.module)
        parts = [epochs[start : start + 256] for start in range(0, len(epochs), 256)]
        zero = np.zeros(len(whitener))
        return np.concatenate([encode(whiten(part, zero, whitener)) for part in parts])


class Newcomer:
    """A new person: trials to calibrate on, in the order of time, and trials to be judged by."""

    def __init__(self, task: Task, number: int) -> None:
        size, seed = task.size, NEWCOMERS + number
        subject = task.subject(seed)
        self.rows = task.shown(seed, max(size.own))
        self.epochs = subject.epochs(self.rows.tolist(), seed=1)
        shown = np.repeat(task.test, size.test_repetitions)
        self.test = subject.epochs(shown.tolist(), seed=2)
        ideal = IdealObserver(subject).accuracy(task.test.tolist())
        self.ideal = (ideal.top1, ideal.top5)


class Task:
    """What everybody looks at.

    Parameters
    ----------
    size : Size
        How large the experiment is.
    found : common.ConceptSet
        The concepts.
    work : Path
        Where pretrained encoders are kept.
    say : callable
        Told what is being done.
    """

    def __init__(self, size: Size, found: common.ConceptSet, work: Path, say: Say) -> None:
        self.size, self.work, self.say = size, work, say
        self.names = found.names[: size.n_concepts]
        self.raw = found.vectors[: size.n_concepts]
        order = np.random.default_rng(0).permutation(len(self.names))
        self.test, self.training = np.sort(order[: size.n_test]), np.sort(order[size.n_test :])
        unit = self.raw / np.linalg.norm(self.raw, axis=1, keepdims=True)
        self.centre = unit[self.training].mean(axis=0)
        centred = unit - self.centre
        self.targets = centred / np.linalg.norm(centred, axis=1, keepdims=True)
        self.correct = np.repeat(np.arange(size.n_test), size.test_repetitions)
        self._new: dict[int, Newcomer] = {}

    def subject(self, seed: int) -> SimulatedSubject:
        """Return a simulated person of the one population."""
        settings = SubjectSettings(seed=seed, effect=self.size.effect)
        return SimulatedSubject(settings, self.raw, self.names)

    def shown(self, seed: int, n: int) -> Ranks:
        """Return which training concepts a person sees: all as often, in an order of the person."""
        rng = np.random.default_rng(seed)
        rounds = -(-n // len(self.training))
        return np.concatenate([rng.permutation(self.training) for _ in range(rounds)])[:n]

    def newcomer(self, number: int) -> Newcomer:
        """Return a new person; the last one is kept."""
        if number not in self._new:
            self._new = {number: Newcomer(self, number)}
        return self._new[number]

    def gallery(self, rows: Ranks) -> Gallery:
        """Return some concepts as a gallery."""
        names = tuple(self.names[row] for row in rows)
        return Gallery(names, self.raw[rows], "ViT-B-32", "openai", "text")

    def judged(self, vectors: Float32, concepts: Float32) -> Ranks:
        """Return the place of each test trial's concept among the test concepts."""
        return ranks(similarities(vectors, concepts[self.test]), self.correct)

    # Ways to a decoder from a person's first n trials; each returns the places of the test trials.

    def from_nothing(self, family: EncoderFamily, number: int, n: int) -> Ranks:
        """Fit an encoder to own trials alone."""
        person, gallery = self.newcomer(number), self.gallery(np.arange(len(self.names)))
        rows = person.rows[:n].tolist()
        fitted = fit(family, person.epochs[:n], rows, gallery, CH_NAMES, centre=self.centre)
        return ranks(fitted.scores(person.test, self.gallery(self.test)), self.correct)

    def as_stranger(self, made: Pretrained, number: int) -> Ranks:
        """Use others' encoder and noise as they are, which takes no trial."""
        vectors = made.vectors(self.newcomer(number).test, inverse_root(made.noise))
        return self.judged(vectors, made.concepts)

    def with_map(self, made: Pretrained, kind: str, number: int, n: int) -> Ranks:
        """Use others' encoder behind the person's own noise, with a map learned of own trials."""
        person = self.newcomer(number)
        noise = mvnn(person.epochs[:n])
        known, new = (made.vectors(x, noise) for x in (person.epochs[:n], person.test))
        if kind == "whitening":
            return self.judged(whitening(known).apply(new), made.concepts)
        targets, among = made.concepts[person.rows[:n]], made.concepts[self.training]
        learned = MAPS[kind](known, targets, among=among)
        return self.judged(learned.apply(new), made.concepts)

    def chosen(self, number: int, n: int, pretrained: Pretrained | None) -> tuple[Ranks, str]:
        """Let the calibration choose; return the places, and what it chose."""
        person, gallery = self.newcomer(number), self.gallery(np.arange(len(self.names)))
        trials = self.trials(person, n)
        other = None if pretrained is None else self.decoder(pretrained, trials)
        kept_out = tuple(self.names[row] for row in self.test)
        made = choose_decoder(trials, gallery, FitSettings(kept_out=kept_out), other)
        fitted = made.refit(np.arange(n))
        places = ranks(fitted.scores(person.test, self.gallery(self.test)), self.correct)
        return places, made.chosen

    def trials(self, person: Newcomer, n: int) -> Trials:
        """Return a person's first trials as a calibration collects them, in blocks of 100."""
        spec = StreamSpec("simulated", SFREQ, CH_NAMES, ("eeg",) * 64, ("µV",) * 64, simulated=True)
        blocks = [{"block": "select", "ch_names": list(CH_NAMES)}]
        return Trials(
            data=person.epochs[:n],
            labels=tuple(self.names[row] for row in person.rows[:n]),
            spec=spec,
            working_spec=spec,
            pipeline=settings_from_spec({"blocks": blocks}),
            epochs=EpochSettings(tmin_s=0.0, tmax_s=1.0, baseline_s=None),
            delay_ms=0.0,
            settling_s=0.0,
            onsets_s=2.0 * np.arange(n),
            runs=np.arange(n) // 100,
            rejections=(),
            sources=(),
        )

    def decoder(self, made: Pretrained, trials: Trials) -> DecoderFile:
        """Return others' encoder as the file that ``--pretrained`` names."""
        way = how_recorded(trials)
        _, n_channels, n_times = trials.data.shape
        return DecoderFile(
            input=way.input,
            working_sfreq=way.working_sfreq,
            pipeline=way.pipeline,
            epochs=way.epochs,
            encoder=EncoderSignature("ridge", {}, n_channels, n_times, self.raw.shape[1]),
            script=export(made.module, n_channels, n_times),
            gallery=self.gallery(np.arange(len(self.names))),
            gallery_centre=self.centre,
            signal_mean=np.zeros(n_channels),
            signal_whitening=inverse_root(made.noise),
            temperature=1.0,
            simulated=True,
        )

    # Encoders of other people.

    @cached_property
    def ridge(self) -> Pretrained:
        """Ridge on all trials of the others; the penalty is what suits the first of them best."""
        return self._kept("ridge", self._pooled_ridge)

    @cached_property
    def blur_bank(self) -> Pretrained:
        """The blur bank, trained on single trials of the others."""
        return self._kept("blur bank", self._pooled_network)

    def _other(self, number: int) -> tuple[Float32, Ranks, Float64]:
        """Return another person's whitened epochs, what they showed, and the noise."""
        seed = OTHERS + number
        rows = self.shown(seed, self.size.trials_of_others)
        epochs = self.subject(seed).epochs(rows.tolist(), seed=1)
        matrix = mvnn(epochs)
        zero = np.zeros(len(matrix))
        for start in range(0, len(epochs), 256):
            epochs[start : start + 256] = whiten(epochs[start : start + 256], zero, matrix)
        return epochs, rows, np.linalg.inv(matrix @ matrix)

    def _pooled_ridge(self) -> tuple[nn.Module, Float32, Float64]:
        parts, noises = [], []
        judge = self._other(0)
        for number in range(self.size.others):
            epochs, rows, noise = self._other(number)
            parts.append(Moments.of(epochs, self.targets[rows]))
            noises.append(noise)
            self.say(f"pooled ridge: person {number + 1} of {self.size.others}")
        alpha = Moments.total(parts[1:]).best_ridge(judge[0], self.targets[judge[1]], ALPHAS)
        weights, bias = Moments.total(parts).weights(alpha)
        self.say(f"pooled ridge: penalty {alpha:g}")
        last = nn.Linear(*weights.shape)
        with torch.no_grad():
            last.weight.copy_(torch.from_numpy(weights.T))
            last.bias.copy_(torch.from_numpy(bias))
        module = nn.Sequential(nn.AvgPool1d(BIN), nn.Flatten(), last).eval()
        return module, self.targets, np.mean(noises, axis=0)

    def _pooled_network(self) -> tuple[nn.Module, Float32, Float64]:
        size = self.size
        epochs, rows, noises = zip(*(self._other(k) for k in range(size.others)), strict=True)
        shown = np.concatenate(rows)
        subject = np.repeat(np.arange(size.others), size.trials_of_others)
        table = TrialTable(
            subject=subject,
            concept=shown,
            image=shown,
            repetition=count_within(subject, shown),
            subjects=tuple(str(k) for k in range(size.others)),
            concept_names=self.names,
            image_names=self.names,
        )
        settings = BlurBankSettings(
            batch_size=256,
            epochs=100_000,
            patience=100_000,
            held_out=0.1,
            repetitions="single",
            budget_core_s=size.network_core_s,
        )
        family = BlurBank(settings)
        levels = EmbeddingLevels(self.targets[self.training])
        bank = levels.apply(self.targets, family.levels())
        signals = ArraySignals(
            np.concatenate([part.astype(np.float16) for part in epochs]),
            table,
            CH_NAMES,
            SFREQ,
            0.0,
        )
        del epochs
        result = train(
            family,
            signals,
            bank,
            on_pass=lambda p: self.say(
                f"blur bank: pass {p.number}, {p.bits:.2f} bits, {p.spent_core_s:.0f} s"
            ),
        )
        concepts = result.project(bank)
        unit = concepts / np.linalg.norm(concepts, axis=1, keepdims=True)
        return ForSubject(result.tower), unit, np.mean(noises, axis=0)

    def _kept(
        self, name: str, make: Callable[[], tuple[nn.Module, Float32, Float64]]
    ) -> Pretrained:
        """Return an encoder that was made before, or make it and keep it."""
        arrays, script = (self.work / f"{name}-{self.size.digest}.{end}" for end in ("npz", "ts"))
        if script.exists():
            with np.load(arrays) as found:
                if version_of(found) == VERSION:
                    known = load_script(script.read_bytes())
                    return Pretrained(known, found["concepts"], found["noise"])
        module, concepts, noise = make()
        np.savez(arrays, concepts=concepts, noise=noise, version=VERSION)
        script.write_bytes(export(module, 64, int(SFREQ)))
        return Pretrained(load_script(script.read_bytes()), concepts, noise)


def version_of(kept: Mapping[str, Any]) -> int:
    """Return by which version of this benchmark something was computed; the first did not say."""
    return int(kept["version"]) if "version" in kept else 1


def inverse_root(covariance: Float64) -> Float64:
    """Return the symmetric matrix that whitens."""
    variances, directions = np.linalg.eigh(covariance)
    return np.asarray(directions / np.sqrt(variances) @ directions.T)


def ways(task: Task, *, with_network: bool) -> dict[str, Callable[[int, int], tuple[Ranks, str]]]:
    """Return every way to a decoder: person's number and number of own trials to places and note.

    Those in whose name there is "0 trials" use none.
    """

    def noted(way: Callable[[int, int], Ranks]) -> Callable[[int, int], tuple[Ranks, str]]:
        return lambda number, n: (way(number, n), "")

    made = {
        "ridge": noted(lambda number, n: task.from_nothing(Ridge(), number, n)),
        "pooled ridge, 0 trials": noted(lambda number, _: task.as_stranger(task.ridge, number)),
    }
    for kind in ("whitening", "Procrustes", "linear"):
        made[f"pooled ridge, {kind}"] = noted(
            lambda number, n, kind=kind: task.with_map(task.ridge, kind, number, n)
        )
    if with_network:
        made["pooled blur bank, 0 trials"] = noted(
            lambda number, _: task.as_stranger(task.blur_bank, number)
        )
        for kind in ("whitening", "Procrustes", "linear"):
            made[f"pooled blur bank, {kind}"] = noted(
                lambda number, n, kind=kind: task.with_map(task.blur_bank, kind, number, n)
            )
    if task.size.slow:
        made["EEGProject"] = noted(lambda number, n: task.from_nothing(EEGProject(), number, n))
        made["automatic with pooled ridge"] = lambda number, n: task.chosen(number, n, task.ridge)
        made["automatic"] = lambda number, n: task.chosen(number, n, None)
    return made
