"""A small ConvNeXt for 48×48 gray faces: a candidate beside miennet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mien.models.blocks import DropPath, Heads, Normalise, PooledNetwork, drop_rates
from mien.models.registry import register


class ConvNeXtBlock(nn.Module):
    """7×7 map by map, 1×1 to four times the maps, GELU, 1×1 back, times a learnt γ, beside the input (Liu et al., 2022, Fig. 4)."""

    def __init__(self, channels: int, drop_path: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 7, padding=3, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, 4 * channels, 1),
            nn.GELU(),
            nn.Conv2d(4 * channels, channels, 1),
        )
        self.gamma = nn.Parameter(torch.full((channels, 1, 1), 0.1))
        self.drop = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → the same shape."""
        total: Tensor = x + self.drop(self.gamma * self.body(x))
        return total


@register("small_convnext")
class SmallConvNeXt(PooledNetwork):
    """ConvNeXt (Liu et al., 2022) with a 4×4 stem of stride 2 for small pictures and a 2×2 convolution of stride 2 between the stages.

    Batch normalisation stands in place of layer normalisation, since it vanishes into the convolutions in use, and γ starts at 0.1, since a
    few blocks are no deep network. With the defaults and heads fer8 + fer7: 1,088,767 parameters.

    `widths`, `depths`: channels and blocks of the stages. `drop_path`: as in miennet. `mean`, `deviation`: of the training images, 0–1.
    S is 48; other multiples of 8 work.
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        widths: Sequence[int] = (44, 88, 168),
        depths: Sequence[int] = (2, 4, 3),
        dropout: float = 0.2,
        drop_path: float = 0.0,
        mean: float = 0.5077,
        deviation: float = 0.2550,
    ) -> None:
        if len(widths) != len(depths):
            raise ValueError(f"widths and depths need equal lengths, received {len(widths)} and {len(depths)}")
        super().__init__()
        layers: list[nn.Module] = [Normalise(mean, deviation)]
        channels, rates = 1, iter(drop_rates(drop_path, sum(depths)))
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            entry = nn.Conv2d(channels, width, 2, 2, bias=False) if stage else nn.Conv2d(channels, width, 4, 2, 1, bias=False)
            layers += [entry, nn.BatchNorm2d(width), *(ConvNeXtBlock(width, next(rates)) for _ in range(depth))]
            channels = width
        self.features = nn.Sequential(*layers, nn.BatchNorm2d(channels))
        self.heads = Heads(channels, heads, dropout)
