"""``saccade evaluate``: how well an encoder or a decoder does on trials it has not seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from saccade.cli import common, datasets
from saccade.cli.export import Unseen

if TYPE_CHECKING:
    from saccade.cli import trial_sources
    from saccade.cli.configuration import Loaded
    from saccade.models.data.recorded_epochs import RecordedEpochs
    from saccade.models.evaluation.bootstrap import Measured
    from saccade.models.evaluation.evaluate import EvaluationSettings
    from saccade.models.evaluation.result import About, Evaluation
    from saccade.models.evaluation.trials import Trials
    from saccade.models.training.encoder_fit import Judged
    from saccade.realtime.simulation.observer import IdealAccuracy

    Protocol = Literal["in-subject", "leave-one-subject-out", "pooled"]

WINDOW_S = 0.1


def evaluate(
    file: Annotated[Path, typer.Argument(help="An encoder (*.encoder) or decoder (*.saccade).")],
    data: datasets.Data = None,
    layout: datasets.LayoutName = None,
    split: Annotated[
        str | None, typer.Option(help="Of the data set: test, if not given, or train.")
    ] = None,
    subjects: datasets.Subjects = None,
    images: datasets.Images = None,
    trust_pickle: datasets.TrustPickle = False,
    trials: datasets.TrialFiles = None,
    recording: datasets.Recordings = None,
    simulated: datasets.Simulated = False,
    effect: datasets.Effect = None,
    soa: datasets.Soa = None,
    test_trials: datasets.TestTrials = None,
    held_out: datasets.HeldOut = None,
    artifacts: datasets.Artifacts = None,
    person: datasets.Person = None,
    gallery: common.Gallery = None,
    gallery_names: common.GalleryNames = None,
    backbone: common.Backbone = None,
    weights: common.Weights = None,
    kind: common.Kind = None,
    level: datasets.Levels = None,
    unseen: Unseen = False,
    own_noise: Annotated[
        bool,
        typer.Option("--own-noise", help="Whiten each person by the noise of these very trials."),
    ] = False,
    ways: Annotated[
        str | None, typer.Option(help="Numbers of candidates, by commas: 2,10,200.")
    ] = None,
    repetitions: Annotated[
        str | None, typer.Option(help="Trials to average, rising, by commas: 1,4,16.")
    ] = None,
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Hide time windows and sensors, one at a time.")
    ] = False,
    over: Annotated[
        str | None, typer.Option(help="Intervals over concepts, or trials where these are few.")
    ] = None,
    permutations: Annotated[int, typer.Option(help="Of the control.", min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="Of groups, intervals, control.", min=0)] = 0,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write one page of HTML with figures.")
    ] = None,
    label: common.Labels = None,
    unit: common.Unit = None,
    sfreq: common.Sfreq = None,
    ch_names: common.ChNames = None,
    config: common.ConfigFile = None,
    override: common.Set = None,
    json: common.Json = False,
) -> None:
    """Judge an encoder: among N, over repetitions, with chance, intervals and a control."""
    wanted = datasets.Wanted(
        data, layout, split, subjects, images, trust_pickle, trials, recording, simulated,
        effect, soa, None, test_trials, held_out, artifacts, person,
    )  # fmt: skip
    source = datasets.check(wanted)
    loaded = datasets.settings_for(
        source,
        config,
        {
            "stream.unit": unit,
            "stream.sfreq": sfreq,
            "stream.ch_names": common.listed(ch_names),
            "markers.labels": common.label_map(label),
            "gallery.vectors": gallery,
            "gallery.names": gallery_names,
            "gallery.backbone": backbone,
            "gallery.weights": weights,
            "gallery.kind": kind,
        },
        override,
    )

    from saccade.models.evaluation.evaluate import evaluate as measure
    from saccade.models.evaluation.trials import Trials
    from saccade.realtime.errors import ConfigError

    if report is not None and not report.absolute().parent.is_dir():
        raise ConfigError(f"--report is to lie in {report.parent}, which is no folder: make it")
    asked = _Asked(file, wanted, loaded, level, unseen, own_noise)
    judged, dataset, about = asked.judged()
    tested = Trials.of(judged.signals.table, judged.candidates)
    settings = _settings(ways, repetitions, over, permutations, seed, tested)
    found = measure(tested, judged.candidates, judged.embed, about, settings)
    if ablate:
        found = _ablated(found, judged, tested, settings)
    if dataset.looking is not None:
        found = dataclasses.replace(found, ideal=_ideal(dataset, judged, found))
    seen = sorted({n.casefold() for n in judged.trained_on} & _shown(judged))
    if report is not None:
        from saccade.models.evaluation.report import write_report

        write_report(found, report)
    if json:
        common.emit(_result(found, judged, seen))
        return
    for line in _lines(found, judged, seen):
        typer.echo(line)
    if report is not None:
        typer.echo(f"wrote {report}")


@dataclasses.dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be judged, on what."""

    file: Path
    wanted: datasets.Wanted
    loaded: Loaded
    level: list[str] | None
    unseen: bool
    own_noise: bool

    def judged(self) -> tuple[Judged, trial_sources.Dataset, About]:
        """Return encoder or decoder with the trials, and what it is."""
        from saccade.models.evaluation.result import About

        decoder = self.file.suffix == ".saccade"
        judged, dataset, name, people = self._decoder() if decoder else self._encoder()
        gallery = self.loaded.config.gallery.vectors
        about = About(
            name,
            dataset.name,
            _protocol(judged, people),
            "" if gallery is None else gallery.name,
            dataset.looking is not None,
        )
        return judged, dataset, about

    def _encoder(self) -> tuple[Judged, trial_sources.Dataset, str, Sequence[str]]:
        from saccade.cli import targets
        from saccade.models.training import encoder_file
        from saccade.models.training.encoder_fit import judged_encoder
        from saccade.models.training.encoder_parts import check_gallery

        encoder = encoder_file.load(self.file)
        about, trust = encoder.about, self.wanted.trust_pickle
        dataset = self._opened(about.recorded, about.training.simulation)
        images = dataset.signals.table.image_names
        whole = targets.gallery_for(self.loaded.config, images, trust_pickle=trust)
        check_gallery(about.targets, whole)
        known = about.training.concepts + about.training.validation_concepts
        gallery = targets.unseen(whole, known) if self.unseen else whole
        wanted = about.targets.levels
        versions = targets.bank_for(self.level, whole, gallery, wanted, trust_pickle=trust)
        judged = judged_encoder(
            encoder, dataset.signals, gallery, versions, own_noise=self.own_noise
        )
        return judged, dataset, about.architecture, about.signals.subjects

    def _decoder(self) -> tuple[Judged, trial_sources.Dataset, str, Sequence[str]]:
        from saccade.cli import targets
        from saccade.models.data.recorded_epochs import RecordedEpochs
        from saccade.models.decoders import decoder_file
        from saccade.models.training.encoder_fit import judged_decoder
        from saccade.realtime.errors import ConfigError

        given = {
            "--level": self.level,
            "--own-noise": self.own_noise,
            "--unseen": self.unseen,
        }
        useless = [flag for flag, value in given.items() if value]
        if useless:
            raise ConfigError(
                f"{', '.join(useless)} would change nothing: a decoder brings noise and gallery"
            )
        decoder = decoder_file.load(self.file)
        way = RecordedEpochs(
            decoder.input, decoder.working_sfreq, decoder.pipeline, decoder.epochs, decoder.labels
        )
        about = decoder.calibration
        dataset = self._opened(way, about.get("simulation"))
        section = self.loaded.config.gallery
        own = section.vectors is None and section.names is None
        gallery = None if own else targets.gallery_for(self.loaded.config)
        judged = judged_decoder(decoder, dataset.signals, gallery)
        name = f"{decoder.encoder.architecture} (decoder)"
        return judged, dataset, name, about.get("subjects", ("the person",))

    def _opened(
        self, way: RecordedEpochs | None, simulation: dict[str, Any] | None
    ) -> trial_sources.Dataset:
        from saccade.cli import trial_sources

        if way is not None:
            self.loaded.refuse(("pipeline.", "epochs."), "the file brings its own")
        return trial_sources.open_data(self.wanted, self.loaded.config, "test", simulation, way)


