"""What a decoder learns of its user: at export from recorded trials, or in each session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast, get_args

import numpy as np

from saccade.cli import common
from saccade.models.alignment.adapt import LABELLED, AdaptationKind, adapt, with_running
from saccade.models.decoders.manifest import (
    MEMORY_TRIALS,
    OnlineAlignment,
    OnlineKind,
    RunningAlignment,
    RunningPart,
)
from saccade.realtime.errors import ConfigError

if TYPE_CHECKING:
    from saccade.models.data.signals import SignalSet
    from saccade.models.decoders.decoder_file import DecoderFile


def kinds_of(align: str | None, *, trials: bool) -> tuple[AdaptationKind, ...]:
    """Return what ``--align`` asks for, in the order in which it is learned.

    Parameters
    ----------
    align : str or None
        Kinds by commas.
    trials : bool
        Whether there are trials to learn from.

    Raises
    ------
    ConfigError
        If there is no such kind, two would be of vectors, or there are no trials.
    """
    asked = common.listed(align) or ()
    vectors = [kind for kind in asked if kind != "euclidean"]
    unknown = set(asked) - set(get_args(AdaptationKind))
    if unknown or len(vectors) > 1 or len(set(asked)) < len(asked):
        raise ConfigError(
            "--align takes euclidean, whitening, procrustes or linear, or euclidean and one of the "
            f"others, not {align!r}"
        )
    if asked and not trials:
        raise ConfigError(
            f"--align {align} learns from trials of a person, but none came: name the person's "
            "sessions with --calibrate-on"
        )
    in_order = sorted(asked, key=lambda kind: kind != "euclidean")
    return tuple(cast("AdaptationKind", kind) for kind in in_order)


def online_of(
    online: str | None, after: int | None, kinds: Sequence[AdaptationKind]
) -> OnlineAlignment | None:
    """Return what ``--online`` and ``--after`` ask for; None without them.

    Raises
    ------
    ConfigError
        If one came without the other, there is no such kind, or vectors are aligned already.
    """
    if (online is None) != (after is None):
        raise ConfigError(
            "--online and --after say together what is learned from how many epochs, as in "
            "--online whitening --after 50, but one came alone: give both"
        )
    if online is None or after is None:
        return None
    if online not in get_args(OnlineKind):
        raise ConfigError(f"--online takes {' or '.join(get_args(OnlineKind))}, not {online!r}")
    fixed = [kind for kind in kinds if kind != "euclidean"]
    if fixed:
        raise ConfigError(
            f"vectors are aligned once, but --align {fixed[0]} and --online {online} came: leave "
            "one out"
        )
    return OnlineAlignment(cast("OnlineKind", online), after)


def parts_of(
    running: str | None,
    memory: float | None,
    online: str | None,
    *,
    trials: bool,
) -> tuple[RunningPart, ...]:
    """Return what ``--running`` asks to be followed; nothing without it.

    Raises
    ------
    ConfigError
        If there is no such part, trials to begin from are missing, or the user is learned twice.
    """
    parts = common.listed(running) or ()
    if memory is not None and not parts:
        raise ConfigError("--memory says how long --running remembers, but that is not given")
    if set(parts) - set(get_args(RunningPart)) or len(set(parts)) < len(parts):
        raise ConfigError(f"--running takes signal and mean, each once by commas, not {running!r}")
    if parts and online is not None:
        raise ConfigError(
            f"a user is learned once or throughout, but --online {online} and --running {running} "
            "came: leave one out"
        )
    if "mean" in parts and not trials:
        raise ConfigError(
            f"--running {running} must know where the vectors of a person are in calibration, but "
            "no trials came: name the person's sessions with --calibrate-on"
        )
    return tuple(cast("RunningPart", part) for part in parts)


def following(
    decoder: DecoderFile,
    trials: SignalSet | None,
    parts: tuple[RunningPart, ...],
    memory: float | None,
) -> DecoderFile:
    """Return a decoder that follows its user; trials are as for :func:`aligned`."""
    epochs = None if trials is None else trials.signals(np.arange(len(trials.table)))
    return with_running(decoder, parts, memory or MEMORY_TRIALS, epochs)


def aligned(
    decoder: DecoderFile, trials: SignalSet, kinds: Sequence[AdaptationKind]
) -> DecoderFile:
    """Return a decoder that knows its user.

    Parameters
    ----------
    decoder : DecoderFile
        As trained on others.
    trials : SignalSet
        The user's, with the decoder's channels in its order, not whitened.
    kinds : sequence of str
        As from :func:`kinds_of`.

    Raises
    ------
    CalibrationError, GalleryError
        As for :func:`saccade.models.alignment.adapt.adapt`.
    """
    table = trials.table
    epochs = trials.signals(np.arange(len(table)))
    labels = [table.concept_names[index] for index in table.concept]
    for kind in kinds:
        decoder = adapt(decoder, epochs, kind, labels if kind in LABELLED else None)
    return decoder


def alignment_lines(decoder: DecoderFile) -> list[str]:
    """Return how a decoder is aligned to its user, in words; nothing where it is not."""
    lines = [
        f"alignment    {note['kind']}, learned from {note['trials']} trials"
        for note in decoder.calibration.get("adaptations", ())
    ]
    online = decoder.online
    if isinstance(online, RunningAlignment):
        lines.append(
            f"alignment    follows {' and '.join(online.parts)}, over some "
            f"{online.memory_trials:g} good epochs"
        )
    elif online is not None:
        lines.append(
            f"alignment    {online.kind}, learned from the first {online.n_trials} good epochs of "
            "each session"
        )
    return lines
