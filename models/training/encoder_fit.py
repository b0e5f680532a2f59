"""Whether epochs fit an encoder or a decoder, and how they are judged by one.

Both are asked the same way: epochs as they came through a pipeline, not whitened, go in; whoever
they are of is told apart by name, and everybody the encoder does not know is a stranger.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import nn

from saccade.models.alignment.whitening import mvnn, whiten
from saccade.models.data.signals import Picked, SignalSet
from saccade.models.decoders.decoder_file import DecoderFile
from saccade.models.encoders import load_script
from saccade.models.encoders.network import UNKNOWN_SUBJECT
from saccade.models.evaluation.embedding import Averaging, BySubject, Encode, module_encoder
from saccade.models.evaluation.trials import Candidates
from saccade.models.galleries.gallery import Gallery
from saccade.models.targets.target_bank import TargetBank
from saccade.models.training.encoder_parts import EncoderFile, SignalSignature
from saccade.realtime.errors import ConfigError, SignatureMismatch
from saccade.realtime.types import Float32, Float64

REST_TRIALS = 512  # whose mean epoch stands where something is hidden


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What is judged, ready for :func:`saccade.models.evaluation.evaluate.evaluate`.

    Parameters
    ----------
    signals : SignalSet
        The epochs, of the channels that are wanted.
    embed : BySubject
        From groups of trials to vectors.
    candidates : Candidates
        The gallery as the vectors are compared with it.
    strangers : tuple of str
        People whom training has not seen.
    trained_on : tuple of str
        Concepts that training has seen.
    """

    signals: SignalSet
    embed: BySubject
    candidates: Candidates
    strangers: tuple[str, ...]
    trained_on: tuple[str, ...]


def fitting(signals: SignalSet, wanted: SignalSignature) -> SignalSet:
    """Return signals as an encoder wants them: its channels, in its order.

    Raises
    ------
    SignatureMismatch
        Naming every field that differs.
    """
    problems = []
    missing = [name for name in wanted.ch_names if name not in signals.ch_names]
    if missing:
        problems.append(
            f"{len(missing)} of {len(wanted.ch_names)} channels missing: {', '.join(missing[:8])}"
        )
    if not math.isclose(wanted.sfreq, signals.sfreq, rel_tol=1e-6):
        problems.append(f"rate {wanted.sfreq:g} Hz expected, {signals.sfreq:g} Hz came")
    if wanted.n_times != signals.n_times:
        problems.append(f"{wanted.n_times} samples an epoch expected, {signals.n_times} came")
    if abs(wanted.tmin_s - signals.tmin_s) > 0.5 / wanted.sfreq:
        problems.append(
            f"a first sample at {wanted.tmin_s:g} s expected, at {signals.tmin_s:g} s came"
        )
    if wanted.modality != signals.modality:
        problems.append(f"{wanted.modality} expected, {signals.modality} came")
    if problems:
        raise SignatureMismatch(
            f"the epochs do not fit the encoder: {'; '.join(problems)}: use data like that which "
            "it was trained on"
        )
    same = signals.ch_names == wanted.ch_names
    return signals if same else Picked(signals, wanted.ch_names)


def judged_encoder(
    encoder: EncoderFile,
    signals: SignalSet,
    gallery: Gallery,
    versions: TargetBank | None = None,
    *,
    own_noise: bool = False,
) -> Judged:
    """Return an encoder, ready to be judged on some signals.

    Parameters
    ----------
    encoder : EncoderFile
        What training left.
    signals : SignalSet
        Epochs, not whitened.
    gallery, versions
        As for :meth:`~saccade.models.training.encoder_parts.EncoderFile.compared`.
    own_noise : bool
        Whiten each person's epochs by the noise of these very epochs, which takes no label,
        instead of the noise in training.

    Raises
    ------
    SignatureMismatch, GalleryError
        If signals or gallery do not fit.
    """
    chosen = fitting(signals, encoder.about.signals)
    compared, centre = encoder.compared(gallery, versions)
    table, people = chosen.table, encoder.about.signals.subjects
    encoders, strangers = {}, []
    for number in np.unique(table.subject):
        name = table.subjects[number]
        place = people.index(name) if name in people else UNKNOWN_SUBJECT
        strangers += [name] if place == UNKNOWN_SUBJECT else []
        rows = np.flatnonzero(table.subject == number)
        noise = encoder.noise_of(place)
        if own_noise and noise is not None:
            noise = mvnn(chosen.signals(rows))
        rest = chosen.signals(rows[:REST_TRIALS]).mean(axis=0)
        encode = _behind(noise, encoder.module(place))
        encoders[int(number)] = Averaging(chosen, encode, rest)
    training = encoder.about.training
    return Judged(
        chosen,
        BySubject(table.subject, encoders),
        Candidates.of(compared, centre),
        tuple(strangers),
        training.concepts + training.validation_concepts,
    )


def judged_decoder(decoder: DecoderFile, signals: SignalSet, gallery: Gallery | None) -> Judged:
    """Return a decoder, ready to be judged on some signals.

    Parameters
    ----------
    decoder : DecoderFile
        The decoder, which brings noise and alignment for all trials alike.
    signals : SignalSet
        Epochs that came through its pipeline.
    gallery : Gallery or None
        Concepts to choose from instead of its own.

    Raises
    ------
    SignatureMismatch, GalleryError
        If signals or gallery do not fit.
    ConfigError
        If the decoder learns of its user while it runs.
    """
    if decoder.online is not None:
        raise ConfigError(
            f"a decoder that learns in each session (online {decoder.online.kind}) answers by what "
            "came before, but trials are judged in any order and averaged: judge it with saccade "
            "replay"
        )
    channels = signals.ch_names[: decoder.encoder.n_channels]
    wanted = SignalSignature(
        channels, decoder.encoder.n_times, decoder.working_sfreq, signals.tmin_s, "eeg", (), 0
    )
    if len(signals.ch_names) != decoder.encoder.n_channels:
        raise SignatureMismatch(
            f"the epochs do not fit the decoder: {decoder.encoder.n_channels} channels expected, "
            f"{len(signals.ch_names)} came: use epochs that went through its pipeline"
        )
    chosen = fitting(signals, wanted)
    if gallery is not None:
        decoder.gallery.check_compatible(gallery)
    vectors_of = _behind(decoder.signal_whitening, load_script(decoder.script), decoder.signal_mean)

    def encode(epochs: Float32) -> Float32:
        vectors = vectors_of(epochs)
        return vectors if decoder.alignment is None else decoder.alignment.apply(vectors)

    table = chosen.table
    rest = chosen.signals(np.arange(len(table))[:REST_TRIALS]).mean(axis=0)
    everybody = {int(n): Averaging(chosen, encode, rest) for n in np.unique(table.subject)}
    return Judged(
        chosen,
        BySubject(table.subject, everybody),
        Candidates.of(gallery or decoder.gallery, decoder.gallery_centre),
        (),
        tuple(decoder.calibration.get("trained_on", decoder.calibration.get("trials_of", ()))),
    )


def _behind(noise: Float64 | None, module: nn.Module, mean: Float64 | None = None) -> Encode:
    """Return a network behind the whitening that its training had."""
    vectors_of = module_encoder(module)
    if noise is None:
        return vectors_of
    level = np.zeros(len(noise)) if mean is None else mean
    return lambda epochs: vectors_of(whiten(epochs, level, noise))
