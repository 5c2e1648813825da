from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from mien.core.errors import RecipeError
from mien.training.losses import balanced_weights, cross_entropy, penalised, penalty
from mien.training.parts import PenaltyPart


def test_hard_labels_equal_torch() -> None:
    logits, classes = torch.randn(16, 7, generator=torch.Generator().manual_seed(0)), torch.arange(16) % 7
    hard = torch.nn.functional.one_hot(classes, 7).float()
    expected = torch.nn.functional.cross_entropy(logits, classes)
    torch.testing.assert_close(cross_entropy(logits, hard, torch.ones(16)), expected)


def test_unknown_rows_do_not_count() -> None:
    logits = torch.tensor([[0.0, 0.0], [9.0, -9.0]])
    targets = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert math.isclose(float(cross_entropy(logits, targets, torch.tensor([True, False]))), math.log(2), rel_tol=1e-6)
    assert float(cross_entropy(logits, targets, torch.zeros(2))) == 0.0


def test_soft_targets_are_least_when_met() -> None:
    votes = torch.tensor([[0.7, 0.2, 0.1]])
    met = cross_entropy(votes.log(), votes, torch.ones(1))
    assert float(met) < float(cross_entropy(torch.zeros(1, 3), votes, torch.ones(1)))
    torch.testing.assert_close(met, -(votes * votes.log()).sum())


def test_balanced_weights_are_those_of_the_thesis() -> None:
    """Table 4.6: 23,469 negative, 6,358 neutral, 9,855 positive; its weights, 0.5671, 2.0485, 1.3363, are within 2 % of the formula's."""
    classes = torch.repeat_interleave(torch.arange(3), torch.tensor([23_469, 6_358, 9_855]))
    weights = balanced_weights(torch.cat([classes, torch.full((50,), -1)]), 3)
    torch.testing.assert_close(weights, torch.tensor([0.5636, 2.0804, 1.3422]), atol=1e-4, rtol=0)
    torch.testing.assert_close(weights, torch.tensor([0.5671, 2.0485, 1.3363]), atol=0, rtol=0.02)


def test_class_weights_weigh_rows_and_the_mean_is_over_rows() -> None:
    logits, hard = (
        torch.randn(6, 3, generator=torch.Generator().manual_seed(0)),
        torch.nn.functional.one_hot(torch.arange(6) % 3, 3).float(),
    )
    weights = torch.tensor([0.5, 2.0, 1.0])
    expected = torch.nn.functional.cross_entropy(logits, torch.arange(6) % 3, weight=weights, reduction="sum") / 6
    torch.testing.assert_close(cross_entropy(logits, hard, torch.ones(6), weights), expected)


def test_focal_loss_is_the_published_one() -> None:
    logits, hard = torch.tensor([[0.0, 2.0]]), torch.tensor([[0.0, 1.0]])
    p = math.exp(2) / (1 + math.exp(2))
    assert float(cross_entropy(logits, hard, torch.ones(1), focal_gamma=2.0)) == pytest.approx(-((1 - p) ** 2) * math.log(p), rel=1e-5)
    torch.testing.assert_close(cross_entropy(logits, hard, torch.ones(1), focal_gamma=0.0), cross_entropy(logits, hard, torch.ones(1)))


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_focal_loss_has_a_slope_where_the_answer_is_sure(gamma: float) -> None:
    logits = torch.tensor([[30.0, 0.0, 0.0]], requires_grad=True)
    cross_entropy(logits, torch.eye(3)[:1], torch.ones(1), focal_gamma=gamma).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_penalties_are_on_the_layers_they_name() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(2.0)
    terms = penalised(model, [PenaltyPart(layers="0.weight", weight=0.1), PenaltyPart(layers="1.*", weight=0.5)])
    assert float(penalty(terms).detach()) == pytest.approx(0.1 * 4 * 4 + 0.5 * (2 * 4 + 4))
    with pytest.raises(RecipeError, match=r"No layer fits the pattern 'dense\.\*'.*0\.weight, 0\.bias"):
        penalised(model, [PenaltyPart(layers="dense.*", weight=0.1)])
