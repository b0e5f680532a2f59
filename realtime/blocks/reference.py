"""Re-references the EEG: to the average, or to named channels such as the mastoids.

A gap changes nothing: each sample is referenced on its own. The spec is unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from saccade.realtime.blocks.units import EEG_TYPES
from saccade.realtime.errors import ConfigError, SignatureMismatch
from saccade.realtime.types import Chunk, StreamSpec


@dataclass(frozen=True, slots=True)
class ReferenceSettings:
    """What is subtracted from every EEG channel.

    Parameters
    ----------
    kind : "average", "channels" or "none"
        The mean over all EEG channels; that over ``ch_names``; nothing.
    ch_names : tuple of str
        Channels of any type, for kind "channels".
    exclude : tuple of str
        Channels left out of the average, such as bad ones; it is subtracted from them, too. For
        kind "average".
    """

    kind: Literal["average", "channels", "none"]
    ch_names: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Reference:
    """Subtracts a reference from every EEG channel; other types pass unchanged."""

    settings: ReferenceSettings

    def __init__(self, settings: ReferenceSettings) -> None:
        self.settings = settings

    def reset(self, spec: StreamSpec) -> StreamSpec:
        """Find the channels of the reference.

        Raises
        ------
        ConfigError
            If the settings contradict each other or leave no channel to average.
        SignatureMismatch
            If the stream lacks a channel that is named.
        """
        s = self.settings
        if s.kind not in ("average", "channels", "none"):
            raise ConfigError(
                f"kind of a reference must be average, channels or none, not {s.kind!r}"
            )
        if bool(s.ch_names) != (s.kind == "channels"):
            raise ConfigError(
                f"a reference has ch_names if, and only if, its kind is channels, but kind "
                f"{s.kind!r} comes with {len(s.ch_names)} names"
            )
        if s.exclude and s.kind != "average":
            raise ConfigError(
                f"a reference excludes channels only if its kind is average, not {s.kind!r}"
            )
        missing = [name for name in s.ch_names + s.exclude if name not in spec.ch_names]
        if missing:
            raise SignatureMismatch(
                f"stream {spec.name!r} lacks channels named in its reference: "
                f"{', '.join(missing)}; it has {', '.join(spec.ch_names)}"
            )
        eeg = [i for i, kind in enumerate(spec.ch_types) if kind in EEG_TYPES]
        names = s.ch_names or tuple(
            spec.ch_names[i] for i in eeg if spec.ch_names[i] not in s.exclude
        )
        picks = [i for i, name in enumerate(spec.ch_names) if name in names]
        if s.kind != "none" and not picks:
            raise ConfigError(
                f"an average reference needs an EEG channel, but of {spec.n_channels} channels "
                f"{len(eeg)} are EEG and {len(s.exclude)} are excluded"
            )
        self._picks = np.array(picks)
        self._others = np.setdiff1d(np.arange(spec.n_channels), eeg)
        return spec

    def step(self, chunk: Chunk) -> Chunk:
        """Return the re-referenced samples."""
        if self.settings.kind == "none":
            return chunk
        # take() lays each sample's channels side by side; the order in which they are summed,
        # and so the last bits, would otherwise depend on the layout of the chunk.
        picked = chunk.data.take(self._picks, axis=1).astype(np.float64)
        data = (chunk.data - picked.mean(axis=1, keepdims=True)).astype(np.float32)
        if len(self._others):
            data[:, self._others] = chunk.data[:, self._others]
        return Chunk(data, chunk.stamps, chunk.flags, chunk.index, chunk.received_s)

    def delay_s(self, freq_hz: float) -> float:
        """Return 0: nothing is delayed."""
        return 0.0
