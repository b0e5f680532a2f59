"""Results as LSL streams, for the window, the experiment and LabRecorder.

Four streams, all irregular, all stamped with the clock at publication (the onset is inside):

``PREFIX-predictions``
    One JSON object for each prediction and each rejected epoch.
``PREFIX-scores``
    Numbers only, for programs without JSON, one sample for each prediction; see :data:`SCORES`.
``PREFIX-status``
    One JSON object a second of signal, one whenever something happens to a stream ("event"), and
    the summary at the end.
``PREFIX-quality``
    Peak-to-peak amplitude in µV over the last second, one channel for each of the signal's; NaN
    for a channel that the pipeline does not use.

Concurrent activities: liblsl sends from threads of its own; publishing only fills its queues and
waits for nobody.
"""

from __future__ import annotations

import dataclasses
import math
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pylsl

from saccade.realtime.blocks.units import MICROVOLT
from saccade.realtime.errors import ConfigError
from saccade.realtime.lsl_metadata import announce
from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.sinks.messages import event_content, message, rejected_message, to_json
from saccade.realtime.types import Epoch, Prediction, StreamEvent, StreamSpec

SCORES = {"epoch": "count", "onset": "s", "latency": "ms", "label_rank": "count"}
"""First channels of the scores and their units; row, score and probability of each of the best
concepts follow. Latency is the sum of the parts that were measured. NaN stands for unknown."""

CANDIDATE = {"row": "count", "score": "cosine", "probability": "1"}
LINGER_S = 0.5  # for the summary to leave before the streams close


@dataclass(frozen=True, slots=True)
class LSLSinkSettings:
    """How the streams are called and what they tell.

    Parameters
    ----------
    prefix : str
        First part of the four streams' names.
    top_k : int
        How many of the best concepts the scores have, at least 1.
    session_id : str or None
        Part of the streams' source ids; None draws one that no other session has.
    labels : mapping of str to int
        Concepts whose score every prediction tells, and their rows in the gallery.
    """

    prefix: str = "saccade"
    top_k: int = 5
    session_id: str | None = None
    labels: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what gives no usable stream."""
        if not self.prefix:
            raise ConfigError("the prefix of the result streams must not be empty: name it")
        if self.top_k < 1:
            raise ConfigError(f"top_k must be at least 1, not {self.top_k}: raise it")


class LSLSink(QuietSink):
    """Publishes predictions, scores, status and quality; see the module."""

    def __init__(self, settings: LSLSinkSettings) -> None:
        self.settings = settings
        self._outlets: dict[str, pylsl.StreamOutlet] = {}

    def open(self, spec: StreamSpec, session: dict[str, Any]) -> None:
        """Announce the four streams, with the session's settings in their descriptions."""
        self._spec = spec
        about = {"stream": spec.name, "session": to_json(session)}
        session_id = self.settings.session_id or uuid.uuid4().hex
        best = [
            (f"{name}_{place}", unit)
            for place in range(1, self.settings.top_k + 1)
            for name, unit in CANDIDATE.items()
        ]
        text, count = pylsl.cf_string, len(spec.ch_names)
        quality = list(zip(spec.ch_names, (MICROVOLT,) * count, strict=True))
        for part, channel_format, channels in (
            ("predictions", text, [("prediction", "json")]),
            ("scores", pylsl.cf_double64, [*SCORES.items(), *best]),
            ("status", text, [("status", "json")]),
            ("quality", pylsl.cf_float32, quality),
        ):
            own = StreamSpec(
                name=f"{self.settings.prefix}-{part}",
                sfreq=pylsl.IRREGULAR_RATE,
                ch_names=tuple(name for name, _ in channels),
                ch_types=(part,) * len(channels),
                units=tuple(unit for _, unit in channels),
                source_id=f"{self.settings.prefix}-{part}-{session_id}",
                simulated=spec.simulated,
                speed=spec.speed,
            )
            info = announce(own, part.capitalize(), channel_format, about)
            self._outlets[part] = pylsl.StreamOutlet(info)

    def prediction(self, prediction: Prediction) -> None:
        """Publish a prediction, as JSON and as numbers."""
        self._push("predictions", [to_json(message(prediction, self.settings.labels))])
        parts = [s for s in dataclasses.astuple(prediction.latency) if math.isfinite(s)]
        rank = prediction.label_rank
        numbers = [
            float(prediction.epoch.number),
            prediction.epoch.onset_s,
            1e3 * sum(parts) if parts else math.nan,
            math.nan if rank is None else float(rank),
        ]
        top = prediction.ranking.top[: self.settings.top_k]
        for candidate in top:
            numbers += [float(candidate.row), candidate.score, candidate.probability]
        numbers += [math.nan] * (len(CANDIDATE) * (self.settings.top_k - len(top)))
        self._push("scores", numbers)

    def rejected(self, epoch: Epoch) -> None:
        """Publish an epoch that is not decoded."""
        text = to_json(rejected_message(epoch, simulated=self._spec.simulated))
        self._push("predictions", [text])

    def event(self, event: StreamEvent) -> None:
        """Publish what happened to a stream, with the status."""
        self._tell("event", event_content(event))

    def status(self, status: dict[str, Any]) -> None:
        """Publish the state of the session, and the amplitudes in it as quality.

        ``ptp_uv`` has an amplitude for each name in ``ch_names``; without it, quality is silent.
        """
        self._tell("status", status)
        if "ptp_uv" in status:
            amplitude_of = dict(zip(status["ch_names"], status["ptp_uv"], strict=True))
            values = [amplitude_of.get(name, math.nan) for name in self._spec.ch_names]
            self._push("quality", np.array(values, np.float32))

    def close(self, summary: dict[str, Any]) -> None:
        """Publish the summary on the status stream and end all streams."""
        if self._outlets:
            self._tell("summary", summary)
            if self._outlets["status"].have_consumers():
                time.sleep(LINGER_S)
        self._outlets = {}

    def _tell(self, kind: str, content: dict[str, Any]) -> None:
        text = to_json({"type": kind, "simulated": self._spec.simulated, **content})
        self._push("status", [text])

    def _push(self, part: str, values: Any) -> None:
        self._outlets[part].push_sample(values, pylsl.local_clock())
