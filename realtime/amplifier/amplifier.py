"""A simulated subject on LSL who looks at what marker streams name, while they name it.

Concurrent activities: :meth:`Amplifier.run` computes the signal and pushes it in the caller's
thread, and blocks in a queue until a marker comes or the next piece is due. Each marker stream is
heard by a thread of its own (:mod:`saccade.realtime.amplifier.listener`), which puts markers into
that queue. liblsl answers searches and sends from threads in C; pushing only fills their queues.

A sample leaves some time after its own, because what is shown at a time is known only when the
marker has come. A marker that comes later than that is too late: it leaves no response, and is
counted. All stamps are true: they are those of an amplifier that is slow to send.
"""

from __future__ import annotations

import dataclasses
import math
import queue
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pylsl

from saccade.realtime.amplifier.listener import Followed, Listener, Seen
from saccade.realtime.blocks.units import MICROVOLT
from saccade.realtime.errors import ConfigError
from saccade.realtime.lsl_metadata import announce
from saccade.realtime.replay.outlets import BUFFER_S
from saccade.realtime.session_clock import SessionClock
from saccade.realtime.simulation.onlooker import Onlooker
from saccade.realtime.simulation.photodiode import Photodiode, PhotodiodeSettings
from saccade.realtime.simulation.subject import SimulatedSubject
from saccade.realtime.types import Float32, Float64, StreamSpec

PIECE_S = 0.02  # of the LSL clock: what is due within it is sent together


