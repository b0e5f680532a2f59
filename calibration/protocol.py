"""What a calibration session shows, when and how often: a protocol, read from TOML.

A protocol is everything that is decided before a person sits down. What follows from it and a
gallery, the order of the pictures, is a plan (:mod:`saccade.calibration.plan`).
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib.resources
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from saccade.realtime import registry
from saccade.realtime.errors import ConfigError

Kind = Literal["rsvp", "single", "external"]
BUILT_IN = ("rsvp", "single", "demo", "external")
"""Protocols that come with saccade; ``docs/calibration.md`` says what each is for."""

MOST_TRIALS = 100_000  # a week of pictures: more is a slip of the finger
NOT_EXTERNAL = (
    *("n_concepts", "n_held_out", "images", "pictures", "sequence_length", "on_s", "soa_s"),
    *("jitter_s", "catch_share", "targets"),
)


@dataclass(frozen=True, slots=True)
class Protocol:
    """Settings of a calibration session; times are seconds of the session.

    Parameters
    ----------
    kind : {"rsvp", "single", "external"}
        Sequences of pictures at a fixed rate, with questions if wanted; pictures one by one, at
        jittered intervals; or pictures that another program presents, of which there are markers.
    trials_per_block : int
        Pictures that count between two breaks, at least 1; of "rsvp" whole sequences.
    trials, repetitions : int or None
        How many pictures count in all, or how many of each concept: one of the two.
    name : str
        What the protocol is called.
    concepts : tuple of str
        What is shown; () means all of the gallery. Of "external", what may come.
    n_concepts : int or None
        So many of these, drawn by the seed; None takes all.
    held_out : tuple of str
        Concepts that are shown but kept out of training, to see what is made of the unknown.
    n_held_out : int
        So many more of those shown, drawn by the seed, are held out.
    images : str or None
        Folder that has for each concept a folder of pictures, by its name; None has them drawn.
    pictures : int
        Different pictures of a concept, shown in turn, at least 1.
    sequence_length : int or None
        Of "rsvp": pictures that count in a sequence, at least 2.
    on_s, soa_s : float
        How long a picture stays, and the time from one onset to the next, in s.
    jitter_s : float
        Of "single": to each interval comes a time drawn evenly from 0 to this, in s.
    catch_share : float, 0 to 1
        Of "rsvp": share of sequences in which a target is shown besides, that does not count. Above
        0, a question follows each sequence: was there such a thing?
    targets : tuple of str
        Concepts asked for; () takes those of the gallery that are not shown, or else those that
        the sequence does not have.
    rest_s, lead_in_s : float
        A break between blocks, and the time in which filters settle before the first picture.
        More is taken where the filters need it.
    seed : int
        Of everything that is drawn, at least 0.

    Raises
    ------
    ConfigError
        If a value is out of range, or does not belong to the kind.
    """

    kind: Kind
    trials_per_block: int
    trials: int | None = None
    repetitions: int | None = None
    name: str = ""
    concepts: tuple[str, ...] = ()
    n_concepts: int | None = None
    held_out: tuple[str, ...] = ()
    n_held_out: int = 0
    images: str | None = None
    pictures: int = 1
    sequence_length: int | None = None
    on_s: float = 0.1
    soa_s: float = 0.2
    jitter_s: float = 0.0
    catch_share: float = 0.0
    targets: tuple[str, ...] = ()
    rest_s: float = 30.0
    lead_in_s: float = 5.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what can't be shown, or what would change nothing."""
        self._check_ranges()
        if (self.trials is None) == (self.repetitions is None):
            given = "neither" if self.trials is None else "both"
            raise ConfigError(
                "a protocol says how many trials there are, or how many repetitions of each "
                f"concept, but {given} came: give one of the two"
            )
        if self.kind == "external":
            self._check_external()
        elif self.kind == "rsvp":
            self._check_sequences()
        else:
            self._refuse_foreign(("sequence_length", "catch_share", "targets"), "rsvp")
        if self.targets and not self.catch_share:
            raise ConfigError("targets are asked for only if catch_share is above 0: set it")

    def _check_ranges(self) -> None:
        for field, least, most in (
            ("trials_per_block", 1, MOST_TRIALS),
            ("trials", 1, MOST_TRIALS),
            ("repetitions", 1, MOST_TRIALS),
            ("n_concepts", 2, math.inf),
            ("n_held_out", 0, math.inf),
            ("pictures", 1, math.inf),
            ("sequence_length", 2, MOST_TRIALS),
            ("on_s", 1e-3, 60.0),
            ("soa_s", 1e-3, 600.0),
            ("jitter_s", 0.0, 600.0),
            ("catch_share", 0.0, 1.0),
            ("rest_s", 0.0, 3600.0),
            ("lead_in_s", 0.0, 600.0),
            ("seed", 0, math.inf),
        ):
            value = getattr(self, field)
            if value is not None and not least <= value <= most:
                span = f"at least {least:g}" if math.isinf(most) else f"{least:g} to {most:g}"
                raise ConfigError(
                    f"{field} of a protocol must be {span}, not {value:g}: correct it"
                )
        if self.on_s > self.soa_s:
            raise ConfigError(
                f"a picture must be gone before the next comes, but stays {self.on_s:g} s of "
                f"{self.soa_s:g} s from onset to onset: shorten on_s, or lengthen soa_s"
            )

    def _check_external(self) -> None:
        self._refuse_foreign(NOT_EXTERNAL, "rsvp or single")
        if self.repetitions is not None and not self.concepts:
            raise ConfigError(
                "repetitions of what another program shows can be counted only if the protocol "
                "names its concepts: give concepts, or trials"
            )

    def _check_sequences(self) -> None:
        if self.sequence_length is None:
            raise ConfigError("a protocol of kind rsvp needs sequence_length, as 20: add it")
        if self.trials_per_block % self.sequence_length:
            whole = max(1, round(self.trials_per_block / self.sequence_length))
            raise ConfigError(
                f"a block has whole sequences, but {self.trials_per_block} trials are not a "
                f"multiple of {self.sequence_length}: say trials_per_block = "
                f"{whole * self.sequence_length}"
            )
        self._refuse_foreign(("jitter_s",), "single")

    def _refuse_foreign(self, fields: tuple[str, ...], kind: str) -> None:
        defaults = {f.name: f.default for f in dataclasses.fields(self)}
        foreign = [name for name in fields if getattr(self, name) != defaults[name]]
        if foreign:
            raise ConfigError(
                f"{', '.join(foreign)} would change nothing in a protocol of kind {self.kind}: "
                f"leave it out, or take kind {kind}"
            )

    def asdict(self) -> dict[str, Any]:
        """Return what is not left at its default, JSON- and TOML-ready."""
        return {
            field.name: list(value) if isinstance(value, tuple) else value
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) != field.default
        }

    def to_toml(self) -> str:
        """Return the protocol as TOML, for :func:`load_protocol` to read back."""
        # What JSON writes of numbers, text and lists of text is TOML, too, but for one character.
        return "".join(
            f"{key} = {json.dumps(value, ensure_ascii=False)}\n".replace("\x7f", "\\u007f")
            for key, value in self.asdict().items()
        )


