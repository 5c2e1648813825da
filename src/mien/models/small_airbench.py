"""A network after airbench for 48×48 gray faces: a candidate beside miennet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from mien.models.blocks import Heads, Normalise, PooledNetwork
from mien.models.registry import register


@register("small_airbench")
class SmallAirbench(PooledNetwork):
    """The plain network of airbench (Jordan, 2024): a 2×2 stem, then groups of two 3×3 convolutions, with a max-pool behind the first.

    Batch normalisation and GELU follow each convolution. Of airbench are left out: the stem that whitens, which is computed
    from training pictures and not learnt, and the max-pool before the last layer, in place of which stands the global average. With the
    defaults and heads fer8 + fer7: 1,067,367 parameters.

    `stem`, `widths`: channels. `mean`, `deviation`: of the training images, 0–1. S is 48; others from 16 work.
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        stem: int = 24,
        widths: Sequence[int] = (64, 144, 224),
        dropout: float = 0.2,
        mean: float = 0.5077,
        deviation: float = 0.2550,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [Normalise(mean, deviation), nn.Conv2d(1, stem, 2), nn.GELU()]
        channels = stem
        for width in widths:
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(width), nn.GELU()]
            layers += [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.GELU()]
            channels = width
        self.features = nn.Sequential(*layers)
        self.heads = Heads(channels, heads, dropout)
