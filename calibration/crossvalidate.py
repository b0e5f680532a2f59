"""What decoders of a session's earlier trials say of its later ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from saccade.calibration.folds import Fold
from saccade.calibration.outliers import usual
from saccade.models.alignment.whitening import mvnn, whiten
from saccade.models.encoders import EncoderFamily, FittedEncoder
from saccade.models.evaluation.held_out import HeldOut
from saccade.models.galleries.gallery import Gallery, targets
from saccade.realtime.types import Float32, Float64


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """An encoder and the whitening it was fitted behind.

    Parameters
    ----------
    mean : array of shape (n_channels,)
        Taken off each channel; zeros, as the filters have taken the level away.
    whitening : array of shape (n_channels, n_channels)
        Applied before the encoder.
    encoder : FittedEncoder
        Maps whitened epochs to the space in which it wants the gallery.
    centre : array of shape (dim,), float32, or None
        Of the space it was fitted in; None for the gallery's own.
    """

    mean: Float64
    whitening: Float64
    encoder: FittedEncoder
    centre: Float32 | None = None

    def scores(self, data: Float32, gallery: Gallery) -> Float64:
        """Return the cosine of each trial with each concept, (n_trials, n_gallery)."""
        return self.answers(data, gallery)[0]

    def answers(self, data: Float32, gallery: Gallery) -> tuple[Float64, Float64]:
        """Return the cosines, and the lengths of the predicted vectors, (n_trials,)."""
        compared, centre = self.encoder.compared(gallery, self.centre)
        signal = torch.from_numpy(whiten(data, self.mean, self.whitening))
        with torch.inference_mode():
            embedded = self.encoder.module(signal)
        embeddings = embedded.numpy().astype(np.float64)
        lengths = np.linalg.norm(embeddings, axis=1)
        unit = embeddings / np.maximum(lengths, 1e-30)[:, None]
        return np.asarray(unit @ compared.centred(centre).T), lengths


def fit(
    family: EncoderFamily,
    data: Float32,
    rows: Sequence[int],
    gallery: Gallery,
    ch_names: Sequence[str] = (),
    *,
    centre: Float32 | None = None,
    outliers: float = math.inf,
) -> Fitted:
    """Fit whitening and encoder to trials.

    Parameters
    ----------
    family : EncoderFamily
        Which encoder, with its settings.
    data : array of shape (n_trials, n_channels, n_times), float32
        Epochs in µV.
    rows : sequence of int, length n_trials
        Row of each trial's concept.
    gallery : Gallery
        What the rows are rows of.
    ch_names : sequence of str, length n_channels
        For encoders that want to know where the sensors are.
    centre : array of shape (dim,), float32, or None
        Taken off the gallery's vectors; None for their mean.
    outliers : float
        As ``times`` of :func:`~saccade.calibration.outliers.usual`; infinity learns from all.

    Raises
    ------
    CalibrationError
        If whitening or encoder can't be fitted to these trials.
    """
    kept = usual(data, outliers)
    learned, of = data[kept], np.asarray(rows)[kept].tolist()
    mean, whitening = np.zeros(data.shape[1]), mvnn(learned)
    encoder = family.fit(whiten(learned, mean, whitening), targets(gallery, of, centre), ch_names)
    return Fitted(mean, whitening, encoder, centre)


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What was said of every trial of the decoded parts.

    Parameters
    ----------
    judged : HeldOut
        What a decoder is judged by: with many concepts, trials of concepts that it was not trained
        on, ranked among others of these; with few, trials of all that may be trained on, among the
        whole gallery.
    known : HeldOut or None
        With many concepts, the same trials by decoders that had been trained on their concepts,
        ranked among the whole gallery; None where no concept is shown again.
    kept_out : HeldOut or None
        With few concepts, of which several are never trained on, the trials of these, ranked among
        them; with many, such concepts are judged like all others.
    """

    judged: HeldOut
    known: HeldOut | None
    kept_out: HeldOut | None = None

    @staticmethod
    def joined(several: Sequence[Answers]) -> Answers:
        """Return the answers of several parts."""
        return Answers(
            HeldOut.joined([one.judged for one in several]),
            _joined([one.known for one in several if one.known is not None]),
            _joined([one.kept_out for one in several if one.kept_out is not None]),
        )

    @property
    def live(self) -> HeldOut:
        """Trials as they come live, ranked among the whole gallery.

        With many concepts, each trial is there as one of a new concept, and, if its concept had
        been shown before, as one of a known concept, too.
        """
        if self.known is None:
            return self.judged
        return HeldOut.joined([self.judged.among_all(), self.known])


def held_out(
    family: EncoderFamily,
    data: Float32,
    rows: Sequence[int],
    gallery: Gallery,
    folds: Sequence[Fold],
    ch_names: Sequence[str] = (),
    *,
    centre: Float32 | None = None,
    outliers: float = math.inf,
    permute: int | None = None,
    each: Callable[[Fold], None] = lambda _: None,
) -> Answers:
    """Return what decoders of earlier trials say of later ones.

    Parameters
    ----------
    family, data, rows, gallery, ch_names, centre, outliers
        As for :func:`fit`, of all trials.
    folds : sequence of Fold
        As from :func:`~saccade.calibration.folds.folds`.
    permute : int or None
        Give the training trials each other's concepts, drawn with this seed: the control that
        must fall to chance.
    each : callable
        Called with every fold that is done.
    """
    shown = np.asarray(rows, dtype=np.intp)
    rng = np.random.default_rng(permute)
    judged, known, kept_out = [], [], []
    apart = np.concatenate([fold.test[fold.kept_out] for fold in folds])
    never = np.isin(np.arange(len(gallery)), shown[apart])
    for fold in folds:
        taught = fold.train if permute is None else rng.permutation(fold.train)
        fitted = fit(
            family,
            data[fold.train],
            shown[taught].tolist(),
            gallery,
            ch_names,
            centre=centre,
            outliers=outliers,
        )
        cosines, lengths = fitted.answers(data[fold.test], gallery)
        n = len(fold.test)
        said = HeldOut(
            trial=fold.test,
            part=np.full(n, fold.part),
            group=np.full(n, fold.group),
            trained_on=np.full(n, len(fold.train)),
            shown=shown[fold.test],
            cosines=cosines,
            lengths=lengths,
            among=np.ones(cosines.shape, dtype=np.bool_),
            taught=np.tile(np.isin(np.arange(len(gallery)), shown[fold.train]), (n, 1)),
        )
        if len(fold.rivals):
            among = np.isin(np.arange(len(gallery)), shown[fold.rivals])
            of_new = said.of(fold.new)
            judged.append(replace(of_new, among=np.tile(among, (len(of_new), 1))))
            known.append(said.of(fold.known))
        else:
            judged.append(said.of(~fold.kept_out))
            unlearned = said.of(fold.kept_out)
            kept_out.append(replace(unlearned, among=np.tile(never, (len(unlearned), 1))))
        each(fold)
    several = never.sum() > 1
    return Answers(HeldOut.joined(judged), _joined(known), _joined(kept_out) if several else None)


def _joined(several: Sequence[HeldOut]) -> HeldOut | None:
    """Return the trials of several, if there are any."""
    joined = HeldOut.joined(several) if several else None
    return joined if joined is not None and len(joined) else None
