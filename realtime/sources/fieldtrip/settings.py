"""Which FieldTrip buffer, and what it does not say itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

from saccade.realtime.errors import ConfigError
from saccade.realtime.sources.fieldtrip.events import EventText

PORT = 1972  # by convention


@dataclass(frozen=True, slots=True)
class FieldTripSourceSettings:
    """Which buffer, and what it does not say itself.

    Parameters
    ----------
    host : str
        Name or address of the server.
    port : int
        Its port.
    unit : str or None
        Unit of the EEG, where the header says none or a wrong one.
    ch_names : tuple of str or None
        Names of the channels in order, where the header has none or wrong ones.
    event_types : tuple of str
        Types of the events to take for markers; empty: all.
    event_text : {"value", "type", "both"}
        What is the marker's text: the event's value (its type where it has none), its type, or
        ``type:value``. Whichever it is, the type is also the name of the marker's stream.
    trigger : str or None
        A channel whose changes to another value than 0 are markers, too.
    connect_timeout_s : float
        How long to wait for a server that has a header, in s, above 0.
    stall_s : float
        How long without a sample is a stall, in s, above 0; never less than twice the usual
        spacing of arrivals.
    """

    host: str = "localhost"
    port: int = PORT
    unit: str | None = None
    ch_names: tuple[str, ...] | None = None
    event_types: tuple[str, ...] = ()
    event_text: EventText = "value"
    trigger: str | None = None
    connect_timeout_s: float = 5.0
    stall_s: float = 0.4

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if not 0 < self.port < 65536:
            raise ConfigError(f"port must be within 1 to 65535, not {self.port}: correct it")
        if self.event_text not in ("value", "type", "both"):
            raise ConfigError(
                f"event_text must be value, type or both, not {self.event_text!r}: correct it"
            )
        for what in ("connect_timeout_s", "stall_s"):
            value = getattr(self, what)
            if not (math.isfinite(value) and value > 0):
                raise ConfigError(f"{what} must be above 0 s, not {value}: raise it")


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT`` or ``HOST`` (port 1972), ``fieldtrip://`` before it.

    Raises
    ------
    ConfigError
        If it is neither.
    """
    rest = text.strip().removeprefix("fieldtrip://").rstrip("/")
    host, colon, port = rest.partition(":")
    if not host or (colon and not (port.isascii() and port.isdigit())):
        raise ConfigError(
            f"expected a FieldTrip buffer as HOST:PORT, as in localhost:{PORT}, not {text!r}"
        )
    return host, int(port) if colon else PORT
