"""The flags by which ``train`` and ``evaluate`` are told which trials to take.

There are four sources: a published data set, sessions that ``calibrate --save-trials`` wrote,
recordings, and the simulated subject. :mod:`saccade.cli.trial_sources` opens them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from saccade.cli.configuration import Loaded

Data = Annotated[
    Path | None, typer.Option("--data", help="A published data set: its folder, or one file.")
]
LayoutName = Annotated[
    str | None, typer.Option("--layout", help="How it lies on disk: nice, ubp, things-meg, …")
]
Subjects = Annotated[
    str | None, typer.Option("--subjects", help="People of it, by commas; all otherwise.")
]
Images = Annotated[
    Path | None,
    typer.Option("--images", help="Order of its pictures: their folder, or a list (.txt)."),
]
TrustPickle = Annotated[
    bool, typer.Option("--trust-pickle", help="Read pickled files too; nothing in them is run.")
]
TrialFiles = Annotated[
    list[Path] | None,
    typer.Option("--trials", help="A session (.npz) of calibrate --save-trials; may be repeated."),
]
Recordings = Annotated[
    list[Path] | None,
    typer.Option("--recording", help="A recording; repeat, in the order of time."),
]
Simulated = Annotated[
    bool, typer.Option("--simulated", help="The simulated subject, through the whole pipeline.")
]
Effect = Annotated[
    float | None, typer.Option("--effect", help="Simulated: how strongly a picture shows.")
]
Soa = Annotated[
    float | None, typer.Option("--soa", help="Simulated: seconds from picture to picture.")
]
TrainTrials = Annotated[
    int | None, typer.Option("--train-trials", help="Simulated: pictures to train on.", min=1)
]
TestTrials = Annotated[
    int | None, typer.Option("--test-trials", help="Simulated: pictures held out.", min=1)
]
HeldOut = Annotated[
    int | None, typer.Option("--held-out", help="Simulated: how many concepts are held out.", min=2)
]
Artifacts = Annotated[
    float | None, typer.Option("--artifacts", help="Simulated: 0 for none, 1 as usual.", min=0)
]
Person = Annotated[
    int | None, typer.Option("--person", help="Simulated: another number, another subject.", min=0)
]
Levels = Annotated[
    list[str] | None,
    typer.Option(
        "--level",
        help="Vectors of the pictures at a level, as foveal-51=FILE or foveal-51=FILE#medium.",
    ),
]
PLAN: dict[str, float] = {
    "train_trials": 3000,
    "test_trials": 1000,
    "held_out": 40,
    "person": 0,
    "effect": 0.2,
    "soa": 0.3,
    "artifacts": 0.0,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the flags name; fields as the flags."""

    data: Path | None = None
    layout: str | None = None
    split: str | None = None
    subjects: str | None = None
    images: Path | None = None
    trust_pickle: bool = False
    trials: Sequence[Path] | None = None
    recording: Sequence[Path] | None = None
    simulated: bool = False
    effect: float | None = None
    soa: float | None = None
    train_trials: int | None = None
    test_trials: int | None = None
    held_out: int | None = None
    artifacts: float | None = None
    person: int | None = None


SOURCES = {  # which fields change something with which source
    "data": {"layout", "split", "subjects", "images", "trust_pickle"},
    "trials": {"subjects"},
    "recording": set(),
    "simulated": set(PLAN),
}


def check(wanted: Wanted) -> str:
    """Return which source the flags name.

    Raises
    ------
    ConfigError
        If they name none or several, or others that change nothing with it.
    """
    from saccade.realtime.errors import ConfigError

    given = {
        field.name
        for field in dataclasses.fields(wanted)
        if getattr(wanted, field.name) not in (None, False, [], ())
    }
    sources = [name for name in SOURCES if name in given]
    if len(sources) != 1:
        came = " and ".join(f"--{name}" for name in sources) or "none"
        raise ConfigError(
            f"trials come from one of --data, --trials, --recording and --simulated, but {came} "
            "came: name one"
        )
    source = sources[0]
    useless = sorted(given - SOURCES[source] - {source})
    if useless:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in useless)
        raise ConfigError(f"{flags} would change nothing with --{source}: leave it out")
    if source == "data" and wanted.layout is None:
        raise ConfigError(
            "--data needs --layout, because several layouts use the same file names: see "
            "docs/datasets.md"
        )
    return source


def settings_for(
    source: str, config: Path | None, flags: dict[str, Any], override: Sequence[str] | None
) -> Loaded:
    """Return the session's settings; with the simulated subject, no baseline unless asked for.

    Before a picture of its fast sequence stands the response to the one before.
    """
    from saccade.cli import configuration, sections

    loaded = configuration.load(config, flags, override or ())
    if source == "simulated" and not any(key.startswith("epochs.") for key in loaded.origins):
        own = sections.EpochsSection(tmin_s=0.0, baseline_s=None, crop_s=None)
        changed = loaded.config.model_copy(update={"epochs": own})
        loaded = dataclasses.replace(loaded, config=changed)
    return loaded
