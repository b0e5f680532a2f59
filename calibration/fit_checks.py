"""What no decoder can be fitted to, said before minutes are spent."""

from __future__ import annotations

import collections
import math
from collections.abc import Sequence

import numpy as np

from saccade.calibration.collect import Trials
from saccade.calibration.folds import MANY_CONCEPTS
from saccade.calibration.lineage import learned_before
from saccade.calibration.recorded import how_recorded
from saccade.calibration.visual import is_visual
from saccade.models.decoders.decoder_file import DecoderFile, signature_problems
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import CalibrationError, SignatureMismatch

LEAST_OF_EACH = 5  # trials, of concepts that are shown again and again
STILL = 1e-3  # of what is usual; electrodes that move less, or differ by less, are not connected
MOST_COMPARED = 200  # trials, for which electrodes are compared with each other


def check_trials(trials: Trials, labels: Sequence[str]) -> None:
    """Refuse trials of one concept, of too few a concept, and electrodes that stand still.

    Parameters
    ----------
    trials : Trials
        All good ones.
    labels : sequence of str
        Concepts of those that may be trained on.

    Raises
    ------
    CalibrationError
        Saying what is there and what to do.
    """
    counts = collections.Counter(labels)
    if len(counts) < 2:
        only = f"are of '{next(iter(counts))}'" if counts else "are of concepts that are kept out"
        raise CalibrationError(
            f"a decoder needs trials of at least 2 concepts, but all {len(labels)} {only}: record "
            "others too, or check the labels"
        )
    name, fewest = counts.most_common()[-1]
    if len(counts) < MANY_CONCEPTS and fewest < LEAST_OF_EACH:
        raise CalibrationError(
            f"of {len(counts)} concepts each should have at least {LEAST_OF_EACH} good trials, but "
            f"'{name}' has {fewest} of {len(labels)}: record more of it, or leave its markers out "
            "with markers.ignore"
        )
    still = still_electrodes(trials)
    if still:
        visual = all(map(is_visual, still))
        seen = ", over visual cortex, where pictures show best" if visual else ""
        raise CalibrationError(
            f"every electrode should pick something up, but {', '.join(still)}{seen}, stand"
            f"{'s' if len(still) == 1 else ''} still in most of {len(trials.data)} trials, or show "
            "nothing but the reference: connect and record again, or have told from the neighbours "
            f"with --bads {','.join(still)}"
        )


def still_electrodes(trials: Trials) -> list[str]:
    """Return the names of electrodes that pick nothing up.

    Filters leave of a constant a rest that falls and never ends; and a common reference gives
    several dead electrodes what they do not have, the same to each. So electrodes are compared
    with what is usual among those of their type, and with each other.
    """
    names, kinds = trials.working_spec.ch_names, np.array(trials.working_spec.ch_types)
    moves = np.median(np.ptp(trials.data, axis=2), axis=0)
    some = trials.data[:: math.ceil(len(trials.data) / MOST_COMPARED)].astype(np.float64)
    dead = np.zeros(len(names), dtype=np.bool_)
    for kind in set(kinds.tolist()):
        mine = np.flatnonzero(kinds == kind)
        usual = np.quantile(moves[mine], 0.75)  # more than half may be dead
        dead[mine] |= moves[mine] <= STILL * usual
        signal = some[:, mine].transpose(1, 0, 2).reshape(len(mine), -1)
        products = signal @ signal.T
        power = np.diag(products)
        apart = power[:, None] + power - 2 * products
        alike = apart <= STILL**2 * np.minimum(power[:, None], power)
        dead[mine] |= alike.sum(axis=1) > 1
    return [name for name, flat in zip(names, dead.tolist(), strict=True) if flat]


def check_pretrained(pretrained: DecoderFile, trials: Trials, gallery: Gallery) -> None:
    """Refuse a decoder to start from that knows these trials, or is for others.

    Others are those of another cap, other epochs or another gallery.

    Raises
    ------
    SignatureMismatch
        Naming the recordings that it was made of, or all that differs.
    GalleryError
        If other vectors were meant.
    """
    known = learned_before(pretrained, trials.sources)
    if known:
        raise SignatureMismatch(
            f"the decoder of --pretrained has learned from {', '.join(known)}, and would be judged "
            "on trials that it knows: start from one made of other recordings, or leave "
            "--pretrained out"
        )
    problems = signature_problems(pretrained, trials.spec)
    way, about = how_recorded(trials), pretrained.encoder
    _, n_channels, n_times = trials.data.shape
    if way.input.ch_names != pretrained.input.ch_names and not problems:
        problems.append(
            f"{len(pretrained.input.ch_names)} channels in its order expected, "
            f"{len(way.input.ch_names)} came: name them with --channels"
        )
    if (n_channels, n_times) != (about.n_channels, about.n_times):
        problems.append(
            f"epochs of {about.n_channels} channels × {about.n_times} samples expected, "
            f"{n_channels} × {n_times} came"
        )
    if not math.isclose(way.working_sfreq, pretrained.working_sfreq, rel_tol=1e-9):
        problems.append(
            f"epochs at {pretrained.working_sfreq:g} Hz expected, {way.working_sfreq:g} Hz came"
        )
    if np.array_equal(pretrained.signal_whitening, np.eye(about.n_channels)):
        problems.append("signals whitened by their noise expected, but it was trained on raw ones")
    if problems:
        raise SignatureMismatch(
            f"the decoder of --pretrained does not fit these trials: {'; '.join(problems)}: use "
            "one trained for this cap and window, or leave --pretrained out"
        )
    pretrained.gallery.check_compatible(gallery)
