"""The spatial transformer: identity at first, then the affine map that θ says."""

from __future__ import annotations

import torch

from mien.models.registry import build
from mien.models.spatial import SpatialTransformer


def _pictures(channels: int = 1) -> torch.Tensor:
    return torch.rand(3, channels, 24, 24, generator=torch.Generator().manual_seed(0))


def test_it_starts_as_the_identity() -> None:
    torch.testing.assert_close(SpatialTransformer(2, 24, (4, 4))(_pictures(2)), _pictures(2), atol=1e-5, rtol=0)


def test_theta_warps_bilinearly() -> None:
    transformer = SpatialTransformer(1, 24, (4,))
    with torch.no_grad():
        transformer.theta.bias.copy_(torch.tensor([-1.0, 0, 0, 0, 1, 0]))
        torch.testing.assert_close(transformer(_pictures()), _pictures().flip(3), atol=1e-5, rtol=0)
        transformer.theta.bias.copy_(torch.tensor([1.0, 0, 1 / 24, 0, 1, 0]))  # half a pixel to the right: the mean of two neighbours
        warped = transformer(_pictures())
    torch.testing.assert_close(warped[..., :-1], (_pictures()[..., :-1] + _pictures()[..., 1:]) / 2, atol=1e-5, rtol=0)
    torch.testing.assert_close(warped[..., -1], _pictures()[..., -1] / 2, atol=1e-5, rtol=0)  # beyond the border there is nothing


def test_it_learns_where_to_look() -> None:
    """A bright square in a corner: the loss falls when the transformer zooms onto it."""
    torch.manual_seed(0)
    images = torch.zeros(4, 1, 24, 24)
    images[..., 12:20, 12:20] = 1
    transformer = SpatialTransformer(1, 24, (4, 4))
    optimizer = torch.optim.Adam(transformer.parameters(), 0.01)
    before = float(transformer(images).detach().mean())
    for _ in range(40):
        optimizer.zero_grad()
        (-transformer(images).mean()).backward()
        optimizer.step()
    assert float(transformer(images).detach().mean()) > 2 * before


def test_published_networks_see_the_picture_itself_at_first() -> None:
    for name in ("deepfer", "sdl"):
        model = build(name, {"fer7": 7})
        found = [m for m in model.modules() if isinstance(m, SpatialTransformer)]
        assert len(found) == {"deepfer": 1, "sdl": 2}[name]
        assert all(torch.equal(m.theta.bias.detach(), torch.tensor([1.0, 0, 0, 0, 1, 0])) for m in found)
