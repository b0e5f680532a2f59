"""What lies in a recorded file, before anything of it is chosen.

Every reader returns :class:`Contents`: streams of samples and streams of events, as many as the
file has, with what the file says of them and nothing assumed in silence. A table or an EDF has
one stream of samples, and an event stream for each column or channel of events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.types import FlagArray, Float32, Float64, marker_text

SIGNAL_TYPES = frozenset({"eeg", "meg", "mag", "grad", "ieeg", "seeg", "ecog", "dbs"})
_BY_NAME = {"eog": "eog", "ecg": "ecg", "ekg": "ecg", "emg": "emg"}
_AUXILIARY = ("aux", "right aux", "left aux", "acc", "gyro", "ppg")


class Arrival(NamedTuple):
    """How a marker came to a live session.

    ``place`` is its own among all markers; ``reading`` the number of the reading it came in, whose
    samples were ``n_samples``, perhaps none, from row ``sample`` on.
    """

    place: int
    reading: int
    sample: int
    n_samples: int


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """A stream of samples.

    Parameters
    ----------
    name, type, source_id : str
        What the file calls it; "" where it does not.
    sfreq : float
        The rate it states, in Hz; 0 where it states none.
    ch_names : tuple of str
        Names of the channels; () where the file has none, or another number of them.
    ch_types, units : tuple of str, length n_channels
        As :class:`~saccade.realtime.types.StreamSpec` has them.
    data : array of shape (n_samples, n_channels), float32
        The values, in ``units``.
    stamps : array of shape (n_samples,), float64, or None
        When each was taken, in seconds on one clock for the whole file; None where only the rate
        tells.
    raw_stamps : array of shape (n_samples,), float64, or None
        The same as the sender stamped them; None: ``stamps``.
    flags : array of shape (n_samples,), uint16, or None
        What the file alone knows against a sample; None: nothing.
    is_session : bool
        Whether it is the signal of a session of saccade, which has judged its unit already.
    simulated : bool
        Whether the sender says that the signal is not from a person.
    speed : float
        Seconds of recording that it sent per second of clock.
    counted : bool
        Whether its stamps are made from the count of samples.
    notes : tuple of str
        What a user should know of it, a sentence each.
    id : int
        Its number in the file, by which streams that are alike are told apart; 0 where a file
        numbers none.
    """

    name: str
    type: str
    source_id: str
    sfreq: float
    ch_names: tuple[str, ...]
    ch_types: tuple[str, ...]
    units: tuple[str, ...]
    data: Float32
    stamps: Float64 | None
    raw_stamps: Float64 | None = None
    flags: FlagArray | None = None
    is_session: bool = False
    simulated: bool = False
    speed: float = 1.0
    counted: bool = False
    notes: tuple[str, ...] = ()
    id: int = 0

    @property
    def is_signal(self) -> bool:
        """Whether it carries EEG, MEG or their like, by its type or that of a channel.

        Whatever a session decoded is its signal.
        """
        return self.is_session or not SIGNAL_TYPES.isdisjoint({self.type.lower(), *self.ch_types})

    def __str__(self) -> str:
        """Return the stream in words, as a message lists it."""
        rate = f"{self.sfreq:g} Hz" if self.sfreq else "no rate"
        return (
            f"'{self.name}' ({self.type or 'no type'}, {self.data.shape[1]} ch, {rate}, "
            f"{len(self.data)} samples, source_id '{self.source_id}'"
            f"{f', stream {self.id}' if self.id else ''})"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """A stream of events, candidates for markers.

    Parameters
    ----------
    name, type, source_id : str
        What the file calls it; a column or channel of events has the name of that.
    values : tuple of str
        What happened, in the order of the file; "" is no marker.
    stamps : array of shape (n_events,), float64, or None
        When, on the clock of the samples' ``stamps``; None: when the sample in ``rows`` was.
    rows : tuple of int, length n_events, or None
        The sample each stands at, where the file ties them to samples.
    arrivals : tuple of Arrival, or None
        How a live session got each, where the file tells. It may be shorter than ``values``, if
        the end of the file is lost.
    usual : bool
        Whether they are taken for markers if nobody asks for others.
    notes : tuple of str
        What a user should know of it, a sentence each.
    """

    name: str
    type: str
    source_id: str
    values: tuple[str, ...]
    stamps: Float64 | None = None
    rows: tuple[int, ...] | None = None
    arrivals: tuple[Arrival, ...] | None = None
    usual: bool = True
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the stream in words, as a message lists it."""
        kind = f"{self.type}, " if self.type else ""
        return f"'{self.name}' ({kind}{len(self.values)} events)"


@dataclass(frozen=True, slots=True)
class Contents:
    """A file.

    Parameters
    ----------
    samples : tuple of Samples
    events : tuple of Events
    is_table : bool
        Whether rate and stamps are in it independent of each other, so that they must agree.
    notes : tuple of str
        What a user should know of the file, a sentence each.
    session : mapping
        What a session of saccade said of itself when it began.
    """

    samples: tuple[Samples, ...]
    events: tuple[Events, ...]
    is_table: bool = False
    notes: tuple[str, ...] = ()
    session: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_session(self) -> bool:
        """Whether a session of saccade recorded it, which has settled what its streams are."""
        return any(stream.is_session for stream in self.samples)


def channel_type(name: str) -> str:
    """Return what a channel carries by its name, where a file says no more than that."""
    lowered = name.lower()
    if lowered.startswith(_AUXILIARY):
        return "aux"
    return next((kind for part, kind in _BY_NAME.items() if part in lowered), "eeg")


def changes(
    name: str, column: Sequence[float] | NDArray[Any], *, kind: str = "", usual: bool = True
) -> Events:
    """Return the events of a column: wherever it changes to something else than 0.

    Parameters
    ----------
    name : str
        Of the column.
    column : array of shape (n_samples,)
        0 is rest, and so is what is no number.
    kind : str
        What kind of column it is.
    usual : bool
        Whether they are markers if nobody says more.
    """
    values = np.nan_to_num(np.asarray(column, np.float64))  # nothing noted is no event
    rows = np.flatnonzero((values != 0) & (np.diff(values, prepend=0.0) != 0))
    texts = tuple(marker_text(float(values[row])) for row in rows)
    return Events(name, kind, "", texts, rows=tuple(rows.tolist()), usual=usual)
