"""The simulated subject in front of a screen that somebody else runs: signal out, markers in.

What will be shown is not known beforehand. A picture is told by its name and the time at which it
appeared, while the signal goes on; its response is in the samples from that time on. The signal
is made sample by sample from its first time stamp, so it depends on what was told, and on neither
the pieces it is taken in nor the order in which the pictures were told.
"""

from __future__ import annotations

import bisect
import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from saccade.realtime.simulation.subject import SimulatedSubject
from saccade.realtime.types import Float32


@dataclass(order=True, slots=True)
class _Sight:
    """A response under way: sample of its onset, row of its concept, strength of what is its own.

    The order in which responses are added, and so the last bit of the sum.
    """

    onset: int
    row: int
    gain: float
    response: Float32 = field(compare=False)


class Onlooker:
    """A simulated subject's signal, with a response to every picture told in time.

    Parameters
    ----------
    subject : SimulatedSubject
        Who looks.
    start_s : float
        Time of the first sample, in s on the clock of the markers.
    visit : int
        At least 0; another visit of the same person has another background.

    Attributes
    ----------
    n_seen : int
        How many pictures left a response.
    n_late : int
        How many were told when the sample of their onset was taken already, and left none.
    unknown : Counter
        How often each name came that is no concept of the subject's.
    """

    def __init__(self, subject: SimulatedSubject, start_s: float, visit: int = 0) -> None:
        self.subject = subject
        self.start_s = start_s
        self.n_seen = self.n_late = 0
        self.unknown: Counter[str] = Counter()
        self._background = subject.background(visit)
        self._next = 0
        self._sights: list[_Sight] = []
        self._row_of = {name.casefold(): row for row, name in reversed([*enumerate(subject.names)])}

    def see(self, name: str, stamp: float, gain: float = 1.0) -> bool:
        """Tell of a picture.

        Parameters
        ----------
        name : str
            Of the concept, in any case.
        stamp : float
            When it appeared, in s; its response begins with the nearest sample, of two as near
            with the earlier.
        gain : float
            How strong the part of the response is that tells concepts apart: 1 for a picture
            that is attended to, less for one beside it, 0 leaves what all pictures share.

        Returns
        -------
        bool
            Whether it leaves a response.
        """
        row = self._row_of.get(name.casefold())
        if row is None:
            self.unknown[name] += 1
            return False
        onset = math.ceil((stamp - self.start_s) * self.subject.settings.sfreq - 0.5)
        if onset < self._next:
            self.n_late += 1
            return False
        self.n_seen += 1
        response = self.subject.response(row, gain)
        bisect.insort(self._sights, _Sight(onset, row, gain, response))
        return True

    def take(self, n_samples: int) -> Float32:
        """Return the next samples.

        Parameters
        ----------
        n_samples : int
            How many, at least 0.

        Returns
        -------
        array of shape (n_samples, 64), float32
            In µV; the caller's own.
        """
        start, stop = self._next, self._next + n_samples
        signal = self._background.take(n_samples)
        for sight in self._sights:
            begin = max(sight.onset, start)
            end = min(sight.onset + len(sight.response), stop)
            if begin < end:
                part = sight.response[begin - sight.onset : end - sight.onset]
                signal[begin - start : end - start] += part
        self._sights = [s for s in self._sights if s.onset + len(s.response) > stop]
        self._next = stop
        return signal.astype(np.float32)
