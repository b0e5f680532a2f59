"""What a session says, what its decoder knows, and what stands where neither does."""

from __future__ import annotations

import dataclasses

import pytest

from saccade.cli import configuration
from saccade.cli.closing import decided_lines, trade_off_lines
from saccade.cli.decided import DecisionBoard
from saccade.cli.deciding import epochs_for, evidence_settings, prior_among, trade_off
from saccade.cli.sections import DecisionSection
from saccade.cli.table import decision_line
from saccade.realtime.epochs import EpochSettings
from saccade.realtime.errors import ConfigError, DecoderFileError
from saccade.realtime.evidence.decider import make_decider
from saccade.realtime.evidence.rehearsal import Notes
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.types import Decision, StreamEvent

KNOWN = {
    "decision": {
        "threshold": 0.72,
        "correlation": 0.1,
        "d_prime": 1.3,
        "prior": {"dog": 0.8, "cat": 0.2},
        "thresholds": [],
    }
}


def settings_of(calibration=KNOWN, concepts=(), **section):
    return evidence_settings(DecisionSection(**section), calibration, concepts)


def test_the_section_has_the_settings_and_when_a_window_is_cut():
    own = {field.name for field in dataclasses.fields(EvidenceSettings)}
    assert set(DecisionSection.model_fields) == own | {"hop_s"}


def test_without_a_mode_nothing_is_decided():
    assert settings_of() is None


def test_the_decoder_says_what_the_session_does_not():
    made = settings_of(mode="closed")
    assert (made.threshold, made.correlation, made.d_prime) == (0.72, 0.1, 1.3)
    assert made.assumed == {"dog": 0.8, "cat": 0.2}
    assert settings_of({}, mode="closed").threshold == 0.9
    own = settings_of(mode="closed", threshold=0.5, correlation=0.0, assumed={}, d_prime=2.0)
    assert (own.threshold, own.correlation, own.d_prime, own.assumed) == (0.5, 0.0, 2.0, {})


@pytest.mark.parametrize(
    "end", [{"max_epochs": 4}, {"deadline_s": 3.0}, {"gap_s": 1.0}, {"worth_per_s": 0.1}]
)
def test_a_session_that_says_how_a_trial_ends_gets_no_threshold(end):
    assert settings_of(mode="closed", **end).threshold is None


def test_single_trials_have_no_correlation_and_the_decoders_threshold():
    made = settings_of(mode="single")
    assert (made.threshold, made.correlation) == (0.72, 0.0)
    assert settings_of(mode="sliding", half_life_s=1.0).correlation == 0.1


def test_the_candidates_are_what_labels_stand_for():
    assert settings_of(mode="closed", concepts=("dog", "cat")).candidates == ("dog", "cat")
    assert settings_of(mode="closed", concepts=("dog",)).candidates == ()
    named = settings_of(mode="closed", concepts=("dog", "cat"), candidates=("a", "b"))
    assert named.candidates == ("a", "b")
    assert settings_of(mode="single", concepts=("dog", "cat")).candidates == ()


def test_a_decoder_that_says_nonsense_is_refused():
    with pytest.raises(DecoderFileError, match=r"calibration\.decision\.threshold"):
        settings_of({"decision": {"threshold": "high"}}, mode="closed")
    with pytest.raises(DecoderFileError, match="should be a number, not None"):
        settings_of({"decision": {"prior": {"dog": None}}}, mode="closed")


def test_a_calibration_that_says_nothing_is_none():
    for known in ({"decision": None}, {"decision": {"prior": None}}):
        made = settings_of(known, mode="closed")
        assert (made.threshold, made.assumed) == (0.9, {})
    for known in ({"decision": 3}, {"decision": {"prior": [0.5]}}):
        with pytest.raises(DecoderFileError, match="should be a table"):
            settings_of(known, mode="closed")


def test_a_decoder_that_tells_nothing_apart_decides_all_the_same():
    known = {"decision": {"d_prime": 0.0}}
    assert settings_of(known, mode="closed").d_prime is None
    with pytest.raises(ConfigError, match="worth_per_s needs d_prime"):
        settings_of(known, mode="closed", worth_per_s=0.1)


def test_a_floor_above_the_decoders_threshold_says_whose_it_is():
    with pytest.raises(
        ConfigError, match=r"0\.72, the threshold that the decoder's calibration found"
    ):
        settings_of(mode="closed", floor=0.8)


def test_concepts_in_two_spellings_are_one_candidate():
    assert settings_of(mode="closed", concepts=("Dog", "dog", "cat")).candidates == ("Dog", "cat")


def test_in_front_of_another_gallery_the_prior_keeps_its_proportions():
    prior, own = {"dog": 0.6, "cat": 0.3}, ("dog", "cat", "elk")
    assert prior_among(prior, own, own) == prior
    assert prior_among(prior, own, ("cat", "Dog")) == pytest.approx({"dog": 2 / 3, "cat": 1 / 3})
    some = prior_among(prior, own, ("dog", "lion", "tiger"))  # these two as the elk was
    assert some == pytest.approx({"dog": 0.75})
    whole = prior_among({"dog": 0.6, "cat": 0.4}, ("dog", "cat"), ("dog", "lion"))
    assert whole == pytest.approx({"dog": 0.6 / 1.1})
    assert prior_among(prior, own, ("lion", "tiger")) == {}
    made = evidence_settings(
        DecisionSection(mode="closed"), {"decision": {"prior": prior}}, (), own, ("lion", "dog")
    )
    make_decider(made).reset(("lion", "dog"), 1.0)


