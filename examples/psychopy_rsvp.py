"""Pictures at speed from PsychoPy, each decoded while the next ones are on the screen.

Three programs run at once, and all their streams stay on this computer. This one shows sequences
of pictures with PsychoPy, and pushes a marker into its stream ``X-pictures`` at the flip of the
screen that shows one, by ``callOnFlip``. ``saccade simulate --follow`` is the person's head and
amplifier: it follows ``X-pictures`` and sends the EEG, ``X``. In a laboratory a person and an
amplifier do. ``saccade run`` joins ``X`` and ``X-pictures`` and publishes what it decodes, picture
by picture, as ``X-predictions``, from which this program says after each sequence how many were
recognised.

PsychoPy is not part of saccade (``pip install "saccade[present]"``; it is under the GPL). Where it
is not installed, or with ``--screen built-in``, saccade's own stimulus window shows the pictures
instead, as a fourth program that pushes the same markers; which of the two it was is printed.

The exit code is 1 unless so many pictures are among the five best of 200 concepts that guessing
would do as well less than once in a million times.

    python examples/psychopy_rsvp.py [--decoder person.saccade] [--screen psychopy]
"""

from __future__ import annotations

import argparse
import importlib.util
import random
from collections.abc import Sequence
from pathlib import Path

import pylsl
from lab import DELAY_MS, LEAD_IN_S, PATIENCE_S, Lab
from scipy.stats import binomtest

from saccade.calibration.stimulator import StimulusProcess
from saccade.calibration.stimuli import StimuliSettings

ON_S, SOA_S = 0.1, 0.3
PICTURES = 20  # in a sequence
TOP = 5


class PsychoPyScreen:
    """Shows each concept as a word; a laboratory has ``visual.ImageStim`` here, and pictures."""

    def __init__(self, lab: Lab, concepts: Sequence[str]) -> None:
        from psychopy import visual

        lab.streams("pictures")
        self._lab = lab
        self._window = visual.Window((960, 720), color="grey", units="height", allowGUI=False)
        self._words = {name: visual.TextStim(self._window, name, height=0.1) for name in concepts}
        self._fixation = visual.TextStim(self._window, "+", height=0.05)
        for stimulus in (self._fixation, *self._words.values()):
            stimulus.draw()  # once, unseen: the first time takes long
        self._window.clearBuffer()

    def wait(self, seconds: float) -> None:
        """Show the fixation cross."""
        self._until(pylsl.local_clock() + seconds, [self._fixation])

    def show(self, sequence: Sequence[str]) -> None:
        """Show concepts one after the other; each marker leaves with the flip that shows it."""
        begun_s = pylsl.local_clock()
        for number, name in enumerate(sequence):
            onset_s = begun_s + number * SOA_S
            self._window.callOnFlip(self._lab.mark, pictures=name)
            self._until(onset_s + ON_S, [self._words[name], self._fixation])
            self._until(onset_s + SOA_S, [self._fixation])

    def close(self) -> None:
        """Close the window."""
        self._window.close()

    def _until(self, end_s: float, stimuli: Sequence) -> None:
        """Draw frame by frame; half a frame early is on time."""
        while pylsl.local_clock() < end_s - 0.008:
            for stimulus in stimuli:
                stimulus.draw()
            self._window.flip()


class BuiltInScreen:
    """Saccade's own window, a process that pushes the markers itself."""

    def __init__(self, lab: Lab, concepts: Sequence[str]) -> None:
        settings = StimuliSettings(
            stream=f"{lab.name}-pictures",
            events_stream=f"{lab.name}-events",
            full_screen=False,
            pictures=dict.fromkeys(concepts, ()),  # drawn
            auto=True,
        )
        self._window = StimulusProcess(settings)
        self._window.start(PATIENCE_S)
        self._lead_in_s = 0.0

    def wait(self, seconds: float) -> None:
        """Show the fixation cross before the next sequence."""
        self._lead_in_s = seconds

    def show(self, sequence: Sequence[str]) -> None:
        """Show concepts one after the other, and wait for the end."""
        trials = [
            {"trial": n, "concept": c, "picture": 0, "on_s": ON_S, "soa_s": SOA_S, "catch": False}
            for n, c in enumerate(sequence)
        ]
        block = [{"number": 1, "trials": trials, "question": None}]
        self._window.block(1, 1, block, self._lead_in_s)
        while True:
            said = self._window.poll(PATIENCE_S)
            told = {message["at"] for message in said}
            if told & {"aborted", "refused"} or not said:
                raise SystemExit(f"the stimulus window did not show the block: {said or 'silence'}")
            if "block_over" in told:
                return

    def close(self) -> None:
        """Close the window."""
        self._window.close()


def main() -> None:
    """Show sequences, and say after each what was recognised."""
    parser = argparse.ArgumentParser(description="PsychoPy RSVP with live decoding.")
    parser.add_argument("--decoder", type=Path, help="of this person; made first without it")
    parser.add_argument("--sequences", type=int, default=4)
    parser.add_argument("--screen", choices=("psychopy", "built-in"))
    chosen = parser.parse_args()
    there = importlib.util.find_spec("psychopy") is not None
    screen = chosen.screen or ("psychopy" if there else "built-in")
    print(f"PsychoPy is {'' if there else 'not '}installed; the pictures are shown by: {screen}")
    draw, n_right = random.Random(0), 0
    with Lab(chosen.decoder, speed=1.0) as lab:
        names = lab.gallery.names
        window = (PsychoPyScreen if screen == "psychopy" else BuiltInScreen)(lab, names)
        try:
            lab.person(pictures=1.0)
            predictions = lab.decode("pictures")
            window.wait(LEAD_IN_S)
            for number in range(1, chosen.sequences + 1):
                window.show(draw.sample(names, PICTURES))
                told = list(lab.messages(predictions, PICTURES))
                ranks = [p["label_rank"] for p in told if p["type"] == "prediction"]
                n_best = sum(rank <= TOP for rank in ranks)
                n_right += n_best
                best = [p["label"] for p in told if p.get("label_rank") == 1]
                print(
                    f"sequence {number}: {n_best} of {PICTURES} among the {TOP} best; first "
                    f"choice: {', '.join(best)}",
                    flush=True,
                )
                window.wait(0.5)
            summary = lab.end()
        finally:
            window.close()
    n = chosen.sequences * PICTURES
    chance = TOP / len(names)
    test = binomtest(n_right, n, chance, alternative="greater")
    low, high = binomtest(n_right, n).proportion_ci(method="wilson")
    print(
        f"SIMULATED: single-trial top-{TOP} {n_right / n:.0%} [95 % {low:.0%} to {high:.0%}], "
        f"chance {chance:.1%}, n {n}, gallery {len(names)}, p {test.pvalue:.0e}; "
        f"{summary['samples']['lost']} samples lost, latency p95 "
        f"{summary['latency_ms']['prediction']['p95']:.0f} ms, {DELAY_MS} of it the amplifier's"
    )
    raise SystemExit(0 if test.pvalue < 1e-6 else 1)


if __name__ == "__main__":
    main()
