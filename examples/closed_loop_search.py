"""Search for a picture by looking: what the EEG says of one screen chooses the next.

A person has something in mind that nobody else knows. A screen shows six pictures, and flashes a
few times; the person looks at the picture that is most like what they have in mind. From the EEG
the program tells which that may have been, how probable each of the 200 concepts is now to be the
one in mind, and which six to show next. It ends when it is sure, and names the concept.

Three programs run at once, and all their streams stay on this computer. This one shows the
screens: its marker stream ``X-flashes`` says "flash" at each, and no more, for it does not know
where the person looks. ``saccade simulate --follow`` is the person's head and amplifier and sends
the EEG, ``X``; what falls on the fovea it learns from the stream ``X-gaze``, from the class Person
below, and nothing else listens to that. ``saccade run`` joins ``X`` and ``X-flashes`` and publishes
the probability of every concept, flash by flash, as ``X-predictions``, which come back here.

The exit code is 1 unless so many concepts are named rightly that guessing would do as well less
than once in a million times. Bayesian relevance feedback after Cox et al. (2000),
"The Bayesian image retrieval system, PicHunter", IEEE Transactions on Image Processing 9(1).

    python examples/closed_loop_search.py [--decoder person.saccade]
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
from lab import LEAD_IN_S, Lab, log_probabilities
from scipy.stats import binomtest

SHOWN = 6  # pictures on a screen
BURST, MOST_BURSTS, SOA_S = 3, 3, 0.3  # it flashes three times, and again if that was not enough
PAUSE_S = 1.5  # to find the next picture to look at
SURE, MOST_SCREENS = 0.95, 15
PICKY = 0.1  # how much more alike, in cosine, one must be to be looked at e times as probably


class Person:
    """Has a concept in mind, and looks at the picture that is most like it."""

    def __init__(self, likeness: np.ndarray, in_mind: int) -> None:
        self._likeness = likeness[in_mind]

    def look(self, screen: np.ndarray) -> int:
        """Return the concept looked at."""
        return int(screen[np.argmax(self._likeness[screen])])


class Search:
    """Knows how probable each concept is to be the one in mind, from what was looked at.

    Parameters
    ----------
    likeness : array of shape (n, n)
        Cosine of each concept with each other.
    """

    def __init__(self, likeness: np.ndarray) -> None:
        self._likeness = likeness
        self.probability = np.full(len(likeness), 1.0 / len(likeness))

    def next_screen(self) -> np.ndarray:
        """Return the most probable concept, and others that halve what is open.

        Each further one is the concept whose neighbourhood has the most probability that those
        before it do not cover.
        """
        screen = [int(np.argmax(self.probability))]
        near = np.exp((self._likeness - 1.0) / PICKY)
        while len(screen) < SHOWN:
            uncovered = self.probability * (1.0 - near[:, screen].max(axis=1))
            gain = uncovered @ near
            gain[screen] = -1.0
            screen.append(int(np.argmax(gain)))
        return np.array(screen)

    def learn(self, screen: np.ndarray, seen: np.ndarray) -> None:
        """Take how probable each picture of a screen is to have been looked at.

        Parameters
        ----------
        screen, seen : array of shape (SHOWN,)
            Concepts, and their probabilities.
        """
        pick = np.exp(self._likeness[:, screen] / PICKY)
        pick /= pick.sum(axis=1, keepdims=True)  # by each who has another concept in mind
        self.probability *= pick @ seen
        self.probability /= self.probability.sum()


def looked_at(predictions: list[dict], screen: list[str]) -> np.ndarray:
    """Return how probably each picture of a screen was looked at, from all its flashes."""
    evidence = np.zeros(len(screen))
    for prediction in predictions:
        told = log_probabilities(prediction)
        evidence += [told[name] for name in screen] if told else 0.0
    seen = np.exp(evidence - evidence.max())
    return seen / seen.sum()


def main() -> None:
    """Search for a few concepts, one after the other."""
    parser = argparse.ArgumentParser(description="Search for a picture by looking.")
    parser.add_argument("--decoder", type=Path, help="of this person; made first without it")
    parser.add_argument("--searches", type=int, default=4)
    parser.add_argument("--speed", type=float, default=4.0, help="seconds of session per second")
    chosen = parser.parse_args()
    screens: list[int] = []  # that it took, where the right one was named
    with Lab(chosen.decoder, chosen.speed) as lab:
        names = np.array(lab.gallery.names)
        vectors = lab.gallery.centred(lab.gallery.centre)
        likeness = vectors @ vectors.T
        lab.streams("flashes", "gaze")
        lab.person(gaze=1.0)
        predictions = lab.decode("flashes")
        at_s = lab.clock.now() + LEAD_IN_S
        for in_mind in random.Random(0).sample(range(len(names)), chosen.searches):
            person, search = Person(likeness, in_mind), Search(likeness)
            print(f"in mind: {names[in_mind]}", flush=True)
            for number in range(1, MOST_SCREENS + 1):
                screen = search.next_screen()
                gaze = names[person.look(screen)]
                at_s += PAUSE_S
                decoded: list[dict] = []
                for _ in range(MOST_BURSTS):
                    at_s = max(at_s, lab.clock.now())
                    for _ in range(BURST):
                        lab.show(at_s, flashes="flash", gaze=str(gaze))
                        at_s += SOA_S
                    decoded += lab.messages(predictions, BURST)
                    seen = looked_at(decoded, list(names[screen]))
                    if seen.max() > SURE:
                        break
                search.learn(screen, seen)
                best = int(np.argmax(search.probability))
                print(
                    f"  screen {number:>2}: {', '.join(names[screen])}; looked at {gaze}, decoded "
                    f"{names[screen[np.argmax(seen)]]} -> {names[best]} "
                    f"{search.probability[best]:.0%}",
                    flush=True,
                )
                if search.probability[best] > SURE:
                    break
            screens += [number] if best == in_mind else []
            print(f"  {'found' if best == in_mind else 'NOT FOUND'} after {number} screens")
        summary = lab.end()
    test = binomtest(len(screens), chosen.searches, 1 / len(names), alternative="greater")
    print(
        f"SIMULATED: named {len(screens)} of {chosen.searches} concepts in mind rightly, chance "
        f"1 of {len(names)} each, p {test.pvalue:.0e}; after {np.mean(screens):.1f} screens, "
        f"where browsing at random comes upon one after {len(names) / SHOWN / 2:.0f}; "
        f"{summary['samples']['lost']} samples lost"
    )
    raise SystemExit(0 if test.pvalue < 1e-6 else 1)


if __name__ == "__main__":
    main()
