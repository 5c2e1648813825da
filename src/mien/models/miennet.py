"""miennet: mien's own small residual network for 48×48 gray faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, repeat

from torch import nn

from mien.models.blocks import Heads, Normalise, PooledNetwork, ResidualBlock, drop_rates
from mien.models.registry import register


@register("miennet")
class MienNet(PooledNetwork):
    """Stem 3×3 at full size, then stages of residual blocks, each entered with stride 2; squeeze-excitation from the second stage on.

    Full-size residual blocks are left out on purpose: at 48×48 they cost as much as a stage of four times their parameters at 24×24.
    With the defaults and heads fer8 + fer7: 1,098,623 parameters.

    `heads`: output name → classes. `stem`, `widths`, `depths`: channels and blocks. `drop_path`: the rate of stochastic depth in the last
    block, lower in those before. `mean`, `deviation`: of the training images, 0–1. S is 48; other multiples of 8 work.
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        stem: int = 32,
        widths: Sequence[int] = (32, 64, 128),
        depths: Sequence[int] = (2, 3, 3),
        dropout: float = 0.2,
        drop_path: float = 0.0,
        mean: float = 0.5077,
        deviation: float = 0.2550,
    ) -> None:
        if len(widths) != len(depths):
            raise ValueError(f"widths and depths need equal lengths, received {len(widths)} and {len(depths)}")
        super().__init__()
        layers: list[nn.Module] = [
            Normalise(mean, deviation),
            nn.Conv2d(1, stem, 3, padding=1, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(inplace=True),
        ]
        channels, rates = stem, iter(drop_rates(drop_path, sum(depths)))
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            for stride in chain([2], repeat(1, depth - 1)):
                layers.append(ResidualBlock(channels, width, stride, squeeze_excite=stage > 0, drop_path=next(rates)))
                channels = width
        self.features = nn.Sequential(*layers)
        self.heads = Heads(channels, heads, dropout)
