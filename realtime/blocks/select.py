"""Puts the channels in the order a decoder knows them in, by name.

Amplifiers send what the cap and the set-up of the day give: more channels, in another order. A
gap changes nothing. In the spec, channels are picked and reordered.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from saccade.realtime.errors import ConfigError, SignatureMismatch
from saccade.realtime.types import Chunk, StreamSpec


@dataclass(frozen=True, slots=True)
class SelectSettings:
    """Which channels, and in which order.

    Parameters
    ----------
    ch_names : tuple of str
        Names as the stream spells them, each once.
    """

    ch_names: tuple[str, ...]


class Select:
    """Picks channels by name."""

    settings: SelectSettings

    def __init__(self, settings: SelectSettings) -> None:
        self.settings = settings

    def reset(self, spec: StreamSpec) -> StreamSpec:
        """Find the channels.

        Raises
        ------
        ConfigError
            If no channel is asked for, or one twice.
        SignatureMismatch
            If the stream lacks a channel, or has two of its name.
        """
        wanted = self.settings.ch_names
        repeated = sorted({name for name in wanted if wanted.count(name) > 1})
        if not wanted or repeated:
            came = f"repeats {', '.join(repeated)}" if repeated else "is empty"
            raise ConfigError(
                f"ch_names of select must name at least one channel, and each once, but it {came}"
            )
        missing = [name for name in wanted if name not in spec.ch_names]
        if missing:
            raise SignatureMismatch(
                f"stream {spec.name!r} lacks {len(missing)} of {len(wanted)} channels asked for: "
                f"{', '.join(missing)}; it has {', '.join(spec.ch_names)}: name them alike, or "
                "ask for these"
            )
        twice = [name for name in wanted if spec.ch_names.count(name) > 1]
        if twice:
            raise SignatureMismatch(
                f"stream {spec.name!r} has more than one channel named {', '.join(twice)}: "
                "give each its own name"
            )
        picks = [spec.ch_names.index(name) for name in wanted]
        self._picks = None if picks == list(range(spec.n_channels)) else np.array(picks)
        return dataclasses.replace(
            spec,
            ch_names=wanted,
            ch_types=tuple(spec.ch_types[i] for i in picks),
            units=tuple(spec.units[i] for i in picks),
        )

    def step(self, chunk: Chunk) -> Chunk:
        """Return the samples of the channels picked."""
        if self._picks is None:
            return chunk
        data = chunk.data.take(self._picks, axis=1)
        return Chunk(data, chunk.stamps, chunk.flags, chunk.index, chunk.received_s)

    def delay_s(self, freq_hz: float) -> float:
        """Return 0: nothing is delayed."""
        return 0.0