def load_protocol(name_or_path: str) -> Protocol:
    """Return a built-in protocol by its name, or one from a file.

    Parameters
    ----------
    name_or_path : str
        One of :data:`BUILT_IN`, or the path of a TOML file.

    Raises
    ------
    ConfigError
        If there is none, it can't be read, or a key or value is wrong.
    """
    path = Path(name_or_path)
    if name_or_path in BUILT_IN:
        folder = importlib.resources.files("saccade.calibration").joinpath("protocols")
        content = folder.joinpath(f"{name_or_path}.toml").read_bytes()
    elif path.suffix == ".toml":
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ConfigError(f"no protocol can be read at {path}: {error.strerror}") from error
    else:
        near = difflib.get_close_matches(name_or_path, BUILT_IN, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(BUILT_IN)}"
        raise ConfigError(
            f"there is no protocol '{name_or_path}' ({hint}); one of your own is a file that "
            "ends in .toml"
        )
    try:
        table = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} is not valid TOML: {error}") from error
    return protocol_from({"name": path.stem} | table, f"the protocol {path.name}")


def protocol_from(table: Mapping[str, Any], where: str) -> Protocol:
    """Return a protocol made of what TOML or JSON can hold.

    Raises
    ------
    ConfigError
        If a key is unknown, a value of the wrong type or out of range; ``where`` begins it.
    """
    protocol: Protocol = registry.build_settings(Protocol, table, where)
    return protocol
