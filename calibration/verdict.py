"""Go, more or redo: what a calibration is worth, by rules that anybody can check.

Pure: facts and limits in, a verdict out. Every rule is told with its limit and its value, kept or
broken, so that nobody has to believe a word. Rules that are broken by the session itself (dead
sensors, lost markers, an absent mind) ask to redo it, for more of the same would not help; those
that are broken by the numbers ask for more trials where these can be expected to help.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from saccade.calibration.verdict_facts import Facts, VerdictSettings
from saccade.calibration.verdict_rules import RULES, Rule, more_trials
from saccade.calibration.wording import interval, written

Decision = Literal["go", "more", "redo"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do.

    Parameters
    ----------
    decision : {"go", "more", "redo"}
        The gravest that a broken rule asks for.
    sentence : str
        Why, and what to do, in one line.
    rules : tuple of Rule
        All that could be looked at.
    more_trials : int
        How many more, where the decision is "more"; else 0.
    above_chance : bool
        Whether the held-out interval lies above chance. A decoder of which that can't be said is
        no decoder yet.
    """

    decision: Decision
    sentence: str
    rules: tuple[Rule, ...]
    more_trials: int
    above_chance: bool

    @property
    def worth_a_decoder(self) -> bool:
        """Whether a decoder file should come of it without being asked for."""
        return self.above_chance and self.decision != "redo"


def judge(facts: Facts, settings: VerdictSettings) -> Verdict:
    """Return what a calibration is worth.

    Parameters
    ----------
    facts : Facts
        What was found.
    settings : VerdictSettings
        What is asked for.
    """
    found = [rule(facts, settings) for rule in RULES]
    rules = tuple(rule for rule in found if rule is not None)
    broken = [rule for rule in rules if not rule.kept]
    asked = {rule.asks for rule in broken}
    decision: Decision = "redo" if "redo" in asked else "more" if asked else "go"
    held_out = facts.held_out
    told = next((rule.advice for rule in broken if rule.asks == decision), "")
    others = len(broken) - 1
    if decision == "go":
        told = (
            f"{held_out.name} is {interval(held_out)} in {held_out.n} held-out single trials, "
            f"chance {written(held_out.name, held_out.chance)}: ready to run"
        )
    elif others:
        told += f" ({others} more {'rule is' if others == 1 else 'rules are'} broken)"
    return Verdict(
        decision,
        told,
        rules,
        more_trials(facts) if decision == "more" else 0,
        held_out.low > held_out.chance,
    )
