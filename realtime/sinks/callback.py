"""Results into a Python program that runs the engine itself.

Concurrent activities: none. The callables run in the engine's loop, so while they compute nothing
is decoded (what comes in waits, and is not lost). One that raises is called no more: like any sink
that fails it is dropped, with all others of the same sink, and told.
"""

from __future__ import annotations

from collections.abc import Callable

from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.types import Decision, Epoch, Prediction


class CallbackSink(QuietSink):
    """Calls what it is given.

    Parameters
    ----------
    decision, prediction, rejected : callable or None
        Called with each decision, prediction or epoch that is not decoded; None is not.
    """

    def __init__(
        self,
        decision: Callable[[Decision], object] | None = None,
        prediction: Callable[[Prediction], object] | None = None,
        rejected: Callable[[Epoch], object] | None = None,
    ) -> None:
        self._decision, self._prediction, self._rejected = decision, prediction, rejected

    def decision(self, decision: Decision) -> None:
        """Pass a decision on."""
        if self._decision is not None:
            self._decision(decision)

    def prediction(self, prediction: Prediction) -> None:
        """Pass a prediction on."""
        if self._prediction is not None:
            self._prediction(prediction)

    def rejected(self, epoch: Epoch) -> None:
        """Pass on an epoch that is not decoded."""
        if self._rejected is not None:
            self._rejected(epoch)
