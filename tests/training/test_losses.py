from __future__ import annotations

import math

import torch

from mien.training.losses import cross_entropy


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
