"""SDL: spatial deep learning (Khan et al., §3): two spatial transformers beside a network of four convolutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.models.blocks import Heads, Normalise
from mien.models.registry import register
from mien.models.spatial import SpatialTransformer


class SpatialModule(nn.Sequential):
    """Fig. 5–7: a spatial transformer, then a 3×3 convolution, average pooling and ReLU."""

    def __init__(self, channels_in: int, channels_out: int, side: int) -> None:
        super().__init__(
            SpatialTransformer(channels_in, side, (16, 32, 32)),
            nn.Conv2d(channels_in, channels_out, 3, padding=1),
            nn.AvgPool2d(2),
            nn.ReLU(),
        )


@register("sdl")
class SDL(nn.Module):
    """SDL-1 looks at the picture, SDL-2 at what SDL-1 gives; both join the baseline in parallel, in front of two dense layers.

    The text gives neither widths nor how the three join (Fig. 4 is not in it). Read here: the baseline's four 3×3 convolutions, each with
    max-pool and ReLU, have `widths` filters; the modules have `spatial` filters; their maps are averaged down to the baseline's size and
    put beside its own. The two dense layers of the loss (eq. 5) are `heads.hidden.0` (W₁) and `heads.linear.*` (W₂).
    With heads fer8 + fer7: 904,907 parameters.

    `batch_norm`: behind each convolution of the baseline; the paper has none. `side`: of the picture.
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        side: int = 48,
        widths: Sequence[int] = (32, 64, 128, 128),
        spatial: Sequence[int] = (32, 64),
        hidden: int = 256,
        dropout: float = 0.5,
        batch_norm: bool = False,
        mean: float = 0.5077,
        deviation: float = 0.2550,
    ) -> None:
        super().__init__()
        self.normalise = Normalise(mean, deviation)
        first, second = spatial
        self.sdl1 = SpatialModule(1, first, side)
        self.sdl2 = SpatialModule(first, second, side // 2)
        layers: list[nn.Module] = []
        for before, width in zip([1, *widths], widths, strict=False):
            layers.append(nn.Conv2d(before, width, 3, padding=1, bias=not batch_norm))
            layers += [nn.BatchNorm2d(width)] if batch_norm else []
            layers += [nn.MaxPool2d(2), nn.ReLU()]
        self.baseline = nn.Sequential(*layers)
        self.side = side // 2 ** len(widths)
        self.heads = Heads((first + second + widths[-1]) * self.side**2, heads, dropout, (hidden,))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """float32 (N, 1, side, side) in 0–255 → {head: logits (N, classes), "embedding": (N, hidden)}."""
        x = self.normalise(x)
        one = self.sdl1(x)
        parts = [F.adaptive_avg_pool2d(part, self.side) for part in (one, self.sdl2(one))]
        outputs: dict[str, Tensor] = self.heads(torch.cat([*parts, self.baseline(x)], dim=1).flatten(1))
        return outputs
