"""The order in which quality leaves as numbers: one column for each channel and measure."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from saccade.realtime.blocks.units import MICROVOLT
from saccade.realtime.types import Float32, QualityReport, State

MEASURES = {
    "usable": "1",
    "full_scale": "1",
    "clipped": "1",
    "flat_s": "s",
    "amplitude_uv": MICROVOLT,
    "deviation_z": "1",
    "line_ratio": "1",
    "hf_ratio": "1",
    "drift_uv": MICROVOLT,
    "correlation": "1",
    "predictability": "1",
    "bridge_uv": MICROVOLT,
    "ransac": "1",
    "impedance_kohm": "kOhm",
}
"""Names of the measures and their units, in order; see
:class:`~saccade.realtime.quality.settings.QualitySettings` for what they mean."""

STATES: tuple[State, ...] = ("good", "doubtful", "bad")
"""What the numbers 0, 1 and 2 in a state's column stand for."""

NOT_JUDGED: State = "not judged"
"""The state of a channel that is no voltage; NaN in the column."""


def columns(ch_names: Sequence[str]) -> list[tuple[str, str]]:
    """Return label and unit of each column.

    The first channel's measures in their order, then its state, then the next channel's.

    Parameters
    ----------
    ch_names : sequence of str
        The stream's channels.

    Returns
    -------
    list of (str, str)
        A label is a channel's name, a blank, and a measure's name or "state".
    """
    kinds = [*MEASURES.items(), ("state", "0 1 2")]
    return [(f"{name} {kind}", unit) for name in ch_names for kind, unit in kinds]


def about(ch_names: Sequence[str]) -> str:
    """Return the layout as JSON, for readers that would rather reshape than split labels."""
    return json.dumps(
        {"channels": list(ch_names), "measures": [*MEASURES, "state"], "states": list(STATES)}
    )


def row(report: QualityReport) -> Float32:
    """Return a report as numbers, in the order of :func:`columns`; NaN for what says nothing."""
    n = len(report.ch_names)
    absent = np.full(n, np.nan, np.float32)
    parts = [report.measures.get(name, absent) for name in MEASURES]
    number = {state: float(i) for i, state in enumerate(STATES)}
    parts.append(np.array([number.get(state, np.nan) for state in report.states], np.float32))
    return np.ascontiguousarray(np.stack(parts, axis=1, dtype=np.float32).reshape(-1))
