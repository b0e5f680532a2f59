"""The settings of a calibration become pipeline, epochs and encoder; its outcome, words."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import pylsl

from saccade.calibration.artifacts import learn_potato, learn_reconstruction
from saccade.calibration.choose import Calibrated, FitSettings, choose_decoder
from saccade.calibration.collect import Trials, collect, of_calibration
from saccade.calibration.fit_progress import FitProgress
from saccade.calibration.matching import HOLE_S
from saccade.cli.aligning import alignment_lines
from saccade.cli.closing import accuracy_line
from saccade.cli.pretrained import gallery_for, pretrained_of
from saccade.cli.sections import Config
from saccade.models.alignment.adapt import with_running
from saccade.models.decoders.decoder_file import DecoderFile, require_fit
from saccade.models.galleries.gallery import Gallery
from saccade.realtime import registry
from saccade.realtime.blocks.units import BRAIN_TYPES, EEG_TYPES
from saccade.realtime.engine import StepResult
from saccade.realtime.epoch_gates import JUDGED_TYPES
from saccade.realtime.epochs import EpochSettings
from saccade.realtime.errors import ConfigError
from saccade.realtime.pipeline import Pipeline, PipelineSettings, settings_from_spec
from saccade.realtime.protocols import Source
from saccade.realtime.sources.file import FileSource
from saccade.realtime.timing.continuity import measured_gap_s
from saccade.realtime.types import StreamSpec


def pipeline_settings(settings: Config, spec: StreamSpec, gap_s: float | None) -> PipelineSettings:
    """Return the causal chain: select, notch, bandpass, repair, reference, resample.

    Only what is wanted of it. Artifact subspace reconstruction, which is learned from what the
    filters give, is put behind them by :func:`with_reconstruction`.

    Parameters
    ----------
    settings : Config
        Says which; ``pipeline.blocks``, where given, replaces the chain after ``select``.
    spec : StreamSpec
        The stream; without a wish, its EEG channels are selected, or where there are none, those
        from within the head.
    gap_s : float or None
        Step of the time stamps from which on it is a gap, where the settings do not say.

    Raises
    ------
    ConfigError
        If there is no such channel, or one that is bad is not among those selected.
    """
    start = pretrained_of(settings)
    if start is not None:
        require_fit(start, spec)
        return settings_from_spec(start.pipeline)
    p = settings.pipeline
    channels = p.channels or _channels_of_the_brain(spec)
    blocks: list[dict[str, Any]] = [{"block": "select", "ch_names": list(channels)}]
    if p.blocks is not None:
        blocks += p.blocks
    else:
        if p.line_hz is not None:
            blocks.append({"block": "notch", "line_hz": p.line_hz})
        if p.low_hz is not None or p.high_hz is not None:
            band = {"low_hz": p.low_hz, "high_hz": p.high_hz, "order": p.order}
            blocks.append({"block": "bandpass", **band})
        if p.bads or p.repair:
            auto = p.repair == "auto"
            bads = _bads(p.bads, channels, spec)
            blocks.append({"block": "repair", "bads": bads, "auto": auto})
        if p.reference is not None:
            names = list(p.reference_channels)
            blocks.append({"block": "reference", "kind": p.reference, "ch_names": names})
        if p.resample_hz is not None and p.resample_hz != spec.sfreq:
            blocks.append({"block": "resample", "sfreq": p.resample_hz})
    gap = gap_s if p.gap_ms is None else p.gap_ms / 1e3
    timing = {"gap_s": gap, "fill_s": p.fill_ms / 1e3, "dejitter": p.dejitter}
    return settings_from_spec(timing | {"rail_uv": p.rail_uv, "blocks": blocks})


def _channels_of_the_brain(spec: StreamSpec) -> tuple[str, ...]:
    for kinds in (EEG_TYPES, BRAIN_TYPES):
        names = tuple(
            name for name, kind in zip(spec.ch_names, spec.ch_types, strict=True) if kind in kinds
        )
        if names:
            return names
    raise ConfigError(
        f"'{spec.name}' has no channel of EEG, SEEG, ECoG or the like, but only "
        f"{', '.join(sorted(set(spec.ch_types)))}: name those to use with --channels"
    )


def _bads(named: Sequence[str], channels: Sequence[str], spec: StreamSpec) -> list[str]:
    """Return bad channels as they are spelt among those selected, whatever their case."""
    spelt = {name.casefold(): name for name in reversed(channels)} | {n: n for n in channels}
    bads = [spelt.get(name, spelt.get(name.casefold(), "")) for name in named]
    lacking = [name for name, bad in zip(named, bads, strict=True) if not bad]
    there = {name.casefold() for name in spec.ch_names}
    left_out = [name for name in lacking if name.casefold() in there]
    if left_out:
        raise ConfigError(
            f"--bads names {', '.join(left_out)}, which --channels leaves out already (it has "
            f"{', '.join(channels)}): take it out of --bads, or into --channels"
        )
    if lacking:
        raise ConfigError(
            f"--bads names {', '.join(lacking)}, but '{spec.name}' has {', '.join(spec.ch_names)}: "
            "correct the names"
        )
    return list(dict.fromkeys(bads))


FILTERS = ("select", "notch", "bandpass")


def with_reconstruction(
    sources: Sequence[Source], settings: Config, spec: StreamSpec, pipeline: PipelineSettings
) -> PipelineSettings:
    """Return the chain with artifact subspace reconstruction behind its filters, if it is wanted.

    The runs are read once for it, from their beginning.

    Raises
    ------
    ConfigError
        If there is no high-pass in front of it.
    """
    p = settings.pipeline
    if p.asr_cutoff is None or p.blocks is not None:
        return pipeline
    if p.low_hz is None:
        raise ConfigError("asr_cutoff needs a high-pass in front: give pipeline.low_hz, as 0.5")
    n = sum(name in FILTERS for name, _ in pipeline.blocks)
    filters, others = pipeline.blocks[:n], pipeline.blocks[n:]
    kinds = dict(zip(spec.ch_names, spec.ch_types, strict=True))
    selected = filters[0][1].ch_names
    bads = _bads(p.bads, selected, spec)
    names = [name for name in selected if kinds.get(name) in EEG_TYPES and name not in bads]
    in_front = dataclasses.replace(pipeline, blocks=filters)
    learned = learn_reconstruction(sources, in_front, names, p.asr_cutoff)
    return dataclasses.replace(pipeline, blocks=(*filters, ("artifact", learned), *others))


def with_potato(
    sources: Sequence[Source],
    settings: Config,
    pipeline: PipelineSettings,
    epochs: EpochSettings,
    stop: Callable[[StepResult], bool],
) -> EpochSettings:
    """Return how epochs are cut, and what they must be like, if that is wanted.

    The runs are read once for it, from their beginning; what the other limits reject does not count
    as usual.
    """
    z = settings.epochs.potato_z
    if z is None:
        return epochs
    whole = dataclasses.replace(epochs, crop_s=None)
    trials = collect(sources, pipeline, whole, pylsl.local_clock, stop)
    judged = [i for i, kind in enumerate(trials.working_spec.ch_types) if kind in JUDGED_TYPES]
    return dataclasses.replace(epochs, potato=learn_potato(trials.data[:, judged], z))


def epoch_settings(settings: Config) -> EpochSettings:
    """Return how epochs are cut; what only a recording can tell is left out."""
    start = pretrained_of(settings)
    if start is not None:
        own = registry.build_settings(
            EpochSettings, start.epochs, "the pretrained decoder's epochs"
        )
        labels = settings.markers.labels or None
        made: EpochSettings = dataclasses.replace(
            own, labels=labels, ignore=settings.markers.ignore
        )
        return made
    section = settings.epochs
    return EpochSettings(
        tmin_s=section.tmin_s,
        tmax_s=section.tmax_s,
        baseline_s=section.baseline_s,
        crop_s=section.crop_s,
        reject_ptp_uv=section.reject_ptp_uv,
        reject_flat_uv=section.reject_flat_uv,
        keep_flagged=section.keep_flagged,
        labels=settings.markers.labels or None,
        ignore=settings.markers.ignore,
        late_s=section.late_s,
    )


def checked_gallery(settings: Config) -> Gallery:
    """Return the gallery, having made sure that every label is in it."""
    gallery = gallery_for(settings)
    for label in settings.markers.labels.values():
        gallery.row(label)
    return gallery


def trials_from_files(sources: Sequence[FileSource], settings: Config) -> Trials:
    """Return the labelled epochs of recorded runs.

    What counts as a gap is measured on all the runs, as their amplifier's jitter. A session has
    shown those trials again that have a hole of :data:`HOLE_S`, so in its recordings that is a gap
    whatever the jitter: no trial counts twice.
    """
    specs = [source.open() for source in sources]
    gaps_s = [
        measured_gap_s(source.recording.stamps, spec.sfreq)
        for source, spec in zip(sources, specs, strict=True)
    ]
    gap_s = min(max(gaps_s), HOLE_S) if any(map(of_calibration, sources)) else max(gaps_s)
    return trials_from(sources, settings, specs[0], gap_s)


def trials_from(
    sources: Sequence[Source],
    settings: Config,
    spec: StreamSpec,
    gap_s: float | None,
    stop: Callable[[StepResult], bool] = lambda _: False,
) -> Trials:
    """Return the labelled epochs of some runs.

    Parameters
    ----------
    sources : sequence of Source
        The runs, in the order of time. What is learned from them before epochs are cut, ASR and
        potato, takes a pass each, so that they must begin anew whenever they are opened.
    settings : Config
        All of the session's.
    spec : StreamSpec
        What the runs carry.
    gap_s : float or None
        As in :func:`pipeline_settings`.
    stop : callable
        Asked after each step; True ends a run.
    """
    pipeline = pipeline_settings(settings, spec, gap_s)
    pipeline = with_reconstruction(sources, settings, spec, pipeline)
    epochs = with_potato(sources, settings, pipeline, epoch_settings(settings), stop)
    return collect(sources, pipeline, epochs, pylsl.local_clock, stop)


def calibrated_from(
    trials: Trials,
    gallery: Gallery,
    settings: Config,
    progress: Callable[[FitProgress], None] | None = None,
) -> Calibrated:
    """Return the decoder that some trials give, and all that is known of it.

    Figures are those of the decoder as it was calibrated, also where it will follow its user.
    """
    c = settings.calibration
    fit = FitSettings(c.encoder, c.options, c.folds, c.seed, c.budget_min, c.kept_out)
    made = choose_decoder(trials, gallery, fit, pretrained_of(settings), progress)
    if not c.running:
        return made
    following = with_running(made.decoder, c.running, c.memory_trials, trials.data)
    return dataclasses.replace(made, decoder=following)


def decoder_from(trials: Trials, gallery: Gallery, settings: Config) -> DecoderFile:
    """Return the decoder that some trials give."""
    return calibrated_from(trials, gallery, settings).decoder


def _look_ahead_s(decoder: DecoderFile) -> float:
    pipeline, way = Pipeline(settings_from_spec(decoder.pipeline)), decoder.input
    pipeline.reset(StreamSpec("", way.sfreq, way.ch_names, way.ch_types, way.units))
    return pipeline.look_ahead_s


def report_lines(decoder: DecoderFile) -> list[str]:
    """Return what a calibration found, in words."""
    c = decoder.calibration
    figures = c["figures"]
    rejected = ", ".join(f"{n} for {reason}" for reason, n in c["rejected"].items()) or "none"
    how = {
        "time": "each part by what came before it",
        "concept": "by what came before, among concepts not trained on",
    }[figures["split"]]
    chain = " → ".join(block["block"] for block in decoder.pipeline["blocks"])
    ahead_ms = 1e3 * _look_ahead_s(decoder)
    known, control = figures.get("known_concepts"), figures["permuted_control"]
    unlearned = figures.get("kept_out_concepts")
    lines = [
        f"pipeline     {chain}: {c['delay_ms_at_10_hz']:.0f} ms late at 10 Hz, settled after "
        f"{c['settling_s']:.1f} s",
        f"trials       {c['trials']} good of {len(c['trials_of'])} concepts; rejected: {rejected}",
        f"encoder      {c['chosen']['name']}, "
        f"{decoder.encoder.n_channels} channels × {decoder.encoder.n_times} samples at "
        f"{decoder.working_sfreq:g} Hz",
        *_choice_lines(c),
        f"held out     {accuracy_line(figures)} ({figures['folds']} parts, {how})",
        *([f"             {accuracy_line(known)} (of concepts trained on)"] if known else []),
        *([f"             {accuracy_line(unlearned)} (of those kept out)"] if unlearned else []),
        f"control      {accuracy_line(control)} (one draw, labels permuted in "
        f"{control['permuted']})",
        _probability_line(figures["reliability"]),
        *alignment_lines(decoder),
    ]
    if ahead_ms:
        lines.insert(1, f"look-ahead   every prediction comes {ahead_ms:.0f} ms later for it")
    return [*lines, "SIMULATED    no person, no CLIP"] if decoder.simulated else lines


def _choice_lines(calibration: dict[str, Any]) -> list[str]:
    """Return what the encoder was chosen among, where there was a choice."""
    tried = calibration["candidates"]
    lines = [
        f"{'chosen' if not number else '':<12} {one['name']}: {one['bits']:.2f} bits a trial, "
        f"95 % interval {one['ci95_bits'][0]:.2f} to {one['ci95_bits'][1]:.2f}; {one['why']}"
        for number, one in enumerate(tried)
    ]
    unfit = [f"             {name}: {why}" for name, why in calibration["unfit"].items()]
    return [*lines, *unfit] if len(tried) + len(unfit) > 1 else []


def _probability_line(reliable: dict[str, Any]) -> str:
    low, high = reliable["ci95_ece"]
    return (
        f"probability  expected calibration error {reliable['ece']:.3f}, 95 % interval {low:.3f} "
        f"to {high:.3f}, of {reliable['n']} held-out trials (exact ones would have "
        f"{reliable['ece_of_exact']:.3f})"
    )
