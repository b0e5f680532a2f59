"""Results as LSL streams, for the window, the experiment and LabRecorder.

Six streams, all irregular, all stamped with the clock at publication (the onset is inside):

``PREFIX-predictions``
    One JSON object for each prediction and each rejected epoch.
``PREFIX-decisions``
    One JSON object for each decision (:func:`saccade.realtime.sinks.messages.decision_message`).
``PREFIX-scores``
    Numbers only, for programs without JSON, one sample for each prediction; see
    :data:`saccade.realtime.sinks.scores.SCORES`.
``PREFIX-status``
    One JSON object a second of signal, one whenever something happens to a stream ("event"), and
    the summary at the end.
``PREFIX-quality``
    Numbers only, four times a second of signal: for each of the signal's channels every measure,
    then its state (0 good, 1 doubtful, 2 bad, NaN not judged); see
    :mod:`saccade.realtime.quality.layout`. The description names both in each label, and has the
    whole layout as JSON.
``PREFIX-health``
    One JSON object four times a second of the clock: how the stream does
    (:class:`saccade.realtime.quality.watch.StreamWatch`), and state and reason of every channel
    that is not good.

Concurrent activities: liblsl sends from threads of its own; publishing only fills its queues and
waits for nobody.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pylsl

from saccade.realtime.errors import ConfigError
from saccade.realtime.lsl_metadata import announce
from saccade.realtime.quality import layout
from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.sinks.messages import (
    decision_message,
    event_content,
    message,
    quality_content,
    rejected_message,
    to_json,
)
from saccade.realtime.sinks.scores import score_channels, score_values
from saccade.realtime.types import (
    Decision,
    Epoch,
    Prediction,
    QualityReport,
    StreamEvent,
    StreamSpec,
)

LINGER_S = 0.5  # for the summary to leave before the streams close


@dataclass(frozen=True, slots=True)
class LSLSinkSettings:
    """How the streams are called and what they tell.

    Parameters
    ----------
    prefix : str
        First part of the streams' names.
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
    """Publishes predictions, decisions, scores, status, quality and health; see the module."""

    def __init__(self, settings: LSLSinkSettings) -> None:
        self.settings = settings
        self._outlets: dict[str, pylsl.StreamOutlet] = {}

    def open(self, spec: StreamSpec, session: dict[str, Any]) -> None:
        """Announce the six streams, with the session's settings in their descriptions."""
        self._spec = spec
        self._report: QualityReport | None = None
        about = {"stream": spec.name, "session": to_json(session)}
        session_id = self.settings.session_id or uuid.uuid4().hex
        text = pylsl.cf_string
        for part, channel_format, channels in (
            ("predictions", text, [("prediction", "json")]),
            ("decisions", text, [("decision", "json")]),
            ("scores", pylsl.cf_double64, list(score_channels(self.settings.top_k).items())),
            ("status", text, [("status", "json")]),
            ("quality", pylsl.cf_float32, layout.columns(spec.ch_names)),
            ("health", text, [("health", "json")]),
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
            more = {"quality": layout.about(spec.ch_names)} if part == "quality" else {}
            info = announce(own, part.capitalize(), channel_format, about | more)
            self._outlets[part] = pylsl.StreamOutlet(info)

    def prediction(self, prediction: Prediction) -> None:
        """Publish a prediction, as JSON and as numbers."""
        self._push("predictions", [to_json(message(prediction, self.settings.labels))])
        self._push("scores", score_values(prediction, self.settings.top_k))

    def rejected(self, epoch: Epoch) -> None:
        """Publish an epoch that is not decoded."""
        text = to_json(rejected_message(epoch, simulated=self._spec.simulated))
        self._push("predictions", [text])

    def decision(self, decision: Decision) -> None:
        """Publish what the evidence came to."""
        self._push("decisions", [to_json(decision_message(decision))])

    def event(self, event: StreamEvent) -> None:
        """Publish what happened to a stream, with the status."""
        self._tell("event", event_content(event))

    def quality(self, report: QualityReport) -> None:
        """Publish the measures and states of the channels as numbers."""
        self._report = report
        self._push("quality", layout.row(report))

    def health(self, health: dict[str, Any]) -> None:
        """Publish how the stream does, with the channels that are not good."""
        channels = {} if self._report is None else quality_content(self._report)
        self._push(
            "health",
            [to_json({"type": "health", "simulated": self._spec.simulated, **health, **channels})],
        )

    def status(self, status: dict[str, Any]) -> None:
        """Publish the state of the session."""
        self._tell("status", status)

    def close(self, summary: dict[str, Any]) -> None:
        """Publish the summary on the status stream and end all streams."""
        if self._outlets:
            self._tell("summary", summary)
            if self._outlets["status"].have_consumers():
                time.sleep(LINGER_S)
        self._outlets = {}

    def abandon(self) -> None:
        """End all streams at once."""
        self._outlets = {}

    def _tell(self, kind: str, content: dict[str, Any]) -> None:
        text = to_json({"type": kind, "simulated": self._spec.simulated, **content})
        self._push("status", [text])

    def _push(self, part: str, values: Any) -> None:
        self._outlets[part].push_sample(values, pylsl.local_clock())
