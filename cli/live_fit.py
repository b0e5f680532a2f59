"""What a live session makes of its recordings: a look after each block, a decoder at the end.

Both read the recordings from the disk, by the path of ``calibrate --recording``; nothing that was
computed while the session ran goes into a decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from saccade.calibration.choose import quick_check
from saccade.calibration.fit_progress import FitProgress
from saccade.calibration.hands import FitResult, Left
from saccade.calibration.session_summary import SessionSummary
from saccade.cli import calibration_fit
from saccade.cli.calibration_fit import Known, Made
from saccade.cli.configuration import Loaded
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.simulation.observer import IdealAccuracy


class LiveFit:
    """Fits when the conductor says so, and keeps what came of it.

    Parameters
    ----------
    loaded : Loaded
        The session's settings.
    gallery : Gallery
        What is decoded into.
    out : Path
        Where the decoder is to be.
    regular : bool
        Whether pictures come at one pace.
    clear : callable
        Called before a fit draws how far it has come: leaves the terminal to it.
    ideal : callable
        Returns what nobody can beat, of a simulated subject, or None.
    stopped : callable
        Returns whether a fit is to be broken off.

    Attributes
    ----------
    made : Made or None
        Of the latest fit, if it came to anything.
    """

    def __init__(
        self,
        loaded: Loaded,
        gallery: Gallery,
        out: Path,
        clear: Callable[[], None],
        ideal: Callable[[], IdealAccuracy | None],
        stopped: Callable[[], bool],
        *,
        regular: bool,
    ) -> None:
        self._loaded, self._gallery, self._out = loaded, gallery, out
        self._regular, self._clear, self._ideal = regular, clear, ideal
        self._stopped = stopped
        self.made: Made | None = None

    def check(self, runs: Sequence[Path]) -> Mapping[str, Any]:
        """Return what a quick decoder of these recordings is worth.

        Raises
        ------
        CalibrationError
            If there are too few trials yet.
        """
        trials = calibration_fit.read_trials(runs, self._loaded)
        section = self._loaded.config.calibration
        found = quick_check(trials, self._gallery, section.seed, section.kept_out)
        return found.figures(self._gallery.names)

    def fit(self, runs: Sequence[Path], summary: SessionSummary) -> FitResult:
        """Make a decoder of these recordings, and judge it.

        Raises
        ------
        CalibrationError
            If the trials do not allow one.
        Left
            If it was broken off.
        """
        self.made = None
        self._clear()
        trials = calibration_fit.read_trials(runs, self._loaded)
        known = Known(summary, self._regular, self._ideal())
        self.made = calibration_fit.make(
            trials, self._loaded, self._gallery, runs, self._out, known, told=self._told
        )
        verdict = self.made.examined.report.verdict
        return FitResult(
            verdict.decision,
            verdict.sentence,
            verdict.more_trials or 0,
            self.made.examined.decoder.calibration["figures"],
        )

    def _told(self, _: FitProgress) -> None:
        if self._stopped():
            raise Left