def _protocol(judged: Judged, people: Sequence[str]) -> Protocol:
    """Return who was trained on, as seen by those who are tested."""
    if judged.strangers:
        return "leave-one-subject-out"
    return "in-subject" if len(people) == 1 else "pooled"


def _settings(
    ways: str | None,
    repetitions: str | None,
    over: str | None,
    permutations: int,
    seed: int,
    tested: Trials,
) -> EvaluationSettings:
    """Return what is to be measured; intervals over trials where concepts are too few to draw."""
    from saccade.models.evaluation.bootstrap import Resampling
    from saccade.models.evaluation.evaluate import EvaluationSettings, enough

    drawn = over or ("concepts" if enough(tested, 1, Resampling(seed=seed)) else "trials")
    chosen: dict[str, Any] = {
        "permutations": permutations,
        "resampling": Resampling(over=drawn, seed=seed),  # type: ignore[arg-type] # checked there
    }
    if ways is not None:
        chosen["ways"] = _numbers(ways, "--ways")
    if repetitions is not None:
        chosen["repetitions"] = _numbers(repetitions, "--repetitions")
    return EvaluationSettings(**chosen)


def _numbers(text: str, flag: str) -> tuple[int, ...]:
    from saccade.realtime.errors import ConfigError

    try:
        return tuple(int(part) for part in common.listed(text) or ())
    except ValueError as error:
        raise ConfigError(
            f"{flag} takes whole numbers by commas, as 2,10,200, not {text!r}"
        ) from error


