"""What was fitted to trials, as a decoder file has it."""

from __future__ import annotations

import collections
import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any

from saccade.calibration.candidates import Candidate
from saccade.calibration.collect import Trials
from saccade.calibration.crossvalidate import Fitted
from saccade.models.data.recorded_epochs import RecordedEpochs
from saccade.models.decoders.decoder_file import DecoderFile, EncoderSignature, InputSignature
from saccade.models.encoders import export
from saccade.models.evaluation.confidence import Confidence
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.epochs import EpochSettings
from saccade.realtime.pipeline import to_spec

SESSION_FIELDS = ("labels", "ignore")  # of the epochs: belong to a session, not to the decoder


def decoder_of(
    trials: Trials,
    gallery: Gallery,
    candidate: Candidate,
    fitted: Fitted,
    temperature: float,
    confidence: Confidence,
    found: Mapping[str, Any],
) -> DecoderFile:
    """Return the decoder that was fitted.

    Parameters
    ----------
    trials : Trials
        What it was fitted to.
    gallery : Gallery
        What it will choose from.
    candidate : Candidate
        What was fitted.
    fitted : Fitted
        What it has learned.
    temperature : float
        For cosines alone.
    confidence : Confidence
        How scores become probabilities.
    found : mapping of str to Any
        What was found on the way, ready for JSON; goes into ``calibration``.

    Raises
    ------
    CalibrationError
        If the encoder can't be exported.
    """
    compared, centre = fitted.encoder.compared(gallery, fitted.centre)
    _, n_channels, n_times = trials.data.shape
    way = how_recorded(trials)
    counts = collections.Counter(gallery.names[gallery.row(label)] for label in trials.labels)
    return DecoderFile(
        input=way.input,
        working_sfreq=way.working_sfreq,
        pipeline=way.pipeline,
        epochs=way.epochs,
        encoder=EncoderSignature(
            architecture=candidate.architecture,
            arguments=plain(dict(candidate.arguments)),
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
        confidence=confidence,
        labels=way.labels,
        calibration={
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "sources": list(trials.sources),
            "trials": len(trials.labels),
            "trials_of": dict(counts.most_common()),
            "rejected": trials.rejected,
            "delay_ms_at_10_hz": round(trials.delay_ms, 3),
            "settling_s": round(trials.settling_s, 3),
        }
        | dict(found),
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
