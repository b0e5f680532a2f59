"""The values that travel through saccade: frozen, with read-only arrays.

A stream is described by a :class:`StreamSpec`, arrives as :class:`Chunk` and :class:`Marker`,
is cut into :class:`Epoch`, and leaves as :class:`Prediction`. Amplitudes are in µV, times in
seconds of the LSL clock, unless a name says otherwise.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
FlagArray = NDArray[np.uint16]

NOT_MEASURED = float("nan")
"""Stands for a time that nobody took, as in data that does not come from a live stream."""


class Flag(enum.IntFlag):
    """What is known against a sample; flags add up and travel with the data."""

    NONE = 0
    GAP = 1  # samples are missing, or the clock jumped, directly before this one
    NONFINITE = 2  # NaN or infinity came in at least one channel and was held
    CLIPPED = 4  # at least one channel was at or beyond its rail and was held
    SETTLING = 8  # a filter was (re)started less than its settling time ago
    MISSING = 16  # never arrived, or no longer in the ring buffer
    FILLED = 32  # made up over a gap too short to restart for, or such is still in a filter
    CLOCK = 64  # the sender's clock was set, or its sender replaced, directly before this one

    def words(self) -> list[str]:
        """Return the names of the flags that are set, in lower case."""
        return [name.lower() for name, flag in Flag.__members__.items() if flag and flag in self]


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array itself, made read-only."""
    array.setflags(write=False)
    return array


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """What a stream carries.

    Parameters
    ----------
    name : str
        Name of the stream.
    sfreq : float
        Nominal rate in Hz, above 0.
    ch_names, ch_types, units : tuple of str, length n_channels
        One entry a channel, in order. Types are lower case ("eeg", "eog", "misc", …).
    source_id : str
        The sender's identity, as LSL gives it.
    simulated : bool
        True where the signal is not from a person; shown wherever a number is.
    speed : float
        Seconds of recording sent per second of clock; 1 for everything but a fast replay, and
        only at 1 do time stamps say anything about transport latency. NaN where it may change.
    counted : bool
        The time stamps are made from the count of samples, so that they lie on a line already,
        and what is missing can be told from them exactly.
    """

    name: str
    sfreq: float
    ch_names: tuple[str, ...]
    ch_types: tuple[str, ...]
    units: tuple[str, ...]
    source_id: str = ""
    simulated: bool = False
    speed: float = 1.0
    counted: bool = False

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return len(self.ch_names)


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """A run of consecutive samples; it may be empty.

    Parameters
    ----------
    data : array of shape (n_samples, n_channels), float32
        The signal, µV once past the source.
    stamps : array of shape (n_samples,), float64
        Time of each sample, corrected to the local LSL clock, as received (jitter included).
    flags : array of shape (n_samples,), uint16
        :class:`Flag` of each sample.
    index : int
        Number of the first sample, counted from 0 at the start of the stream at its rate.
    received_s : float
        Local clock when the samples came in; NaN where nobody looked.
    raw_stamps : array of shape (n_samples,), float64, or None
        Time of each sample as its sender stamped it. A source hands it out, for recorders and
        the watch over the stream; blocks need not pass it on. None: the same as ``stamps``.
    """

    data: Float32
    stamps: Float64
    flags: FlagArray
    index: int
    received_s: float = NOT_MEASURED
    raw_stamps: Float64 | None = None

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for array in (self.data, self.stamps, self.flags, self.raw_stamps):
            if array is not None:
                array.setflags(write=False)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.data)

    @staticmethod
    def empty(n_channels: int, index: int, received_s: float = NOT_MEASURED) -> Chunk:
        """Return a chunk without samples."""
        return Chunk(
            np.empty((0, n_channels), np.float32),
            np.empty(0, np.float64),
            np.empty(0, np.uint16),
            index,
            received_s,
        )


@dataclass(frozen=True, slots=True)
class Marker:
    """One event of a marker stream.

    Parameters
    ----------
    value : str
        What was sent; numbers as :func:`marker_text` has them, several channels joined by ",".
    stamp : float
        Its time, corrected to the local LSL clock, in seconds.
    stream : str
        Name of the marker stream.
    received_s : float
        Local clock when it came in; NaN where nobody looked.
    """

    value: str
    stamp: float
    stream: str = ""
    received_s: float = NOT_MEASURED


