"""A session that can be commanded: its control socket, and the check of a decoder to take over.

Concurrent activities: the control socket has a thread of its own, and one more reads a decoder
that is to take over (:mod:`saccade.realtime.control.server`); the session's loop waits for neither.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pylsl

from saccade.cli import common, wiring
from saccade.cli.sections import Config
from saccade.models.decoders import decoder_file
from saccade.models.decoders.decoder import RetrievalDecoder
from saccade.models.decoders.decoder_file import DecoderFile, signature_problems
from saccade.realtime.control.commands import Commands
from saccade.realtime.control.requests import Prepare, Prepared
from saccade.realtime.control.server import ControlServer
from saccade.realtime.errors import ControlError, SignatureMismatch
from saccade.realtime.pipeline import settings_from_spec, to_spec


@dataclasses.dataclass(frozen=True, slots=True)
class Commanded:
    """A session's control socket.

    Parameters
    ----------
    name : str or None
        By which ``saccade ctl`` finds it; None where it takes no commands.
    obey : callable
        For the loop to call after each step; does what was asked for meanwhile.
    """

    name: str | None
    obey: Callable[[], None]


@contextlib.contextmanager
def commanded(session: wiring.Session, settings: Config) -> Iterator[Commanded]:
    """Open a session's control socket, for the block.

    Where no name or port is asked for, a session that can't have one goes on without.

    Parameters
    ----------
    session : Session
        What is commanded; until it has begun, commands wait.
    settings : Config
        Of the session.

    Raises
    ------
    ControlError
        If the name or port that is asked for can't be had.
    """
    s = settings.control
    commands = Commands()
    if not s.enabled:
        yield Commanded(None, lambda: None)
        return
    try:
        server = ControlServer(commands, preparing(session, settings), s.name, s.port)
    except ControlError as error:
        if s.name is not None or s.port:
            raise
        common.say(f"saccade: no commands are taken: {error}")
        yield Commanded(None, lambda: None)
        return
    with server:
        yield Commanded(server.name, lambda: commands.obey(session.engine))


def preparing(session: wiring.Session, settings: Config) -> Prepare:
    """Return what reads a decoder file and refuses one that can't take over in a session."""

    def prepare(path: Path) -> Prepared:
        if not hasattr(session.engine, "spec"):
            raise ControlError("no decoder can take over before the session has begun: wait")
        file = decoder_file.load(path)
        problems = swap_problems(file, session)
        if problems:
            raise SignatureMismatch(
                f"{path.name} does not fit the running session: {'; '.join(problems)}: calibrate "
                "it for these, or start a new session with it"
            )
        decoder = RetrievalDecoder(
            file,
            clock=pylsl.local_clock,
            gallery=session.decoder.gallery,
            top_k=settings.output.top_k,
        )
        _, evidence = session.as_decided(file)
        told = None if evidence is None else dataclasses.asdict(evidence)
        sha256 = wiring.fingerprint(file)
        about = {"file": str(path), "decoder_sha256": sha256, "decided_by": told}
        return Prepared(decoder, evidence, about)

    return prepare


def swap_problems(file: DecoderFile, session: wiring.Session) -> list[str]:
    """Return all that keeps a decoder from taking over in a session; empty if it fits.

    Filters, epochs and gallery are the session's and go on, so they must be the decoder's too.

    Raises
    ------
    ConfigError
        If what the session decides can't be had with this decoder.
    """
    engine = session.engine
    problems = signature_problems(file, engine.spec)
    ours, theirs = to_spec(engine.pipeline.settings), to_spec(settings_from_spec(file.pipeline))
    problems += _differences("pipeline", _by_block(ours), _by_block(theirs))
    cut = dataclasses.asdict(engine.epocher.settings)
    would_cut, _ = session.as_decided(file)
    problems += _differences("epochs", cut, dataclasses.asdict(would_cut))
    gallery, own = session.decoder.gallery, session.file.gallery
    if gallery.digest == own.digest and file.gallery.digest != own.digest:
        problems.append(
            f"gallery of {len(own)} concepts ({own.digest[:12]}) expected, one of "
            f"{len(file.gallery)} ({file.gallery.digest[:12]}) came"
        )
    return problems


def _by_block(pipeline: dict[str, Any]) -> dict[str, Any]:
    """Return a pipeline with each of its blocks under a key of its own."""
    blocks = {f"block {n} ({b['block']})": b for n, b in enumerate(pipeline["blocks"], 1)}
    return {key: value for key, value in pipeline.items() if key != "blocks"} | blocks


def _differences(what: str, expected: dict[str, Any], came: dict[str, Any]) -> list[str]:
    problems = []
    for key in {**expected, **came}:
        ours, theirs = expected.get(key), came.get(key)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            problems += _differences(f"{what} {key}", ours, theirs)
        elif ours != theirs:
            problems.append(f"{what} {key} {_short(ours)} expected, {_short(theirs)} came")
    return problems


def _short(value: Any) -> str:
    text = common.in_words(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
