"""Which recorded epoch is which planned trial: live, and again from a file after a crash.

Markers of one stream come in the order in which they were sent, and a recording shows its trials
in the order in which it was begun; so the first marker is the first trial. What a marker says
must be what was planned, for nothing else would notice that something else was shown.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from pathlib import Path

from saccade.calibration.plan import Plan
from saccade.calibration.session_events import TrialDone, TrialLost
from saccade.realtime.epochs import Epocher, EpochSettings, rejecting
from saccade.realtime.errors import SessionError
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.types import Epoch, Flag, Marker, StreamSpec

MOST_NAMES = 5
HOLE_S = 0.2
"""A hole in the signal from which on its trials are shown again, in s. A shorter one may be the
amplifier's jitter, which only a whole recording tells; if it is not, the fit leaves its trials out.
"""


class Matching:
    """Names the trials of a recording as their markers and then their epochs come.

    Epochs come in the order in which they are complete, which is not always that of the markers.
    Where another program presents, nobody shows a trial again, so the next that is whole is the
    next trial.

    Parameters
    ----------
    plan : Plan
        Of the session.
    run : int
        Number of the recording.
    trials : sequence of int
        What is shown in it, in order.
    epochs : EpochSettings
        Says what a marker's value stands for.

    Attributes
    ----------
    n_markers : int
        How many came that stand for a concept.
    n_settled : int
        How many of the trials are done, or lost for this recording.
    """

    def __init__(self, plan: Plan, run: int, trials: Sequence[int], epochs: EpochSettings) -> None:
        self._plan = plan
        self._run = run
        self._trials = trials
        self._epochs = epochs
        self._rejecting = rejecting(epochs.keep_flagged)
        self._external = plan.protocol.kind == "external"
        self._awaited: dict[tuple[float, str], deque[int]] = defaultdict(deque)
        self.n_markers = self.n_settled = 0

    def expect(self, marker: Marker) -> None:
        """Take a marker, in the order of arrival.

        Raises
        ------
        SessionError
            If its concept is not the one planned, or more pictures came than were shown.
        """
        labels = self._epochs.labels
        label = marker.value if labels is None else labels.get(marker.value)
        if label is None or marker.value in self._epochs.ignore:
            return
        if self._external:
            self._check(self._plan.concepts, label, marker.stamp)
        elif self.n_markers < len(self._trials):
            trial = self._trials[self.n_markers]
            self._check((str(self._plan.trials[trial].concept),), label, marker.stamp)
            self._awaited[marker.stamp, marker.value].append(trial)
        else:
            raise SessionError(
                f"recording {self._run} was to have {len(self._trials)} markers, but one more "
                f"came, '{label}' at {marker.stamp:.3f} s: does anything else send markers under "
                "the name of this session's stream?"
            )
        self.n_markers += 1

    def _check(self, expected: Sequence[str], label: str, stamp_s: float) -> None:
        if expected and label.casefold() not in {name.casefold() for name in expected}:
            which = "a marker" if self._external else f"trial {self._trials[self.n_markers]}"
            raise SessionError(
                f"{which} in recording {self._run}, its marker no. {self.n_markers + 1}, was to be "
                f"'{' or '.join(expected[:MOST_NAMES])}', but '{label}' came at {stamp_s:.3f} s: "
                "what was shown is not what this session planned"
            )

    def take(self, epoch: Epoch) -> TrialDone | TrialLost | None:
        """Return what an epoch says of its trial; None of a picture that was not asked for."""
        trial = self._trial_of(epoch)
        if trial is None:
            return None
        why = _why_lost(epoch, self._rejecting)
        self.n_settled += not (self._external and why)
        if why:
            return TrialLost(self._run, trial, why)
        return TrialDone(self._run, trial, str(epoch.label), epoch.onset_s, epoch.rejected)

    def _trial_of(self, epoch: Epoch) -> int | None:
        if self._external:
            return self._trials[self.n_settled] if self.n_settled < len(self._trials) else None
        awaited = self._awaited.get((epoch.onset_s, str(epoch.marker)))
        return awaited.popleft() if awaited else None


def _why_lost(epoch: Epoch, rejecting: Flag) -> str:
    """Return why an epoch is not wholly recorded; "" if it is, whatever else speaks against it.

    What does not reject it does not count: the fit takes it, so shown again it would count twice.
    """
    if epoch.onset_index < 0 or epoch.n_missing:
        return "samples are missing in its window"
    against = epoch.flags & rejecting
    if against & (Flag.GAP | Flag.CLOCK):
        return "the signal is torn in its window"
    return "the filters had not settled" if against & Flag.SETTLING else ""


def trials_recorded(
    path: Path,
    plan: Plan,
    run: int,
    trials: Sequence[int],
    make_pipeline: Callable[[StreamSpec], PipelineSettings],
    epochs: EpochSettings,
) -> tuple[int, ...]:
    """Return which trials are wholly recorded in a file.

    Parameters
    ----------
    path : Path
        A recording of saccade's own.
    plan, run, trials
        As for :class:`Matching`.
    make_pipeline, epochs
        As live.

    Raises
    ------
    SessionError
        If what was recorded is not what was planned; with the way out.
    RecordingError
        If it can't be read.
    """
    source = FileSource(FileSourceSettings(path))
    spec = source.open()
    pipeline, epocher = Pipeline(make_pipeline(spec)), Epocher(epochs)
    epocher.reset(pipeline.reset(spec))
    matching = Matching(plan, run, trials, epochs)
    done = []
    try:
        while (reading := source.read(0.0)) is not None:
            for marker in reading.markers:
                matching.expect(marker)
            cut = epocher.step(pipeline.step(reading.chunk), reading.markers)
            done += [t.trial for e in cut if isinstance(t := matching.take(e), TrialDone)]
    except SessionError as error:
        raise SessionError(
            f"{path.name} does not fit its session: {error}; move the file out of the folder, and "
            "its trials will be shown again"
        ) from error
    finally:
        source.close()
    return tuple(done)
