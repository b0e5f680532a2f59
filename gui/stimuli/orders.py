"""What the stimulus window can be told to do: one JSON object a line, anything else is refused.

``{"do": "block", "number": 1, "of": 6, "lead_in_s": 5.0, "sequences": [{"number": 4,
"trials": [{"trial": 17, "concept": "cat", "picture": 0, "on_s": 0.1, "soa_s": 0.2,
"catch": false}], "question": {"target": "dog", "seen": true}}]}``
    Show a block.
``{"do": "rest", "seconds": 30, "title": "…", "text": "…"}``
    Count down.
``{"do": "text", "title": "…", "text": "…"}``
    Show a text until the next order.
``{"do": "stop"}``
    Break off whatever is being shown.
``{"do": "end"}``
    Close. So does the end of the input.

The first three may have a number, ``"order": 7``, which what is told about them has, too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from saccade.realtime.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Trial:
    """One picture.

    Parameters
    ----------
    trial : int
        Its number in the plan.
    concept : str
        What it shows; the value of its marker.
    picture : int
        Which of the concept's pictures.
    on_s, soa_s : float
        How long it is on, and how long from its onset to the next one's, in seconds.
    catch : bool
        Shown to keep the person attentive: it counts for nothing and sends no marker.
    """

    trial: int
    concept: str
    picture: int
    on_s: float
    soa_s: float
    catch: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """Whether a concept was among the pictures: asked after a sequence, with the true answer."""

    target: str
    seen: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """Pictures without a break between them."""

    number: int
    trials: tuple[Trial, ...]
    question: Question | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Sequences after each other, begun by a fixation mark for ``lead_in_s`` seconds."""

    number: int
    of: int
    sequences: tuple[Sequence, ...]
    lead_in_s: float
    order: int = 0


@dataclass(frozen=True, slots=True)
class Rest:
    """A countdown."""

    seconds: float
    title: str = ""
    text: str = ""
    order: int = 0


@dataclass(frozen=True, slots=True)
class Text:
    """A text, until the next order."""

    title: str = ""
    text: str = ""
    order: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """Break off what is being shown."""


@dataclass(frozen=True, slots=True)
class End:
    """Close the window."""


Order = Block | Rest | Text | Stop | End
_KINDS = {"block": Block, "rest": Rest, "text": Text, "stop": Stop, "end": End}


def read_order(line: str | bytes) -> Order:
    """Return what a line asks for.

    Raises
    ------
    ConfigError
        If it can't be done, in a sentence for the one who sent it.
    """
    try:
        content = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"an order should be one JSON object a line: {error}") from error
    kind = content.pop("do", None) if isinstance(content, dict) else None
    if kind not in _KINDS:
        raise ConfigError(f'an order\'s "do" is one of {", ".join(_KINDS)}, not {kind!r}')
    try:
        if kind == "block":
            return _block(content)
        order: Order = _KINDS[kind](**content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"this is no '{kind}': {type(error).__name__}: {error}") from error
    if isinstance(order, Rest) and not 0 <= order.seconds <= 3600:
        raise ConfigError(f"a rest lasts 0 to 3600 s, not {order.seconds:g}")
    return order


def _block(content: Mapping[str, Any]) -> Block:
    sequences = tuple(_sequence(sequence) for sequence in content["sequences"])
    if not sequences or not all(sequence.trials for sequence in sequences):
        raise ConfigError(
            f"block {content['number']} should have sequences, each of at least one picture: give "
            "it trials"
        )
    lead_in_s = float(content.get("lead_in_s", 0.0))
    if not 0 <= lead_in_s <= 600:
        raise ConfigError(f"a block's lead-in lasts 0 to 600 s, not {lead_in_s:g}")
    number, of, order = int(content["number"]), int(content["of"]), int(content.get("order", 0))
    return Block(number, of, sequences, lead_in_s, order)


def _sequence(content: Mapping[str, Any]) -> Sequence:
    question = content.get("question")
    return Sequence(
        int(content["number"]),
        tuple(_trial(trial) for trial in content["trials"]),
        None if question is None else Question(str(question["target"]), bool(question["seen"])),
    )


def _trial(content: Mapping[str, Any]) -> Trial:
    trial = Trial(**content)
    if not (isinstance(trial.concept, str) and trial.concept):
        raise ConfigError(f"trial {trial.trial} needs the name of a concept, not {trial.concept!r}")
    if not (math.isfinite(trial.soa_s) and 0 < trial.on_s <= trial.soa_s):
        raise ConfigError(
            f"trial {trial.trial} should be on for more than 0 s and at most from its onset to "
            f"the next, but on_s is {trial.on_s:g} and soa_s {trial.soa_s:g}"
        )
    return trial
