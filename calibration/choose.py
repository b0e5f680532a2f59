"""A session's trials become the decoder that validation speaks for, and figures of the whole way.

Nothing here looks at a clock but for the time that remains, draws without a seed, or uses more
than one thread: the same trials and settings give the same decoder to the last bit, but for its
date.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.calibration import candidates
from saccade.calibration.bench import Bench, FitSettings
from saccade.calibration.candidates import Candidate
from saccade.calibration.collect import Trials
from saccade.calibration.contest import Contest, contest
from saccade.calibration.crossvalidate import Fitted
from saccade.calibration.fit_progress import FitProgress, Teller
from saccade.calibration.folds import Fold
from saccade.calibration.judgement import Judgement
from saccade.calibration.outliers import usual
from saccade.calibration.recorded import decoder_of
from saccade.calibration.threads import one_thread
from saccade.models.decoders.decoder_file import DecoderFile
from saccade.models.evaluation.confidence_fit import Fit, choose_likelihood
from saccade.models.evaluation.held_out import HeldOut
from saccade.models.evaluation.probability import fit_temperature
from saccade.models.evaluation.reliability import Reliability, Threshold, reliability, thresholds
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.evidence.fit import fit_evidence
from saccade.realtime.types import Float64

__all__ = ["Calibrated", "FitSettings", "choose_decoder", "quick_check"]

DECIDED_AT = 0.9  # share of decisions that are right, from which "threshold" of the file is


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """A decoder, and all that is known of it.

    Parameters
    ----------
    decoder : DecoderFile
        Fitted to all trials.
    chosen : str
        Name of the candidate.
    quick : bool
        Whether it is fitted in closed form, so that it can be fitted a dozen times.
    candidates : tuple of Judgement
        What was chosen among, the simplest first.
    unfit : dict of str to str
        What could not be fitted to these trials, and why.
    held_out : HeldOut
        Of the whole way from trials to decoder, the choice included.
    of_chosen, known : HeldOut, HeldOut or None
        Of the candidate that was chosen, as
        :class:`~saccade.calibration.crossvalidate.Answers` has them.
    control : HeldOut
        Of the candidate, with labels permuted, for the last part of the session. One draw: where
        responses are clear, it may by luck lie far from chance, on either side.
    live : HeldOut
        Trials as they come live, and ``log_p``, (n, n_gallery), their log probabilities by a
        confidence that was fitted on other parts.
    reliability : Reliability
        Of these.
    thresholds : tuple of Threshold
        On these.
    kept_out : tuple of str
        Concepts that were never trained on.
    n_trials : int
        How many trials the decoder learned from.
    by_concept : bool
        Whether it was judged on concepts that it had not been trained on.
    """

    decoder: DecoderFile
    chosen: str
    quick: bool
    candidates: tuple[Judgement, ...]
    unfit: dict[str, str]
    held_out: HeldOut
    of_chosen: HeldOut
    known: HeldOut | None
    control: HeldOut
    live: HeldOut
    log_p: Float64
    reliability: Reliability
    thresholds: tuple[Threshold, ...]
    kept_out: tuple[str, ...]
    n_trials: int
    by_concept: bool
    _bench: Bench
    _candidate: Candidate

    def refit(self, trials: NDArray[np.intp]) -> Fitted:
        """Return the candidate fitted to some of the trials, less those of kept-out concepts.

        Its ``answers(data, gallery)`` are cosines, (n, n_gallery), and lengths, (n,).
        """
        with one_thread():
            return self._bench.fitted(self._candidate, trials)


def choose_decoder(
    trials: Trials,
    gallery: Gallery,
    settings: FitSettings,
    pretrained: DecoderFile | None = None,
    progress: Callable[[FitProgress], None] | None = None,
) -> Calibrated:
    """Judge all candidates, take one, and fit it to all trials.

    Parameters
    ----------
    trials : Trials
        Good epochs with their concepts, in the order of time.
    gallery : Gallery
        What the decoder will choose from; with ``pretrained``, from the same model.
    settings : FitSettings
        How.
    pretrained : DecoderFile or None
        Of other people, to start from; its pipeline must have cut the trials.
    progress : callable or None
        Told how far the fit has come, in this thread.

    Raises
    ------
    CalibrationError, GalleryError, SignatureMismatch, ConfigError
        If the trials do not allow a decoder, a concept is not in the gallery, or the pretrained
        decoder is for another cap, pipeline or gallery.
    """
    with one_thread():
        bench = Bench(trials, gallery, settings, pretrained)
        return _choose(bench, Teller(progress))


def quick_check(
    trials: Trials, gallery: Gallery, seed: int = 0, kept_out: tuple[str, ...] = ()
) -> HeldOut:
    """Return what ridge, fitted to earlier trials, says of the last part; takes seconds.

    For the check after a block: with many concepts, of some that it was not trained on. Concepts
    that are kept out are those of :class:`~saccade.calibration.bench.FitSettings`.

    Raises
    ------
    CalibrationError, GalleryError
        As for :func:`choose_decoder`.
    """
    with one_thread():
        bench = Bench(trials, gallery, FitSettings("ridge", folds=2, seed=seed, kept_out=kept_out))
        last = [fold for fold in bench.folds if fold.part == 2]
        return bench.answers(candidates.single("ridge", {}, seed), last).judged


def _choose(bench: Bench, teller: Teller) -> Calibrated:
    names, seed = bench.gallery.names, bench.settings.seed
    last = [fold for fold in bench.folds if fold.part == bench.settings.folds]
    held = contest(bench, teller)
    work = held.taken.work
    control = _control(bench, held.taken, last, teller)
    teller.expect(work * bench.n_trials)
    fitted = bench.fitted(held.taken, np.arange(len(bench.rows)))
    teller.done(work * bench.n_trials, "all trials")
    live = held.answers.live
    sure = choose_likelihood(live, bench.n_trials, few=not bench.by_concept)
    temperature = fit_temperature(live.cosines, live.shown.tolist())
    reliable = reliability(sure.log_p, live.shown, seed)
    enough = thresholds(sure.log_p, live.shown)
    [verdict] = [one for one in held.judgements if one.name == held.taken.name]
    found = {
        "kept_out": list(bench.kept_out),
        "left_out_of_training": int((~usual(bench.trials.data[bench.trainable])).sum()),
        "figures": _figures(bench, held, control, reliable),
        "candidates": [one.to_dict() for one in held.judgements],
        "unfit": held.unfit,
        "chosen": {"name": held.taken.name, "why": verdict.why},
        "decision": _decision(bench, sure, live, enough),
    }
    decoder = decoder_of(
        bench.trials,
        bench.gallery,
        held.taken,
        fitted,
        temperature,
        sure.likelihood.confidence(names, bench.taught),
        found,
    )
    return Calibrated(
        decoder=decoder,
        chosen=held.taken.name,
        quick=held.taken.quick,
        candidates=held.judgements,
        unfit=held.unfit,
        held_out=held.whole,
        of_chosen=held.answers.judged,
        known=held.answers.known,
        control=control,
        live=live,
        log_p=sure.log_p,
        reliability=reliable,
        thresholds=enough,
        kept_out=bench.kept_out,
        n_trials=bench.n_trials,
        by_concept=bench.by_concept,
        _bench=bench,
        _candidate=held.taken,
    )


def _control(bench: Bench, candidate: Candidate, some: Sequence[Fold], teller: Teller) -> HeldOut:
    """Return what a candidate says that was trained on permuted labels: a check of the code.

    It is at chance on average over permutations. One that starts from other people's encoder knows
    concepts without these labels; then what was shown is permuted over the trials that are tested.
    """
    seed, work = bench.settings.seed, candidate.work
    teller.expect(work * sum(len(fold.train) for fold in some))

    def tell(fold: Fold) -> None:
        teller.done(work * len(fold.train), "control with permuted labels")

    if not candidate.pretrained:
        return bench.answers(candidate, some, permute=seed, each=tell).judged
    said = bench.answers(candidate, some, each=tell).judged
    rng = np.random.default_rng(seed)
    shown = said.shown.copy()
    for group in np.unique(said.group):  # candidates are those of the group
        mine = np.flatnonzero(said.group == group)
        shown[mine] = shown[rng.permutation(mine)]
    return replace(said, shown=shown)


def _figures(
    bench: Bench, held: Contest, control: HeldOut, reliable: Reliability
) -> dict[str, Any]:
    names, known = bench.gallery.names, held.answers.known
    figures: dict[str, Any] = {
        "split": "concept" if bench.by_concept else "time",
        "folds": bench.settings.folds,
        "single_trial": True,
    }
    figures |= held.whole.figures(names)
    if known is not None and len(known):
        figures["known_concepts"] = known.figures(names)
    if held.answers.kept_out is not None:
        figures["kept_out_concepts"] = held.answers.kept_out.figures(names)
    figures["permuted_control"] = control.figures(names)
    figures["permuted_control"]["permuted"] = "test" if held.taken.pretrained else "training"
    figures["calibration_error"] = reliable.ece
    figures["reliability"] = reliable.to_dict()
    return figures


def _decision(
    bench: Bench, sure: Fit, live: HeldOut, enough: Sequence[Threshold]
) -> dict[str, Any]:
    """Return what evidence and decisions need to know; see :mod:`saccade.realtime.evidence`."""
    decision: dict[str, Any] = {"thresholds": [one.to_dict() for one in enough]}
    for one in enough:
        if one.precision == DECIDED_AT and one.probability is not None:
            decision["threshold"] = one.probability
    folds = np.stack([live.part, live.group, live.trained_on])
    _, decoder = np.unique(folds, axis=1, return_inverse=True)
    said_by = decoder.reshape(-1).astype(np.intp)
    together = fit_evidence(sure.log_p, live.shown, live.trial, bench.gallery.names, said_by)
    return decision | together.to_dict()
