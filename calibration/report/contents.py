"""All that a calibration's report says: frozen, and ready for JSON.

The page and the file are two ways to write the same value down; nothing is on the page that is not
in the file. Whatever was not measured is None or empty, and then the page leaves it out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from saccade.calibration.judgement import Judgement
from saccade.calibration.learning_curve import Interval, More
from saccade.calibration.promise import Promise
from saccade.calibration.verdict import Verdict
from saccade.calibration.verdict_facts import Figure
from saccade.models.evaluation.reliability import Reliability
from saccade.models.evaluation.result import Confusion
from saccade.realtime.errors import CalibrationError
from saccade.realtime.simulation.observer import IdealAccuracy

VERSION = 1
Row = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class About:
    """What was calibrated, for a person to read.

    Parameters
    ----------
    date : str
        When, ISO 8601.
    recordings : tuple of (str, str)
        Name and SHA-256 of each run.
    encoder : str
        Name of the candidate that was chosen.
    gallery : str
        Its source and kind.
    n_concepts, gallery_size : int
        Shown, and in the gallery.
    n_channels : int
        That are used.
    sfreq, working_sfreq : float
        Hz, as recorded and as decoded.
    window_ms : tuple of float
        What of an epoch is decoded, from the onset.
    pipeline : str
        Names of the blocks in order.
    delay_ms : float
        By which 10 Hz pass the pipeline late.
    settling_s : float
        After which it counts.
    simulated : bool
        True where no person was recorded, or the gallery was made up.
    command : str
        What makes the same decoder from the same recordings.
    versions : tuple of (str, str)
        Of saccade and of the libraries it computes with.
    """

    date: str
    recordings: tuple[tuple[str, str], ...]
    encoder: str
    gallery: str
    n_concepts: int
    gallery_size: int
    n_channels: int
    sfreq: float
    working_sfreq: float
    window_ms: tuple[float, float]
    pipeline: str
    delay_ms: float
    settling_s: float
    simulated: bool
    command: str
    versions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class HeldOutAccuracy:
    """What held-out single trials say.

    Parameters
    ----------
    split : {"time", "concept"}
        "time": each part of the session judged by what came before it. "concept": moreover, by
        trials of other concepts only, among the concepts that were held out with it.
    folds : int
        How many groups of them.
    figures : tuple of Figure
        The measures, the one that is judged first.
    control : Figure or None
        That one with permuted labels, of one draw; None where it could not be measured.
    permuted : {"training", "test"}
        Which labels were permuted for it: of a decoder that starts from others' there is no
        training to spoil.
    """

    split: Literal["time", "concept"]
    folds: int
    figures: tuple[Figure, ...]
    control: Figure | None
    permuted: Literal["training", "test"]


@dataclass(frozen=True, slots=True)
class Repeated:
    """Accuracy when the evidence of ``k`` presentations of a concept is added up."""

    k: int
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """The learning curve.

    Parameters
    ----------
    measure : str
        What grows.
    concepts : {"seen", "unseen"}
        Whether the judged concepts had been trained on.
    chance : float
        Of it.
    points : tuple of (int, Figure)
        Training trials, and what was measured after them.
    line : tuple of (int, Interval)
        The fitted curve and its continuation, at numbers of trials.
    n_trials : int
        That the decoder learned from.
    more : More or None
        What the target, or the next round number, takes.
    """

    measure: str
    concepts: Literal["seen", "unseen"]
    chance: float
    points: tuple[tuple[int, Figure], ...]
    line: tuple[tuple[int, Interval], ...]
    n_trials: int
    more: More | None


@dataclass(frozen=True, slots=True)
class Evoked:
    """The response common to all good trials, as the encoder gets them.

    Parameters
    ----------
    n : int
        Trials averaged.
    unit : str
        Of the values.
    times_ms : tuple of float
        From the onset.
    ch_names : tuple of str
        Channels.
    values : tuple of tuple of float
        Channels in rows, times in columns.
    peaks : tuple of int
        Columns where the field is strongest.
    """

    n: int
    unit: str
    times_ms: Row
    ch_names: tuple[str, ...]
    values: tuple[Row, ...]
    peaks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SignalQuality:
    """How good each channel was over time.

    Parameters
    ----------
    bin_s : float
        Length of a bin.
    runs : tuple of int
        Bins of each run.
    ch_names : tuple of str
        Channels.
    states : tuple of str
        A letter a bin for each channel: the state that it was in for most of it, ``g`` good, ``d``
        doubtful, ``b`` bad, ``-`` not judged.
    reasons : tuple of str
        What was said most often of each channel that was not good; empty for others.
    """

    bin_s: float
    runs: tuple[int, ...]
    ch_names: tuple[str, ...]
    states: tuple[str, ...]
    reasons: tuple[str, ...]

    def share(self, channel: int, letters: str) -> float:
        """Return the share of a channel's judged bins that it spent in some states."""
        judged = [letter for letter in self.states[channel] if letter != "-"]
        return sum(letter in letters for letter in judged) / max(1, len(judged))


