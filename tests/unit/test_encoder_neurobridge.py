"""NeuroBridge: sizes, export, the shared space, and smoothing against a slow reference."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from saccade.models.encoders import export, load_script
from saccade.models.encoders.network import UNKNOWN_SUBJECT, ForSubject, Shape
from saccade.models.encoders.neurobridge import NeuroBridge, NeuroBridgeSettings
from saccade.realtime.errors import ConfigError

SMALL = Shape(n_channels=4, n_times=80, dim=6)
QUICK = {"shared_dim": 5}
BACKBONES = ("eegproject", "tsconv")


@pytest.fixture(autouse=True)
def _same_every_time():
    torch.manual_seed(0)
    torch.set_num_threads(1)


def family(**settings):
    return NeuroBridge(NeuroBridgeSettings(**(QUICK | settings)))


def generator(seed: int = 0):
    return torch.Generator().manual_seed(seed)


class TestTower:
    @pytest.mark.parametrize(
        ("backbone", "channels", "dim", "backbone_count", "published"),
        [
            ("eegproject", 17, 1024, 4250 * 1024 + 1024**2 + 4 * 1024, 5.40),
            ("eegproject", 17, 512, 4250 * 512 + 512**2 + 4 * 512, 2.44),
            ("tsconv", 63, 1024, 103_600 + 1440 * 1024 + 1024**2 + 4 * 1024, 2.63),
        ],
    )
    def test_has_the_published_number_of_parameters(
        self, backbone, channels, dim, backbone_count, published
    ):
        with torch.device("meta"):
            shape = Shape(channels, 250, dim)
            bridge = NeuroBridge(NeuroBridgeSettings(backbone=backbone))
            tower, pictures = bridge.tower(shape), bridge.target_side(shape)
        projector = dim * 512 + 512  # counted with neither published figure
        assert sum(p.numel() for p in tower.parameters()) == backbone_count + projector
        assert sum(p.numel() for p in pictures.parameters()) == projector
        assert backbone_count / 1e6 == pytest.approx(published, abs=0.005)

    @pytest.mark.parametrize("backbone", BACKBONES)
    def test_exported_it_predicts_the_same(self, backbone):
        tower = family(backbone=backbone).tower(SMALL)
        tower(torch.randn(9, 4, 80), torch.zeros(9, dtype=torch.long))  # moves batch norms
        script = load_script(export(ForSubject(tower), 4, 80))
        for batch in (1, 2, 7):
            x = torch.randn(batch, 4, 80)
            with torch.inference_mode():
                eager = tower(x, torch.full((batch,), UNKNOWN_SUBJECT))
                assert eager.shape == (batch, 5)
                torch.testing.assert_close(script(x), eager, rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("backbone", BACKBONES)
    def test_gradient_reaches_every_parameter_of_both_sides(self, backbone):
        tower, pictures = (
            family(backbone=backbone).tower(SMALL),
            family().target_side(SMALL),
        )
        vectors = tower(torch.randn(9, 4, 80), torch.zeros(9, dtype=torch.long))
        wanted = pictures(torch.randn(9, 4, 6), torch.arange(9))
        (vectors * wanted).sum().backward()
        for side in (tower, pictures):
            assert all(p.grad is not None and p.grad.abs().max() > 0 for p in side.parameters())

    def test_every_setting_of_the_network_changes_it(self):
        x, subject = torch.randn(5, 4, 80), torch.zeros(5, dtype=torch.long)
        outputs = []
        for settings in ({}, {"dropout": 0.0}, {"backbone": "tsconv"}):
            torch.manual_seed(1)
            outputs.append(family(**settings).tower(SMALL)(x, subject))
        assert not torch.allclose(outputs[0], outputs[1])
        assert not torch.allclose(outputs[0], outputs[2])
        assert family(shared_dim=3).tower(SMALL)(x, subject).shape == (5, 3)


class TestPictures:
    def test_wants_the_four_corruptions(self):
        wanted = ("gauss-15", "noise-25", "lowres-0.1", "mosaic-5")
        assert family().target_side(SMALL).levels == NeuroBridge.levels() == wanted
        assert NeuroBridge.projects

    def test_the_target_is_the_projected_mean_of_the_versions(self):
        pictures, bank = family().target_side(SMALL), torch.randn(7, 4, 6)
        mean = (bank[:, 0] + bank[:, 1] + bank[:, 2] + bank[:, 3]) / 4
        expected = mean @ pictures.projector.weight.T + pictures.projector.bias
        torch.testing.assert_close(pictures.project(bank), expected)

    def test_a_gallery_goes_through_what_training_does(self):
        pictures, bank = family().target_side(SMALL), torch.randn(7, 4, 6)
        for mode in (True, False):
            pictures.train(mode)
            assert torch.equal(pictures(bank, torch.arange(7)), pictures.project(bank))

    def test_saved_and_restored_it_projects_the_same(self):
        first, second = family().target_side(SMALL), family().target_side(SMALL)
        bank = torch.randn(7, 4, 6)
        assert not torch.equal(first.project(bank), second.project(bank))
        second.load_state_dict(first.state_dict())
        assert torch.equal(first.project(bank), second.project(bank))


class TestSmoothing:
    @pytest.mark.parametrize("width", [3, 5])
    def test_a_channel_is_its_moving_average_or_itself(self, width):
        x = torch.randn(6, 4, 11)
        smoothed = family(smooth_times=width, smooth_share=0.5).augment(x, generator())
        n_smoothed, half = 0, width // 2
        for epoch, channel in np.ndindex(6, 4):
            before, after = x[epoch, channel], smoothed[epoch, channel]
            means = [before[max(0, t - half) : t + half + 1].mean() for t in range(11)]
            if not torch.equal(after, before):
                torch.testing.assert_close(after, torch.stack(means))
                n_smoothed += 1
        assert 4 < n_smoothed < 20

    @pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
    def test_as_many_as_named(self, share):
        x = torch.randn(200, 10, 6)
        smoothed = family(smooth_share=share).augment(x, generator())
        assert float((smoothed != x).any(dim=2).float().mean()) == pytest.approx(share, abs=0.04)

    def test_drawn_from_the_generator_alone_and_anew_each_time(self):
        x = torch.randn(20, 10, 6)
        before = x.clone()
        first, again = generator(1), generator(1)
        bridge = family()
        one, other = bridge.augment(x, first), bridge.augment(x, again)
        assert torch.equal(one, other)
        assert not torch.equal(one, bridge.augment(x, first))
        assert torch.equal(x, before)

    def test_a_short_epoch_will_do(self):
        x = torch.randn(5, 3, 2)
        assert family().augment(x, generator()).shape == (5, 3, 2)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("dropout", -0.1, "dropout must be at least 0 and below 1, not -0.1"),
        ("smooth_share", 1.0, "smooth_share must be at least 0 and below 1"),
        ("smooth_times", 4, "smooth_times must be odd and at least 3 samples, not 4"),
        ("smooth_times", 1, "smooth_times must be odd and at least 3 samples, not 1"),
        ("shared_dim", 1, "shared_dim must be at least 2, not 1"),
        ("backbone", "", "backbone must be one of eegproject, tsconv, not ''"),
        ("lr", 0.0, "lr must be above 0"),
    ],
)
def test_settings_out_of_range_are_refused(field, value, message):
    with pytest.raises(ConfigError, match=message):
        NeuroBridgeSettings(**{field: value})


def test_asymmetric_normalisation_and_fixed_scale_are_the_defaults():
    settings = NeuroBridgeSettings()
    assert (settings.normalise_signal, settings.normalise_target) == (False, True)
    assert settings.scale == "exp-fixed"
