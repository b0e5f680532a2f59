"""What XDF says about a file and its streams, as XML.

A stream is described as :func:`saccade.realtime.lsl_metadata.announce` describes it over LSL, so
that one reader understands both, and LabRecorder's files too.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Literal

from saccade.realtime.lsl_metadata import VARIES
from saccade.realtime.types import StreamSpec

Format = Literal["float32", "double64", "int64", "string"]

# XML 1.0, section 2.2: what no document may hold, not even escaped.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def file_xml(about: Mapping[str, str]) -> str:
    """Return a file's header: the format's version, and more as tag → text."""
    info = ET.Element("info")
    for tag, text in {"version": "1.0", **about}.items():
        _add(info, tag, text)
    return _document(info)


def header_xml(
    spec: StreamSpec,
    stream_type: str,
    channel_format: Format,
    about: Mapping[str, str] | None = None,
    created_s: float = 0.0,
) -> str:
    """Return a stream's header.

    Parameters
    ----------
    spec : StreamSpec
        What the stream carries; a rate of 0 makes it irregular.
    stream_type : str
        Kind of content, such as "EEG".
    channel_format : {"float32", "double64", "int64", "string"}
        Type of every value.
    about : mapping of str to str, optional
        More to say under ``desc/saccade``.
    created_s : float
        Clock when the stream began, in seconds.
    """
    info = ET.Element("info")
    for tag, text in {
        "name": spec.name,
        "type": stream_type,
        "channel_count": str(spec.n_channels),
        "nominal_srate": repr(float(spec.sfreq)),
        "channel_format": channel_format,
        "source_id": spec.source_id,
        "created_at": repr(created_s),
    }.items():
        _add(info, tag, text)
    desc = _add(info, "desc")
    _add(desc, "manufacturer", "saccade")
    channels = _add(desc, "channels")
    for label, kind, unit in zip(spec.ch_names, spec.ch_types, spec.units, strict=True):
        channel = _add(channels, "channel")
        _add(channel, "label", label)
        _add(channel, "unit", unit)
        _add(channel, "type", kind.upper())
    if spec.sfreq > 0:
        # Samples may be missing, so pyxdf must not spread what came evenly over the time it took.
        _add(_add(desc, "synchronization"), "can_drop_samples", "true")
    own = _add(desc, "saccade")
    _add(own, "simulated", "true" if spec.simulated else "false")
    _add(own, "speed", VARIES if math.isnan(spec.speed) else repr(spec.speed))
    if spec.counted:
        _add(own, "counted", "true")
    for tag, text in (about or {}).items():
        _add(own, tag, text)
    return _document(info)


def footer_xml(
    sfreq: float, n_samples: int, first_s: float, last_s: float, offset_times_s: Sequence[float]
) -> str:
    """Return a stream's footer.

    Parameters
    ----------
    sfreq : float
        Nominal rate in Hz; 0 where samples come irregularly, and no rate is measured.
    n_samples : int
        Number of samples.
    first_s, last_s : float
        Time stamps of the first and the last; of no meaning without samples.
    offset_times_s : sequence of float
        When the clock was measured; the offset was 0 each time.
    """
    info = ET.Element("info")
    if n_samples:
        _add(info, "first_timestamp", repr(first_s))
        _add(info, "last_timestamp", repr(last_s))
    _add(info, "sample_count", str(n_samples))
    if sfreq > 0 and n_samples > 1 and last_s > first_s:
        _add(info, "measured_srate", repr((n_samples - 1) / (last_s - first_s)))
    offsets = _add(info, "clock_offsets")
    for at_s in offset_times_s:
        offset = _add(offsets, "offset")
        _add(offset, "time", repr(at_s))
        _add(offset, "value", "0.0")
    return _document(info)


def _add(parent: ET.Element, tag: str, text: str | None = None) -> ET.Element:
    child = ET.SubElement(parent, tag)
    if text is not None:
        child.text = _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
    return child


def _document(root: ET.Element) -> str:
    return '<?xml version="1.0" encoding="UTF-8"?>' + ET.tostring(root, encoding="unicode")