def _ablated(
    found: Evaluation, judged: Judged, tested: Trials, settings: EvaluationSettings
) -> Evaluation:
    """Add what hiding each window and each sensor costs single trials."""
    from saccade.models.evaluation.ablation import Parts
    from saccade.models.evaluation.ablation import ablate as hide_parts

    signals = judged.signals
    n_channels, n_times, sfreq = signals.n_channels, signals.n_times, signals.sfreq
    width_s = max(1, round(WINDOW_S * sfreq)) / sfreq
    windows = Parts.windows(n_channels, n_times, sfreq, signals.tmin_s, width_s)
    sensors = Parts.sensors(signals.ch_names, n_times)
    size = settings.repetitions[0] if settings.repetitions else 1
    costs = [
        hide_parts(tested, judged.candidates, judged.embed.hiding, parts, size, settings.resampling)
        for parts in (windows, sensors)
    ]
    return dataclasses.replace(found, windows=costs[0], sensors=costs[1])


def _ideal(
    dataset: trial_sources.Dataset, judged: Judged, found: Evaluation
) -> tuple[IdealAccuracy, ...]:
    """Return what nobody can beat with these epochs among these candidates."""
    from saccade.cli.simulated import MEMORY_S
    from saccade.realtime.simulation.observer import IdealObserver

    looking, way = dataset.looking, dataset.origin.recorded
    if looking is None or way is None:
        return ()
    cut = way.epochs
    # A baseline and the filters look at what came before the window, too.
    tmax_s = cut["crop_s"][1] if cut["crop_s"] else cut["tmax_s"]
    observer = IdealObserver(looking, cut["tmin_s"] - MEMORY_S, tmax_s)
    place = {name: row for row, name in enumerate(looking.names)}
    rows = [place[name] for name in judged.candidates.names]
    return tuple(observer.accuracy(rows, level.repetitions) for level in found.levels)


def _shown(judged: Judged) -> set[str]:
    import numpy as np

    table = judged.signals.table
    return {table.concept_names[index].casefold() for index in np.unique(table.concept)}


def _result(found: Evaluation, judged: Judged, seen: Sequence[str]) -> dict[str, Any]:
    """Return everything, with the single trial's accuracy under the name that all verbs use."""
    first = found.levels[0]
    whole = first.ways[-1]
    accuracy = {
        "top1": whole.top1.value,
        "top5": 1.0 if whole.top5 is None else whole.top5.value,
        "n": first.n,
        "gallery": found.gallery_size,
        "chance_top1": whole.top1.chance,
        "chance_top5": 1.0 if whole.top5 is None else whole.top5.chance,
        "ci95_top1": list(whole.top1.ci95),
        "repetitions": first.repetitions,
    }
    return found.to_dict() | {
        "accuracy": accuracy,
        "trained_on": list(seen),
        "strangers": list(judged.strangers),
        "simulated": found.about.simulated,
    }


def _lines(found: Evaluation, judged: Judged, seen: Sequence[str]) -> list[str]:
    """Return what was found, in words: a line for each number of repetitions."""
    about, first = found.about, found.levels[0]
    lines = [
        f"encoder      {about.encoder} on {about.data}, {about.protocol}",
        f"gallery      {found.gallery_size} candidates ({found.gallery_kind}); "
        f"{first.n_concepts} concepts shown to {first.n_people} people",
    ]
    ideals = {ideal.repetitions: ideal for ideal in found.ideal}
    for level in found.levels:
        whole = level.ways[-1]
        what = "single trial" if level.repetitions == 1 else f"mean of {level.repetitions}"
        top5 = "" if whole.top5 is None else f", top-5 {_measured(whole.top5)}"
        lines.append(
            f"{what:<12} top-1 {_measured(whole.top1)}{top5}; 2-way {_measured(level.two_way)}; "
            f"{level.bits.value:.2f} bits; n {level.n}; permuted {level.control.mean:.1%}, "
            f"p {level.control.p:.4f}"
        )
        ideal = ideals.get(level.repetitions)
        if ideal is not None:
            lines.append(
                f"{'  at best':<12} top-1 {ideal.top1:.1%}, top-5 {ideal.top5:.1%}, "
                f"{ideal.bits:.2f} bits (ideal observer)"
            )
    fewer = ", ".join(f"{way.candidates}: {_measured(way.top1)}" for way in first.ways[:-1])
    if fewer:
        lines.append(f"among N      {fewer} (n {first.n})")
    lines += [f"{name:<12} top-1 {_measured(one)} (n {one.n})" for name, one in first.people]
    lines.append(f"intervals    95 %, over {first.intervals_over}")
    if judged.strangers:
        lines.append(f"STRANGERS    {', '.join(judged.strangers)}: not in training")
    if seen:
        lines.append(
            f"TRAINED ON   {len(seen)} of the {first.n_concepts} concepts shown: not zero-shot"
        )
    return [*lines, "SIMULATED    no person, or no CLIP"] if about.simulated else lines


def _measured(found: Measured) -> str:
    low, high = found.ci95
    return f"{found.value:.1%} [{low:.1%} to {high:.1%}], chance {found.chance:.1%}"
