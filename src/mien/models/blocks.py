"""Building blocks that architectures share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

SLOPE = 0.3
"""Of LeakyReLU below zero, where a paper built with Keras gives none: Keras's default."""


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


class Standardise(nn.Module):
    """Each picture by itself: less its mean, by its standard deviation (at least one gray level), over all its pixels and channels."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → the same shape, mean 0 and deviation 1 a picture."""
        x = x - x.mean((1, 2, 3), keepdim=True)
        return x / (x * x).mean((1, 2, 3), keepdim=True).clamp_min(1.0).sqrt()  # the root of 0 would have no gradient


def normalisation(per_image: bool, mean: float, deviation: float) -> nn.Module:
    """`Standardise`, or `Normalise` by the figures of the training images."""
    return Standardise() if per_image else Normalise(mean, deviation)


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


class DropPath(nn.Module):
    """Stochastic depth (Huang et al., ECCV 2016): in training each row loses what a block adds with that `rate`, or has more of it."""

    def __init__(self, rate: float) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"the rate of stochastic depth is from 0 to below 1, received {rate}")
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → the same shape, of the same mean."""
        if not self.training or self.rate == 0:
            return x
        kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.rate
        return x * kept / (1 - self.rate)


def drop_rates(last: float, blocks: int) -> list[float]:
    """The rate of each of so many blocks, rising linearly to that of the last (Huang et al., 2016, eq. 4)."""
    return [last * number / blocks for number in range(1, blocks + 1)]


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut (He et al., 2016).

    The shortcut of a strided block averages 2×2 first (ResNet-D, He et al., 2019). `drop_path`: the rate of stochastic depth.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1, squeeze_excite: bool = True, drop_path: float = 0.0) -> None:
        super().__init__()
        self.drop = DropPath(drop_path)
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
        return torch.relu(self.drop(self.body(x)) + self.shortcut(x))


class SeparableConv(nn.Sequential):
    """A depth-wise 3×3 convolution and a point-wise 1×1 one (Chollet, 2017), no biases: 9·i + i·o weights in place of 9·i·o."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_in, 3, padding=1, groups=channels_in, bias=False),
            nn.Conv2d(channels_in, channels_out, 1, bias=False),
        )


def convolution(channels_in: int, channels_out: int, separable: bool) -> nn.Module:
    """A 3×3 convolution that keeps the size, separable or ordinary, without a bias."""
    return SeparableConv(channels_in, channels_out) if separable else nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)


class PooledResidual(nn.Module):
    """The residual block of mini-Xception (Arriaga et al., 2017): convolutions and a strided max-pool beside a strided 1×1 shortcut.

    `convolutions`: how many in a row, batch normalisation after each, `activation` between them.
    """

    def __init__(
        self, channels_in: int, channels_out: int, convolutions: int = 2, separable: bool = True, activation: nn.Module | None = None
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number in range(convolutions):
            layers += [convolution(channels_in if number == 0 else channels_out, channels_out, separable), nn.BatchNorm2d(channels_out)]
            layers += [activation or nn.ReLU()] if number < convolutions - 1 else []
        self.body = nn.Sequential(*layers, nn.MaxPool2d(3, 2, padding=1))
        self.shortcut = nn.Sequential(nn.Conv2d(channels_in, channels_out, 1, 2, bias=False), nn.BatchNorm2d(channels_out))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C', ⌈H/2⌉, ⌈W/2⌉)."""
        total: Tensor = self.body(x) + self.shortcut(x)
        return total


class DenseLayer(nn.Module):
    """One layer of a dense block with a bottleneck (DenseNet-B; Huang et al., 2017): its `growth` maps are put behind what came in."""

    def __init__(self, channels_in: int, growth: int, separable: bool) -> None:
        super().__init__()
        narrow = 4 * growth
        self.body = nn.Sequential(
            nn.BatchNorm2d(channels_in),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Conv2d(channels_in, narrow, 1, bias=False),
            nn.BatchNorm2d(narrow),
            nn.LeakyReLU(SLOPE, inplace=True),
            convolution(narrow, growth, separable),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C + growth, H, W)."""
        return torch.cat([x, self.body(x)], dim=1)


class Heads(nn.Module):
    """Dense layers that all heads share, `hidden` units each, with ReLU; then dropout and one linear layer for each named head.

    Dropout stands behind every hidden layer.
    """

    def __init__(self, features: int, heads: Mapping[str, int], dropout: float, hidden: Sequence[int] = ()) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number, units in enumerate(hidden):
            layers += [nn.Dropout(dropout)] if number else []
            layers += [nn.Linear(features, units), nn.ReLU()]
            features = units
        self.hidden = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.ModuleDict({name: nn.Linear(features, classes) for name, classes in heads.items()})

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        """(N, features) → logits (N, classes) by head, and `embedding`, what the linear layers see."""
        embedding = self.hidden(features)
        dropped = self.dropout(embedding)
        return {**{name: layer(dropped) for name, layer in self.linear.items()}, "embedding": embedding}


class PooledNetwork(nn.Module):
    """Maps, their global average, and `Heads` on it: what a network has to be for losses that look at its class activation maps."""

    features: nn.Module
    heads: Heads

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """float32 (N, 1, S, S) in 0–255 → {head: logits (N, classes), "embedding": (N, C)}; in training "maps", (N, C, H, W), too."""
        maps = self.features(x)
        outputs: dict[str, Tensor] = self.heads(maps.mean((2, 3)))
        return {**outputs, "maps": maps} if self.training else outputs


class PooledHeads(nn.Module):
    """For each named head a 3×3 convolution to one map a class, and the mean of that map as the logit (Lin et al., 2014)."""

    def __init__(self, channels: int, heads: Mapping[str, int]) -> None:
        super().__init__()
        self.maps = nn.ModuleDict({name: nn.Conv2d(channels, classes, 3, padding=1) for name, classes in heads.items()})

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        """(N, C, H, W) → logits (N, classes) by head, and `embedding` (N, C), the mean of the features."""
        logits = {name: layer(features).mean((2, 3)) for name, layer in self.maps.items()}
        return {**logits, "embedding": features.mean((2, 3))}
