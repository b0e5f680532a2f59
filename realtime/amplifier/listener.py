"""Hears a marker stream, whenever it is there.

Concurrent activities: one thread a stream. It looks for the stream, joins it, waits for its markers
inside liblsl, and puts each into a queue; when the sender is gone it looks again, so that a
stimulus program may come later than the amplifier and come back after a crash. Putting never waits:
the queue has no limit, and a marker is small.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass

import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as NotInTime

from saccade.realtime.errors import ConfigError
from saccade.realtime.marker_value import marker_value
from saccade.realtime.sources.lsl.resolve import StreamQuery

LOOK_S = (
    0.9  # one search, beyond the 0.5 s after which liblsl asks again; also one wait for a marker
)
ANSWER_S = 5.0


@dataclass(frozen=True, slots=True)
class Followed:
    """A marker stream to look at.

    Parameters
    ----------
    name : str
        Of the stream.
    gain : float
        How strongly what it shows is seen, 0 to 10; see
        :meth:`~saccade.realtime.simulation.onlooker.Onlooker.see`.
    """

    name: str
    gain: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no stream, or no strength."""
        if not self.name or not 0.0 <= self.gain <= 10.0:
            raise ConfigError(
                f"a stream to follow has a name and a gain of 0 to 10, not '{self.name}' and "
                f"{self.gain:g}: write NAME or NAME:GAIN, as in pictures:0.5"
            )


def parse_followed(text: str) -> Followed:
    """Return what ``NAME`` or ``NAME:GAIN`` says; what does not end in a number is all name."""
    name, colon, gain = text.rpartition(":")
    try:
        return Followed(name, float(gain)) if colon else Followed(text)
    except ValueError:
        return Followed(text)


@dataclass(frozen=True, slots=True)
class Seen:
    """A marker's value and time in s; without a value, that its stream is heard from now on."""

    stream: Followed
    value: str | None
    stamp: float


class Listener:
    """Puts the markers of one stream into a queue until it is closed.

    Parameters
    ----------
    followed : Followed
        The stream.
    into : queue.SimpleQueue
        Where to; another listener may share it.
    """

    def __init__(self, followed: Followed, into: queue.SimpleQueue[Seen]) -> None:
        self._followed, self._into = followed, into
        self._ending = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"listener of {followed.name}", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Leave the stream; waits until its thread has ended."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        wanted = StreamQuery(name=self._followed.name).xpath
        while not self._ending.is_set():
            for info in pylsl.resolve_bypred(wanted, 1, LOOK_S)[:1]:
                # One that liblsl may recover would join whoever comes next, and say nothing.
                inlet = pylsl.StreamInlet(info, recover=False)
                try:
                    self._hear(inlet)
                except (NotInTime, LostError):
                    continue
                finally:
                    inlet.close_stream()

    def _hear(self, inlet: pylsl.StreamInlet) -> None:
        """Pass on what comes until the sender is gone, which liblsl raises."""
        inlet.open_stream(ANSWER_S)
        inlet.time_correction(ANSWER_S)  # the first takes half a second, others no time
        self._into.put(Seen(self._followed, None, pylsl.local_clock()))
        while not self._ending.is_set():
            row, stamp = inlet.pull_sample(LOOK_S)
            if row is not None:
                value = marker_value(row)
                self._into.put(Seen(self._followed, value, stamp + inlet.time_correction()))
