"""UBP: sizes, export, and each trial's blur against a slow reference."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from torch.nn import functional

from saccade.models.encoders import export, load_script
from saccade.models.encoders.network import UNKNOWN_SUBJECT, ForSubject, Shape
from saccade.models.encoders.ubp import HIGH, LOW, MEDIUM, UBP, UBPSettings
from saccade.models.targets.corruption import parse_level
from saccade.realtime.errors import ConfigError

SMALL = Shape(n_channels=4, n_times=80, dim=6, n_trials=12)
BACKBONES = ("eegproject", "tsconv")


@pytest.fixture(autouse=True)
def _same_every_time():
    torch.manual_seed(0)
    torch.set_num_threads(1)


def side(**settings):
    return UBP(UBPSettings(**settings)).target_side(SMALL)


class TestTower:
    @pytest.mark.parametrize(
        ("backbone", "channels", "times", "count", "published"),
        [
            ("eegproject", 17, 250, 4250 * 1024 + 1024**2 + 4 * 1024, 5.40),
            ("eegproject", 63, 250, 15750 * 1024 + 1024**2 + 4 * 1024, 17.18),
            ("eegproject", 271, 201, 54471 * 1024 + 1024**2 + 4 * 1024, 56.8),
            # 30,000 in the convolutions; the published ones have 80 idle biases more.
            ("tsconv", 17, 250, 30_000 + 1440 * 1024 + 1024**2 + 4 * 1024, 2.56),
        ],
    )
    def test_has_the_published_number_of_parameters(
        self, backbone, channels, times, count, published
    ):
        with torch.device("meta"):
            tower = UBP(UBPSettings(backbone=backbone)).tower(Shape(channels, times, 1024))
        assert sum(p.numel() for p in tower.parameters()) == count
        assert count / 1e6 == pytest.approx(published, abs=0.05)

    @pytest.mark.parametrize("backbone", BACKBONES)
    def test_exported_it_predicts_the_same(self, backbone):
        tower = UBP(UBPSettings(backbone=backbone)).tower(SMALL)
        tower(torch.randn(9, 4, 80), torch.zeros(9, dtype=torch.long))  # moves batch norms
        script = load_script(export(ForSubject(tower), 4, 80))
        for batch in (1, 2, 7):
            x = torch.randn(batch, 4, 80)
            with torch.inference_mode():
                eager = tower(x, torch.full((batch,), UNKNOWN_SUBJECT))
                assert eager.shape == (batch, 6)
                torch.testing.assert_close(script(x), eager, rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("backbone", BACKBONES)
    def test_gradient_reaches_every_parameter(self, backbone):
        tower = UBP(UBPSettings(backbone=backbone)).tower(SMALL)
        vectors = tower(torch.randn(9, 4, 80), torch.zeros(9, dtype=torch.long))
        (vectors * torch.randn(9, 6)).sum().backward()
        assert all(p.grad is not None and p.grad.abs().max() > 0 for p in tower.parameters())

    def test_backbone_and_dropout_change_the_network(self):
        x, subject = torch.randn(5, 4, 80), torch.zeros(5, dtype=torch.long)
        outputs = []
        for settings in ({}, {"dropout": 0.0}, {"backbone": "tsconv"}):
            torch.manual_seed(1)
            outputs.append(UBP(UBPSettings(**settings)).tower(SMALL)(x, subject))
        assert not torch.allclose(outputs[0], outputs[1])
        assert not torch.allclose(outputs[0], outputs[2])

    def test_too_short_epochs_are_refused_by_the_convolutions(self):
        with pytest.raises(ConfigError, match="at least 75 samples, but 74 came"):
            UBP(UBPSettings(backbone="tsconv")).tower(Shape(4, 74, 6))


def slow_levels(histories, trials, share=0.3, width=1.959964):
    """Return each trial's level, from lists of all its matches, oldest first."""
    average = {}
    for trial in trials:
        for number, match in enumerate(histories.get(trial, [])):
            average[trial] = match if number == 0 else share * match + (1 - share) * average[trial]
    known = [average[trial] for trial in trials if trial in average]
    if not known:
        return [MEDIUM] * len(trials)
    mean = sum(known) / len(known)
    deviation = (sum((value - mean) ** 2 for value in known) / len(known)) ** 0.5
    levels = []
    for trial in trials:
        level = MEDIUM
        if trial in average and average[trial] > mean + width * deviation:
            level = LOW
        if trial in average and average[trial] < mean - width * deviation:
            level = HIGH
        levels.append(level)
    return levels


