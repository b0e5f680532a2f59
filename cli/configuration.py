"""One session's settings: a TOML file, overridden by flags, each value knowing its origin.

Pydantic checks types and names here, at the edge; what the core gets are its own frozen
settings. Nothing is read from the environment, so a session is what its file and its command
line say. TOML knows no null, so the text "none" stands for it: ``low_hz = "none"``.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from saccade.cli.sections import Config, EpochsSection, PipelineSection
from saccade.realtime.errors import ConfigError


@dataclass(frozen=True)
class Loaded:
    """A configuration, with the origin of every value that is not a default, by dotted key."""

    config: Config
    origins: Mapping[str, str]

    def refuse(self, prefixes: tuple[str, ...], why: str) -> None:
        """Refuse settings that a command line gives, but its verb would not look at.

        A file may hold them, for it serves all verbs of a session.

        Parameters
        ----------
        prefixes : tuple of str
            First parts of the keys that are meant.
        why : str
            Why they would change nothing.

        Raises
        ------
        ConfigError
            Naming the settings.
        """
        given = [
            k for k, o in self.origins.items() if o.startswith("--") and k.startswith(prefixes)
        ]
        if given:
            raise ConfigError(f"{', '.join(given)} would change nothing here: {why}")

    def values(self) -> Iterator[tuple[str, Any, str]]:
        """Yield (dotted key, value, origin) of every setting."""
        for section in Config.model_fields:
            for key, value in getattr(self.config, section):
                dotted = f"{section}.{key}"
                yield dotted, value, self.origins.get(dotted, "default")


def load(
    path: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    settings: Sequence[str] = (),
    before: Mapping[str, Any] | None = None,
) -> Loaded:
    """Read a configuration.

    Parameters
    ----------
    path : Path, optional
        The session's TOML file.
    flags : mapping of str to Any, optional
        Dotted key → value, as the command line gave it; None and empty values count as not given.
    settings : sequence of str
        ``SECTION.KEY=VALUE`` of the ``--set`` flags; they override the others.
    before : mapping of str to Any, optional
        Dotted key → value, of a session that goes on; all others override them.

    Raises
    ------
    ConfigError
        If the file can't be read, or a key or value is wrong; with the key, the value, and where
        it came from.
    """
    tree: dict[str, dict[str, Any]] = {}
    origins: dict[str, str] = {}
    for dotted, value in (before or {}).items():
        section, key = dotted.split(".")
        tree.setdefault(section, {})[key] = value
        origins[dotted] = "session.json"
    if path is not None:
        for section, values in _read(path).items():
            if not isinstance(values, dict):
                raise ConfigError(
                    f"{path.name}: settings stand in sections such as [stream], "
                    f"but '{section}' stands alone: move it into one"
                )
            tree.setdefault(section, {}).update(values)
            origins |= {f"{section}.{key}": path.name for key in values}
    for dotted, value in (flags or {}).items():
        if value is None or value == () or value == [] or value == {}:
            continue
        section, key = dotted.split(".")
        tree.setdefault(section, {})[key] = value
        origins[dotted] = "--" + _FLAG_NAMES.get(dotted, key).replace("_", "-")
    for dotted, value in _overrides(settings).items():
        section, key = dotted.split(".")
        tree.setdefault(section, {})[key] = value
        origins[dotted] = "--set"
    for values in tree.values():
        values |= {key: None for key, value in values.items() if value == "none"}
    try:
        loaded = Loaded(Config.model_validate(tree), origins)
    except ValidationError as error:
        raise ConfigError(_explain(error, origins)) from error
    if loaded.config.gallery.vectors is None and loaded.config.gallery.names is None:
        keys = ("gallery.backbone", "gallery.weights", "gallery.kind")
        loaded.refuse(keys, "they describe a gallery, but none is given with --gallery")
    if loaded.config.calibration.pretrained is not None:
        cut = tuple(f"epochs.{key}" for key in EpochsSection.model_fields)
        loaded.refuse(("pipeline.", *cut), "--pretrained brings its own pipeline and window")
    if not loaded.config.calibration.running:
        alone = ("calibration.memory_trials",)
        loaded.refuse(alone, "it is of calibration.running, or --running, which is not given")
    if loaded.config.decision.mode is None:
        loaded.refuse(("decision.",), "nothing is decided without decision.mode, or --decide")
    elif loaded.config.decision.mode != "sliding":
        loaded.refuse(("decision.hop_s",), "only mode 'sliding' cuts windows without markers")
    if loaded.config.pipeline.blocks is not None:
        chain = tuple(f"pipeline.{key}" for key in CHAIN_KEYS)
        loaded.refuse(chain, "pipeline.blocks replaces the chain they belong to")
    return loaded


OF_THE_DECODER = (
    "pipeline.",
    "calibration.",
    *(f"epochs.{key}" for key in EpochsSection.model_fields),
)
CHAIN_KEYS = (
    *("line_hz", "low_hz", "high_hz", "order", "bads", "repair", "asr_cutoff"),
    *("reference", "resample_hz"),
)
# What only a recording can tell, and so only calibrate and train on recordings look at.
LEARNED_KEYS = ("pipeline.asr_cutoff", "epochs.potato_z")


# A timing test takes the jitter out of stamps, as a session would, and looks at nothing else of it.
NOT_OF_TIMING = (
    *("gallery.", "calibration.", "epochs.", "markers.", "verdict."),
    *(f"pipeline.{key}" for key in PipelineSection.model_fields if key != "dejitter"),
)


def _overrides(settings: Sequence[str]) -> dict[str, Any]:
    """Return ``section.key=value`` texts as flags; the value is TOML, or else plain text.

    Raises
    ------
    ConfigError
        If one has no section or no value.
    """
    flags: dict[str, Any] = {}
    for text in settings:
        dotted, equals, value = text.partition("=")
        if not equals or dotted.count(".") != 1:
            raise ConfigError(
                f"--set should be SECTION.KEY=VALUE, as epochs.tmax_s=0.6, not '{text}'"
            )
        try:
            flags[dotted] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            flags[dotted] = value
    return flags


def plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, Path):
        return str(value)
    return [plain(item) for item in value] if isinstance(value, tuple) else value


# Flags that are not called after their key.
_FLAG_NAMES = {
    "control.enabled": "no-control",
    "control.name": "control",
    "calibration.memory_trials": "memory",
    "calibration.budget_min": "budget",
    "decision.mode": "decide",
    "stream.name": "stream",
    "stream.type": "stream-type",
    "markers.names": "markers",
    "markers.labels": "label",
    "pipeline.asr_cutoff": "asr",
    "epochs.potato_z": "potato",
    "gallery.vectors": "gallery",
    "gallery.names": "gallery-names",
}


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(
            f"no configuration can be read at {path}: {error.strerror or error}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} is not valid TOML: {error}") from error


def _explain(error: ValidationError, origins: Mapping[str, str]) -> str:
    """Say in one line what the first of pydantic's complaints is about."""
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    key = ".".join(place[:2])
    origin = origins.get(key) or next(
        (o for k, o in origins.items() if k.startswith(f"{key}.")), "the configuration"
    )
    if first["type"] == "extra_forbidden":
        known = list(Config.model_fields)
        if len(place) > 1:
            known = list(Config.model_fields[place[0]].annotation.model_fields)  # type: ignore[union-attr]
        near = difflib.get_close_matches(place[-1], known, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"
        return f"{origin}: there is no setting '{'.'.join(place)}': {hint}"
    return f"{origin}: {key} = {first['input']!r} won't do: {first['msg'].lower()}"
