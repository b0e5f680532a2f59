"""The simulated subject as a source: a random sequence of pictures, and the signal they leave.

Samples come as fast as they are asked for, each onset on a sample, its marker with that sample's
stamp. The signal of a sample is the background plus every response under way, always added in
the order of the onsets, so it does not depend on the chunks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saccade.realtime.blocks.units import MICROVOLT
from saccade.realtime.errors import ConfigError, SourceError
from saccade.realtime.sampling import samples
from saccade.realtime.simulation.background import Background
from saccade.realtime.simulation.generators import generator
from saccade.realtime.simulation.subject import SimulatedSubject
from saccade.realtime.types import Chunk, Float32, Marker, Reading, StreamSpec

NAME = "saccade-simulated"
TAIL_S = 1.5  # the last epochs are complete by then


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the session: which concepts are shown, and how many pictures.

    Parameters
    ----------
    rows : tuple of int
        Rows of the gallery, at least two, none twice.
    n_trials : int
        Number of pictures, at least 1. Each concept is shown equally often, or once more than
        others where the number does not divide.
    """

    rows: tuple[int, ...]
    n_trials: int


@dataclass(frozen=True, slots=True)
class SimulatedSourceSettings:
    """What the subject is shown.

    Parameters
    ----------
    phases : tuple of Phase
        One after the other, without a pause.
    soa_s : float
        From one onset to the next, in s, rounded to whole samples.
    lead_in_s : float
        Time of the first onset, in s, at least 0. Epochs that begin before the pipeline's
        filters have settled (:attr:`~saccade.realtime.pipeline.Pipeline.settling_s`, 3.9 s with
        a high-pass at 0.5 Hz) are rejected.
    duration_s : float or None
        Length of the stream in s: later pictures are left out, or background follows. None ends
        the stream 1.5 s after the last onset.
    chunk_s : float
        How much a read hands out, in s; at least one sample.
    seed : int
        At least 0; another seed is another order of the pictures.
    """

    phases: tuple[Phase, ...] = ()
    soa_s: float = 0.3
    lead_in_s: float = 2.0
    duration_s: float | None = None
    chunk_s: float = 0.02
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """One picture: sample of its onset, row of its concept, number of its phase."""

    onset_index: int
    row: int
    phase: int


