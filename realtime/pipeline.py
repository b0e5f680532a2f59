"""A chain of causal blocks, built from a specification that a decoder file can hold.

Every stream passes :class:`~saccade.realtime.timing.continuity.Continuity` (gaps are flagged) and
:class:`~saccade.realtime.blocks.guard.Guard` (what is no measurement is held); no specification
can leave them out. Behind them :class:`~saccade.realtime.timing.fill.Fill` bridges short gaps, if
asked to. The blocks named in the specification follow, in its order, save that a ``select`` that
comes first stands before the guard: what is wrong with a channel that nobody uses flags nothing.
Nor does what is wrong with one that a ``repair`` is told of.

A block's class is found by its entry point in ``saccade.blocks``. It declares its settings class
in its body (``settings: XSettings``), takes them as its only argument, and may have two methods
that say how long a restart can be seen, in seconds, if it can be in the input for ``input_s``:
``settled_s(input_s)`` until it is below 1 %, ``recovered_s(input_s)`` until it is below what
float32 resolves. A block that remembers nothing needs neither.
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
from saccade.realtime.errors import ConfigError
from saccade.realtime.protocols import Block
from saccade.realtime.timing.continuity import Continuity, ContinuitySettings
from saccade.realtime.timing.fill import Fill, FillSettings
from saccade.realtime.timing.stream_timing import timing_report
from saccade.realtime.types import Chunk, Flag, StreamSpec

GROUP = "saccade.blocks"
_FILLED = np.uint16(Flag.FILLED)


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """What a pipeline does to a stream.

    Parameters
    ----------
    gap_s, dejitter : float or None, bool
        See :class:`~saccade.realtime.timing.continuity.ContinuitySettings`.
    rail_uv : float
        See :class:`~saccade.realtime.blocks.guard.GuardSettings`.
    fill_s : float
        See :class:`~saccade.realtime.timing.fill.FillSettings`. Here none is filled by default, nor
        is jitter taken out: a decoder file that says nothing of them was made without.
    blocks : tuple of (str, settings)
        Name and settings of each block, in order.
    """

    gap_s: float | None = None
    rail_uv: float = 1e6
    fill_s: float = 0.0
    dejitter: bool = False
    blocks: tuple[tuple[str, Any], ...] = ()


class Pipeline:
    """Continuity, guard, fill, and the blocks of the settings.

    Attributes
    ----------
    flagged : int
        Samples received so far that came with, or earned, a flag before the first of the settings'
        blocks: after a gap that was not filled, not finite, clipped. At the input's rate.
    """

    def __init__(self, settings: PipelineSettings) -> None:
        self.settings = settings
        self._continuity = Continuity(ContinuitySettings(settings.gap_s, settings.dejitter))
        known_bad = [bad for name, s in settings.blocks if name == "repair" for bad in s.bads]
        self._guard = Guard(GuardSettings(settings.rail_uv, tuple(known_bad)))
        self._fill: Fill | None = None
        if settings.fill_s:
            self._fill = Fill(FillSettings(settings.fill_s), self._continuity.missing)
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
        last = self._fill or self._guard
        for _, block in self._chain():
            chunk = block.step(chunk)
            if block is last:
                self.flagged += int(np.count_nonzero(chunk.flags & ~_FILLED))
        return chunk

    @property
    def lost(self) -> int:
        """Samples estimated never to have come, filled or not, at the input's rate."""
        return self._continuity.counts.lost

    @property
    def gaps(self) -> int:
        """Gaps and clock steps seen, filled or not."""
        return self._continuity.counts.gaps

    @property
    def filled(self) -> int:
        """Samples put in over short gaps, at the input's rate."""
        return self._fill.filled if self._fill else 0

    @property
    def timing(self) -> dict[str, int]:
        """What was seen in the time stamps, by rule, beside ``lost``."""
        counts = dataclasses.asdict(self._continuity.counts)
        del counts["lost"]
        return counts

    def timing_report(self) -> dict[str, Any]:
        """Return how the stream keeps time; see :mod:`~saccade.realtime.timing.stream_timing`."""
        return timing_report(self._continuity)

    @property
    def settling_s(self) -> float:
        """For how long after a restart the output carries ``Flag.SETTLING``, in seconds.

        In that time what the restart left falls to 1 % of what it was.
        """
        return self._until("settled_s")

    @property
    def recovery_s(self) -> float:
        """When after a restart the output is, to float32 rounding, that of an undisturbed run.

        In seconds; in that time what the restart left falls to 2^-24 of what it was.
        """
        return self._until("recovered_s")

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

    def reports(self) -> dict[str, dict[str, Any]]:
        """Return what blocks tell of their work so far, by their name; JSON-ready.

        A block may have a method ``report()`` for it; two of one name are told apart by a number.
        """
        reports: dict[str, dict[str, Any]] = {}
        for name, block in self._blocks:
            report = getattr(block, "report", None)
            if report is not None:
                again = sum(known.split(" ")[0] == name for known in reports)
                reports[f"{name} {again + 1}" if again else name] = report()
        return reports

    def _until(self, method: str) -> float:
        """Return for how long a restart can be seen behind all blocks."""
        seen_s = 0.0
        for _, block in self._blocks:
            after = getattr(block, method, None)
            seen_s = after(seen_s) if after else seen_s
        return seen_s

    def _chain(self) -> Iterator[tuple[str, Block]]:
        selects = 1 if self._blocks and self._blocks[0][0] == "select" else 0
        yield "continuity", self._continuity
        yield from self._blocks[:selects]
        yield "guard", self._guard
        if self._fill:
            yield "fill", self._fill
        yield from self._blocks[selects:]


def settings_from_spec(spec: Mapping[str, Any]) -> PipelineSettings:
    """Return the settings that a JSON- or TOML-ready mapping describes.

    Parameters
    ----------
    spec : mapping
        ``gap_s``, ``rail_uv``, ``fill_s``, ``dejitter`` and ``blocks``, a list of mappings that
        hold ``block`` (the name) and the block's settings. What is left out takes its default,
        so a null may be.

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
        "fill_s": settings.fill_s,
        "dejitter": settings.dejitter,
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