def marker_text(value: float | np.floating[Any]) -> str:
    """Return a numeric marker as text: whole numbers without decimals, others in full."""
    return str(int(value)) if float(value).is_integer() else str(value)


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """Something that happened to a stream, as opposed to in it.

    Parameters
    ----------
    kind : str
        "stalled" (nothing has come for a while), "resumed", "refused" (came back as something
        else, and is left alone), "lost" (gone for good), "command" (somebody told the session
        to do something, and it did).
    stream : str
        Name of the stream.
    text : str
        What happened, in one sentence for a person, with numbers.
    at_s : float
        Local clock when it was noticed.
    command : mapping or None
        The command, JSON-ready: ``do``, what was done; ``index``, the number of the next sample;
        and what it was done with.
    """

    kind: Literal["stalled", "resumed", "refused", "lost", "command"]
    stream: str
    text: str
    at_s: float
    command: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ClockMeasure:
    """One measurement of how far a sender's clock is from ours.

    Parameters
    ----------
    stream : str
        Name of the stream.
    at_s : float
        Local clock at the measurement.
    offset_s : float
        Seconds to be added to the sender's stamps.
    uncertainty_s : float
        The measurement's own round trip, in seconds; NaN where it is not known.
    """

    stream: str
    at_s: float
    offset_s: float
    uncertainty_s: float = NOT_MEASURED


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at a source brought: samples, markers, either, or neither.

    ``events`` and ``clocks`` say what happened to the streams and their clocks since the last
    look; they are for people and recorders, and decide nothing.
    """

    chunk: Chunk
    markers: tuple[Marker, ...] = ()
    events: tuple[StreamEvent, ...] = ()
    clocks: tuple[ClockMeasure, ...] = ()


State = Literal["good", "doubtful", "bad", "not judged"]


@dataclass(frozen=True, slots=True, eq=False)
class QualityReport:
    """How good each channel is, as judged over the last seconds of the signal as it came in.

    Parameters
    ----------
    index : int
        Number of the newest sample it is about.
    stamp_s : float
        That sample's time stamp.
    ch_names : tuple of str
        The channels, all that the stream has.
    measures : mapping of str to array of shape (n_channels,), float32
        What was measured, by name with its unit (``amplitude_uv``); NaN where a measure says
        nothing of a channel.
    states : tuple of {"good", "doubtful", "bad", "not judged"}, length n_channels
        The verdict; "not judged" of a channel that carries no voltage.
    reasons : tuple of str, length n_channels
        Why, in words with numbers; "" for a good channel.
    """

    index: int
    stamp_s: float
    ch_names: tuple[str, ...]
    measures: Mapping[str, Float32]
    states: tuple[State, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Epoch:
    """A window of the processed signal.

    Parameters
    ----------
    number : int
        Counted from 0 in the order in which epochs were completed.
    data : array of shape (n_channels, n_times), float32
        The signal; NaN where samples are missing.
    sfreq : float
        Rate in Hz.
    tmin_s : float
        Time of the first column relative to the onset sample.
    onset_s : float
        Time of the marker; for a sliding window, of its first sample.
    onset_index : int
        Number of the sample the marker was aligned to; -1 if there is none.
    marker : str or None
        Value of the marker; None for a sliding window.
    label : str or None
        Concept that the marker stands for; None if unknown.
    flags : Flag
        All flags of the samples in the window, together.
    n_missing : int
        Number of columns without a sample.
    rejected : tuple of str
        Why the epoch must not be decoded or counted; empty if it is good.
    last_stamp_s : float
        Time of the last sample in the window.
    received_s : float
        Local clock when that sample came in.
    complete_s : float
        Local clock when the last thing needed, sample or marker, came in.
    last_index : int
        Number of the last sample in the window; -1 if there is none.
    """

    number: int
    data: Float32
    sfreq: float
    tmin_s: float
    onset_s: float
    onset_index: int
    marker: str | None = None
    label: str | None = None
    flags: Flag = Flag.NONE
    n_missing: int = 0
    rejected: tuple[str, ...] = ()
    last_stamp_s: float = NOT_MEASURED
    received_s: float = NOT_MEASURED
    complete_s: float = NOT_MEASURED
    last_index: int = -1

    def __post_init__(self) -> None:
        """Make the array read-only."""
        self.data.setflags(write=False)


@dataclass(frozen=True, slots=True)
class Latency:
    """Where the time went between an epoch's last sample and its published prediction, in s.

    Parameters
    ----------
    transport_s : float
        From the time stamp of the last sample to its arrival here. NaN if the stream's stamps
        are not in step with the clock (fast replay, data in process).
    wait_s : float
        Arrived, but not looked at yet: the marker was late, or another epoch was at work.
    preprocessing_s, encoder_s, retrieval_s, publishing_s : float
        Filters (with the later samples a resampler waits for) and cutting; embedding; gallery
        search; handing to the sinks.
    """

    transport_s: float = NOT_MEASURED
    wait_s: float = NOT_MEASURED
    preprocessing_s: float = NOT_MEASURED
    encoder_s: float = NOT_MEASURED
    retrieval_s: float = NOT_MEASURED
    publishing_s: float = NOT_MEASURED


@dataclass(frozen=True, slots=True)
class Candidate:
    """One concept of a ranking: its row in the gallery, name, cosine score and probability."""

    row: int
    name: str
    score: float
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """What a decoder makes of one epoch.

    Parameters
    ----------
    top : tuple of Candidate
        The k best, best first; equal scores in gallery order.
    scores, probabilities : array of shape (n_gallery,), float32
        Cosine and calibrated probability of every concept, in gallery order.
    encoder_s, retrieval_s : float
        Time taken, in seconds.
    """

    top: tuple[Candidate, ...]
    scores: Float32
    probabilities: Float32
    encoder_s: float = NOT_MEASURED
    retrieval_s: float = NOT_MEASURED

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        self.scores.setflags(write=False)
        self.probabilities.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """A decoded epoch, with what it took.

    ``label_rank`` is the place (1 = best) of the epoch's label among all concepts, None where
    the truth is unknown or not in the gallery.
    """

    epoch: Epoch
    ranking: Ranking
    label_rank: int | None = None
    latency: Latency = field(default_factory=Latency)
    simulated: bool = False


Mode = Literal["closed", "single", "target", "sliding"]
Ending = Literal["threshold", "gain", "deadline", "repetitions", "end", "reset"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the evidence of one or several epochs comes to, or that it comes to nothing.

    Parameters
    ----------
    number : int
        Counted from 0.
    mode : {"closed", "single", "target", "sliding"}
        What was asked: which of a few shown again and again, what is seen now, which of frequent
        ones is the rare one attended to, or what is there at any time.
    choice : str or None
        The concept or stimulus decided for; None where it was abstained.
    probability : float
        Posterior probability of the best, chosen or not, 0 to 1.
    n_epochs : int
        How many epochs counted.
    n_left_out : int
        How many more came, but were rejected.
    started_s, stamp_s : float
        Time of the marker that began the trial, or of the first onset where none does, and time
        of the sample that settled it, on the clock of the stamps.
    ending : {"threshold", "gain", "deadline", "repetitions", "end", "reset"}
        What settled it.
    top : tuple of (str, float)
        The best alternatives with their posterior probabilities, best first.
    truth : str or None
        What was meant, where that is known.
    simulated : bool
        The signal is not from a person.
    item : str or None
        The marker value that it is about, where each has a decision of its own.
    """

    number: int
    mode: Mode
    choice: str | None
    probability: float
    n_epochs: int
    n_left_out: int
    started_s: float
    stamp_s: float
    ending: Ending
    top: tuple[tuple[str, float], ...] = ()
    truth: str | None = None
    simulated: bool = False
    item: str | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds of signal from its beginning to the sample that settled it."""
        return self.stamp_s - self.started_s
