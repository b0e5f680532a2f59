"""Find LSL streams: the one that is meant, or an error that says what is there instead.

Taking the first of several streams that fit is how a laboratory records its neighbour. So after
the first answer the search goes on for a moment, and two answers are refused with a list.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import pylsl

from saccade.realtime.errors import AmbiguousStream, ConfigError, StreamNotFound

LOOK_S = 0.9  # how long one look lasts: beyond the 0.5 s after which liblsl asks again
GRACE_S = 0.75  # liblsl asks again after 0.5 s, and some streams answer only then
MOST = 1024  # streams that liblsl lists at once
LISTED = 8  # streams that a message names

_REGULAR = "nominal_srate > 0 and channel_format != 'string'"
_IRREGULAR = "nominal_srate = 0"
_FORMATS = {
    pylsl.cf_float32: "float32",
    pylsl.cf_double64: "double64",
    pylsl.cf_string: "string",
    pylsl.cf_int8: "int8",
    pylsl.cf_int16: "int16",
    pylsl.cf_int32: "int32",
    pylsl.cf_int64: "int64",
}


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """What a stream must be; everything that is given must hold, and something must be given.

    Parameters
    ----------
    name, type, source_id : str or None
        The stream's properties, letter by letter.
    predicate : str or None
        An XPath 1.0 condition on the stream's description, such as ``channel_count = 64`` or
        ``starts-with(name, 'BrainAmp')``.
    """

    name: str | None = None
    type: str | None = None
    source_id: str | None = None
    predicate: str | None = None

    def __post_init__(self) -> None:
        """Refuse an empty request, and a line break, which liblsl takes for its end."""
        given = [text for text in (self.name, self.type, self.source_id, self.predicate) if text]
        if not given:
            raise ConfigError(
                "a stream must be asked for by name, type, source_id or predicate, but none is "
                "given: give at least one"
            )
        for text in given:
            if "\n" in text or "\r" in text:
                raise ConfigError(
                    f"a stream can't be asked for by {text!r}, which has a line break: take it out"
                )

    @property
    def xpath(self) -> str:
        """The request as one XPath 1.0 condition."""
        properties = {"name": self.name, "type": self.type, "source_id": self.source_id}
        parts = [f"{key}={_quoted(value)}" for key, value in properties.items() if value]
        if self.predicate:
            parts.append(f"({self.predicate})")
        return " and ".join(parts)


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """What a stream on the network says of itself; ``sfreq`` is 0 for an irregular one."""

    name: str
    type: str
    source_id: str
    host: str
    n_channels: int
    sfreq: float
    channel_format: str

    def __str__(self) -> str:
        """Return the summary as words in brackets after the name."""
        rate = f"{self.sfreq:g} Hz" if self.sfreq else "irregular"
        return (
            f"'{self.name}' ({self.type or 'no type'}, {self.n_channels} ch, {rate}, "
            f"{self.channel_format}, source_id '{self.source_id}', on {self.host})"
        )


def same_stream(info: pylsl.StreamInfo) -> str:
    """Return an XPath 1.0 condition that a found stream still answers when it comes back.

    It is the stream's name, type and source id; all else is left open, whatever was asked for, so
    that a stream that comes back as something else can be told from one that is away.
    """
    named = {"name": info.name(), "type": info.type(), "source_id": info.source_id()}
    return " and ".join(f"{key}={_quoted(value)}" for key, value in named.items())


def resolve(
    query: StreamQuery, timeout_s: float, what: str = "EEG stream", *, regular: bool = True
) -> pylsl.StreamInfo:
    """Return the one stream that answers a request.

    Parameters
    ----------
    query : StreamQuery
        What is asked for.
    timeout_s : float
        How long to look for a first answer, in seconds, above 0; the search for a second one
        adds 0.75 s.
    what : str
        What the stream is wanted for, as the error messages call it.
    regular : bool
        True accepts only numbers at a fixed rate, False only streams without a rate.

    Raises
    ------
    StreamNotFound
        If no stream answers, or none of the kind wanted.
    AmbiguousStream
        If several do.
    ConfigError
        If the predicate is not XPath 1.0.
    """
    wanted = f"{query.xpath} and {_REGULAR if regular else _IRREGULAR}"
    first: list[pylsl.StreamInfo] = []
    left_s = timeout_s
    while not first and left_s > 0:  # Ctrl-C is heard between two looks
        look_s = min(LOOK_S, left_s)
        left_s -= look_s
        begun_s = time.monotonic()
        first = pylsl.resolve_bypred(wanted, 1, look_s)
        # liblsl reports a malformed predicate by not looking at all.
        if not first and query.predicate and time.monotonic() - begun_s < look_s / 2:
            raise ConfigError(
                f"a predicate must be an XPath 1.0 condition, but {query.predicate!r} is none: "
                "correct it, for instance starts-with(name, 'Brain')"
            )
    if not first:
        raise StreamNotFound(_not_found(query, timeout_s, what, regular))
    # A stream reachable by two network interfaces answers twice, with one uid.
    found = {info.uid(): info for info in [*first, *pylsl.resolve_bypred(wanted, MOST, GRACE_S)]}
    if len(found) > 1:
        raise AmbiguousStream(
            f"expected one {what} with {query.xpath}, but {len(found)} answer: "
            f"{_listed([_summary(info) for info in found.values()])}; ask for one by source_id"
        )
    (info,) = found.values()
    return info


def visible(wait_s: float = 1.0) -> list[StreamSummary]:
    """Return every stream that answers within a time, sorted by name.

    Parameters
    ----------
    wait_s : float
        How long to look, in seconds; below 0.75 some streams may be missed.
    """
    found = {info.uid(): _summary(info) for info in pylsl.resolve_streams(wait_s)}
    return sorted(found.values(), key=lambda stream: (stream.name, stream.type, stream.source_id))


def _not_found(query: StreamQuery, timeout_s: float, what: str, regular: bool) -> str:
    unfit = [_summary(info) for info in pylsl.resolve_bypred(query.xpath, MOST, GRACE_S)]
    if unfit:
        kind = "numbers at a fixed rate" if regular else "a stream without a rate"
        return (
            f"expected {kind} as {what} with {query.xpath}, but what answers is {_listed(unfit)}: "
            "ask for another stream"
        )
    others = visible(GRACE_S)
    there = f"visible are {_listed(others)}" if others else "no stream is visible at all"
    return (
        f"expected one {what} with {query.xpath}, but none answered within {timeout_s:g} s; "
        f"{there}: is the sender running, on this network?"
    )


def _summary(info: pylsl.StreamInfo) -> StreamSummary:
    return StreamSummary(
        name=info.name(),
        type=info.type(),
        source_id=info.source_id(),
        host=info.hostname(),
        n_channels=info.channel_count(),
        sfreq=info.nominal_srate(),
        channel_format=_FORMATS.get(info.channel_format(), "undefined"),
    )


def _listed(streams: list[StreamSummary]) -> str:
    more = len(streams) - LISTED
    return ", ".join(map(str, streams[:LISTED])) + (f" and {more} more" if more > 0 else "")


def _quoted(text: str) -> str:
    """Return an XPath 1.0 literal, which knows no escape: of two kinds of quotes, use the other."""
    if "'" not in text:
        return f"'{text}'"
    if '"' not in text:
        return f'"{text}"'
    pieces = (f"'{piece}'" for piece in text.split("'"))
    return "concat(" + ', "\'", '.join(pieces) + ")"