@dataclass(frozen=True, slots=True)
class Rejections:
    """The trials that were left out.

    Parameters
    ----------
    n_kept, n_rejected : int
        Good trials and others.
    reasons : tuple of (str, int)
        How many were left out, by the first reason.
    over_time : tuple of (int, int)
        Kept and rejected trials of each stretch of the session, in the order of time.
    stretch_s : float
        Length of a stretch.
    """

    n_kept: int
    n_rejected: int
    reasons: tuple[tuple[str, int], ...]
    over_time: tuple[tuple[int, int], ...]
    stretch_s: float


@dataclass(frozen=True, slots=True)
class Timing:
    """Onset to onset, as the markers came.

    Parameters
    ----------
    n : int
        Intervals.
    soa_ms, p5_ms, p95_ms : float
        Median and percentiles.
    """

    n: int
    soa_ms: float
    p5_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Session:
    """What a live session knows besides its recordings.

    Parameters
    ----------
    blocks : int
        Runs that count.
    markers_expected, markers_received : int
        Pictures that were shown, and their markers that came in.
    questions, right, hits, targets, false_alarms : int
        Questions about catch pictures; answered right; of those with a target, how many were
        answered yes, and how many there were; answered yes without one.
    dropped_frames : int
        By the stimulus window.
    regular : bool
        Whether all pictures of a sequence were to come at the same pace.
    """

    blocks: int
    markers_expected: int
    markers_received: int
    questions: int
    right: int
    hits: int
    targets: int
    false_alarms: int
    dropped_frames: int
    regular: bool


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """All of it."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    about: About
    verdict: Verdict
    held_out: HeldOutAccuracy
    promises: tuple[Promise, ...]
    repeated: tuple[Repeated, ...]
    growth: Growth | None
    candidates: tuple[Judgement, ...]
    confusion: Confusion | None
    reliability: Reliability
    evoked: Evoked
    quality: SignalQuality | None
    rejections: Rejections
    timing: Timing | None
    session: Session | None
    ideal: IdealAccuracy | None = None
    version: int = VERSION


_ADAPTER = TypeAdapter(CalibrationReport)


def to_json(report: CalibrationReport) -> str:
    """Return a report as JSON."""
    return json.dumps(_ADAPTER.dump_python(report, mode="json"), allow_nan=False)


def load(path: Path) -> CalibrationReport:
    """Read a report that was written as JSON.

    Raises
    ------
    CalibrationError
        If there is none, it is of another version, or a field is missing or wrong.
    """
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = fields.get("version")
    except (OSError, ValueError, AttributeError) as error:
        raise CalibrationError(f"no calibration report can be read at {path}: {error}") from error
    if version != VERSION:
        raise CalibrationError(
            f"{path.name} is of version {version}, but this saccade reads {VERSION}: calibrate the "
            "recordings again"
        )
    try:
        return _ADAPTER.validate_json(json.dumps(fields))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise CalibrationError(
            f"{path.name} is no calibration report: {place}: {first['msg'].lower()}"
        ) from error
