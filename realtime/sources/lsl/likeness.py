"""Whether a stream that has come back is what it was.

A session is built on one rate, one set of channels and one scale. A stream of the same name and
source id that differs in any of them is another signal, and must not be taken for the one that
was lost; what differs is said in words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pylsl
from pylsl.lib import fmt2string

from saccade.realtime.lsl_metadata import describe

LISTED = 3  # channels that a difference names


@dataclass(frozen=True, slots=True)
class Likeness:
    """What must not change while a stream is away.

    Parameters
    ----------
    sfreq : float
        Nominal rate in Hz; 0 for a stream without one.
    channel_format : str
        How LSL sends its values, as in "float32".
    ch_names, ch_types, units : tuple of str, length n_channels
        As the stream describes its channels.
    simulated : bool
        Whether the signal is from no person.
    speed : float
        Seconds of recording sent per second of clock; NaN where that varies.
    """

    sfreq: float
    channel_format: str
    ch_names: tuple[str, ...]
    ch_types: tuple[str, ...]
    units: tuple[str, ...]
    simulated: bool = False
    speed: float = 1.0


def signal_likeness(
    info: pylsl.StreamInfo, ch_names: tuple[str, ...] | None, *, as_eeg: bool
) -> Likeness:
    """Return what a signal is, from its complete description.

    Parameters
    ----------
    info : pylsl.StreamInfo
        The description.
    ch_names, as_eeg
        As :func:`~saccade.realtime.lsl_metadata.describe` has them. Names that are not as many
        as the channels are left out of account, for then the number is the difference.
    """
    fits = ch_names is not None and len(ch_names) == info.channel_count()
    spec = describe(info, ch_names if fits else None, as_eeg=as_eeg)
    return Likeness(
        spec.sfreq,
        fmt2string[info.channel_format()],
        spec.ch_names,
        spec.ch_types,
        spec.units,
        spec.simulated,
        spec.speed,
    )


def marker_likeness(info: pylsl.StreamInfo) -> Likeness:
    """Return what a marker stream is: rate, format and number of channels, not their names."""
    blank = ("",) * info.channel_count()
    return Likeness(info.nominal_srate(), fmt2string[info.channel_format()], blank, blank, blank)


def differences(was: Likeness, now: Likeness) -> list[str]:
    """Return in words what has changed, most telling first; empty if nothing has."""
    found = []
    if now.sfreq != was.sfreq:
        found.append(f"{_rate(now.sfreq)} instead of {_rate(was.sfreq)}")
    if len(now.ch_names) != len(was.ch_names):
        n_now, n_was = len(now.ch_names), len(was.ch_names)
        found.append(f"{n_now} channel{'s' * (n_now != 1)} instead of {n_was}")
    else:
        found += _changed("channel", was.ch_names, now.ch_names, None)
        found += _changed("type", was.ch_types, now.ch_types, was.ch_names)
        found += _changed("unit", was.units, now.units, was.ch_names)
    if now.channel_format != was.channel_format:
        found.append(f"{now.channel_format} instead of {was.channel_format}")
    if now.simulated != was.simulated:
        kinds = ("a person's", "simulated")
        found.append(f"{kinds[now.simulated]} signal instead of {kinds[was.simulated]}")
    if _pace(now.speed) != _pace(was.speed):
        found.append(f"sent at {_pace(now.speed)} instead of {_pace(was.speed)}")
    return found


def _pace(speed: float) -> str:
    return "a speed that varies" if math.isnan(speed) else f"{speed:g} times life"


def _rate(sfreq: float) -> str:
    return f"{sfreq:.10g} Hz" if sfreq else "no rate"


def _changed(
    what: str, was: tuple[str, ...], now: tuple[str, ...], names: tuple[str, ...] | None
) -> list[str]:
    """Return what differs between two lists of equal length, the first few places named."""
    places = [i for i, (a, b) in enumerate(zip(was, now, strict=True)) if a != b]
    shown = [
        f"{what} '{now[i]}' instead of '{was[i]}'" + (f" for {names[i]}" if names else "")
        for i in places[:LISTED]
    ]
    more = len(places) - LISTED
    return [*shown, f"{more} more"] if more > 0 else shown
