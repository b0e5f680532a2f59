"""A decoder of other people becomes a new person's, from a few of the person's own trials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from saccade.models.alignment.affine import Alignment, unit_length
from saccade.models.alignment.align import Rows, held_out_together, linear, procrustes, whitening
from saccade.models.alignment.whitening import mvnn
from saccade.models.decoders.decoder import RetrievalDecoder
from saccade.models.decoders.decoder_parts import DecoderFile
from saccade.models.decoders.manifest import MEMORY_TRIALS, RunningAlignment, RunningPart
from saccade.models.evaluation.accuracy import accuracy
from saccade.models.evaluation.probability import fit_temperature
from saccade.models.evaluation.ranking import ranks, similarities
from saccade.realtime.errors import CalibrationError, ConfigError
from saccade.realtime.types import Epoch, Float32

AdaptationKind = Literal["euclidean", "whitening", "procrustes", "linear"]
LABELLED = {"procrustes": procrustes, "linear": linear}


def adapt(
    decoder: DecoderFile,
    epochs: Float32,
    kind: AdaptationKind,
    labels: Sequence[str] | None = None,
) -> DecoderFile:
    """Return a decoder that is aligned to one person.

    Parameters
    ----------
    decoder : DecoderFile
        As trained on other people. An alignment that it has is replaced.
    epochs : array of shape (n, n_channels, n_times), float32
        The person's good trials in µV, from the decoder's own pipeline.
    kind : {"euclidean", "whitening", "procrustes", "linear"}
        "euclidean" puts the person's noise in the place of the others' as what whitens the signal
        (:func:`saccade.models.alignment.whitening.mvnn`); the rest are those of
        :mod:`saccade.models.alignment.align`.
    labels : sequence of str, length n, or None
        The concept of each trial, for "procrustes" and "linear". With them temperature and figures
        are those of held-out trials: the map was learned without them, though by how much it is
        held back was chosen on all. Otherwise the temperature stays the others', and there are no
        figures, as theirs are of another decoder.

    Raises
    ------
    ConfigError
        If there is no such kind, or labels are missing, or given for nothing.
    CalibrationError
        If the trials don't determine an alignment.
    GalleryError
        If a label is not in the gallery.
    SignatureMismatch, SourceError
        If the epochs don't fit the decoder.
    """
    labelled = kind in LABELLED
    if kind not in ("euclidean", "whitening", *LABELLED):
        raise ConfigError(
            f"an adaptation is euclidean, whitening, procrustes or linear, not {kind!r}"
        )
    if labelled != (labels is not None):
        need = "needs the label of each trial" if labelled else "learns without labels"
        raise ConfigError(f"{kind} {need}, but {'none' if labels is None else len(labels)} came")
    fresh = replace(
        decoder,
        alignment=None,
        online=None,
        online_mean=None,
        confidence=None,
        calibration=_noted(decoder.calibration, kind, len(epochs)),
    )
    vectors = _embedded(fresh, epochs)
    if kind == "euclidean":
        return replace(fresh, signal_whitening=mvnn(epochs))
    if labels is None:
        return replace(fresh, alignment=whitening(vectors))
    if len(labels) != len(epochs):
        raise CalibrationError(
            f"one label a trial is expected, but {len(labels)} labels came for {len(epochs)} "
            "trials: label them all"
        )
    rows = np.array([decoder.gallery.row(label) for label in labels], dtype=np.intp)
    gallery = decoder.gallery.centred(decoder.gallery_centre)
    learn = LABELLED[kind]
    alignment = learn(vectors, gallery[rows], among=gallery)
    [held_back] = [value for name, value in alignment.settings.items() if name != "scale"]
    scores, shown = _held_out(vectors, rows, gallery, lambda v, t: learn(v, t, held_back))
    names = [decoder.gallery.names[row] for row in shown]
    figures = accuracy(ranks(scores, shown).tolist(), len(gallery), names).to_dict()
    past = fresh.calibration
    known = past.get("trained_on", past.get("trials_of", ()))
    return replace(
        fresh,
        alignment=alignment,
        temperature=fit_temperature(scores, shown.tolist()),
        calibration=past
        | {
            "trained_on": list(dict.fromkeys((*known, *names))),
            "figures": figures | {"split": "adaptation"},
        },
    )


def _noted(calibration: dict[str, Any], kind: str, n_trials: int) -> dict[str, Any]:
    """Return what a decoder says of its past, with an adaptation and without figures.

    The noise of the person stays when vectors are aligned after it; all else is replaced.
    """
    before = [note for note in calibration.get("adaptations", ()) if note["kind"] == "euclidean"]
    kept = {key: value for key, value in calibration.items() if key != "figures"}
    note = {"kind": kind, "trials": n_trials}
    return kept | {"adaptations": [*(before if kind != "euclidean" else ()), note]}


def _embedded(decoder: DecoderFile, epochs: Float32) -> Float32:
    """Return what the encoder makes of each epoch, (n, dim), as it will live."""
    if epochs.ndim != 3 or len(epochs) == 0:
        raise CalibrationError(
            f"an adaptation needs epochs of shape (n, channels, times), not {epochs.shape}"
        )
    at_work, sfreq = RetrievalDecoder(decoder), decoder.working_sfreq
    made = [Epoch(k, data.copy(), sfreq, 0.0, 0.0, -1) for k, data in enumerate(epochs)]
    return np.stack([at_work.embed(epoch) for epoch in made])


def _held_out(
    vectors: Float32,
    rows: Rows,
    gallery: Float32,
    learn: Callable[[Float32, Float32], Alignment],
) -> tuple[Float32, Rows]:
    """Return cosines of trials that the alignment had not seen, and what these showed."""
    every = np.arange(len(rows))
    scores, shown = [], []
    for out in held_out_together(gallery[rows]):
        others = np.setdiff1d(every, out)
        if len(np.unique(rows[others])) < 2:
            continue
        alignment = learn(vectors[others], gallery[rows[others]])
        scores.append(similarities(alignment.apply(vectors[out]), gallery))
        shown.append(rows[out])
    if not scores:
        raise CalibrationError(
            f"{len(rows)} trials of {len(np.unique(rows))} concepts can't be split into some to "
            "learn from and some to judge by: show more of each"
        )
    return np.concatenate(scores), np.concatenate(shown)


def with_running(
    decoder: DecoderFile,
    parts: tuple[RunningPart, ...],
    memory_trials: float = MEMORY_TRIALS,
    epochs: Float32 | None = None,
) -> DecoderFile:
    """Return a decoder that follows its user throughout each session.

    Parameters
    ----------
    decoder : DecoderFile
        The frozen decoder, which it starts as and stays near. Nothing in it changes, but that an
        alignment learned in each session's beginning is replaced.
    parts : tuple of {"signal", "mean"}
        What follows; see :mod:`saccade.models.alignment.align_running`.
    memory_trials : float
        The weight of a good epoch falls to some 1/e after so many; at least 10.
    epochs : array of shape (n, n_channels, n_times), float32, or None
        Good trials in µV that are as calibration was, from the decoder's own pipeline; needed where
        vectors are followed.

    Raises
    ------
    CalibrationError
        If epochs are needed and did not come, or no vector says anything.
    DecoderFileError
        If the parts do not fit the decoder.
    """
    mean = None
    if "mean" in parts:
        if epochs is None:
            raise CalibrationError(
                f"to follow {' and '.join(parts)} the decoder must know where vectors were in "
                "calibration, but no epochs came: give the person's"
            )
        fixed = decoder.alignment
        vectors = _embedded(replace(decoder, online=None, online_mean=None), epochs)
        unit = unit_length(vectors if fixed is None else fixed.apply(vectors))
        if not unit.any():
            raise CalibrationError(
                f"to be followed, vectors must point somewhere, but all {len(unit)} are zero: "
                "check that the encoder sees a live signal"
            )
        mean = unit[unit.any(axis=1)].mean(axis=0, dtype=np.float64).astype(np.float32)
    return replace(decoder, online=RunningAlignment(parts, memory_trials), online_mean=mean)