@dataclass(frozen=True, slots=True)
class AmplifierSettings:
    """What the amplifier is called, and what is the matter with it.

    Parameters
    ----------
    name : str
        Of the signal's stream.
    follow : tuple of Followed
        The marker streams whose pictures the subject sees, at least one, each once.
    delay_s : float
        How long after its time a sample is sent, in s of the LSL clock, above 0; markers have as
        long to come.
    visit : int
        At least 0; another visit has other noise.
    dead : tuple of str
        Channels that carry nothing.
    photodiode : PhotodiodeSettings or None
        A further channel that sees the screen light up; None for none.
    """

    name: str
    follow: tuple[Followed, ...]
    delay_s: float = 0.25
    visit: int = 0
    dead: tuple[str, ...] = ()
    photodiode: PhotodiodeSettings | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no amplifier."""
        names = [followed.name for followed in self.follow]
        if not names or len(set(names)) < len(names):
            raise ConfigError(
                f"an amplifier follows at least one marker stream, each once, not "
                f"{', '.join(names) or 'none'}: name each once"
            )
        if not (math.isfinite(self.delay_s) and self.delay_s > 0):
            raise ConfigError(f"delay_s must be above 0 s, not {self.delay_s:g}: raise it")


@dataclass(frozen=True, slots=True)
class AmplifierReport:
    """What was sent, and which pictures were seen.

    Parameters
    ----------
    start_s : float
        Time of the first sample, in s of the session's clock.
    samples, markers : int
        How many were sent, and heard.
    seen, late : int
        How many pictures left a response, and how many were told too late for it.
    unknown : dict of str to int
        How often each marker came that is no concept of the gallery.
    """

    start_s: float
    samples: int
    markers: int
    seen: int
    late: int
    unknown: dict[str, int]


class Amplifier:
    """Sends a simulated subject's signal, with its responses to what marker streams name.

    Parameters
    ----------
    subject : SimulatedSubject
        Who looks.
    settings : AmplifierSettings
        What is sent, and what is looked at.
    clock : SessionClock
        By which samples are stamped, and markers have been.

    Raises
    ------
    ConfigError
        If a dead channel is none of the subject's.
    """

    def __init__(
        self, subject: SimulatedSubject, settings: AmplifierSettings, clock: SessionClock
    ) -> None:
        self.subject, self.settings, self.clock = subject, settings, clock
        unknown = [name for name in settings.dead if name not in subject.ch_names]
        if unknown:
            raise ConfigError(
                f"no channel is called {', '.join(unknown)}; there are "
                f"{', '.join(subject.ch_names)}: correct the names of dead channels"
            )
        self._dead = [subject.ch_names.index(name) for name in settings.dead]
        self._heard: queue.SimpleQueue[Seen] = queue.SimpleQueue()

    def run(
        self,
        stop: Callable[[], bool],
        announced: Callable[[], None] = lambda: None,
        joined: Callable[[str], None] = lambda _: None,
    ) -> AmplifierReport:
        """Send until told to stop.

        Parameters
        ----------
        stop : callable
            Asked for every piece; True ends the stream.
        announced : callable
            Called once, when the stream can be found.
        joined : callable
            Called with the name of a marker stream whenever it is found and heard from now on.
        """
        outlet = pylsl.StreamOutlet(
            announce(self._spec(), "EEG", pylsl.cf_float32),
            max_buffered=math.ceil(BUFFER_S * max(1.0, self.clock.speed)),
        )
        sfreq, start_s = self.subject.settings.sfreq, self.clock.now()
        self._onlooker = Onlooker(self.subject, start_s, self.settings.visit)
        diode = self.settings.photodiode
        self._diode = None if diode is None else Photodiode(diode, sfreq, start_s)
        self._n_markers = n_sent = 0
        listeners = [Listener(followed, self._heard) for followed in self.settings.follow]
        try:
            announced()
            piece_s = pylsl.local_clock()
            while not stop():
                piece_s = max(piece_s + PIECE_S, pylsl.local_clock())
                # Whatever has come by then is heard before any sample of that time is made.
                known_s = self._hear_until(piece_s, joined)
                due_s = self.clock.session_s(known_s - self.settings.delay_s)
                n = max(0, math.floor((due_s - start_s) * sfreq) + 1 - n_sent)
                stamps = start_s + np.arange(n_sent, n_sent + n) / sfreq
                self._send(outlet, self._signal(n), stamps)
                n_sent += n
        finally:
            for listener in listeners:
                listener.close()
        onlooker = self._onlooker
        return AmplifierReport(
            start_s,
            n_sent,
            self._n_markers,
            onlooker.n_seen,
            onlooker.n_late,
            dict(onlooker.unknown),
        )

    def _spec(self) -> StreamSpec:
        subject, name = self.subject, self.settings.name
        spec = StreamSpec(
            name=name,
            sfreq=subject.settings.sfreq,
            ch_names=subject.ch_names,
            ch_types=("eeg",) * len(subject.ch_names),
            units=(MICROVOLT,) * len(subject.ch_names),
            source_id=f"{name}-{uuid.uuid4().hex}",
            simulated=True,
            speed=self.clock.speed,
        )
        if self.settings.photodiode is None:
            return spec
        return dataclasses.replace(
            spec,
            ch_names=(*spec.ch_names, "Photodiode"),
            ch_types=(*spec.ch_types, "misc"),
            units=(*spec.units, "mV"),
        )

    def _hear_until(self, end_s: float, joined: Callable[[str], None]) -> float:
        """Take markers until a time; return up to when all that had come is known."""
        while True:
            known_s: float = pylsl.local_clock()
            try:
                seen = self._heard.get(timeout=max(0.0, end_s - known_s))
            except queue.Empty:
                return known_s
            if seen.value is None:
                joined(seen.stream.name)
            elif seen.value:
                self._n_markers += 1
                self._onlooker.see(seen.value, seen.stamp, seen.stream.gain)
                if self._diode is not None:
                    self._diode.light(seen.stamp)

    def _signal(self, n_samples: int) -> Float32:
        data = self._onlooker.take(n_samples)
        data[:, self._dead] = 0.0
        if self._diode is None:
            return data
        return np.column_stack([data, self._diode.take(n_samples)])

    @staticmethod
    def _send(outlet: pylsl.StreamOutlet, data: Float32, stamps: Float64) -> None:
        if len(data):
            outlet.push_chunk(data, stamps)
