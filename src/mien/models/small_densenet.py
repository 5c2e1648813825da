"""A small DenseNet for 48×48 gray faces: a candidate beside miennet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from mien.models.blocks import SLOPE, DenseLayer, Heads, Normalise, PooledNetwork
from mien.models.registry import register


@register("small_densenet")
class SmallDenseNet(PooledNetwork):
    """DenseNet-BC (Huang et al., 2017): a 3×3 stem, then dense blocks of bottleneck layers, each entered by a 2×2 average.

    A 1×1 convolution in front of each block but the first halves the maps. With the defaults and heads fer8 + fer7: 1,021,587 parameters.

    `growth`: maps that a layer adds. `depths`: layers of each block. `mean`, `deviation`: of the training images, 0–1. S is 48.
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        stem: int = 48,
        growth: int = 24,
        depths: Sequence[int] = (4, 8, 12),
        dropout: float = 0.2,
        mean: float = 0.5077,
        deviation: float = 0.2550,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [Normalise(mean, deviation), nn.Conv2d(1, stem, 3, padding=1, bias=False)]
        channels = stem
        for block, depth in enumerate(depths):
            if block:
                layers += [nn.BatchNorm2d(channels), nn.LeakyReLU(SLOPE), nn.Conv2d(channels, channels // 2, 1, bias=False)]
                channels //= 2
            layers.append(nn.AvgPool2d(2))
            layers += [DenseLayer(channels + number * growth, growth, separable=False) for number in range(depth)]
            channels += depth * growth
        self.features = nn.Sequential(*layers, nn.BatchNorm2d(channels), nn.LeakyReLU(SLOPE))
        self.heads = Heads(channels, heads, dropout)
