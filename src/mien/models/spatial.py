"""The spatial transformer (Jaderberg et al., 2015): a network that looks where it wants to."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SpatialTransformer(nn.Module):
    """A localisation net regresses an affine map θ from its input; the input is sampled anew, bilinearly, on the grid that θ warps.

    Localisation: for each of `widths` a 3×3 convolution, a 2×2 max-pool and ReLU; then two dense layers, `units` and the six numbers of θ.
    θ starts as the identity (Khan et al., "SDL", eq. 1), so that an untrained transformer changes nothing; the last layer's weights start
    at zero for that. Grid and sampler are eq. 2 and 3 there; beyond the border the input counts as zero.

    `side`: height and width of the input.
    """

    def __init__(self, channels: int, side: int, widths: Sequence[int], units: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, width in zip([channels, *widths], widths, strict=False):
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()]
            side //= 2
        self.localisation = nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * side * side, units), nn.ReLU())
        self.theta = nn.Linear(units, 6)
        self.start_at_identity()

    @torch.no_grad()
    def start_at_identity(self) -> None:
        """Make θ the identity, whatever the input."""
        self.theta.weight.zero_()
        self.theta.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → the same shape, warped."""
        theta = self.theta(self.localisation(x)).float().view(-1, 2, 3)
        grid = F.affine_grid(theta, list(x.shape), align_corners=False)
        return F.grid_sample(x, grid.to(x.dtype), mode="bilinear", padding_mode="zeros", align_corners=False)
