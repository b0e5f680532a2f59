"""A replay held against what was recorded: the same predictions to the last bit, or not.

Both are read from logs, so what is compared is what a reader of either would get.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from saccade.cli.configuration import Config, Loaded
from saccade.realtime.replay.account import Account, read_account
from saccade.realtime.replay.comparison import Comparison, compare


def as_recorded(loaded: Loaded, account: Account) -> Config:
    """Return the settings with which a session can be repeated.

    What decides about predictions and is no part of the decoder is as it was, unless the command
    line says otherwise: labels, markers to ignore, and how many concepts are told.
    """
    config, session = loaded.config, account.session
    lengths = {len(m["top"]) for m in account.messages if m.get("type") == "prediction"}
    told = {
        "markers.labels": dict(session.get("labels", {})),
        "markers.ignore": tuple(session.get("ignore", ())),
        "output.top_k": max(lengths, default=config.output.top_k),
    }
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
    remarks = list(_remarks(account.session, replayed.session))
    return compare(account.messages, replayed.messages), remarks


def _remarks(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is not as it was in the session, in words; what a session does not tell, is."""
    told, ours = before.get("decoder", {}), after["decoder"]
    if before.get("decoder_sha256", after["decoder_sha256"]) != after["decoder_sha256"] or any(
        told[key] != ours[key] for key in told.keys() & ours.keys()
    ):
        yield "the session had another decoder: this compares two decoders, not two runs of one"
    if before.get("gallery", after["gallery"]) != after["gallery"]:
        yield "the session had another gallery: give it with --set gallery.vectors=FILE"
    for package, version in before.get("versions", {}).items():
        if after["versions"].get(package) != version:
            yield f"the session had {package} {version}, this is {after['versions'].get(package)}"
