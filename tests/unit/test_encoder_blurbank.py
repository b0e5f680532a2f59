"""The perceptual-blur bank: sizes, export, filters of one sign, the mixture by hand."""

from __future__ import annotations

import pytest
import torch

from saccade.models.encoders import export, load_script
from saccade.models.encoders.blurbank import BlurBank, BlurBankSettings
from saccade.models.encoders.network import UNKNOWN_SUBJECT, ForSubject, Shape
from saccade.models.targets.corruption import parse_level
from saccade.realtime.errors import ConfigError

SMALL = Shape(n_channels=4, n_times=20, dim=6)
QUICK = {"n_filters": 3, "n_hidden": 7, "n_hidden_picture": 5}


@pytest.fixture(autouse=True)
def _same_every_time():
    torch.manual_seed(0)
    torch.set_num_threads(1)


def family(**settings):
    return BlurBank(BlurBankSettings(**(QUICK | settings)))


def count(module):
    return sum(p.numel() for p in module.parameters())


class TestTower:
    def test_has_the_published_number_of_parameters(self):
        shape = Shape(63, 250, 1024)
        with torch.device("meta"):
            tower, mixture = BlurBank().tower(shape), BlurBank().target_side(shape)
        expected = 25 * 63 + 2 * 25 + 251 * 200 + 201 * 200 + 5001 * 1024
        assert count(tower) == expected == 5_213_049
        assert expected / 1e6 == pytest.approx(5.21, abs=0.005)
        # The authors' weights have 50 rows, of which 16 are used.
        assert count(mixture) == (16 + 4) * 1024 + 1025 * 768 + 769 * 1024

    @pytest.mark.parametrize("constrained", [True, False])
    def test_exported_it_predicts_the_same(self, constrained):
        tower = family(constrained=constrained).tower(SMALL)
        tower(torch.randn(9, 4, 20), torch.zeros(9, dtype=torch.long))  # moves batch norms
        script = load_script(export(ForSubject(tower), 4, 20))
        for batch in (1, 2, 7):
            x = torch.randn(batch, 4, 20)
            with torch.inference_mode():
                eager = tower(x, torch.full((batch,), UNKNOWN_SUBJECT))
                assert eager.shape == (batch, 6)
                torch.testing.assert_close(script(x), eager, rtol=1e-5, atol=1e-5)

    def test_filters_have_one_sign_if_constrained(self):
        tower = family().tower(SMALL).eval()
        x, subject = torch.randn(5, 4, 20), torch.zeros(5, dtype=torch.long)
        before = tower(x, subject)
        with torch.no_grad():
            tower.spatial.weight.neg_()
        assert torch.equal(tower(x, subject), before)
        free = family(constrained=False).tower(SMALL).eval()
        before = free(x, subject)
        with torch.no_grad():
            free.spatial.weight.neg_()
        assert not torch.allclose(free(x, subject), before)

    @pytest.mark.parametrize("constrained", [True, False])
    def test_gradient_reaches_every_parameter_of_both_sides(self, constrained):
        quiet = {"dropout": 0.0, "dropout_deep": 0.0, "dropout_picture": 0.0}
        bank = family(constrained=constrained, **quiet)
        tower, mixture = bank.tower(SMALL), bank.target_side(SMALL)
        vectors = tower(torch.randn(9, 4, 20), torch.zeros(9, dtype=torch.long))
        wanted = mixture(torch.randn(9, 12, 6), torch.arange(9))
        (vectors * wanted).sum().backward()
        for side in (tower, mixture):
            assert all(p.grad is not None and p.grad.abs().max() > 0 for p in side.parameters())

    @pytest.mark.parametrize(
        "change",
        [
            {"n_filters": 4},
            {"n_hidden": 8},
            {"constrained": False},
            {"dropout": 0.0},
            {"dropout_deep": 0.0},
        ],
    )
    def test_every_setting_of_the_network_changes_it(self, change):
        x, subject = torch.randn(5, 4, 20), torch.zeros(5, dtype=torch.long)
        outputs = []
        for settings in ({}, change):
            torch.manual_seed(1)
            outputs.append(family(**settings).tower(SMALL)(x, subject))
        assert not torch.allclose(*outputs)


class TestMixture:
    def test_wants_twelve_blurs_from_sharp_to_63_pixels(self):
        levels = family().target_side(SMALL).levels
        assert levels == BlurBank.levels()
        assert levels[:4] == ("sharp", "gauss-3", "gauss-9", "gauss-15")
        assert [parse_level(level).strength for level in levels[1:]] == [3, *range(9, 64, 6)]
        assert len(levels) == 12
        assert BlurBank.projects

    def test_is_the_formula_written_out(self):
        mixture = family().target_side(SMALL).eval()
        with torch.no_grad():
            mixture.weight.normal_()
        bank = torch.randn(7, 12, 6)
        expected = torch.empty(7, 6)
        for picture in range(7):
            mixed = torch.empty(6)
            for d in range(6):
                versions = torch.cat([bank[picture, :, d], mixture.free[:, d]])  # 16
                share = torch.exp(mixture.weight[:, d]) / torch.exp(mixture.weight[:, d]).sum()
                mixed[d] = (share * versions).sum()
            vector = mixture.network(mixed[None])[0]
            expected[picture] = vector / vector.square().sum().sqrt()
        torch.testing.assert_close(mixture.project(bank), expected)

    def test_a_gallery_goes_through_what_training_does_without_dropout(self):
        mixture, bank = family().target_side(SMALL), torch.randn(7, 12, 6)
        mixture.eval()
        assert torch.equal(mixture(bank, torch.arange(7)), mixture.project(bank))
        torch.testing.assert_close(mixture.project(bank)[2:4], mixture.project(bank[2:4]))
        before = mixture.project(bank)
        mixture.train()
        assert not torch.equal(mixture(bank, torch.arange(7)), before)

    def test_saved_and_restored_it_projects_the_same(self):
        first, second = (family().target_side(SMALL).eval() for _ in range(2))
        bank = torch.randn(7, 12, 6)
        assert not torch.equal(first.project(bank), second.project(bank))
        second.load_state_dict(first.state_dict())
        assert torch.equal(first.project(bank), second.project(bank))

    @pytest.mark.parametrize("change", [{"n_hidden_picture": 6}, {"dropout_picture": 0.0}])
    def test_every_setting_of_the_mixture_changes_it(self, change):
        bank, outputs = torch.randn(7, 12, 6), []
        for settings in ({}, change):
            torch.manual_seed(1)
            outputs.append(family(**settings).target_side(SMALL)(bank, torch.arange(7)))
        assert not torch.allclose(*outputs)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("dropout", 1.0, "dropout must be at least 0 and below 1, not 1.0"),
        ("dropout_deep", -1.0, "dropout_deep must be at least 0 and below 1"),
        ("dropout_picture", 1.0, "dropout_picture must be at least 0 and below 1"),
        ("n_filters", 0, "n_filters must be at least 1, not 0"),
        ("n_hidden", 0, "n_hidden must be at least 1, not 0"),
        ("n_hidden_picture", 0, "n_hidden_picture must be at least 1, not 0"),
        ("batch_size", 1, "batch_size must be at least 2"),
    ],
)
def test_settings_out_of_range_are_refused(field, value, message):
    with pytest.raises(ConfigError, match=message):
        BlurBankSettings(**{field: value})
