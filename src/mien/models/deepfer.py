"""DeepFER (Mohsin et al., 2023): an attentional CNN, a small network that looks through a spatial transformer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mien.models.blocks import Heads, Normalise
from mien.models.registry import register
from mien.models.spatial import SpatialTransformer


@register("deepfer")
class DeepFER(nn.Module):
    """Seven 3×3 convolutions, with max-pool and ReLU behind every two, the last one alone; a spatial transformer; four dense layers.

    The text gives no widths, and Fig. 1 is not in it. Read here: the spatial transformer has the layout of Deep-Emotion's (Minaee et al.,
    2021), two convolutions with max-pool and ReLU and two dense layers; the same feature path sees the picture and the warped picture;
    behind a dropout both join in front of `hidden` and the output, the four dense layers of eq. 1 (`heads.hidden.*`, `heads.linear.*`).
    ReLU stands behind every convolution: two in a row without one would be a single convolution. With heads fer8 + fer7: 3,062,437
    parameters.

    `batch_norm`: behind each convolution of the feature path; the paper names none. `side`: of the picture.
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        side: int = 48,
        widths: Sequence[int] = (16, 32, 48, 64, 96, 128, 128),
        hidden: Sequence[int] = (256, 128, 64),
        dropout: float = 0.5,
        batch_norm: bool = True,
        mean: float = 0.5077,
        deviation: float = 0.2550,
    ) -> None:
        super().__init__()
        self.normalise = Normalise(mean, deviation)
        self.transformer = SpatialTransformer(1, side, (16, 32))
        layers: list[nn.Module] = []
        channels = 1
        for number, width in enumerate(widths, 1):
            layers.append(nn.Conv2d(channels, width, 3, padding=1, bias=not batch_norm))
            layers += [nn.BatchNorm2d(width)] if batch_norm else []
            layers += [nn.MaxPool2d(2)] if number % 2 == 0 else []
            layers.append(nn.ReLU(inplace=True))
            channels = width
        self.features = nn.Sequential(*layers, nn.Flatten())
        self.dropout = nn.Dropout(dropout)
        self.heads = Heads(2 * channels * (side // 2 ** (len(widths) // 2)) ** 2, heads, 0.0, hidden)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """float32 (N, 1, side, side) in 0–255 → {head: logits (N, classes), "embedding": (N, hidden[-1])}."""
        x = self.normalise(x)
        views = [self.features(view) for view in (x, self.transformer(x))]
        outputs: dict[str, Tensor] = self.heads(self.dropout(torch.cat(views, dim=1)))
        return outputs
