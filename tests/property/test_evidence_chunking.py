"""Law 1 for decisions: the same signal and markers decide the same, however they arrive."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.evidence.decider import make_decider
from saccade.realtime.evidence.rehearsal import Notes
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.types import Candidate, Decision, Epoch, Marker, Ranking, StreamSpec

SFREQ, N = 100.0, 1500
SPEC = StreamSpec("test", SFREQ, ("Cz", "Oz"), ("eeg", "eeg"), ("uV", "uV"))
SIGNAL = np.random.default_rng(1).standard_normal((N, 2)).astype(np.float32)
# Raw stamps jitter so that some go back; nothing may depend on it but the stamps themselves.
JITTER_S = np.random.default_rng(2).uniform(-0.008, 0.008, N)
LABELS = {"1": "dog", "2": "house"}
CUT = EpochSettings(tmin_s=0.0, tmax_s=0.4, baseline_s=None, labels=LABELS, ignore=("t-*", "over"))
RULES: dict[str, EvidenceSettings] = {
    "threshold": EvidenceSettings(threshold=0.8),
    "deadline": EvidenceSettings(deadline_s=0.93),
    "repetitions": EvidenceSettings(max_epochs=3, floor=0.6),
    "marked": EvidenceSettings(threshold=0.95, starts=("t-*",), ends=("over",), deadline_s=1.7),
    "gap": EvidenceSettings(gap_s=0.31, correlation=0.1),
    "gain": EvidenceSettings(worth_per_s=0.05, d_prime=0.8, max_epochs=9),
    "per marker": EvidenceSettings(per="marker", max_epochs=2, starts=("t-*",)),
    "single": EvidenceSettings(mode="single", threshold=0.6),
    "sliding": EvidenceSettings(mode="sliding", half_life_s=1.0, threshold=0.7),
}


class MeanDecoder:
    """Takes the means of the channels for evidence."""

    names = ("dog", "house", "tree")

    def decode(self, epoch: Epoch) -> Ranking:
        logits = 8.0 * np.append(epoch.data.mean(axis=1), 0.0)
        p = np.exp(logits) / np.exp(logits).sum()
        best = int(p.argmax())
        top = (Candidate(best, self.names[best], float(logits[best]), float(p[best])),)
        return Ranking(top, logits.astype(np.float32), p.astype(np.float32))


def markers(stamps: np.ndarray) -> tuple[list[Marker], list[int]]:
    """Return pictures in trials, and the sample with which each marker comes."""
    rng = np.random.default_rng(3)
    found: list[tuple[int, str]] = []
    for trial in range(6):
        begin = 100 + 210 * trial
        found.append((begin, f"t-{('dog', 'house')[trial % 2]}"))
        at = begin + 5
        while at < begin + 150:
            found.append((at, str(1 + trial % 2)))
            at += int(rng.integers(12, 40))
        found.append((begin + 155, "over"))
    return [Marker(v, float(stamps[i]) + 0.001, "m") for i, v in found], [i for i, _ in found]


def decided(
    array_source: Any, rule: EvidenceSettings, sizes: list[int], jitter: bool, decider: Any = None
) -> list[Decision]:
    """Return what is decided of a signal that comes in such pieces."""
    stamps = 50.0 + np.arange(N) / SFREQ + (JITTER_S if jitter else 0.0)
    told, at = markers(stamps)
    arrivals = np.searchsorted(np.cumsum(sizes), at, side="right").tolist()
    cut = dataclasses.replace(CUT, hop_s=0.1) if rule.mode == "sliding" else CUT
    engine = Engine(
        array_source(SPEC, SIGNAL, stamps, told, sizes, arrivals),
        Pipeline(PipelineSettings(dejitter=False, gap_s=1.0)),
        Epocher(cut),
        lambda: 0.0,
        MeanDecoder(),
        decider=decider or make_decider(rule),
    )
    engine.start()
    found: list[Decision] = []
    while not (result := engine.step(0.0)).ended:
        found += result.decisions
    found += engine._passage.finish()
    engine.stop()
    return found


@pytest.mark.parametrize("jitter", [False, True], ids=["even", "jitter"])
@pytest.mark.parametrize("name", RULES)
@settings(max_examples=12)
@given(cuts=st.lists(st.integers(0, N), max_size=40))
def test_decisions_do_not_depend_on_chunks(
    array_source: Any, name: str, jitter: bool, cuts: list[int]
) -> None:
    sizes = np.diff([0, *sorted(cuts), N]).tolist()
    whole = decided(array_source, RULES[name], [N], jitter)
    assert len(whole) > 3
    assert decided(array_source, RULES[name], sizes, jitter) == whole


def test_one_sample_at_a_time_is_the_same_too(array_source: Any) -> None:
    for rule in RULES.values():
        whole = decided(array_source, rule, [N], True)
        assert decided(array_source, rule, [1] * N, True) == whole


@pytest.mark.parametrize("name", RULES)
def test_a_rehearsal_decides_what_was_decided(array_source: Any, name: str) -> None:
    notes = Notes(make_decider(RULES[name]))
    live = decided(array_source, RULES[name], [64] * (N // 64) + [N % 64], True, notes)
    assert notes.decide(RULES[name]) == live


@pytest.mark.parametrize("name", ["threshold", "deadline", "repetitions", "gain", "single"])
def test_after_a_reset_everything_is_as_at_the_beginning(array_source: Any, name: str) -> None:
    """Without trials of their own, decisions after a reset are those of a new decider."""
    notes = Notes()
    decided(array_source, RULES[name], [N], False, notes)
    half_s = 57.0
    before = [seen for seen in notes.seen if seen[0].onset_s < half_s]
    after = [seen for seen in notes.seen if seen[0].onset_s >= half_s]

    def fed(decider: Any, epochs: Any) -> list[Decision]:
        found: list[Decision] = []
        for epoch, ranking in epochs:
            found += decider.advance(epoch.last_stamp_s)
            found += decider.step(epoch, ranking)
        return found

    fresh, used = make_decider(RULES[name]), make_decider(RULES[name])
    for decider in (fresh, used):
        decider.reset(MeanDecoder.names, notes.reach_s)
    fed(used, before)
    used.clear(half_s)

    def plain(decisions: list[Decision]) -> list[Decision]:
        return [dataclasses.replace(d, number=0) for d in decisions]

    expected = fed(fresh, after)
    assert len(expected) > 1
    assert plain(fed(used, after)) == plain(expected)
