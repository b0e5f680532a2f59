"""Trials become a decoder, with the figures that say what it is worth."""

from __future__ import annotations

import collections
import dataclasses
import datetime
from typing import Any

from saccade.calibration.collect import Trials
from saccade.calibration.crossvalidate import cross_validate, fit
from saccade.models.data.recorded_epochs import RecordedEpochs
from saccade.models.decoders.decoder_file import DecoderFile, EncoderSignature, InputSignature
from saccade.models.encoders import EncoderFamily, export
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.epochs import EpochSettings
from saccade.realtime.errors import CalibrationError
from saccade.realtime.pipeline import to_spec

SESSION_FIELDS = ("labels", "ignore")  # of the epochs: belong to a session, not to the decoder


def make_decoder(
    trials: Trials,
    gallery: Gallery,
    family: EncoderFamily,
    architecture: str,
    *,
    n_folds: int = 5,
    seed: int = 0,
) -> DecoderFile:
    """Cross-validate, then fit on all trials.

    Parameters
    ----------
    trials : Trials
        Good epochs with their concepts.
    gallery : Gallery
        What the decoder will choose from.
    family : EncoderFamily
        Which encoder, with its settings.
    architecture : str
        The family's name among the entry points.
    n_folds, seed : int
        Of the cross-validation.

    Raises
    ------
    CalibrationError, GalleryError
        If the trials do not allow a decoder, or a concept is not in the gallery.
    """
    rows = [gallery.row(label) for label in trials.labels]
    labels = [gallery.names[row] for row in rows]  # capitals do not tell concepts apart
    counts = collections.Counter(labels)
    if len(counts) < 2:
        raise CalibrationError(
            f"a decoder needs trials of at least 2 concepts, but all {len(trials.labels)} are of "
            f"'{next(iter(counts))}': record others too, or check the labels"
        )
    ch_names = trials.working_spec.ch_names
    temperature, figures = cross_validate(
        family, trials.data, labels, gallery, n_folds, seed, ch_names
    )
    fitted = fit(family, trials.data, rows, gallery, ch_names)
    compared, centre = fitted.encoder.compared(gallery)
    _, n_channels, n_times = trials.data.shape
    way = how_recorded(trials)
    return DecoderFile(
        input=way.input,
        working_sfreq=way.working_sfreq,
        pipeline=way.pipeline,
        epochs=way.epochs,
        encoder=EncoderSignature(
            architecture=architecture,
            arguments=plain(dataclasses.asdict(family.settings)),
            n_channels=n_channels,
            n_times=n_times,
            dim=compared.dim,
        ),
        script=export(fitted.encoder.module, n_channels, n_times),
        gallery=compared,
        gallery_centre=centre,
        signal_mean=fitted.mean,
        signal_whitening=fitted.whitening,
        temperature=temperature,
        labels=way.labels,
        calibration={
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "sources": list(trials.sources),
            "trials": len(trials.labels),
            "trials_of": dict(counts.most_common()),
            "rejected": trials.rejected,
            "delay_ms_at_10_hz": round(trials.delay_ms, 3),
            "settling_s": round(trials.settling_s, 3),
            "figures": figures,
        },
        simulated=trials.spec.simulated,
    )


def how_recorded(trials: Trials) -> RecordedEpochs:
    """Return how collected epochs came about, as decoders and encoders keep it."""
    spec = trials.spec
    used = [spec.ch_names.index(name) for name in trials.working_spec.ch_names]
    return RecordedEpochs(
        input=InputSignature(
            ch_names=tuple(spec.ch_names[i] for i in used),
            ch_types=tuple(spec.ch_types[i] for i in used),
            units=tuple(spec.units[i] for i in used),
            reference="as recorded",
            sfreq=spec.sfreq,
        ),
        working_sfreq=trials.working_spec.sfreq,
        pipeline=to_spec(trials.pipeline),
        epochs=epochs_to_spec(trials.epochs),
        labels=dict(trials.epochs.labels or {}),
        delay_ms=trials.delay_ms,
        settling_s=trials.settling_s,
    )


def epochs_to_spec(epochs: EpochSettings) -> dict[str, Any]:
    """Return what the decoder file keeps of how epochs are cut, ready for JSON."""
    fields = dataclasses.asdict(dataclasses.replace(epochs, labels=None))
    return {key: plain(value) for key, value in fields.items() if key not in SESSION_FIELDS}


def plain(value: Any) -> Any:
    """Return a value with lists for tuples, as JSON has them."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, tuple) else value
