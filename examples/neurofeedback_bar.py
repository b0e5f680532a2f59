"""A bar that shows, while it happens, to which of two pictures in one a person attends.

A house and a dog are shown over each other, three times a second. The person is told to which of
them to attend, block by block; the bar rises with "house" and falls with "dog", so that they see
whether they do. The bar knows nothing of what the person was told.

Three programs run at once, and all their streams stay on this computer. This one shows the
pictures and draws the bar: its marker stream ``X-flashes`` says "flash" at each, and its stream
``X-bar``, one number from 0 to 1 after each, is there for any other program that wants to draw it,
sound it or record it. ``saccade simulate --follow`` is the person's head and amplifier and sends
the EEG, ``X``; it follows two further streams of this program, ``X-attended`` and ``X-ignored``,
that only a simulated person needs. ``saccade run`` joins ``X`` and ``X-flashes`` and publishes the
probability of every concept, flash by flash, as ``X-predictions``, which drive the bar.

The exit code is 1 unless the bar ends up on the right side in so many blocks that chance would do
as well less than once in a thousand times. Two pictures in one as in deBettencourt et al. (2015),
"Closed-loop training of attention with real-time brain imaging", Nature Neuroscience 18.

    python examples/neurofeedback_bar.py [--decoder person.saccade] [--window]
"""

from __future__ import annotations

import argparse
import math
import random
from pathlib import Path
from typing import Any

import pylsl
from lab import LEAD_IN_S, Lab, log_probabilities
from scipy.stats import binomtest

PAIR = ("house", "dog")
IGNORED = 0.4  # how much the picture evokes of its own that is not attended to; 1 if it is
FLASHES, SOA_S, PAUSE_S = 20, 0.3, 1.5
HALF_LIFE_S = 1.5  # after which a flash counts half


class Bar:
    """A mean over the last seconds, of how much more probable the first of two is; 0.5 is neither.

    Attributes
    ----------
    height : float
        From 0, all flashes were of the second, to 1, all were of the first.
    """

    def __init__(self) -> None:
        self.height = 0.5

    def take(self, prediction: dict[str, Any]) -> None:
        """Take a flash; a rejected one says nothing."""
        told = log_probabilities(prediction)
        if told:
            share = 1.0 / (1.0 + math.exp(told[PAIR[1]] - told[PAIR[0]]))
            self.height += (1.0 - 0.5 ** (SOA_S / HALF_LIFE_S)) * (share - self.height)


class Window:
    """Draws the bar; a person at work would see it beside the pictures."""

    def __init__(self) -> None:
        from PySide6.QtWidgets import QApplication, QProgressBar

        self._application = QApplication([])
        self._bar = QProgressBar()
        self._bar.setRange(0, 100)
        self._bar.resize(640, 64)
        self._bar.setWindowTitle("neurofeedback (simulated)")
        self._bar.show()

    def draw(self, height: float, told: str) -> None:
        """Draw a height, and to what the person was told to attend."""
        self._bar.setValue(round(100 * height))
        self._bar.setFormat(f"attend to the {told}:  {PAIR[1]} 0  <  %v  <  100 {PAIR[0]}")
        self._application.processEvents()


def main() -> None:
    """Run blocks, and say at the end of each on which side the bar is."""
    parser = argparse.ArgumentParser(description="A bar that follows attention.")
    parser.add_argument("--decoder", type=Path, help="of this person; made first without it")
    parser.add_argument("--blocks", type=int, default=12)
    parser.add_argument("--speed", type=float, default=4.0, help="seconds of session per second")
    parser.add_argument("--window", action="store_true", help="draw the bar on the screen, too")
    chosen = parser.parse_args()
    window = Window() if chosen.window else None
    told = random.Random(0).sample(PAIR * (chosen.blocks // 2), chosen.blocks // 2 * 2)
    n_right = 0
    with Lab(chosen.decoder, chosen.speed) as lab:
        lab.streams("flashes", "attended", "ignored")
        lab.person(attended=1.0, ignored=IGNORED)
        predictions = lab.decode("flashes")
        about = pylsl.StreamInfo(f"{lab.name}-bar", "Feedback", 1, 0.0, "float32", lab.name)
        outlet = pylsl.StreamOutlet(about)
        bar, heights = Bar(), list[float]()

        def move(prediction: dict[str, Any]) -> None:
            bar.take(prediction)
            heights.append(bar.height)
            outlet.push_sample([bar.height])

        at_s = lab.clock.now() + LEAD_IN_S
        for number, attended in enumerate(told, 1):
            (ignored,) = set(PAIR) - {attended}
            heights.clear()
            at_s += PAUSE_S
            for _ in range(FLASHES):
                lab.show(at_s, flashes="flash", attended=attended, ignored=ignored)
                at_s += SOA_S
                while (prediction := predictions.wait(0.0)) is not None:  # what is there by now
                    move(prediction)
                if window is not None:
                    window.draw(bar.height, attended)
            for prediction in lab.messages(predictions, FLASHES - len(heights)):
                move(prediction)
            right = (bar.height > 0.5) == (attended == PAIR[0])
            n_right += right
            drawn = "".join("▁▂▃▄▅▆▇█"[min(7, int(8 * height))] for height in heights)
            print(
                f"block {number:>2}: told to attend to the {attended:<5}  {drawn}  bar at "
                f"{bar.height:4.0%}{'' if right else '   WRONG SIDE'}",
                flush=True,
            )
        summary = lab.end()
    test = binomtest(n_right, len(told), 0.5, alternative="greater")
    print(
        f"SIMULATED: bar on the right side after {n_right} of {len(told)} blocks, chance 50 %, "
        f"p {test.pvalue:.1e}; {summary['samples']['lost']} samples lost, latency p95 "
        f"{summary['latency_ms']['prediction']['p95']:.0f} ms of a flash decoded"
    )
    raise SystemExit(0 if test.pvalue < 0.001 else 1)


if __name__ == "__main__":
    main()
