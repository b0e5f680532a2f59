"""What is asked, and what one epoch says about it: log-likelihoods of the alternatives.

A decoder gives p(concept | epoch), within which there is a prior of its own. Divided by that, it is
the likelihood up to a constant, and likelihoods of epochs multiply (Bayes). Renormalising within a
set of candidates is the same as leaving the others out, as the constant is common to all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from saccade.realtime.errors import ConfigError
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.evidence.weighing import log_p, shares
from saccade.realtime.types import Epoch, Float64, Ranking


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """What one epoch says.

    Parameters
    ----------
    evidence : array of shape (n_alternatives,), float64
        Log-likelihood of each alternative, up to a constant.
    share : float
        For how many of the alternatives it says anything, as a share of all: so many epochs with
        that share make one repetition.
    """

    evidence: Float64
    share: float = 1.0


class Question(Protocol):
    """What is asked."""

    names: tuple[str, ...]
    log_prior: Float64
    contrast: float  # epochs of a repetition that tell two alternatives apart, 1 or 2

    def weigh(self, epoch: Epoch, ranking: Ranking) -> Weighed:
        """Return what an epoch says."""
        ...

    def asks(self, epoch: Epoch) -> bool:
        """Return whether an epoch is about this at all."""
        ...

    def truth(self, epochs: Iterable[tuple[str | None, str | None]]) -> str | None:
        """Return what was meant by epochs with these markers and labels, where they tell."""
        ...


def question_of(settings: EvidenceSettings, names: Sequence[str]) -> Question:
    """Return what the settings ask of a decoder that ranks these concepts.

    Raises
    ------
    ConfigError
        If a candidate, the target or a name of a prior is not among the concepts.
    """
    if settings.mode != "target":
        return WhichConcept(settings, names)
    if settings.per == "trial":
        return WhichItem(settings, names)
    return WhetherTarget(settings, names)


class WhichConcept:
    """Asks which of the candidates it is that the epochs show."""

    contrast = 1.0

    def __init__(self, settings: EvidenceSettings, names: Sequence[str]) -> None:
        wanted = settings.candidates or tuple(dict.fromkeys(names))
        self._rows = _rows(wanted, names, "decision.candidates")
        self.names = tuple(names[row] for row in self._rows)
        if len(self.names) < 2:
            raise ConfigError(
                f"a decision is between at least 2 concepts, but there is {len(self.names)}: "
                "take another gallery"
            )
        assumed = shares(names, settings.assumed, "decision.assumed")[self._rows]
        prior = shares(self.names, settings.prior, "decision.prior")
        as_decoded = settings.mode == "single" and not settings.prior
        self.log_prior = np.log(assumed if as_decoded else prior)
        self._assumed = np.log(assumed)

    def weigh(self, epoch: Epoch, ranking: Ranking) -> Weighed:
        """Return the log-likelihood of each candidate."""
        return Weighed(log_p(ranking.probabilities[self._rows]) - self._assumed)

    def asks(self, epoch: Epoch) -> bool:
        """Return True."""
        return True

    def truth(self, epochs: Iterable[tuple[str | None, str | None]]) -> str | None:
        """Return the candidate that is the label of all epochs."""
        folded = {name.casefold(): name for name in self.names}
        labels = {(label or "").casefold() for _, label in epochs}
        return folded.get(labels.pop()) if len(labels) == 1 else None


class _OfTarget:
    """What both questions about a target share: how far an epoch speaks for one."""

    def __init__(self, settings: EvidenceSettings, names: Sequence[str]) -> None:
        (self._target,) = _rows((settings.target or "",), names, "decision.target")
        if len(names) < 2:
            raise ConfigError("a target stands out among other concepts, but the gallery has none")
        self._labels = {name.casefold() for name in names}
        self._own = names[self._target].casefold()
        self.others = tuple(name for row, name in enumerate(names) if row != self._target)
        assumed = shares(names, settings.assumed, "decision.assumed")[self._target]
        self._assumed = float(np.log(assumed) - np.log1p(-assumed))

    def ratio(self, ranking: Ranking) -> float:
        """Return the log-likelihood ratio of an attended event to another."""
        p = np.asarray(ranking.probabilities, np.float64)
        # The others are added up, for what is left of a float32 near 1 is nothing.
        others = np.delete(p, self._target).sum()
        target, other = log_p(np.array([p[self._target], others]))
        return float(target - other) - self._assumed

    def is_target(self, label: str | None) -> bool | None:
        """Return whether a label says that the event was attended to; None if it does not say."""
        folded = (label or "").casefold()
        return folded == self._own if folded in self._labels else None


class WhichItem(_OfTarget):
    """Asks which of the items is the one attended to, as in a speller.

    Flashes tell the truth only where trials are seen whole: what is known of a trial that may end
    sooner depends on what was decided, and the share of right ones among the known with it.

    An epoch speaks for all items that its marker flashed, with its likelihood ratio of target to
    non-target; the factor that all hypotheses share drops out.
    """

    contrast = 2.0

    def __init__(self, settings: EvidenceSettings, names: Sequence[str]) -> None:
        super().__init__(settings, names)
        self.names = settings.items
        self._whole = settings.seen_whole
        flashes = settings.flashes or {item: (item,) for item in settings.items}
        self._flashed = {
            marker: np.array([item in flashed for item in self.names], np.float64)
            for marker, flashed in flashes.items()
        }
        self.log_prior = np.log(shares(self.names, settings.prior, "decision.prior"))

    def weigh(self, epoch: Epoch, ranking: Ranking) -> Weighed:
        """Return the likelihood ratio for each item that was flashed, 0 for the others."""
        flashed = self._flashed[str(epoch.marker)]
        return Weighed(self.ratio(ranking) * flashed, float(flashed.mean()))

    def asks(self, epoch: Epoch) -> bool:
        """Return whether the marker flashes any item."""
        return epoch.marker in self._flashed

    def truth(self, epochs: Iterable[tuple[str | None, str | None]]) -> str | None:
        """Return the only item that all flashes of targets had, and none of the others."""
        left, told = np.ones(len(self.names), np.bool_), False
        if not self._whole:
            return None
        for marker, label in epochs:
            attended = self.is_target(label)
            if attended is not None:
                told |= attended
                left &= (self._flashed[str(marker)] > 0) == attended
        return self.names[int(left.argmax())] if told and left.sum() == 1 else None


class WhetherTarget(_OfTarget):
    """Asks whether this was a target."""

    contrast = 1.0

    def __init__(self, settings: EvidenceSettings, names: Sequence[str]) -> None:
        super().__init__(settings, names)
        other = self.others[0] if len(self.others) == 1 else "other"
        self.names: tuple[str, ...] = (names[self._target], other)
        self.log_prior = np.log(shares(self.names, settings.prior, "decision.prior"))

    def weigh(self, epoch: Epoch, ranking: Ranking) -> Weighed:
        """Return the likelihood ratio of a target, and 0."""
        return Weighed(np.array([self.ratio(ranking), 0.0]))

    def asks(self, epoch: Epoch) -> bool:
        """Return True."""
        return True

    def truth(self, epochs: Iterable[tuple[str | None, str | None]]) -> str | None:
        """Return what all labels say."""
        said = {self.is_target(label) for _, label in epochs}
        answers = {True: self.names[0], False: self.names[1], None: None}
        return answers[said.pop()] if len(said) == 1 else None


def _rows(wanted: Sequence[str], names: Sequence[str], what: str) -> list[int]:
    """Return the rows of concepts, upper or lower case."""
    row_of = {name.casefold(): row for row, name in reversed([*enumerate(names)])}
    for name in wanted:
        if name.casefold() not in row_of:
            told = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
            raise ConfigError(
                f"{what} names '{name}', which the decoder does not rank (it ranks {len(names)}: "
                f"{told}): correct it"
            )
    return [row_of[name.casefold()] for name in wanted]
