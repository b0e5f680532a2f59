"""A stream that is away: looked for, joined and held ready when it comes back.

Concurrent activities: each absence has one thread of its own, which blocks inside liblsl (to
look, to connect, to measure the clock for two thirds of a second) so that nobody else has to. It
hands over one inlet, and ends. Nothing but :meth:`Return.take` and :meth:`Return.refusals` is
called while a session is being decoded, and neither waits.
"""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable, Sequence

import pylsl

from saccade.realtime.errors import SaccadeError
from saccade.realtime.sources.lsl.inlet import Inlet

# liblsl asks the whole network at once, and half a second later each known computer; some streams
# hear only the second question. Looking any longer would only put off the next first question.
LOOK_S = 0.9
TWIN_S = 0.6  # how long to look for a second stream; the clock's measurement takes as long
PAUSE_S = 0.5  # before another attempt where something answers that will not do
MOST_REFUSED = 16  # that a question to the network excludes
MOST = 64  # streams that are told apart


class Return:
    """Waits for one stream, beginning at once.

    What comes back as something else is refused, and so are several that claim to be the one,
    until one is left; who is right can't be known, and to guess is how a laboratory records its
    neighbour.

    Parameters
    ----------
    name : str
        Name of the stream.
    xpath : str
        What the stream must answer to.
    predicate : str or None
        A further condition by which it was asked for. A stream that answers to all but this is
        refused.
    uid : str
        The sender that went: one that answers under this uid is silent, not new.
    join : callable
        Makes an inlet of a search result; its clock has begun to be measured.
    differences : callable
        Says in words how a joined stream differs from the one that went.
    timeout_s : float
        How long to wait for the clock, in seconds.

    Attributes
    ----------
    ready : threading.Event
        Set when the stream is back and can be taken.
    """

    def __init__(
        self,
        name: str,
        xpath: str,
        predicate: str | None,
        uid: str,
        join: Callable[[pylsl.StreamInfo], Inlet],
        differences: Callable[[Inlet], Sequence[str]],
        timeout_s: float,
    ) -> None:
        self.ready = threading.Event()
        self._name = name
        self._xpath = xpath
        self._predicate = predicate
        self._uid = uid
        self._join = join
        self._differences = differences
        self._timeout_s = timeout_s
        self._inlet: Inlet | None = None
        self._told: set[str] = set()
        self._unfit: collections.deque[str] = collections.deque(maxlen=MOST_REFUSED)
        self._refusals: collections.deque[str] = collections.deque()  # safe between threads
        self._over = threading.Event()
        threading.Thread(target=self._run, name=f"return of {name}", daemon=True).start()

    def take(self) -> Inlet | None:
        """Return the stream if it is back, its clock measured; it is the caller's from then on."""
        return self._inlet if self.ready.is_set() else None

    def refusals(self) -> list[str]:
        """Return what was refused since the last call, each with the reason."""
        return [self._refusals.popleft() for _ in range(len(self._refusals))]

    def cancel(self) -> None:
        """Look no longer; the thread ends with its present look, which nobody waits for."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                inlet = self._attempt()
            except (SaccadeError, RuntimeError) as error:  # pylsl's own are RuntimeErrors
                self._refuse(f"'{self._name}' is back, but can't be joined yet: {error}")
                self._over.wait(PAUSE_S)
                inlet = None
            if inlet is not None and not self._over.is_set():
                self._inlet = inlet
                self.ready.set()
                return

    def _attempt(self) -> Inlet | None:
        """Look once, and join what answers alone and fits."""
        not_these = "".join(f" and uid != '{uid}'" for uid in (self._uid, *self._unfit))
        same = self._xpath + not_these
        asked = f"{same} and ({self._predicate})" if self._predicate else same
        first = pylsl.resolve_bypred(asked, 1, LOOK_S)
        altered = not first and self._predicate is not None
        if altered:
            first = pylsl.resolve_bypred(same, 1, LOOK_S)
        if not first or self._over.is_set():
            return None
        info = first[0]
        inlet = self._join(info)
        differs = self._differences(inlet)
        if altered and not differs:
            # It may have come between the two looks, so it is not excluded.
            if not pylsl.resolve_bypred(f"uid='{info.uid()}' and ({self._predicate})", 1, LOOK_S):
                self._refuse(
                    f"'{self._name}' is back on {info.hostname()}, but {self._predicate!r}, by "
                    "which it was asked for, does not hold any more: left alone until it does"
                )
            return None
        if differs:
            self._unfit.append(info.uid())
            self._refuse(
                f"'{self._name}' is back on {info.hostname()} with {', '.join(differs)}: left "
                "alone until it is as before; to decode it as it is, start anew"
            )
            return None
        found = {info.uid(): info for info in [*first, *pylsl.resolve_bypred(asked, MOST, TWIN_S)]}
        if len(found) > 1:
            hosts = ", ".join(sorted(info.hostname() for info in found.values()))
            self._refuse(
                f"{len(found)} streams claim to be '{self._name}' at once (on {hosts}): waiting "
                "until one is left"
            )
            self._over.wait(PAUSE_S)
            return None
        inlet.clock.wait(self._timeout_s)
        return inlet

    def _refuse(self, text: str) -> None:
        """Tell a refusal, but not twice the same."""
        if text not in self._told:
            self._told.add(text)
            self._refusals.append(text)