class TestBlur:
    def test_three_levels_low_to_high(self):
        kernels = [parse_level(level).strength for level in side().levels]
        assert kernels == sorted(kernels) == [45, 51, 57]
        assert side().levels == UBP.levels()
        assert UBP.projects

    def test_a_trial_far_above_is_blurred_less_and_one_far_below_more(self):
        blur, trial = side(), torch.arange(12)
        match = torch.tensor([9.0, -9.0, *[0.1 * k for k in range(10)]])
        blur.observe(trial, match)
        bank = torch.randn(12, 3, 6)
        wanted = blur(bank, trial)
        assert torch.equal(wanted[0], bank[0, LOW])
        assert torch.equal(wanted[1], bank[1, HIGH])
        assert torch.equal(wanted[2:], bank[2:, MEDIUM])

    @hypothesis.given(
        st.lists(
            st.dictionaries(st.integers(0, 11), st.integers(-50, 50), min_size=1),
            max_size=6,
        ),
        st.lists(st.integers(0, 11), min_size=1, unique=True),
    )
    @hypothesis.settings(max_examples=60)
    def test_levels_are_as_the_slow_reference_says(self, steps, batch):
        blur, histories = side(), {}
        for step in steps:
            blur.observe(torch.tensor(list(step)), torch.tensor(list(step.values())) / 10)
            for trial, match in step.items():
                histories.setdefault(trial, []).append(match / 10)
        with np.errstate(all="raise"):
            assert blur.level_of(torch.tensor(batch)).tolist() == slow_levels(histories, batch)

    def test_interval_and_newest_share_change_the_choice(self):
        trial = torch.arange(12)
        first, second = torch.linspace(-1, 1, 12), torch.linspace(1, -1, 12)
        chosen = {}
        for settings in (("interval", 0.95), ("interval", 0.5), ("newest_share", 0.9)):
            blur = side(**{"interval": 0.5} | dict([settings]))
            blur.observe(trial, first)
            blur.observe(trial, second)
            chosen[settings] = blur.level_of(trial).tolist()
        assert chosen["interval", 0.95] == [MEDIUM] * 12
        assert chosen["interval", 0.5][0] == HIGH
        assert chosen["newest_share", 0.9][0] == LOW

    def test_before_anything_is_known_all_are_medium(self):
        bank = torch.randn(5, 3, 6)
        assert torch.equal(side()(bank, torch.arange(5)), bank[:, MEDIUM])

    def test_gallery_and_validation_are_medium_whatever_was_observed(self):
        blur, trial, bank = side(), torch.arange(12), torch.randn(12, 3, 6)
        blur.observe(trial, torch.tensor([99.0, -99.0, *[0.0] * 10]))
        assert torch.equal(blur.project(bank), bank[:, MEDIUM])
        assert not torch.equal(blur(bank, trial), blur.project(bank))
        assert torch.equal(blur.eval()(bank, trial), blur.project(bank))

    def test_what_was_observed_is_saved_and_restored(self):
        first, second, trial = side(), side(), torch.arange(12)
        first.observe(trial[:8], torch.randn(8) ** 3)
        second.load_state_dict(first.state_dict())
        for blur in (first, second):
            blur.observe(trial, torch.linspace(-3, 3, 12) ** 3)
        assert torch.equal(first.match, second.match)
        assert torch.equal(first.level_of(trial), second.level_of(trial))
        assert set(first.state_dict()) == {"match", "seen"}

    def test_observing_needs_no_gradient_and_changes_no_input(self):
        blur, match = side(), torch.randn(12, requires_grad=True)
        before = match.detach().clone()
        blur.observe(torch.arange(12), match)
        assert not blur.match.requires_grad
        assert torch.equal(match.detach(), before)

    def test_half_precision_matches_are_taken(self):
        blur = side()
        blur.observe(torch.arange(12), torch.ones(12, dtype=torch.bfloat16))
        assert blur.match.dtype == torch.float32


def test_learns_to_tell_patterns_apart():
    family = UBP(UBPSettings(lr=1e-2))
    tower, blur = family.tower(SMALL), family.target_side(SMALL)
    bank = functional.normalize(torch.randn(12, 3, 6), dim=2)
    x, trial = torch.randn(12, 4, 80), torch.arange(12)
    optimiser = torch.optim.AdamW(tower.parameters(), lr=1e-2)
    for _ in range(40):
        logits = 2.73 * tower(x, torch.zeros(12, dtype=torch.long)) @ blur(bank, trial).T
        loss = functional.cross_entropy(logits, trial)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        blur.observe(trial, logits.detach().diagonal())
    with torch.inference_mode():
        scores = tower.eval()(x, torch.full((12,), UNKNOWN_SUBJECT)) @ blur.project(bank).T
    assert (scores.argmax(dim=1) == trial).float().mean() > 0.9  # chance 1/12


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("dropout", 1.0, "dropout must be at least 0 and below 1, not 1.0"),
        ("backbone", "lstm", "backbone must be one of eegproject, tsconv, not 'lstm'"),
        ("newest_share", 0.0, "newest_share must be above 0 up to 1, not 0.0"),
        ("interval", 1.0, "interval must be above 0 and below 1, not 1.0"),
        ("epochs", 0, "epochs must be at least 1, not 0"),
    ],
)
def test_settings_out_of_range_are_refused(field, value, message):
    with pytest.raises(ConfigError, match=message):
        UBPSettings(**{field: value})
