"""Any source as an amplifier: its samples and markers as LSL streams, each at its time.

Concurrent activities: :meth:`Player.run` reads, waits and pushes in the caller's thread, and holds
a lock while it is not waiting; pause, seek and the others take that lock, from any thread, and
so wait for one block of samples at most. liblsl has threads of its own, in C, which answer
searches and send; pushing only fills their queues.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable

import pylsl

from saccade.realtime.errors import ConfigError
from saccade.realtime.protocols import Source
from saccade.realtime.replay.deck import Deck
from saccade.realtime.replay.outlets import LOOK_S, Outlets
from saccade.realtime.replay.pace import Pace
from saccade.realtime.replay.settings import PlayerReport, PlayerSettings, check_speed
from saccade.realtime.replay.tape import Tape
from saccade.realtime.replay.timeline import Timeline
from saccade.realtime.types import Marker

__all__ = ["Player", "PlayerReport", "PlayerSettings"]

LEAD_S = 60.0  # a marker that is farther before its samples is of another clock


class Player:
    """Publishes a source; what is a :class:`~saccade.realtime.replay.tape.Tape` can be wound.

    Every method but :meth:`run` may be called from any thread while it runs. What a receiver
    sees of them is told in :mod:`saccade.realtime.replay.pace`.

    Parameters
    ----------
    source : Source
        What to publish, from its beginning.
    settings : PlayerSettings
        How.

    Raises
    ------
    ConfigError
        If something else than a tape is to be played more than once.
    """

    def __init__(self, source: Source, settings: PlayerSettings) -> None:
        self.settings = settings
        self._source = source
        self._tape = source if isinstance(source, Tape) else None
        if self._tape is None and settings.rounds != 1:
            raise ConfigError("only a recording can be played more than once: play this one once")
        self._changed = threading.Condition()
        self._reset()

    @property
    def position_s(self) -> float:
        """Playing time of the newest sample sent, or of where it was wound to, in seconds."""
        return self._position_s

    @property
    def speed(self) -> float:
        """Seconds of the source per second of clock."""
        return self._pace.speed

    @property
    def paused(self) -> bool:
        """Whether nothing is sent until :meth:`resume`."""
        return self._pace.paused

    def pause(self) -> None:
        """Send nothing from now on."""
        with self._changed:
            self._pace.pause(pylsl.local_clock())

    def resume(self) -> None:
        """Go on where it was paused."""
        with self._changed:
            self._pace.resume(pylsl.local_clock())
            self._changed.notify()

    def set_speed(self, speed: float) -> None:
        """Send so many seconds of the source per second of clock from now on.

        Raises
        ------
        ConfigError
            If the speed is out of range, or was announced to stay as it is.
        """
        check_speed(speed)
        if not self.settings.variable_speed:
            raise ConfigError(
                f"the speed was announced to stay {self.speed:g}, so it can't become {speed:g}: "
                "start with variable_speed"
            )
        with self._changed:
            self._pace.set_speed(speed, pylsl.local_clock())
            self._changed.notify()

    def seek(self, time_s: float) -> None:
        """Go on at this playing time; what lies between is not sent.

        Raises
        ------
        ConfigError
            If there is nothing at that time, or nothing that can be wound is being played.
        """
        with self._changed:
            if self._tape is None:
                raise ConfigError("only a recording can be wound, not what is made as it is sent")
            if not self._playing:
                raise ConfigError("a recording can be wound only while it plays: start it first")
            self._tape.seek(time_s)
            self._jump(time_s)
            self._changed.notify()

    def run(
        self,
        stop: Callable[[], bool] = lambda: False,
        announced: Callable[[], None] = lambda: None,
    ) -> PlayerReport:
        """Send everything at its time; return when all is sent or ``stop`` returns True.

        Parameters
        ----------
        stop : callable
            Asked again and again; True ends the streams.
        announced : callable
            Called once, when the streams can be found.

        Raises
        ------
        ConfigError
            If no receiver has come within the time to wait for one.
        SaccadeError
            Whatever the source raises.
        """
        spec = self._source.open()
        try:
            with contextlib.closing(Outlets(spec, self.settings)) as outlets:
                self._position_s = self._tape.start_s if self._tape else 0.0
                self._playing = True
                announced()
                if outlets.wait(stop):
                    self._play(outlets, stop)
                passed_s = pylsl.local_clock() - self._began_s
                report = PlayerReport(
                    self._n_samples, self._n_markers, 0.0 if math.isnan(passed_s) else passed_s
                )
                if outlets.heard:
                    time.sleep(self.settings.linger_s)
        finally:
            with self._changed:
                self._reset()
            self._source.close()
        return report

    def _reset(self) -> None:
        """Be as before the first run."""
        self._playing = False
        self._deck, self._pace = Deck(), Pace(self.settings.speed)
        self._timeline = Timeline()
        self._ended = False  # nothing more can be read in this round
        self._rounds_begun = 1
        self._n_samples = self._n_markers = 0
        self._position_s = 0.0
        self._began_s = math.nan

    def _play(self, outlets: Outlets, stop: Callable[[], bool]) -> None:
        while not stop():
            with self._changed:
                next_s = self._advance(outlets)
                if next_s is None:
                    self._playing = False  # in the same breath: nothing is wound in vain
                    return
                wait_s = min(next_s - pylsl.local_clock(), LOOK_S)
                if wait_s > 0:
                    self._changed.wait(wait_s)

    def _advance(self, outlets: Outlets) -> float | None:
        """Read or send one thing; return when there is the next to do, None if never."""
        deck, pace = self._deck, self._pace
        if pace.paused:
            return math.inf
        if deck.wants_samples and not self._ended:
            self._read()
        now_s: float = pylsl.local_clock()
        more_to_come = deck.wants_samples and not self._ended  # and due before a marker, perhaps
        if not pace.running and not more_to_come:
            self._begin(now_s)
        span_s = self.settings.chunk_s * pace.speed
        time_s = deck.next_s(span_s)
        if math.isinf(time_s):
            return now_s if more_to_come or self._begin_round() else None
        due_s = pace.due_s(time_s) if pace.running else math.inf
        if due_s <= now_s:
            self._send(outlets, span_s)
            return now_s
        return now_s if more_to_come else due_s

    def _read(self) -> None:
        if self._tape is not None:
            timed = self._tape.read_timed()
        else:
            reading = self._source.read(self.settings.chunk_s)
            timed = None if reading is None else self._timeline.timed(reading)
        if timed is None:
            self._ended = True
            return
        self._deck.add(timed)

    def _begin(self, now_s: float) -> None:
        """Let the first thing there is leave now, be it a marker ahead of the samples."""
        first = self._deck.first(LEAD_S)
        if first is not None:
            self._pace.begin(*first, now_s)
            if math.isnan(self._began_s):
                self._began_s = now_s

    def _send(self, outlets: Outlets, span_s: float) -> None:
        item = self._deck.take(span_s)
        if isinstance(item, Marker):
            outlets.send_marker(item.value, self._pace.stamped(item.stamp))
            self._n_markers += 1
        else:
            outlets.send(item.data, self._pace.stamped(item.stamps))
            self._n_samples += len(item.data)
            self._position_s = float(item.times_s[-1])

    def _begin_round(self) -> bool:
        """Wind back for another round, if there is one to come."""
        if self._tape is None or self._rounds_begun == self.settings.rounds:
            return False
        self._rounds_begun += 1
        self._tape.seek(self._tape.start_s)
        self._jump(self._tape.start_s)
        return True

    def _jump(self, time_s: float) -> None:
        self._deck.clear()
        self._pace.jump()
        self._ended = False
        self._position_s = time_s
