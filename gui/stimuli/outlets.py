"""The stimulus window's two LSL streams: what was shown when, and everything else.

The marker stream holds the concept of every picture that counts, stamped at its flip, and nothing
else: whoever records or decodes it needs to know nothing about saccade. What else happens goes
to the events stream as JSON, in the words of the messages to the parent.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import pylsl

from saccade.calibration.stimuli import StimuliSettings
from saccade.realtime.lsl_metadata import announce
from saccade.realtime.types import StreamSpec


class StimulusOutlets:
    """Both streams, announced until they are closed.

    Parameters
    ----------
    settings : StimuliSettings
        Their names.
    about : dict
        What else the streams' descriptions say, such as the screen's rate; JSON-ready.
    """

    def __init__(self, settings: StimuliSettings, about: dict[str, Any]) -> None:
        source_id = settings.source_id or uuid.uuid4().hex
        self._markers, self._events = (
            pylsl.StreamOutlet(
                announce(
                    StreamSpec(
                        name=name,
                        sfreq=pylsl.IRREGULAR_RATE,
                        ch_names=(label,),
                        ch_types=(label,),
                        units=("",),
                        source_id=f"{name}-{source_id}",
                        speed=settings.speed,
                    ),
                    kind,
                    pylsl.cf_string,
                    {"stimuli": json.dumps(about)},
                )
            )
            for name, kind, label in (
                (settings.stream, "Markers", "markers"),
                (settings.events_stream, "Events", "events"),
            )
        )

    def heard(self) -> bool:
        """Whether anybody receives the markers."""
        return bool(self._markers.have_consumers())

    def mark(self, concept: str, stamp_s: float) -> None:
        """Send the concept of a picture, with the time of its flip."""
        self._markers.push_sample([concept], stamp_s)

    def event(self, content: dict[str, Any], stamp_s: float) -> None:
        """Send anything else."""
        self._events.push_sample([json.dumps(content, ensure_ascii=False)], stamp_s)

    def close(self) -> None:
        """End both streams: liblsl keeps one up for as long as its object lives."""
        del self._markers, self._events
