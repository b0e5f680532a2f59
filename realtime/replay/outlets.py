"""The two streams that a player sends: a signal and its markers."""

from __future__ import annotations

import dataclasses
import math
import uuid
from collections.abc import Callable
from typing import Any

import pylsl

from saccade.realtime.errors import ConfigError
from saccade.realtime.lsl_metadata import announce
from saccade.realtime.replay.settings import PlayerSettings
from saccade.realtime.types import Float32, Float64, StreamSpec

# Of clock that a slow receiver may fall behind, as far as this end goes. The receiver has a buffer
# of its own, in seconds of signal: at speed 50, its 360 s are 7 s of clock.
BUFFER_S = 360
LOOK_S = 0.05  # how often a wait looks whether to stop


class Outlets:
    """The signal's stream and that of its markers, which can be found until it is closed.

    Parameters
    ----------
    spec : StreamSpec
        What the source carries.
    settings : PlayerSettings
        How it is published.
    """

    def __init__(self, spec: StreamSpec, settings: PlayerSettings) -> None:
        s = self._settings = settings
        run_id = uuid.uuid4().hex  # a second run is another stream, not the rest of this one
        signal = dataclasses.replace(
            spec,
            name=s.name,
            source_id=f"{s.name}-{run_id}",
            speed=math.nan if s.variable_speed else spec.speed * s.speed,
        )
        events = dataclasses.replace(
            signal,
            name=s.marker_name,
            sfreq=pylsl.IRREGULAR_RATE,
            ch_names=("marker",),
            ch_types=("markers",),
            units=("",),
            source_id=f"{s.marker_name}-{run_id}",
        )
        self._signal: Any = pylsl.StreamOutlet(
            announce(signal, s.stream_type, pylsl.cf_float32),
            max_buffered=math.ceil(BUFFER_S * max(1.0, s.speed)),
        )
        self._events: Any = pylsl.StreamOutlet(announce(events, "Markers", pylsl.cf_string))

    @property
    def heard(self) -> bool:
        """Whether anybody receives either stream."""
        return bool(self._signal.have_consumers() or self._events.have_consumers())

    def wait(self, stop: Callable[[], bool]) -> bool:
        """Wait for a receiver of each stream; return False if told to stop before.

        Raises
        ------
        ConfigError
            If none has come in the time there is for it.
        """
        wait_s = self._settings.wait_for_consumers_s
        if wait_s is None:
            return True
        end_s = pylsl.local_clock() + wait_s
        names = (self._settings.name, self._settings.marker_name)
        for name, outlet in zip(names, (self._signal, self._events), strict=True):
            while not outlet.wait_for_consumers(LOOK_S):
                if stop():
                    return False
                if pylsl.local_clock() > end_s:
                    raise ConfigError(
                        f"expected a receiver of '{name}' within {wait_s:g} s, but none came: "
                        "start the receiver, or wait longer"
                    )
        return True

    def send(self, data: Float32, stamps: Float64) -> None:
        """Send samples."""
        self._signal.push_chunk(data, stamps)

    def send_marker(self, value: str, stamp: float) -> None:
        """Send a marker."""
        self._events.push_sample([value], stamp)

    def close(self) -> None:
        """End the streams: liblsl keeps one up for as long as its object lives."""
        self._signal = self._events = None
