"""Attention to one of two streams of pictures, left and right, told from the EEG alone.

Three programs run at once, and all their streams stay on this computer. This one shows the
pictures: its marker streams ``X-left`` and ``X-right`` name each picture at its onset, in turn.
``saccade simulate --follow`` is the person's head and amplifier and sends the EEG, ``X``; it
follows two other streams of this program, ``X-attended`` and ``X-ignored``, which say what the
person makes of the pictures. Only a simulated person tells that, and nothing else listens to it.
``saccade run`` joins ``X``, ``X-left`` and ``X-right``, and publishes the probability of every
concept, picture by picture, as ``X-predictions``, which come back here.

A picture that is attended to evokes more of its own. So the side whose pictures are the more
probable by the EEG is the one attended to. The exit code is 1 if guessing does as well once in a
thousand times. Without a decoder of the simulated person, a calibration session makes one first.

    python examples/two_streams.py [--decoder person.saccade]
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from lab import LEAD_IN_S, Lab, log_probabilities
from scipy.stats import binomtest

IGNORED = 0.3  # how much a picture evokes of its own that is not attended to; 1 if it is
PAIRS, SOA_S = 10, 0.3  # pictures on each side in a trial; from a picture to the one on the other
PAUSE_S = 1.0
SIDES = ("left", "right")


def attended_side(predictions: list[dict], shown: dict[float, str]) -> tuple[str, float]:
    """Return the side whose pictures are the more probable, and by how many nats.

    Parameters
    ----------
    predictions : list of dict
        Of one trial, as ``saccade run`` publishes them; a rejected picture says nothing.
    shown : dict of float to str
        The side of each picture, by onset in s.
    """
    evidence = dict.fromkeys(SIDES, 0.0)
    for prediction in predictions:
        told = log_probabilities(prediction)
        if told:
            onset_s = min(shown, key=lambda at_s: abs(at_s - prediction["onset_s"]))
            evidence[shown[onset_s]] += told[prediction["label"]]
    side = max(evidence, key=evidence.__getitem__)
    return side, 2 * evidence[side] - sum(evidence.values())


def main() -> None:
    """Show trials, tell after each to which side the person attended, and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--decoder", type=Path, help="of this person; made first without it")
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--speed", type=float, default=4.0, help="seconds of session per second")
    chosen = parser.parse_args()
    draw = random.Random(0)
    minds = SIDES * (chosen.trials // 2)  # as often left as right, so that a habit gains nothing
    minds = draw.sample(minds, len(minds))
    n_right = 0
    with Lab(chosen.decoder, chosen.speed) as lab:
        lab.streams(*SIDES, "attended", "ignored")
        lab.person(attended=1.0, ignored=IGNORED)
        predictions = lab.decode(*SIDES)
        at_s = lab.clock.now() + LEAD_IN_S
        for number, attended in enumerate(minds, 1):
            shown = {}
            for position, concept in enumerate(draw.sample(lab.gallery.names, 2 * PAIRS)):
                side = SIDES[position % 2]
                mind = "attended" if side == attended else "ignored"
                shown[lab.show(at_s, **{side: concept, mind: concept})] = side
                at_s += SOA_S
            at_s += PAUSE_S
            told, nats = attended_side(list(lab.messages(predictions, len(shown))), shown)
            n_right += told == attended
            wrong = "" if told == attended else "   WRONG"
            said = f"attended {attended:<5}  told {told:<5}  {nats:5.1f} nats{wrong}"
            print(f"trial {number:>2}: {said}", flush=True)
        summary = lab.end()
    test = binomtest(n_right, len(minds), 0.5, alternative="greater")
    low, high = binomtest(n_right, len(minds)).proportion_ci(method="wilson")
    print(
        f"SIMULATED: {n_right} of {len(minds)} trials right [95 % {low:.0%} to {high:.0%}], chance "
        f"50 %, p {test.pvalue:.1e}; {summary['samples']['lost']} samples lost, "
        f"{summary['epochs']['rejected']} of {summary['epochs']['total']} pictures rejected"
    )
    raise SystemExit(0 if test.pvalue < 0.001 else 1)


if __name__ == "__main__":
    main()
