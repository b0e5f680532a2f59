"""From a trained encoder to a decoder: for one person or strangers, one gallery, one stream.

Training leaves everything a decoder needs but the concepts to choose from. Temperature and figures
are those of the validation trials, unless trials of the person who will use it are given: then
noise, temperature and figures are theirs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from saccade.models.alignment.whitening import mvnn, whiten
from saccade.models.data.recorded_epochs import RecordedEpochs
from saccade.models.data.signals import SignalSet
from saccade.models.decoders.decoder_file import DecoderFile, EncoderSignature
from saccade.models.encoders import export
from saccade.models.encoders.network import UNKNOWN_SUBJECT
from saccade.models.evaluation.accuracy import accuracy
from saccade.models.evaluation.embedding import module_encoder
from saccade.models.evaluation.probability import fit_temperature
from saccade.models.evaluation.ranking import ranks, similarities
from saccade.models.galleries.gallery import Gallery
from saccade.models.targets.target_bank import TargetBank
from saccade.models.training.encoder_fit import fitting
from saccade.models.training.encoder_parts import EncoderFile, SignalSignature
from saccade.realtime import registry
from saccade.realtime.epoch_steps import columns
from saccade.realtime.epochs import EpochSettings
from saccade.realtime.errors import CalibrationError, SignatureMismatch
from saccade.realtime.pipeline import Pipeline, settings_from_spec
from saccade.realtime.sampling import samples
from saccade.realtime.types import Float32, Float64, StreamSpec


def make_decoder(
    encoder: EncoderFile,
    gallery: Gallery,
    recorded: RecordedEpochs | None = None,
    *,
    subject: str | None = None,
    versions: TargetBank | None = None,
    trials: SignalSet | None = None,
) -> DecoderFile:
    """Return the decoder of an encoder and a gallery.

    Parameters
    ----------
    encoder : EncoderFile
        What training left.
    gallery : Gallery
        What is chosen from, as its model gives it.
    recorded : RecordedEpochs or None
        The way from stream to epochs, where the encoder's file does not say it.
    subject : str or None
        Whom it is for; None for the only one who was trained on, or for strangers.
    versions : TargetBank or None
        As for :meth:`~saccade.models.training.encoder_parts.EncoderFile.compared`.
    trials : SignalSet or None
        Epochs of the person who will use it, not whitened, of concepts in the gallery.

    Raises
    ------
    SignatureMismatch
        If no pipeline is known, or it does not give the epochs that were trained on; or trials
        do not fit.
    GalleryError, ConfigError, CalibrationError
        If the gallery does not fit, nobody of the name was trained on, or trials are too few.
    """
    about = encoder.about
    way = recorded or about.recorded
    if way is None:
        raise SignatureMismatch(
            "this encoder's epochs did not come through a saccade pipeline, so how a live stream "
            "is to be treated is not known: say it with --config and --sfreq"
        )
    _check_way(way, about.signals)
    person = encoder.subject(subject)
    compared, centre = encoder.compared(gallery, versions)
    module = encoder.module(person)
    n_channels = len(about.signals.ch_names)
    noise = encoder.noise_of(person)
    if noise is None:
        noise = np.eye(n_channels)
    temperature, figures = about.training.temperature, about.training.figures
    if trials is not None:
        own = fitting(trials, about.signals)
        data = own.signals(np.arange(len(own.table)))
        noise = mvnn(data) if encoder.whitening is not None else noise
        labels = [own.table.concept_names[index] for index in own.table.concept]
        rows = [gallery.row(label) for label in labels]
        vectors = module_encoder(module)(whiten(data, np.zeros(own.n_channels), noise))
        temperature, figures = _judged(vectors, rows, labels, compared.centred(centre))
    known = {name.casefold() for name in compared.names}
    torch.set_num_threads(1)
    return DecoderFile(
        input=way.input,
        working_sfreq=way.working_sfreq,
        pipeline=way.pipeline,
        epochs=way.epochs,
        encoder=EncoderSignature(
            architecture=about.architecture,
            arguments=about.settings,
            n_channels=n_channels,
            n_times=about.signals.n_times,
            dim=compared.dim,
        ),
        script=export(module, n_channels, about.signals.n_times),
        gallery=compared,
        gallery_centre=centre,
        signal_mean=np.zeros(n_channels),
        signal_whitening=noise,
        temperature=temperature,
        labels={value: c for value, c in way.labels.items() if c.casefold() in known},
        calibration={
            "date": about.training.date,
            "sources": list(about.training.sources),
            "subjects": list(about.signals.subjects),
            "subject": "strangers" if person == UNKNOWN_SUBJECT else about.signals.subjects[person],
            "trials": about.signals.n_trials,
            "trained_on": list(about.training.concepts + about.training.validation_concepts),
            "targets_on_embeddings": about.targets.on_embeddings,
            "delay_ms_at_10_hz": round(way.delay_ms, 3),
            "settling_s": round(way.settling_s, 3),
            "figures": figures,
            "simulation": about.training.simulation,
        },
        simulated=about.simulated,
    )


def _check_way(way: RecordedEpochs, signals: SignalSignature) -> None:
    """Refuse a pipeline that does not give the epochs that were trained on."""
    stream = StreamSpec(
        name="as recorded",
        sfreq=way.input.sfreq,
        ch_names=way.input.ch_names,
        ch_types=way.input.ch_types,
        units=way.input.units,
        simulated=False,
    )
    out = Pipeline(settings_from_spec(way.pipeline)).reset(stream)
    cut = registry.build_settings(EpochSettings, way.epochs, "the epochs of the encoder")
    first = samples(cut.tmin_s, out.sfreq, "tmin_s")
    n_times = samples(cut.tmax_s, out.sfreq, "tmax_s") - first
    tmin_s = first / out.sfreq
    if cut.crop_s is not None:
        span = columns(cut.crop_s, tmin_s, n_times, out.sfreq, "crop_s")
        tmin_s, n_times = tmin_s + span.start / out.sfreq, span.stop - span.start
    problems = []
    if not math.isclose(out.sfreq, signals.sfreq, rel_tol=1e-9):
        problems.append(f"rate {signals.sfreq:g} Hz expected, {out.sfreq:g} Hz comes out")
    if out.ch_names != signals.ch_names:
        problems.append(
            f"{len(signals.ch_names)} channels {_begin(signals.ch_names)} expected, "
            f"{len(out.ch_names)} come out, {_begin(out.ch_names)}"
        )
    if n_times != signals.n_times:
        problems.append(f"{signals.n_times} samples an epoch expected, {n_times} come out")
    if abs(tmin_s - signals.tmin_s) > 0.5 / signals.sfreq:
        problems.append(f"a first sample at {signals.tmin_s:g} s expected, at {tmin_s:g} s came")
    if problems:
        raise SignatureMismatch(
            f"the pipeline does not give the epochs that were trained on: {'; '.join(problems)}: "
            "change [pipeline] and [epochs] of --config"
        )


def _judged(
    vectors: Float32, rows: list[int], labels: list[str], gallery: Float32
) -> tuple[float, dict[str, Any]]:
    """Return temperature and figures of somebody's trials among the whole gallery."""
    if len(rows) < 2 or len(set(rows)) < 2:
        raise CalibrationError(
            f"a temperature needs trials of at least 2 concepts, but {len(rows)} trials of "
            f"{len(set(rows))} came: record more"
        )
    scores: Float64 = similarities(vectors, gallery).astype(np.float64)
    places = ranks(scores, np.asarray(rows, dtype=np.int64))
    figures = accuracy(places.tolist(), len(gallery), labels).to_dict()
    return fit_temperature(scores, rows), figures | {"split": "own trials"}


def _begin(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
