"""How long a sender is silent between the pieces in which it sends, and so when it is stalled.

Most send a few milliseconds of signal at a time. One that sends half a second at a time is not
stalled after 0.4 s; how long it takes is known after three pieces.
"""

from __future__ import annotations

import collections
import statistics

PIECE_S = 0.1  # samples that come in closer than this are of one piece
FLOWS_S = 0.2  # without a silence, and there are no pieces
LEARNT = 3  # silences
SPARE = 2.0  # how many times the usual silence may pass
FIRST_S = 1.0  # may pass as long as the usual silence is not known


class Pace:
    """Learns a sender's pace from when its samples come in.

    Parameters
    ----------
    stall_s : float
        Shortest silence that counts as a stall, in seconds.
    """

    def __init__(self, stall_s: float) -> None:
        self._stall_s = stall_s
        self._usual_s = FIRST_S / SPARE
        self._silences_s: collections.deque[float] = collections.deque(maxlen=LEARNT)
        self._flowing_s = 0.0  # for how long there was none

    @property
    def patience_s(self) -> float:
        """How long the stream may be silent now, in seconds."""
        return max(self._stall_s, SPARE * self._usual_s)

    def hear(self, silence_s: float) -> None:
        """Take note that samples have come after a silence of so many seconds."""
        if silence_s > PIECE_S:
            self._flowing_s = 0.0
            self._silences_s.append(silence_s)
            if len(self._silences_s) == LEARNT:
                self._usual_s = statistics.median(self._silences_s)
            return
        self._flowing_s += silence_s
        if self._flowing_s > FLOWS_S:
            self._silences_s.clear()
            self._usual_s = 0.0
