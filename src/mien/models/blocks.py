"""Building blocks that architectures share."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Normalise(nn.Module):
    """Input in 0–255 → (x/255 − mean) / deviation. Part of the network, so that it is exported with the weights."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: float, deviation: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean * 255.0))
        self.register_buffer("deviation", torch.tensor(deviation * 255.0))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → the same shape."""
        return (x - self.mean) / self.deviation


class SqueezeExcite(nn.Module):
    """Channel attention (Hu et al., 2018): global average → bottleneck of 1/`reduction` → a gate in 0–1 for each channel."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, channels // reduction, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels // reduction, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → the same shape."""
        gated: Tensor = x * self.gate(x)
        return gated


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut (He et al., 2016).

    The shortcut of a strided block averages 2×2 first (ResNet-D, He et al., 2019).
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1, squeeze_excite: bool = True) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            SqueezeExcite(channels_out) if squeeze_excite else nn.Identity(),
        )
        same = channels_in == channels_out and stride == 1
        self.shortcut: nn.Module = (
            nn.Identity()
            if same
            else nn.Sequential(
                nn.AvgPool2d(stride) if stride > 1 else nn.Identity(),
                nn.Conv2d(channels_in, channels_out, 1, bias=False),
                nn.BatchNorm2d(channels_out),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C', H/stride, W/stride)."""
        return torch.relu(self.body(x) + self.shortcut(x))


class Heads(nn.Module):
    """Dropout and one linear layer for each named head."""

    def __init__(self, features: int, heads: Mapping[str, int], dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.ModuleDict({name: nn.Linear(features, classes) for name, classes in heads.items()})

    def forward(self, embedding: Tensor) -> dict[str, Tensor]:
        """(N, features) → logits (N, classes) by head, and the embedding itself."""
        dropped = self.dropout(embedding)
        return {**{name: layer(dropped) for name, layer in self.linear.items()}, "embedding": embedding}
