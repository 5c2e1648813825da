"""CNNCraft-net: a deep backbone, the encoder of an autoencoder and a bag of visual words, side by side under one dense layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mien.models.blocks import Heads
from mien.models.registry import build, register

BRANCHES = ("backbone", "encoder", "handcrafted")
_BT601 = (0.299, 0.587, 0.114)


class Autoencoder(nn.Module):
    """Convolutions 3×3, each with ReLU, 2×2 max-pool and batch normalisation, down to the latent maps, and up again (Fig. 2).

    `widths`: filters of the encoder's convolutions; the decoder has them in reverse with up-sampling in place of the pools, then one
    convolution to `channels`. The paper gives neither their number nor their filters. Pictures are float32 (N, C, S, S) in 0–255, S a
    multiple of 2^len(widths); what comes out is the same picture in 0–1.
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.encoder = encoder(channels, widths)
        layers: list[nn.Module] = []
        before = widths[-1]
        for width in reversed(widths):
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2), nn.BatchNorm2d(width)]
            before = width
        self.decoder = nn.Sequential(*layers, nn.Conv2d(before, channels, 3, padding=1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """The pictures as they are built up again from the latent maps."""
        rebuilt: Tensor = self.decoder(self.encoder(x / 255))
        return rebuilt


def encoder(channels: int, widths: Sequence[int]) -> nn.Sequential:
    """The first half: pictures in 0–1 → latent maps (N, widths[-1], S / 2^n, S / 2^n)."""
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(width)]
        channels = width
    return nn.Sequential(*layers)


@register("cnncraft")
class CNNCraft(nn.Module):
    """The three `branches`, or some of them, concatenated, and one dense layer (Fig. 1). With heads fer8 + fer7: 12,615,745 parameters.

    `backbone`: an architecture with `features`, whose maps are averaged, with options of its own in `backbone_options`; DenseNet-169 is the
    paper's, and one that is not torchvision's sees gray. `weights`: where it is torchvision's, as there. `widths`: of the encoder, averaged
    too; `channels` of the pictures.
    `handcrafted`: numbers of the vector of each picture, 750 in the paper. The figure of §3 shows no dropout; `dropout` is ours, and so is
    `handcrafted_gain`, which multiplies the vector: the norm of 750 standardised numbers is about √750 = 27, and at rates that suit the
    other branches SGD overshoots on them.
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        backbone: str = "densenet169",
        weights: str = "none",
        backbone_options: Mapping[str, Any] | None = None,
        widths: Sequence[int] = (32, 64, 128),
        channels: int = 1,
        handcrafted: int = 750,
        handcrafted_gain: float = 1.0,
        branches: Sequence[str] = BRANCHES,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not branches or not set(branches) <= set(BRANCHES):
            raise ValueError(f"branches are one or more of {', '.join(BRANCHES)}, received {list(branches)}")
        self.channels, self.widths = channels, tuple(widths)
        self.handcrafted, self.gain = handcrafted if "handcrafted" in branches else 0, handcrafted_gain
        self._kept: list[nn.Module] = []
        self.backbone = None
        if "backbone" in branches:
            self.backbone, self._kept = _maps_of(backbone, weights, backbone_options or {})
        self.encoder = encoder(channels, widths) if "encoder" in branches else None
        total = self.handcrafted + (widths[-1] if self.encoder is not None else 0)
        if self.backbone is not None:
            with torch.no_grad():
                total += self.backbone.eval()(torch.zeros(1, channels, 32, 32)).shape[1]
        self.heads = Heads(total, heads, dropout)

    def forward(self, x: Tensor, features: Tensor | None = None) -> dict[str, Tensor]:
        """float32 (N, channels or 1, S, S) in 0–255, and vectors (N, handcrafted) → {head: logits, "embedding": (N, all branches)}.

        Without vectors those of an average picture, zeros, stand in their place. S is 224; other multiples of 2^len(widths) from 32 work.
        """
        parts = []
        x = x.expand(-1, self.channels, -1, -1)  # gray for a network of colours
        if self.backbone is not None:
            parts.append(self.backbone(x).mean((2, 3)))
        if self.encoder is not None:
            parts.append(self.encoder(x / 255).mean((2, 3)))
        if self.handcrafted:
            parts.append(x.new_zeros(len(x), self.handcrafted) if features is None else features * self.gain)
        outputs: dict[str, Tensor] = self.heads(torch.cat(parts, dim=1))
        return outputs

    def train(self, mode: bool = True) -> CNNCraft:
        """Frozen parts of the backbone stay as they are used."""
        super().train(mode)
        for part in self._kept:
            part.eval()
        return self


def _maps_of(name: str, weights: str, options: Mapping[str, Any]) -> tuple[nn.Sequential, list[nn.Module]]:
    """The network up to its maps, and those of its parts that are frozen."""
    whole = build(name, {"none": 2}, {**options, **({} if weights == "none" else {"weights": weights})})
    if not isinstance(features := getattr(whole, "features", None), nn.Module):
        raise ValueError(f"{name} has no maps of features in front of its heads. Choose another backbone")
    front = getattr(whole, "normalise", None) or _Luma()  # torchvision's own; the other networks are of gray pictures
    return nn.Sequential(front, features), getattr(whole, "_kept", [])


class _Luma(nn.Module):
    """Gray or RGB → gray, (N, 1, H, W), by the weights of ITU-R BT.601, which OpenCV's gray has too."""

    def forward(self, x: Tensor) -> Tensor:
        return x if x.shape[1] == 1 else (x * x.new_tensor(_BT601).view(1, 3, 1, 1)).sum(1, keepdim=True)
