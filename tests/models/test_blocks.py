"""Blocks that architectures share."""

from __future__ import annotations

import torch

from mien.models.blocks import Standardise


def test_each_picture_is_standardised_by_itself() -> None:
    pictures = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * torch.tensor([255.0, 50.0, 1.0]).view(3, 1, 1, 1)
    seen = Standardise()(pictures)
    torch.testing.assert_close(seen.mean((1, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen[:2].std((1, 2, 3), correction=0), torch.ones(2))
    torch.testing.assert_close(seen[2], pictures[2] - pictures[2].mean())  # less than a gray level of contrast is not blown up


def test_a_plain_picture_has_a_gradient() -> None:
    picture = torch.zeros(1, 1, 8, 8, requires_grad=True)
    (Standardise()(picture) * torch.arange(64.0).view(1, 1, 8, 8)).sum().backward()
    assert picture.grad is not None
    torch.testing.assert_close(picture.grad.flatten(), torch.arange(64.0) - 31.5)
