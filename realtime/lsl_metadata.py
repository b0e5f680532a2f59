"""What an LSL stream says about itself: read into a StreamSpec, and written from one.

Channels follow the convention of the XDF format (``channels/channel`` with label, type and
unit). What LSL has no place for stands under ``saccade``: whether the signal is simulated, and
how much faster than life a recording is sent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pylsl

from saccade.realtime.errors import SignatureMismatch, SourceError
from saccade.realtime.sources.lsl.channel_types import channel_types
from saccade.realtime.types import StreamSpec

VARIES = "varies"  # stands for a speed that changes while the stream is sent


def describe(
    info: pylsl.StreamInfo, ch_names: tuple[str, ...] | None = None, *, as_eeg: bool = False
) -> StreamSpec:
    """Return what a stream carries, its units as the sender writes them.

    A channel without a label is called by its place, counted from 1; one without a type is of
    the stream's, or is taken for EEG by the rules of
    :mod:`saccade.realtime.sources.lsl.channel_types`; one without a unit has the unit "".

    Parameters
    ----------
    info : pylsl.StreamInfo
        Complete, as an inlet gives it.
    ch_names : tuple of str or None
        Names to use instead of those in the stream.
    as_eeg : bool
        Take channels of which nothing tells what they carry for EEG.

    Raises
    ------
    SignatureMismatch
        If there are more or fewer names than channels.
    SourceError
        If the stream describes another number of channels than it has, names two channels
        alike, or gives its speed in no number above 0.
    UnitError
        If nothing tells what any of its channels carries.
    """
    name, n_channels = info.name(), info.channel_count()
    described = _channels(info)
    if ch_names is not None and len(ch_names) != n_channels:
        raise SignatureMismatch(
            f"expected one name for each of the {n_channels} channels of stream '{name}', "
            f"but {len(ch_names)} were given: correct the list of names"
        )
    if len(described) not in (0, n_channels):
        if ch_names is None:
            raise SourceError(
                f"expected stream '{name}' to describe its {n_channels} channels, but it describes "
                f"{len(described)}: mend the sender, or name the channels in order"
            )
        described = []  # which channel each belongs to can't be known
    described = described or [_Channel()] * n_channels
    names = ch_names or tuple(
        channel.label or str(place) for place, channel in enumerate(described, 1)
    )
    twice = sorted({label for label in names if names.count(label) > 1})
    if twice:
        raise SourceError(
            f"expected every channel of stream '{name}' to have a name of its own, but "
            f"{', '.join(twice)} occurs more than once: mend the sender, or name the channels"
        )
    about = info.desc().child("saccade")
    units = tuple(channel.unit for channel in described)
    return StreamSpec(
        name=name,
        sfreq=info.nominal_srate(),
        ch_names=names,
        ch_types=channel_types(
            name, info.type(), [channel.type for channel in described], units, names, as_eeg=as_eeg
        ),
        units=units,
        source_id=info.source_id(),
        simulated=about.child_value("simulated") == "true",
        speed=_speed(about.child_value("speed"), name),
    )


def announce(
    spec: StreamSpec,
    stream_type: str,
    channel_format: int,
    about: Mapping[str, str] | None = None,
) -> pylsl.StreamInfo:
    """Return the complete description of a stream to be sent.

    Parameters
    ----------
    spec : StreamSpec
        What it carries; a rate of 0 makes it irregular.
    stream_type : str
        Kind of content, such as "EEG".
    channel_format : int
        One of the ``cf_`` constants of pylsl.
    about : mapping of str to str, optional
        More to say under ``saccade``.
    """
    info = pylsl.StreamInfo(
        spec.name, stream_type, spec.n_channels, spec.sfreq, channel_format, spec.source_id
    )
    desc = info.desc()
    desc.append_child_value("manufacturer", "saccade")
    channels = desc.append_child("channels")
    for label, kind, unit in zip(spec.ch_names, spec.ch_types, spec.units, strict=True):
        channel = channels.append_child("channel")
        channel.append_child_value("label", label)
        channel.append_child_value("unit", unit)
        channel.append_child_value("type", kind.upper())
    own = desc.append_child("saccade")
    own.append_child_value("simulated", "true" if spec.simulated else "false")
    own.append_child_value("speed", VARIES if math.isnan(spec.speed) else repr(spec.speed))
    for key, text in (about or {}).items():
        own.append_child_value(key, text)
    return info


@dataclass(frozen=True, slots=True)
class _Channel:
    label: str = ""
    type: str = ""
    unit: str = ""


def _channels(info: pylsl.StreamInfo) -> list[_Channel]:
    found = []
    channel = info.desc().child("channels").child("channel")
    while not channel.empty():
        found.append(_Channel(*(channel.child_value(k).strip() for k in ("label", "type", "unit"))))
        channel = channel.next_sibling("channel")
    return found


def _speed(text: str, name: str) -> float:
    if text == VARIES:
        return math.nan
    try:
        speed = float(text or 1)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise SourceError(
            f"expected the speed of stream '{name}' to be a number above 0, not {text!r}: "
            "mend the sender"
        )
    return speed
