"""A chain of causal blocks, built from a specification that a decoder file can hold.

Every stream passes :class:`~saccade.realtime.continuity.Continuity` (gaps are flagged) and
:class:`~saccade.realtime.blocks.guard.Guard` (what is no measurement is held); no specification
can leave them out. The blocks named in it follow, in its order, save that a ``select`` that comes
first stands before the guard: what is wrong with a channel that nobody uses flags nothing.

A block's class is found by its entry point in ``saccade.blocks``. It declares its settings class
in its body (``settings: XSettings``), takes them as its only argument, and may have a method
``settled_s(input_s)``: when its output is settled after a restart, in seconds, if its input is
after ``input_s``.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from saccade.realtime import registry
from saccade.realtime.blocks.guard import Guard, GuardSettings
from saccade.realtime.continuity import Continuity, ContinuitySettings
from saccade.realtime.errors import ConfigError
from saccade.realtime.protocols import Block
from saccade.realtime.types import Chunk, StreamSpec

GROUP = "saccade.blocks"


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """What a pipeline does to a stream.

    Parameters
    ----------
    gap_s : float or None
        See :class:`~saccade.realtime.continuity.ContinuitySettings`.
    rail_uv : float
        See :class:`~saccade.realtime.blocks.guard.GuardSettings`.
    blocks : tuple of (str, settings)
        Name and settings of each block, in order.
    """

    gap_s: float | None = None
    rail_uv: float = 1e6
    blocks: tuple[tuple[str, Any], ...] = ()


class Pipeline:
    """Continuity, guard, and the blocks of the settings.

    Attributes
    ----------
    flagged : int
        Samples so far that came with, or earned, a flag up to the guard: after a gap, not finite,
        clipped. Counted at the input's rate.
    """

    def __init__(self, settings: PipelineSettings) -> None:
        self.settings = settings
        self._continuity = Continuity(ContinuitySettings(settings.gap_s))
        self._guard = Guard(GuardSettings(settings.rail_uv))
        self._blocks: list[tuple[str, Block]] = [
            (name, registry.load(GROUP, name)(block)) for name, block in settings.blocks
        ]

    def reset(self, spec: StreamSpec) -> StreamSpec:
        """Prepare all blocks for a stream; return the spec of the output.

        Raises
        ------
        SaccadeError
            If a block can't work on the stream that reaches it; the block says why.
        """
        self._specs = []
        for _, block in self._chain():
            spec = block.reset(spec)
            self._specs.append(spec)
        self.flagged = 0
        return spec

    def step(self, chunk: Chunk) -> Chunk:
        """Return the output for these samples; an empty chunk changes nothing."""
        for _, block in self._chain():
            chunk = block.step(chunk)
            if block is self._guard:
                self.flagged += int(np.count_nonzero(chunk.flags))
        return chunk

    @property
    def lost(self) -> int:
        """Samples estimated to be missing, at the input's rate."""
        return self._continuity.lost

    @property
    def gaps(self) -> int:
        """Gaps and clock steps seen."""
        return self._continuity.gaps

    @property
    def settling_s(self) -> float:
        """For how long after a restart the output carries ``Flag.SETTLING``, in seconds."""
        settled_s = 0.0
        for _, block in self._blocks:
            settle = getattr(block, "settled_s", None)
            settled_s = settle(settled_s) if settle else settled_s
        return settled_s

    @property
    def look_ahead_s(self) -> float:
        """By how much an output sample's stamp lies before the newest input it needs, in s.

        A block of constant delay moves its stamps back by it (``look_ahead_s`` of the block).
        """
        return sum(getattr(block, "look_ahead_s", 0.0) for _, block in self._blocks)

    def delay_ms(self, freq_hz: float = 10.0) -> float:
        """Return by how many ms a component at this frequency comes out late."""
        return 1e3 * sum(block.delay_s(freq_hz) for _, block in self._blocks)

    def describe(self) -> list[dict[str, Any]]:
        """Return what each block does, in order, JSON-ready, once the pipeline is reset.

        Returns
        -------
        list of dict
            ``block`` (name), ``settings``, and of its output ``sfreq`` in Hz and
            ``n_channels``; ``delay_ms`` is what it adds at 10 Hz.
        """
        return [
            {
                "block": name,
                "settings": _plain(dataclasses.asdict(block.settings)),
                "sfreq": spec.sfreq,
                "n_channels": spec.n_channels,
                "delay_ms": 1e3 * block.delay_s(10.0),
            }
            for (name, block), spec in zip(self._chain(), self._specs, strict=True)
        ]

    def _chain(self) -> Iterator[tuple[str, Block]]:
        selects = 1 if self._blocks and self._blocks[0][0] == "select" else 0
        yield "continuity", self._continuity
        yield from self._blocks[:selects]
        yield "guard", self._guard
        yield from self._blocks[selects:]


def settings_from_spec(spec: Mapping[str, Any]) -> PipelineSettings:
    """Return the settings that a JSON- or TOML-ready mapping describes.

    Parameters
    ----------
    spec : mapping
        ``gap_s``, ``rail_uv`` and ``blocks``, a list of mappings that hold ``block`` (the name)
        and the block's settings. What is left out takes its default, so a null may be.

    Raises
    ------
    ConfigError
        If a key or block is unknown, or a value is of the wrong type; it says where.
    """
    entries = spec.get("blocks", [])
    if not isinstance(entries, list | tuple):
        raise ConfigError(f"blocks of the pipeline must be a list, not {entries!r}: correct it")
    rest = {key: value for key, value in spec.items() if key != "blocks"}
    settings: PipelineSettings = registry.build_settings(PipelineSettings, rest, "the pipeline")
    blocks = tuple(_block(entry, i) for i, entry in enumerate(entries, start=1))
    return dataclasses.replace(settings, blocks=blocks)


def to_spec(settings: PipelineSettings) -> dict[str, Any]:
    """Return a JSON-ready mapping that :func:`settings_from_spec` reads back.

    TOML has no null: a writer leaves out what is None, which is the default wherever None is
    allowed.
    """
    return {
        "gap_s": settings.gap_s,
        "rail_uv": settings.rail_uv,
        "blocks": [
            {"block": name, **_plain(dataclasses.asdict(block))} for name, block in settings.blocks
        ],
    }


def _block(entry: Any, position: int) -> tuple[str, Any]:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("block"), str):
        raise ConfigError(
            f"block {position} of the pipeline must be a mapping with a name under 'block', "
            f"not {entry!r}"
        )
    name = entry["block"]
    where = f"block {position} ({name}) of the pipeline"
    try:
        block_type = registry.load(GROUP, name)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    values = {key: value for key, value in entry.items() if key != "block"}
    settings_type = typing.get_type_hints(block_type)["settings"]
    return name, registry.build_settings(settings_type, values, where)


def _plain(value: Any) -> Any:
    """Return a value with lists for tuples, as JSON and TOML have them."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