def test_after_a_swap_the_boards_begin_anew():
    board, summary = DecisionBoard(), {}
    swap = StreamEvent("command", "s", "", 0.0, {"do": "swap", "index": 0})
    for one in (*DECISIONS[:2], swap, DECISIONS[2]):
        (board.event if one is swap else board.decision)(one)
    board.close(summary)
    assert (summary["decided"]["n"], summary["decided"]["before_swap"]) == (1, 2)
    assert decided_lines(summary["decided"])[-1] == (
        "  since swap 2 by the decoder before are not counted"
    )


def test_items_are_markers_and_bounds_of_trials_are_not():
    speller = EvidenceSettings(
        mode="target", target="yes", items=("A", "B"), starts=("t-*",), ends=("over",)
    )
    cut = epochs_for(speller, EpochSettings(labels={"1": "yes"}, ignore=("x",)), 0.25)
    assert cut.labels == {"A": "A", "B": "B", "1": "yes"}
    assert cut.ignore == ("x", "t-*", "over")
    assert cut.hop_s is None
    assert epochs_for(speller, EpochSettings(), 0.25).labels is None  # every marker is one
    sliding = EvidenceSettings(mode="sliding", half_life_s=1.0)
    assert epochs_for(sliding, EpochSettings(), 0.1).hop_s == 0.1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["decision.threshold=0.9"], "nothing is decided without decision.mode, or --decide"),
        (["decision.mode=closed", "decision.hop_s=0.1"], "only mode 'sliding' cuts windows"),
        (["decision.mode=maybe"], r"decision\.mode = 'maybe' won't do"),
    ],
)
def test_settings_that_would_change_nothing_are_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        configuration.load(settings=settings)


DECISIONS = (
    Decision(0, "closed", "dog", 0.93, 3, 1, 0.0, 2.0, "threshold", truth="dog"),
    Decision(1, "closed", "cat", 0.91, 5, 0, 4.0, 8.0, "threshold", truth="dog"),
    Decision(2, "closed", None, 0.4, 4, 0, 9.0, 12.0, "deadline", truth="cat"),
    Decision(3, "closed", "dog", 0.95, 1, 0, 13.0, 14.0, "threshold"),
    Decision(4, "closed", None, 0.5, 1, 0, 15.0, 16.0, "reset"),
)


def test_what_was_decided_is_summed_up():
    board, summary = DecisionBoard(), {}
    for decision in DECISIONS:
        board.decision(decision)
    board.close(summary)
    told = summary["decided"]
    assert told["endings"] == {"threshold": 3, "deadline": 1}
    assert (told["n"], told["chosen"], told["abstained"], told["meant"]) == (4, 3, 1, 3)
    assert (told["mean_epochs"], told["mean_s"]) == (3.25, 2.5)
    assert told["accuracy"] | {"ci95": None} == {"right": 1, "n": 2, "share": 0.5, "ci95": None}
    assert decided_lines(told) == [
        "decisions    4 (closed): 3 chosen, 1 abstained; on average after 3.2 epochs, 2.5 s; "
        "ended by threshold 3, deadline 1",
        "  right      50.0% [95 % 9.5% to 90.5%] of 2 chosen, of 3 whose truth is known",
    ]


def test_a_session_that_decides_nothing_says_nothing():
    summary = {}
    board = DecisionBoard()
    board.close(summary)
    board.abandon()
    assert summary == {}


def test_the_table_tells_the_newest_decision():
    assert decision_line(DECISIONS[0]) == (
        "decided: dog, 93% after 3 epochs (1 left out), 2.0 s (threshold), meant dog"
    )
    abstained = dataclasses.replace(DECISIONS[2], item="img7", truth=None)
    assert decision_line(abstained) == (
        "decided about img7: nothing, 40% after 4 epochs, 3.0 s (deadline)"
    )


def test_windows_without_markers_have_no_trade_off():
    with pytest.raises(ConfigError, match="windows without markers have none"):
        trade_off(Notes(), EvidenceSettings(mode="sliding", half_life_s=1.0))


def test_speed_against_accuracy_is_a_table():
    point = {
        "rule": "threshold",
        "value": 0.9,
        "n": 20,
        "decided": 0.5,
        "right": 0.8,
        "ci95": [0.4, 0.95],
        "mean_epochs": 2.5,
        "mean_s": 1.25,
        "wolpaw_bits_per_min": 12.0,
        "mutual_bits_per_min": 11.5,
    }
    silent = point | {"rule": "repetitions", "value": 3, "right": None, "ci95": None}
    told = {"trials": "as marked", "alternatives": 4, "points": [point, silent]}
    first, header, one, other = trade_off_lines(told)
    assert first.endswith("4 alternatives, chance 25.0%; trials as marked")
    assert header.split()[0] == "ends"
    assert one.split() == [
        *("p", "0.90", "20", "50.0%", "80.0%", "[40.0%", "to", "95.0%]"),
        *("2.50", "1.25", "12.0", "11.5"),
    ]
    assert other.split()[:5] == ["3", "epochs", "20", "50.0%", "-"]
