"""What a live calibration session begins with: its protocol, folder, amplifier and window."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import shlex
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from saccade.calibration.folder import FILE, About, SessionFolder
from saccade.calibration.pictures import pictures_of
from saccade.calibration.plan import Plan
from saccade.calibration.protocol import Protocol
from saccade.calibration.session_events import Opened
from saccade.calibration.stimulator import StimulusProcess
from saccade.calibration.stimuli import StimuliSettings
from saccade.cli import session_given, simulated
from saccade.cli.amplifier_process import AmplifierProcess
from saccade.cli.configuration import Loaded
from saccade.cli.sections import Config
from saccade.cli.session_given import Asked
from saccade.cli.stimuli import window
from saccade.models.decoders.manifest import library_versions
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import ConfigError
from saccade.realtime.session_clock import SessionClock
from saccade.realtime.simulation.observer import IdealAccuracy, IdealObserver

PICTURES = "saccade-pictures"
ARTIFACTS = 0.25  # of a simulated subject: a blink every twenty seconds
FIND_S = 60.0  # how long a simulated session's own processes may take to find each other


def protocol_of(asked: Asked, loaded: Loaded) -> Protocol:
    """Return what is to be shown.

    Raises
    ------
    ConfigError
        If the protocol can't be read, or flags ask for what does not go together.
    """
    protocol = session_given.protocol_asked(asked)
    if asked.trials is not None:
        protocol = dataclasses.replace(protocol, trials=asked.trials, repetitions=None)
    if "calibration.seed" in loaded.origins:
        protocol = dataclasses.replace(protocol, seed=loaded.config.calibration.seed)
    if asked.speed != 1.0 and not asked.simulated:
        raise ConfigError(
            f"only a simulated session runs {asked.speed:g} times as fast as life: leave --speed "
            "out, or add --simulated"
        )
    if protocol.kind == "external":
        if asked.places_window:
            raise ConfigError(
                "--windowed and --screen would change nothing here: another program presents, and "
                "saccade shows nothing; leave them out"
            )
        if asked.simulated:
            raise ConfigError(
                "a simulated subject looks at saccade's own window, and an external protocol has "
                "none: take another --protocol, or start saccade simulate --follow NAME yourself"
            )
        if not loaded.config.markers.names:
            raise ConfigError(
                "an external protocol needs the marker stream of the program that presents: name "
                "it with --markers"
            )
    if asked.simulated and loaded.config.stream.name is not None:
        raise ConfigError(
            f"--simulated brings its own stream, so '{loaded.config.stream.name}' would not be "
            "looked at: leave one out"
        )
    return protocol


def folder_of(
    asked: Asked, loaded: Loaded, protocol: Protocol, plan: Plan, gallery: Gallery, out: Path
) -> SessionFolder:
    """Return the session's folder: a new one, or one whose session goes on.

    Raises
    ------
    SessionError
        If the session in it is another, or something else is in it.
    typer.Exit
        If a person does not want the session in it to go on.
    """
    about = About(
        protocol=protocol.asdict(),
        plan=plan.digest,
        gallery=gallery.digest,
        settings=session_given.deciding(asked, loaded),
        speed=asked.speed,
        versions=library_versions(),
        given=session_given.given(asked, loaded, out),
    )
    if asked.folder is None or not (asked.folder / FILE).exists():
        now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
        return SessionFolder.create(asked.folder or Path(f"saccade-session-{now}"), about)
    folder = SessionFolder.open(asked.folder)
    try:
        folder.require(about)
        if not asked.auto:
            question = f"There is a session in {asked.folder}. Go on with it?"
            typer.confirm(question, default=True, abort=True, err=True)
    except BaseException:
        folder.close()
        raise
    return folder


def again(folder: Path) -> str:
    """Return the command with which a session goes on."""
    words = ["saccade", *sys.argv[1:]]
    if not any(word.partition("=")[0] == "--session" for word in words):
        words += ["--session", str(folder)]
    return shlex.join(words)


def processes(
    asked: Asked,
    settings: Config,
    plan: Plan,
    clock: SessionClock,
    folder: SessionFolder,
    stack: contextlib.ExitStack,
) -> tuple[Config, StimulusProcess | None]:
    """Return where signal and markers come from, and the window, which is not open yet.

    A simulated amplifier is started, and ends with the stack. Nothing else is open.
    """
    if plan.protocol.kind == "external":
        return settings, None
    seed = settings.calibration.seed
    names = settings.markers.names
    if len(names) > 1:
        raise ConfigError(
            f"saccade's own window sends one marker stream, but --markers names {len(names)}: "
            "give one name, or none"
        )
    own = f"-{uuid.uuid4().hex[:8]}" if asked.simulated else ""  # not to meet another such session
    pictures = names[0] if names else PICTURES + own
    stimuli = window(
        settings,
        pictures,
        clock,
        screen=asked.screen,
        full_screen=not asked.windowed,
        pictures={
            name: tuple(map(str, paths))
            for name, paths in pictures_of(plan.protocol, (*plan.concepts, *plan.targets)).items()
        },
        auto=asked.simulated,
        seed=seed,
    )
    changes: dict[str, Any] = {
        "markers": settings.markers.model_copy(update={"names": (pictures,)})
    }
    if not asked.simulated:
        return settings.model_copy(update=changes), StimulusProcess(stimuli)
    stream = settings.stream.model_copy(
        update={"name": f"saccade-simulated{own}", "resolve_timeout_s": FIND_S}
    )
    visit = sum(isinstance(event, Opened) for event in folder.events)
    flags: dict[str, object] = {
        "--name": stream.name,
        "--follow": pictures,
        "--seed": seed,
        "--visit": visit,  # a session that goes on has other noise than before
        "--artifacts": ARTIFACTS,
        "--speed": clock.speed,
        "--clock-origin": repr(clock.origin_s),
        "--gallery": settings.gallery.vectors,
        "--gallery-names": settings.gallery.names,
    }
    words = [str(w) for pair in flags.items() if pair[1] is not None for w in pair]
    amplifier = stack.enter_context(AmplifierProcess(words))
    return settings.model_copy(update={**changes, "stream": stream}), _Watched(stimuli, amplifier)


def ideal(
    asked: Asked, settings: Config, gallery: Gallery, concepts: Sequence[str]
) -> IdealAccuracy | None:
    """Return what nobody can beat at telling a simulated subject's concepts apart, or None.

    The observer looks at what came before the window, too, because a pipeline's filters do.
    """
    if not asked.simulated:
        return None
    plan = simulated.Plan(seed=settings.calibration.seed, artifacts=ARTIFACTS)
    rows = [gallery.row(name) for name in concepts]
    section = settings.epochs
    first_s, last_s = section.crop_s or (section.tmin_s, section.tmax_s)
    observer = IdealObserver(simulated.subject(gallery, plan), first_s - simulated.MEMORY_S, last_s)
    return observer.accuracy(rows)


class _Watched(StimulusProcess):
    """A window that is ready when the simulated subject sees it."""

    def __init__(self, settings: StimuliSettings, amplifier: AmplifierProcess) -> None:
        super().__init__(settings)
        self._amplifier = amplifier

    def start(self, timeout_s: float = FIND_S) -> dict[str, Any]:
        """Start it, and wait until the simulated subject sees it."""
        about = super().start(timeout_s)
        self._amplifier.wait_until_seen(timeout_s)
        return about

    def poll(self, timeout_s: float) -> list[dict[str, Any]]:
        """Return the window's messages; raise if the amplifier has ended."""
        self._amplifier.check()
        return super().poll(timeout_s)
