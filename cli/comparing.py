"""A replay held against what was recorded: the same predictions to the last bit, or not.

Both are read from logs, so what is compared is what a reader of either would get.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from saccade.cli.configuration import Loaded
from saccade.cli.sections import Config, DecisionSection
from saccade.realtime.errors import RecordingError
from saccade.realtime.replay.account import Account, read_account
from saccade.realtime.replay.comparison import Comparison, compare

# Commands that a replay does not give again; marks are in the recording, like other markers.
UNREPEATED = {"pause": "pause", "reset": "forget its evidence", "swap": "swap decoders"}


def as_recorded(loaded: Loaded, account: Account) -> Config:
    """Return the settings with which a session can be repeated.

    What decides about predictions and is no part of the decoder is as it was, unless the command
    line says otherwise: labels, markers to ignore, how many concepts are told, and what is decided
    of several epochs.
    """
    config, session = loaded.config, account.session
    lengths = {len(m["top"]) for m in account.messages if m.get("type") == "prediction"}
    told = {
        "markers.labels": dict(session.get("labels", {})),
        "markers.ignore": tuple(session.get("ignore", ())),
        "output.top_k": max(lengths, default=config.output.top_k),
    }
    decision = session.get("decision")
    if decision and not any(
        key.startswith("decision.") and origin.startswith("--")
        for key, origin in loaded.origins.items()
    ):
        config = config.model_copy(update={"decision": _decision(decision)})
    sections: dict[str, dict[str, Any]] = {"markers": {}, "output": {}}
    for dotted, value in told.items():
        if not loaded.origins.get(dotted, "").startswith("--"):
            section, key = dotted.split(".")
            sections[section][key] = value
    return config.model_copy(
        update={
            name: getattr(config, name).model_copy(update=values)
            for name, values in sections.items()
        }
    )


def _decision(told: Any) -> DecisionSection:
    """Return how a session decided.

    Raises
    ------
    RecordingError
        If it does not tell what can be meant.
    """
    try:
        return DecisionSection.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RecordingError(
            f"the session tells how it decided, but decision.{place} = {first['input']!r} won't "
            f"do ({first['msg'].lower()}): was the file altered?"
        ) from error


@contextlib.contextmanager
def logged(config: Config) -> Iterator[tuple[Config, Path]]:
    """Have a session write a log: the one that is asked for, or one that is gone afterwards."""
    if config.output.log is not None:
        yield config, config.output.log
        return
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "replay.jsonl"
        output = config.output.model_copy(update={"log": log})
        yield config.model_copy(update={"output": output}), log


def compared(account: Account, log: Path) -> tuple[Comparison, list[str]]:
    """Return how a replay's log differs from a session's account, and what may be why."""
    replayed = read_account(log)
    remarks = [*_remarks(account.session, replayed.session), *_commanded(account)]
    return compare(account.messages, replayed.messages), remarks


def _commanded(account: Account) -> Iterator[str]:
    """Yield what the session was told to do that a replay is not."""
    done = {command["do"] for command in account.commands}
    told = [words for do, words in UNREPEATED.items() if do in done]
    if told:
        yield f"the session was told to {', '.join(told)}, a replay is not: what follows differs"


def _remarks(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is not as it was in the session, in words; what a session does not tell, is."""
    told, ours = before.get("decoder", {}), after["decoder"]
    if before.get("decoder_sha256", after["decoder_sha256"]) != after["decoder_sha256"] or any(
        told[key] != ours[key] for key in told.keys() & ours.keys()
    ):
        yield "the session had another decoder: this compares two decoders, not two runs of one"
    decided, decides = (json.dumps(s.get("decided_by"), sort_keys=True) for s in (before, after))
    if "decided_by" in before and decided != decides:
        yield "the session weighed evidence by other figures (decided_by): decisions differ for it"
    if before.get("gallery", after["gallery"]) != after["gallery"]:
        yield "the session had another gallery: give it with --set gallery.vectors=FILE"
    for package, version in before.get("versions", {}).items():
        if after["versions"].get(package) != version:
            yield f"the session had {package} {version}, this is {after['versions'].get(package)}"
