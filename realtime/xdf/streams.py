"""The streams of a recorded session: numbered from 1, and announced when first needed."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence

from saccade.realtime.protocols import Clock
from saccade.realtime.types import StreamSpec
from saccade.realtime.xdf.background import Header
from saccade.realtime.xdf.descriptions import Format, header_xml

Channels = Sequence[tuple[str, str]]
"""Name and unit of each channel."""

OWN: dict[str, tuple[Format, Channels]] = {
    "arrivals": (
        "int64",
        [("reading", "count"), ("sample", "count"), ("n_samples", "count"), ("stream", "number")],
    ),
    "clock": ("double64", [("at_s", "s"), ("offset_s", "s"), ("uncertainty_s", "s")]),
    "decisions": ("string", [("decision", "json")]),
    "flags": ("int64", [("sample", "count"), ("flags", "bits")]),
    "health": ("string", [("health", "json")]),
    "predictions": ("string", [("prediction", "json")]),
    "raw-stamps": ("double64", [("raw_s", "s")]),
    "status": ("string", [("status", "json")]),
}
"""Role of each stream that is saccade's own and always alike: its format, channels and units."""


class Streams:
    """Numbers and describes streams.

    Every header has ``desc/saccade/role``, by which a reader knows what a stream is, whatever it
    is called.

    Parameters
    ----------
    spec : StreamSpec
        The signal.
    prefix : str
        First part of the names of the streams that are saccade's own.
    clock : callable
        Present time in seconds.
    """

    def __init__(self, spec: StreamSpec, prefix: str, clock: Clock) -> None:
        self._spec = spec
        self._prefix = prefix
        self._clock = clock
        self._ids: dict[tuple[str, str], int] = {}
        self._headers: list[Header] = []

    def signal(self) -> int:
        """Return the number of the signal, of the type that most of its channels have."""
        ((kind, _),) = collections.Counter(self._spec.ch_types).most_common(1)
        return self._number("signal", self._spec, kind.upper(), "float32")

    def markers(self, name: str) -> int:
        """Return the number of a marker stream; one without a name is called "markers"."""
        spec = self._irregular(name or "markers", "markers", [("marker", "")])
        return self._number("markers", spec, "Markers", "string")

    def own(self, role: str, *, of: str | None = None, **about: str) -> int:
        """Return the number of a stream of :data:`OWN`.

        Parameters
        ----------
        role : str
            What it is.
        of : str or None
            The stream that it is about, where each has one of its own; None stands for the signal.
        **about : str
            More to say under ``desc/saccade``.
        """
        channel_format, channels = OWN[role]
        name = f"{self._prefix}-{role}" + ("" if of is None else f"-{of}")
        spec = self._irregular(name, role, channels)
        about["stream"] = self._spec.name if of is None else of
        return self._number(role, spec, role.capitalize(), channel_format, about)

    def numeric(self, role: str, channel_format: Format, channels: Channels, **about: str) -> int:
        """Return the number of a stream of saccade's own with these channels."""
        spec = self._irregular(f"{self._prefix}-{role}", role, channels)
        about["stream"] = self._spec.name
        return self._number(role, spec, role.capitalize(), channel_format, about)

    def numbers(self, *roles: str) -> list[int]:
        """Return the numbers of the streams of some roles."""
        return [stream_id for (role, _), stream_id in self._ids.items() if role in roles]

    def take_headers(self) -> list[Header]:
        """Return the headers of the streams that were asked for since the last call."""
        headers, self._headers = self._headers, []
        return headers

    def _irregular(self, name: str, role: str, channels: Channels) -> StreamSpec:
        return StreamSpec(
            name=name,
            sfreq=0.0,
            ch_names=tuple(label for label, _ in channels),
            ch_types=(role,) * len(channels),
            units=tuple(unit for _, unit in channels),
            simulated=self._spec.simulated,
            speed=self._spec.speed,
        )

    def _number(
        self,
        role: str,
        spec: StreamSpec,
        stream_type: str,
        channel_format: Format,
        about: Mapping[str, str] | None = None,
    ) -> int:
        stream_id = self._ids.get((role, spec.name))
        if stream_id is None:
            stream_id = self._ids[role, spec.name] = len(self._ids) + 1
            about = {"role": role, **(about or {})}
            xml = header_xml(spec, stream_type, channel_format, about, self._clock())
            self._headers.append(Header(stream_id, spec.sfreq, xml))
        return stream_id
