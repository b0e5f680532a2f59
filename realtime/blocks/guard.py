"""Keeps a value that is no measurement from poisoning everything after it.

One NaN in a recursive filter is NaN for ever, and one saturated sample rings for seconds. Such
a value is replaced by the channel's last good one, and the sample is flagged.

After more than 20 ms of held values, the first good sample is flagged GAP: an electrode that comes
back at another level would otherwise ring through the filters as a step, unflagged. So is the first
good sample after any held value at the stream's start or at a GAP, as what was held there is the
level from before. The spec is unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.errors import ConfigError
from saccade.realtime.sampling import samples
from saccade.realtime.types import Chunk, Flag, StreamSpec

HOLD_S = 0.02  # of held values are bridged; after more, the filters start afresh


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """What a channel can measure.

    Parameters
    ----------
    rail_uv : float
        Values of this size or more, of either sign, are taken for clipped, in µV; above 0.
    known_bad : tuple of str
        Channels in which it flags nothing, because they are repaired from beginning to end.
    """

    rail_uv: float = 1e6
    known_bad: tuple[str, ...] = ()


class Guard:
    """Holds the last good value of each channel over non-finite and clipped ones."""

    settings: GuardSettings

    def __init__(self, settings: GuardSettings) -> None:
        self.settings = settings

    def reset(self, spec: StreamSpec) -> StreamSpec:
        """Prepare for a stream, which stays as it is.

        Raises
        ------
        ConfigError
            If the rail is not above 0.
        """
        if not self.settings.rail_uv > 0:
            raise ConfigError(
                f"rail_uv must be above 0 µV, not {self.settings.rail_uv}: give the amplifier's "
                "range, or leave it out"
            )
        self._rail = np.float32(min(self.settings.rail_uv, float(np.finfo(np.float32).max)))
        self._held = np.zeros((1, spec.n_channels), np.float32)
        self._known_bad = np.isin(spec.ch_names, list(self.settings.known_bad))
        self._longest = samples(HOLD_S, spec.sfreq)
        self._n_held = 0  # samples in a row, up to now, of which something was held
        self._begun = False
        self._torn = False  # whether there was a tear in that row of samples
        return spec

    def step(self, chunk: Chunk) -> Chunk:
        """Return the samples, each value that is no measurement replaced."""
        if len(chunk) == 0:
            return chunk
        good = np.abs(chunk.data) < self._rail  # false for NaN, too
        torn = chunk.flags & np.uint16(Flag.GAP) != 0
        torn[0] |= not self._begun
        self._begun = True
        if good.all() and self._n_held <= self._longest and not self._torn:
            self._n_held = 0
            self._held = chunk.data[-1:].copy()
            return chunk
        # Row 0 stands for what was held before; each value names the row it is taken from.
        rows = np.arange(1, len(chunk) + 1)[:, None]
        source = np.maximum.accumulate(np.where(good, rows, 0), axis=0)
        data = np.take_along_axis(np.concatenate([self._held, chunk.data]), source, axis=0)
        self._held = data[-1:].copy()
        finite = np.isfinite(chunk.data) | self._known_bad
        good |= self._known_bad
        flags = chunk.flags.copy()
        flags[~finite.all(axis=1)] |= np.uint16(Flag.NONFINITE)
        flags[(finite & ~good).any(axis=1)] |= np.uint16(Flag.CLIPPED)
        flags[self._new_levels(np.asarray(good.all(axis=1)), torn)] |= np.uint16(Flag.GAP)
        return Chunk(data, chunk.stamps, flags, chunk.index, chunk.received_s)

    def _new_levels(self, good: NDArray[np.bool_], torn: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the good samples that follow more held ones than are bridged, or a torn one."""
        # Where the last good sample before each one was, counted from the chunk's start.
        last_good = np.maximum.accumulate(np.where(good, np.arange(len(good)), -1 - self._n_held))
        before = np.concatenate([[-1 - self._n_held], last_good[:-1]])
        n_held = np.arange(len(good)) - 1 - before
        # Likewise the last tear among held samples; -1 is one that an earlier chunk left.
        last_tear = np.maximum.accumulate(
            np.where(torn & ~good, np.arange(len(good)), -1 if self._torn else -2 - self._n_held)
        )
        self._n_held = int(len(good) - 1 - last_good[-1])
        self._torn = bool(last_tear[-1] > last_good[-1])
        return np.flatnonzero(good & ((n_held > self._longest) | (last_tear > before)))

    def delay_s(self, freq_hz: float) -> float:
        """Return 0: nothing is delayed."""
        return 0.0
