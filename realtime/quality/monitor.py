"""Judges every channel of a stream four times a second of signal.

Concurrent activities: none. All work is done in the caller's thread, a hop of a quarter of a
second at a time, and hops are counted in samples: reports are the same for every chunking.

Measured is the signal as it came in, before any block of the pipeline: extremes on every sample,
everything else on the monitor's own slower copy (:mod:`~saccade.realtime.quality.bands`). After
the beginning, a gap or a clock step, the windows fill anew; until they have, every channel is at
least doubtful, and says so.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence

import numpy as np

from saccade.realtime.blocks.units import CONVERTED_TYPES, EEG_TYPES
from saccade.realtime.quality import impedance
from saccade.realtime.quality.bands import decimation
from saccade.realtime.quality.extremes import Extremes
from saccade.realtime.quality.hops import Hop, Hops
from saccade.realtime.quality.layout import MEASURES, NOT_JUDGED
from saccade.realtime.quality.settings import QualitySettings
from saccade.realtime.quality.verdict import Verdict
from saccade.realtime.quality.windows import WINDOW_HOPS, Windows
from saccade.realtime.types import Chunk, Float64, QualityReport, State, StreamSpec, frozen

HOPS_PER_S = 4
RAIL_HOPS = 4  # a second, so that a touch shows at once
TOO_EARLY = "since the stream began or was torn"  # part of the reason of one not yet judged
LEAST_SFREQ = 60.0  # below it, there are no bands to compare
MEASURABLE, TRUSTED = 0.5, 0.95  # of the last 2 s: to be measured; to speak about others


class QualityMonitor:
    """Reports how good each channel is; see :class:`~saccade.realtime.protocols.Monitor`.

    EEG channels are judged by everything; other voltages (EOG, ECG, EMG) only by what holds for
    any voltage: presence, rails, standing still. Further channels are "not judged".

    Parameters
    ----------
    settings : QualitySettings
        The limits.
    """

    def __init__(self, settings: QualitySettings) -> None:
        self.settings = settings

    def reset(self, spec: StreamSpec) -> None:
        """Prepare for a stream, and look its electrodes up by name."""
        factor = decimation(spec.sfreq)
        n_samples = factor * max(1, round(spec.sfreq / (HOPS_PER_S * factor)))
        self._spec = spec
        self._hops = Hops(n_samples, spec.n_channels, spec.sfreq, self.settings.gap_s)
        kinds = spec.ch_types
        self._voltage = np.array([i for i, k in enumerate(kinds) if k in CONVERTED_TYPES], int)
        fast = spec.sfreq >= LEAST_SFREQ
        self._eeg = np.array([i for i, k in enumerate(kinds) if fast and k in EEG_TYPES], int)
        self._impedances = impedance.carried(spec, self._eeg.tolist())
        self._extremes = Extremes(len(self._voltage), RAIL_HOPS)
        self._windows = None
        if len(self._eeg):
            names = [spec.ch_names[i] for i in self._eeg]
            self._windows = Windows(names, n_samples, spec.sfreq, self.settings.line_hz)
        self._usable: collections.deque[Float64] = collections.deque(maxlen=WINDOW_HOPS)
        self._n_hops = 0  # since the beginning or the last tear
        self._hop_s = n_samples / spec.sfreq
        self._verdict = Verdict(spec.n_channels, self.settings, 1 / self._hop_s)
        self._not_judged = np.setdiff1d(np.arange(spec.n_channels), self._voltage)

    def step(self, chunk: Chunk) -> Sequence[QualityReport]:
        """Take samples; return a report for each hop that they complete."""
        return [self._report(hop) for hop in self._hops.step(chunk)]

    def _report(self, hop: Hop) -> QualityReport:
        self._n_hops = 1 if hop.first else self._n_hops + 1
        measures = self._measure(hop)
        states, reasons = self._judge(measures)
        with np.errstate(over="ignore"):  # beyond float32 is infinite
            told = {name: frozen(values.astype(np.float32)) for name, values in measures.items()}
        return QualityReport(
            hop.last_index, hop.last_stamp_s, self._spec.ch_names, told, states, reasons
        )

    def _measure(self, hop: Hop) -> dict[str, Float64]:
        n = self._spec.n_channels
        measures = {name: np.full(n, np.nan) for name in MEASURES}
        if hop.first:
            self._usable.clear()
        self._usable.append(hop.usable)
        usable = hop.arrived * np.sum(self._usable, axis=0) / WINDOW_HOPS
        if len(self._voltage):
            self._extremes.step(hop.data[:, self._voltage], first=hop.first)
            measures["usable"][self._voltage] = usable[self._voltage]
            measures["clipped"][self._voltage] = self._extremes.clipped
            measures["flat_s"][self._voltage] = self._extremes.still / self._spec.sfreq
            if self.settings.full_scale_uv is not None:
                share = self._extremes.peak_uv / self.settings.full_scale_uv
                measures["full_scale"][self._voltage] = share
        if self._windows is not None:
            seen = usable[self._eeg] * WINDOW_HOPS / len(self._usable)  # of what there can be
            # Holes that are in all channels make none of them less of a witness than another.
            whole = seen >= TRUSTED * hop.arrived
            bad, alone = self._verdict.bad, self._verdict.bad_by_ransac_alone
            found = self._windows.step(
                hop.data[:, self._eeg],
                seen >= MEASURABLE,
                whole & ~bad[self._eeg],
                whole & ~(bad & ~alone)[self._eeg],
                hop.last_stamp_s,
                first=hop.first,
            )
            for name, values in found.items():
                measures[name][self._eeg] = values
        for eeg, (channel, kohm) in self._impedances.items():
            value = hop.newest[channel] * kohm
            if 0 <= value < np.inf:  # NaN and negative numbers say that it is not measured now
                measures["impedance_kohm"][eeg] = value
        return measures

    def _judge(self, measures: dict[str, Float64]) -> tuple[tuple[State, ...], tuple[str, ...]]:
        if self._n_hops >= WINDOW_HOPS:
            line_hz, alike = 0.0, [""] * self._spec.n_channels
            if self._windows is not None:
                line_hz = self._windows.line_hz
                for i, name in zip(self._eeg, self._windows.most_alike, strict=True):
                    alike[i] = name
            self._verdict.step(measures, line_hz, alike)
        states, reasons = list(self._verdict.states), list(self._verdict.reasons)
        for i in self._voltage if self._n_hops < WINDOW_HOPS else ():
            if states[i] == "good":
                states[i] = "doubtful"
                reasons[i] = (
                    f"{self._n_hops * self._hop_s:.1f} s {TOO_EARLY}, "
                    f"{WINDOW_HOPS * self._hop_s:.0f} s needed"
                )
        for i in self._not_judged:
            states[i], reasons[i] = NOT_JUDGED, f"{self._spec.ch_types[i]} is no voltage"
        return tuple(states), tuple(reasons)
