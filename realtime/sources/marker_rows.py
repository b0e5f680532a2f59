"""The sample that each marker of a recording stands at, and their order."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np

from saccade.realtime.sources.formats.contents import Arrival, Events
from saccade.realtime.sources.formats.xdf_resets import JUMP_S
from saccade.realtime.types import Float64, Marker


@dataclass(slots=True)
class PlacedMarkers:
    """Markers of several streams, in one order."""

    markers: list[Marker] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)

    @staticmethod
    def of(streams: list[Events], stamps: Float64) -> PlacedMarkers:
        """Put the events of some streams in order; what is "" is no marker.

        Parameters
        ----------
        streams : list of Events
        stamps : array of shape (n_samples,), float64
            Of the signal.
        """
        merged: list[tuple[Arrival, Marker, int]] = []
        tells = any(stream.arrivals is not None for stream in streams)
        for stream in streams:
            when = stamps[list(stream.rows or ())] if stream.stamps is None else stream.stamps
            rows = _rows_at(stamps, when) if stream.rows is None else stream.rows
            known = stream.arrivals or ()
            # What a file that was cut short does not tell came at the end.
            end = Arrival(len(merged) + 10**9, 10**9, len(stamps), 0)
            ends = (end,) * (len(when) - len(known))
            ways = (*known, *ends) if tells else [Arrival(row, 0, row, 0) for row in rows]
            for value, at_s, row, way in zip(stream.values, when, rows, ways, strict=False):
                if value:
                    merged.append((way, Marker(value, float(at_s), stream.name), int(row)))
        # A session's are in the order they came in; of two at one sample the earlier is first.
        merged.sort(key=lambda entry: (entry[0].place, 0.0 if tells else entry[1].stamp))
        return PlacedMarkers(
            [marker for _, marker, _ in merged],
            [row for _, _, row in merged],
            [way for way, _, _ in merged] if tells else [],
        )


def _rows_at(stamps: Float64, when: Float64) -> list[int]:
    """Return the first sample at or after each event, in the order in which both were recorded.

    Where a clock was set back and nothing in the file puts it right, the same time occurs twice.
    Then events are followed through the pieces: each belongs to the piece of the one before it,
    or to a later one, where its time does not fit that or steps back as well. Which side of a step
    it is on can't be told of one so near to it that both fit.
    """
    cuts = [0, *(np.flatnonzero(np.diff(stamps) < -JUMP_S) + 1).tolist(), len(stamps)]
    pieces = [np.maximum.accumulate(stamps[a:b]) for a, b in itertools.pairwise(cuts)]
    rows, here, before_s = [], 0, -np.inf
    for at_s in when:
        back = at_s < before_s - JUMP_S
        before_s = at_s
        fits = (
            k
            for k in range(here + back, len(pieces))
            if pieces[k][0] - JUMP_S <= at_s <= pieces[k][-1] + JUMP_S
        )
        here = next(fits, here)
        rows.append(cuts[here] + int(np.searchsorted(pieces[here], at_s)))
    return rows
