"""The contrastive loss against its formula, in every convention."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from saccade.models.training.losses import ContrastiveLoss, info_nce, soft_clip
from saccade.models.training.recipe import Recipe

FACTORS = {
    "exp": 1 / 0.07,
    "exp-fixed": 1 / 0.07,
    "softplus": math.log1p(1 / 0.07),
    "raw": math.log(1 / 0.07),
    "one": 1.0,
}


@pytest.fixture(autouse=True)
def _same_every_time():
    torch.manual_seed(0)


def pairs(n: int = 7, dim: int = 5):
    return torch.randn(n, dim), functional.normalize(torch.randn(n, dim), dim=1)


def loss_of(e, v, concepts=None, **settings):
    concepts = torch.arange(len(e)) if concepts is None else concepts
    return ContrastiveLoss(Recipe(**settings))(e, v, concepts)


def by_hand(logits):
    """Write InfoNCE out: minus the log of each diagonal entry's share, both ways."""
    rows = [-(row[i] - row.logsumexp(0)) for i, row in enumerate(logits)]
    columns = [-(column[i] - column.logsumexp(0)) for i, column in enumerate(logits.T)]
    return torch.stack(rows + columns).mean()


class TestScale:
    @pytest.mark.parametrize("scale", FACTORS)
    def test_every_convention_starts_where_its_paper_does(self, scale):
        e, v = pairs()
        loss, match = loss_of(e, v, scale=scale)
        torch.testing.assert_close(loss, by_hand(FACTORS[scale] * e @ v.T))
        torch.testing.assert_close(match, FACTORS[scale] * (e * v).sum(1))
        assert not match.requires_grad

    @pytest.mark.parametrize(
        ("scale", "learned"),
        [("exp", True), ("exp-fixed", False), ("softplus", True), ("raw", True), ("one", False)],
    )
    def test_only_some_learn_it(self, scale, learned):
        e, v = pairs()
        loss = ContrastiveLoss(Recipe(scale=scale))
        (loss(e.requires_grad_(), v, torch.arange(7))[0]).backward()
        assert (loss.log_scale.grad is not None) == learned


class TestNormalisation:
    def test_length_of_the_signal_matters_unless_it_is_normalised(self):
        e, v = pairs()
        kept, longer = loss_of(e, v)[0], loss_of(3 * e, v)[0]
        assert not torch.allclose(kept, longer)
        torch.testing.assert_close(
            loss_of(e, v, normalise_signal=True)[0], loss_of(3 * e, v, normalise_signal=True)[0]
        )

    def test_length_of_targets_matters_only_if_they_are_not_normalised(self):
        e, v = pairs()
        torch.testing.assert_close(loss_of(e, 3 * v)[0], loss_of(e, v)[0])
        assert not torch.allclose(
            loss_of(e, 3 * v, normalise_target=False)[0], loss_of(e, v, normalise_target=False)[0]
        )


class TestPositives:
    def test_repeated_concepts_are_no_negatives(self):
        v = torch.eye(4)[[0, 0, 1, 1]]
        concepts = torch.tensor([0, 0, 1, 1])
        perfect = loss_of(50 * v, v, concepts)[0]
        assert perfect.item() == pytest.approx(math.log(2), abs=1e-4)  # two positives each
        worse = loss_of(50 * v[[2, 2, 0, 0]], v, concepts)[0]
        assert worse.item() > 10

    def test_own_targets_only(self):
        e, v = pairs(6)
        concepts = torch.tensor([0, 0, 1, 1, 2, 2])
        factor = FACTORS["softplus"]
        own = loss_of(e, v, concepts, positives="own")[0]
        torch.testing.assert_close(own, by_hand(factor * e @ v.T))
        assert not torch.allclose(own, loss_of(e, v, concepts)[0])

    def test_order_of_trials_does_not_matter(self):
        e, v = pairs(6)
        v[3] = v[0]
        concepts, order = torch.tensor([0, 1, 2, 0, 4, 5]), torch.randperm(6)
        torch.testing.assert_close(
            loss_of(e, v, concepts)[0], loss_of(e[order], v[order], concepts[order])[0]
        )


class TestMixtures:
    def test_squared_error_takes_its_share(self):
        e, v = pairs()
        plain, mixed = loss_of(e, v)[0], loss_of(e, v, mse_weight=0.9)[0]
        distance = torch.stack([(a - b) @ (a - b) for a, b in zip(e, v, strict=True)]).mean()
        torch.testing.assert_close(mixed, 0.1 * plain + 0.9 * distance)

    def test_soft_clip_takes_its_share(self):
        e, v = pairs()
        factor = FACTORS["softplus"]
        plain, mixed = loss_of(e, v)[0], loss_of(e, v, soft_weight=0.25)[0]
        soft = soft_clip(factor * e @ v.T, factor * v @ v.T)
        torch.testing.assert_close(mixed, 0.75 * plain + 0.25 * soft)

    def test_soft_clip_is_the_cross_entropy_with_likeness(self):
        logits, alike = torch.randn(4, 4), torch.randn(4, 4)
        wanted = alike.exp() / alike.exp().sum(1, keepdim=True)
        rows = -(wanted * logits.log_softmax(1)).sum(1).mean()
        columns = -(wanted * logits.T.log_softmax(1)).sum(1).mean()
        torch.testing.assert_close(soft_clip(logits, alike), (rows + columns) / 2)

    def test_soft_clip_of_targets_far_apart_is_info_nce(self):
        logits = torch.randn(5, 5)
        torch.testing.assert_close(
            soft_clip(logits, 1e3 * torch.eye(5)), info_nce(logits, torch.eye(5))
        )
