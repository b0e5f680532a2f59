"""What the command said that began a session, so that ``--session FOLDER`` alone goes on with it.

It stands in ``session.json``: what is not said again counts as it was said then, and what decides
what is recorded or made of it must not be said otherwise (:mod:`saccade.calibration.folder`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saccade.calibration.folder import FILE, About, read_about
from saccade.calibration.protocol import Protocol, load_protocol, protocol_from
from saccade.cli.configuration import Loaded, plain

DEFAULT_PROTOCOL = "rsvp"
# What decides what is recorded and made of it; the rest may be another when a session goes on.
DECIDES = (
    *("stream.unit", "stream.ch_names", "markers.", "pipeline.", "epochs.", "calibration."),
    *("stimuli.background", "stimuli.picture_share", "stimuli.fixation_s", "stimuli.settle_s"),
    "stimuli.answer_s",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the flags of a live session say; see ``saccade calibrate --help``.

    Where they do not, it is what the session was begun with that goes on; ``places_window`` says
    whether they do say where the window is to be.
    """

    begun: About | None
    protocol: str | None
    trials: int | None
    folder: Path | None
    auto: bool
    simulated: bool
    speed: float
    windowed: bool
    screen: int
    places_window: bool


def asked(
    begun: About | None,
    *,
    simulated: bool,
    speed: float | None,
    windowed: bool,
    screen: int | None,
    **others: Any,
) -> Asked:
    """Return what is asked for: by flags, or else by the session that goes on, or by default."""
    then = {} if begun is None else begun.given
    if begun is not None:
        simulated = simulated or begun.settings["simulated"]
        speed = begun.speed if speed is None else speed
    return Asked(
        begun,
        simulated=simulated,
        speed=1.0 if speed is None else speed,
        windowed=windowed or then.get("windowed", False),
        screen=then.get("screen", 0) if screen is None else screen,
        places_window=windowed or screen is not None,
        **others,
    )


def begun_in(folder: Path | None) -> About | None:
    """Return what the session of a folder was begun with, or None where there is none yet.

    Raises
    ------
    SessionError
        If the file is damaged or of another version.
    """
    return None if folder is None or not (folder / FILE).exists() else read_about(folder)


def settings_of(begun: About | None) -> dict[str, Any]:
    """Return the settings that a session was begun with, by dotted key."""
    then = {} if begun is None else begun.given
    return {key: value for key, value in then.items() if "." in key}


def out_of(begun: About | None) -> Path | None:
    """Return where the decoder of a session was to go that goes on."""
    then = {} if begun is None else begun.given
    return Path(then["out"]) if "out" in then else None


def protocol_asked(asked: Asked) -> Protocol:
    """Return the protocol that is asked for by name, or that a session was begun with.

    Raises
    ------
    ConfigError
        If it can't be read.
    """
    if asked.begun is not None and asked.protocol is None:
        return protocol_from(asked.begun.protocol, f"the protocol in {asked.folder}")
    return load_protocol(asked.protocol or DEFAULT_PROTOCOL)


def deciding(asked: Asked, loaded: Loaded) -> dict[str, Any]:
    """Return what must be the same whenever a session goes on."""
    settings = {key: _kept(value) for key, value, _ in loaded.values() if key.startswith(DECIDES)}
    return {"simulated": asked.simulated, **settings}


def given(asked: Asked, loaded: Loaded, out: Path) -> dict[str, Any]:
    """Return all that was said, for a session that begins; paths as they are from anywhere."""
    settings = {key: _kept(value) for key, value, by in loaded.values() if by != "default"}
    flags = {"out": _kept(out), "windowed": asked.windowed, "screen": asked.screen}
    return {**flags, **settings}


def _kept(value: Any) -> Any:
    return plain(value.resolve() if isinstance(value, Path) else value)