class SimulatedSource:
    """Shows pictures to a simulated subject and hands out its signal.

    Parameters
    ----------
    subject : SimulatedSubject
        Who looks.
    settings : SimulatedSourceSettings
        What is shown.

    Attributes
    ----------
    subject, settings
        As given.
    trials : tuple of Trial
        Every picture, in order.
    n_samples : int
        Length of the stream.

    Raises
    ------
    ConfigError
        If there is nothing to send, a row is unknown, or a number is out of range.
    """

    def __init__(self, subject: SimulatedSubject, settings: SimulatedSourceSettings) -> None:
        self.subject = subject
        self.settings = settings
        sfreq = subject.settings.sfreq
        self._chunk = _at_least_one(settings.chunk_s, sfreq, "chunk_s")
        soa = _at_least_one(settings.soa_s, sfreq, "soa_s")
        if settings.seed < 0:
            raise ConfigError(f"seed must be at least 0, not {settings.seed}")
        for phase in settings.phases:
            _check_phase(phase, subject)
        rows = _sequence(settings.phases, generator(settings.seed, "order"))
        lead_in = samples(settings.lead_in_s, sfreq, "lead_in_s")
        if lead_in < 0:
            raise ConfigError(
                f"lead_in_s must be at least 0 s, not {settings.lead_in_s:g}: raise it"
            )
        trials = [Trial(lead_in + soa * n, row, phase) for n, (row, phase) in enumerate(rows)]
        if settings.duration_s is not None:
            self.n_samples = _at_least_one(settings.duration_s, sfreq, "duration_s")
        elif trials:
            self.n_samples = trials[-1].onset_index + samples(TAIL_S, sfreq)
        else:
            raise ConfigError(
                "a simulated stream needs phases, a duration_s or both, but has neither: "
                "name concepts to show, or say how long to go on"
            )
        self.trials = tuple(t for t in trials if t.onset_index < self.n_samples)
        self._background: Background | None = None

    def open(self) -> StreamSpec:
        """Go to the beginning; return what the stream carries."""
        self._background = self.subject.background()
        self._next_sample = self._next_trial = 0
        self._under_way: list[tuple[int, Float32]] = []  # onset and response, earliest first
        ch_names = self.subject.ch_names
        return StreamSpec(
            name=NAME,
            sfreq=self.subject.settings.sfreq,
            ch_names=ch_names,
            ch_types=("eeg",) * len(ch_names),
            units=(MICROVOLT,) * len(ch_names),
            simulated=True,
        )

    def read(self, timeout_s: float) -> Reading | None:
        """Return the next chunk and its markers at once, or None after the last.

        Raises
        ------
        SourceError
            If the source is not open.
        """
        del timeout_s  # a simulation never keeps anyone waiting
        if self._background is None:
            raise SourceError("a simulated source must be open to be read: call open() first")
        start, stop = self._next_sample, min(self._next_sample + self._chunk, self.n_samples)
        if start == stop:
            return None
        self._next_sample = stop
        stamps = np.arange(start, stop) / self.subject.settings.sfreq
        markers = []
        while self._next_trial < len(self.trials):
            trial = self.trials[self._next_trial]
            if trial.onset_index >= stop:
                break
            self._next_trial += 1
            self._under_way.append((trial.onset_index, self.subject.response(trial.row)))
            onset_s = float(stamps[trial.onset_index - start])
            markers.append(Marker(self.subject.names[trial.row], onset_s, f"{NAME}-markers"))
        signal = self._background.take(stop - start)
        for onset, response in self._under_way:
            begin, end = max(onset, start), min(onset + len(response), stop)
            signal[begin - start : end - start] += response[begin - onset : end - onset]
        self._under_way = [(o, r) for o, r in self._under_way if o + len(r) > stop]
        flags = np.zeros(stop - start, np.uint16)
        return Reading(Chunk(signal.astype(np.float32), stamps, flags, start), tuple(markers))

    def close(self) -> None:
        """Forget the signal; the next ``open`` begins anew."""
        self._background = None


def _at_least_one(duration_s: float, sfreq: float, what: str) -> int:
    count = samples(duration_s, sfreq, what)
    if count < 1:
        raise ConfigError(
            f"{what} must be at least one sample ({1 / sfreq:g} s), not {duration_s:g} s: raise it"
        )
    return count


def _check_phase(phase: Phase, subject: SimulatedSubject) -> None:
    if phase.n_trials < 1:
        raise ConfigError(f"a phase needs at least 1 trial, not {phase.n_trials}: raise n_trials")
    if len(phase.rows) < 2 or len(set(phase.rows)) < len(phase.rows):
        raise ConfigError(
            f"a phase needs at least 2 concepts, none twice, but has {len(phase.rows)} rows of "
            f"which {len(set(phase.rows))} differ: no concept follows itself"
        )
    for row in phase.rows:
        subject.check_row(row)


def _sequence(phases: tuple[Phase, ...], rng: np.random.Generator) -> list[tuple[int, int]]:
    """Return row and phase of each picture: every concept once a round, never twice running."""
    sequence: list[tuple[int, int]] = []
    for number, phase in enumerate(phases):
        due = phase.n_trials
        while due > 0:
            order = [phase.rows[i] for i in rng.permutation(len(phase.rows))]
            if sequence and sequence[-1][0] == order[0]:
                order[0], order[-1] = order[-1], order[0]
            sequence += [(row, number) for row in order[:due]]
            due -= len(order)
    return sequence
