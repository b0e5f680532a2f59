"""The signal before a block, window by window, from a source that is opened for it.

Concurrent activities: those of :mod:`saccade.calibration.conduct`; it waits only in ``read``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator

from saccade.calibration.gate import Gate, GateSettings
from saccade.calibration.hands import Hands
from saccade.calibration.session_events import Judged
from saccade.realtime.errors import StreamLost, StreamNotFound
from saccade.realtime.types import StreamSpec

READ_S = 0.05
SILENCE_S = 3.0  # of the clock without a sample, after which the signal has failed


def windows(
    hands: Hands, settings: GateSettings, used_of: Callable[[StreamSpec], Collection[str]]
) -> Generator[Judged | None]:
    """Yield the verdict on each window, without end; None where there is none yet.

    A signal that is not there, or fails, is a window that is not good, and looked for again.

    Parameters
    ----------
    hands : Hands
        Where the signal comes from, and what judges its channels.
    settings : GateSettings
        What is good enough.
    used_of : callable
        Returns which of a stream's channels matter.
    """
    while True:
        source = hands.make_source()
        try:
            spec = source.open()
            gate, monitor = Gate(settings, used_of(spec)), hands.make_monitor()
            monitor.reset(spec)
            heard_s = hands.clock()
            while (reading := source.read(READ_S)) is not None:
                now_s = hands.clock()
                heard_s = now_s if len(reading.chunk) else heard_s
                if now_s - heard_s > SILENCE_S:
                    raise StreamLost(
                        f"the signal has been silent for {now_s - heard_s:.0f} s: is the "
                        "amplifier on, and near enough?"
                    )
                for report in monitor.step(reading.chunk):
                    judged = gate.step(report)
                    if judged is not None:
                        yield judged
                yield None
            yield Judged(False, "the signal has ended: start the amplifier again")
        except (StreamNotFound, StreamLost) as error:
            yield Judged(False, str(error))
        finally:
            source.close()
