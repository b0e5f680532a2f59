"""A session's trials, laid out and checked, to fit candidates to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.calibration import candidates
from saccade.calibration.candidates import AUTO, Candidate, Sizes
from saccade.calibration.collect import Trials
from saccade.calibration.crossvalidate import Answers, Fitted, fit, held_out
from saccade.calibration.fit_checks import check_pretrained, check_trials
from saccade.calibration.folds import Fold, Timeline, folds, split_kind
from saccade.calibration.outliers import TIMES
from saccade.models.decoders.decoder_file import DecoderFile
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import ConfigError


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How a decoder is fitted.

    Parameters
    ----------
    encoder : str
        A name among the entry points, or "auto" to choose by validation.
    options : mapping of str to Any
        Settings of the one encoder.
    folds : int
        Parts of the session that are decoded by what comes before them; at least 2.
    seed : int
        Of all that is drawn.
    budget_min : float
        Minutes of a nominal core for deep networks; 0 leaves them out.
    kept_out : tuple of str
        Concepts that are never trained on.

    Raises
    ------
    ConfigError
        If a number is out of range, or a setting would change nothing.
    """

    encoder: str = AUTO
    options: Mapping[str, Any] = field(default_factory=dict)
    folds: int = 4
    seed: int = 0
    budget_min: float = 0.0
    kept_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what can't be done."""
        if self.folds < 2 or self.seed < 0 or not 0 <= self.budget_min < np.inf:
            raise ConfigError(
                "a fit takes at least 2 folds, a seed of at least 0 and a budget of at least 0 "
                f"minutes, not {self.folds}, {self.seed} and {self.budget_min}"
            )
        if self.encoder == AUTO and self.options:
            raise ConfigError(
                f"options {', '.join(self.options)} are of one encoder, but it is chosen by "
                "validation: name it with --encoder"
            )
        if self.encoder != AUTO and self.budget_min:
            raise ConfigError(
                f"a budget is for encoders that are chosen among, but --encoder {self.encoder} "
                "leaves no choice: give --encoder auto, or no budget"
            )


class Bench:
    """Trials laid out to fit candidates to.

    Parameters
    ----------
    trials : Trials
        Good epochs with their concepts, in the order of time.
    gallery : Gallery
        What the decoder will choose from; with ``pretrained``, from the same model.
    settings : FitSettings
        How to fit.
    pretrained : DecoderFile or None
        Of other people, to start from.

    Attributes
    ----------
    rows : array of shape (n_trials,)
        Row of each trial's concept.
    kept_out : tuple of str
        Concepts that are never trained on, as the gallery spells them: those of the settings, and
        those of the trials themselves.
    trainable : array of shape (n_trials,), bool
        Which trials are not of these.
    by_concept : bool
        Whether there are so many concepts that decoders are judged on ones they were not
        trained on.
    folds : list of Fold
        How they are judged.

    Raises
    ------
    CalibrationError, GalleryError, SignatureMismatch, ConfigError
        If the trials do not allow a decoder, a concept is not in the gallery, or the pretrained
        decoder is for another cap, pipeline or gallery.
    """

    def __init__(
        self,
        trials: Trials,
        gallery: Gallery,
        settings: FitSettings,
        pretrained: DecoderFile | None = None,
    ) -> None:
        if settings.encoder != AUTO and pretrained is not None:
            raise ConfigError(
                "--pretrained is one of several to choose among, but --encoder "
                f"{settings.encoder} leaves no choice: give --encoder auto, or leave it out"
            )
        self.trials, self.gallery, self.settings = trials, gallery, settings
        self.pretrained = pretrained
        self.rows = np.array([gallery.row(label) for label in trials.labels], dtype=np.intp)
        labels = [gallery.names[row] for row in self.rows]  # capitals do not tell concepts apart
        kept_out = [gallery.row(name) for name in (*settings.kept_out, *trials.held_out)]
        self.kept_out = tuple(dict.fromkeys(gallery.names[row] for row in kept_out))
        self.trainable = ~np.isin(labels, self.kept_out)
        self.by_concept = split_kind(labels) == "concept"
        check_trials(trials, [label for label in labels if label not in self.kept_out])
        if pretrained is not None:
            check_pretrained(pretrained, trials, gallery)
        self._centre = None if pretrained is None else pretrained.gallery_centre
        reach_s = trials.epochs.tmax_s - trials.epochs.tmin_s
        timeline = Timeline(trials.runs, trials.onsets_s, reach_s)
        self.folds = folds(labels, settings.folds, settings.seed, timeline, self.kept_out)

    @property
    def n_trials(self) -> int:
        """How many trials the decoder is trained on."""
        return int(self.trainable.sum())

    @property
    def taught(self) -> NDArray[np.bool_]:
        """Which concepts of the gallery the decoder is trained on."""
        return np.isin(np.arange(len(self.gallery)), self.rows[self.trainable])

    def candidates(self) -> list[Candidate]:
        """Return what is to be tried, the simplest first."""
        s = self.settings
        if s.encoder != AUTO:
            return [candidates.single(s.encoder, s.options, s.seed)]
        visits = sum(len(fold.train) for fold in self.folds) + self.n_trials
        _, n_channels, n_times = self.trials.data.shape
        sizes = Sizes(n_channels, n_times, self.gallery.dim, visits)
        return candidates.several(s.seed, self.pretrained, s.budget_min, sizes)

    def fitted(self, candidate: Candidate, trials: NDArray[np.intp]) -> Fitted:
        """Return a candidate fitted to some trials, less those that are kept out."""
        some = trials[self.trainable[trials]]
        return fit(
            candidate.family,
            self.trials.data[some],
            self.rows[some].tolist(),
            self.gallery,
            self.trials.working_spec.ch_names,
            centre=self._centre,
            outliers=TIMES,
        )

    def answers(
        self,
        candidate: Candidate,
        some: Sequence[Fold],
        permute: int | None = None,
        each: Callable[[Fold], None] = lambda _: None,
    ) -> Answers:
        """Return what a candidate says in some folds; see :func:`held_out`."""
        return held_out(
            candidate.family,
            self.trials.data,
            self.rows.tolist(),
            self.gallery,
            some,
            self.trials.working_spec.ch_names,
            centre=self._centre,
            outliers=TIMES,
            permute=permute,
            each=each,
        )
