"""Augmentation of whole batches, on tensors, on whatever device they lie."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mien.training.parts import AugmentPart


def augment(images: Tensor, part: AugmentPart, generator: torch.Generator) -> Tensor:
    """Draw a new version of each image: one affine warp (flip, rotation, scale, shift; mirrored borders), then light, then erasing.

    `images`: float32 (N, C, S, S) in 0–255 → the same shape and range. Random numbers come from `generator` (on the CPU) alone.
    """
    n, _, size, _ = images.shape
    grid = F.affine_grid(_affine(n, part, generator).to(images.device), list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    images = _light(images, part, generator)
    return _erase(images, part, generator, max(1, round(size * part.erase_side)))


def mixed(images: Tensor, part: AugmentPart, generator: torch.Generator) -> tuple[Tensor, float, Tensor]:
    """The batch by mixup or cutmix, whichever the recipe has, or one of both: float32 (N, C, S, S); its own share, and the partners."""
    cut = part.cutmix > 0 and (part.mixup == 0 or bool(torch.rand((), generator=generator) < 0.5))
    share, partner = mix(len(images), part.cutmix if cut else part.mixup, generator)
    partner = partner.to(images.device)
    if cut:
        return *cutmix(images, share, partner, generator), partner
    return share * images + (1 - share) * images[partner], share, partner


def cutmix(images: Tensor, share: float, partner: Tensor, generator: torch.Generator) -> tuple[Tensor, float]:
    """CutMix (Yun et al., ICCV 2019): a rectangle of 1 − `share` of the area comes from the `partner`, at one place in all images.

    Gives float32 (N, C, S, S), and the share that the image itself keeps; the rectangle may reach over the border.
    """
    height, width = images.shape[2:]
    half = math.sqrt(1 - share) / 2
    y, x = torch.rand(2, generator=generator).tolist()
    top, bottom = (round(min(max(y + side, 0.0), 1.0) * height) for side in (-half, half))
    left, right = (round(min(max(x + side, 0.0), 1.0) * width) for side in (-half, half))
    images = images.clone()
    images[:, :, top:bottom, left:right] = images[partner, :, top:bottom, left:right]
    return images, 1 - (bottom - top) * (right - left) / (height * width)


def mix(n: int, alpha: float, generator: torch.Generator) -> tuple[float, Tensor]:
    """Mixup (Zhang et al., 2018): the share of the image itself, Beta(α, α), and the partner of each of `n` images."""
    seed = int(torch.randint(2**31, (1,), generator=generator))
    share = float(np.random.default_rng(seed).beta(alpha, alpha))
    return max(share, 1 - share), torch.randperm(n, generator=generator)


def _uniform(shape: tuple[int, ...], reach: float, generator: torch.Generator) -> Tensor:
    return (torch.rand(shape, generator=generator) * 2 - 1) * reach


def _affine(n: int, part: AugmentPart, generator: torch.Generator) -> Tensor:
    """Output-to-input maps (N, 2, 3) in the −1…1 coordinates of `grid_sample`."""
    angle = _uniform((n,), math.radians(part.rotation), generator)
    scale = 1 + _uniform((n,), part.scale, generator)
    shift = _uniform((n, 2), 2 * part.shift, generator)
    flip = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0) if part.flip else torch.ones(n)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = torch.stack([cos * flip, -sin, shift[:, 0], sin * flip, cos, shift[:, 1]], dim=1)
    return rows.view(n, 2, 3)


def _light(images: Tensor, part: AugmentPart, generator: torch.Generator) -> Tensor:
    n = len(images)
    gain = (1 + _uniform((n, 1, 1, 1), part.contrast, generator)).to(images.device)
    offset = (255 * _uniform((n, 1, 1, 1), part.brightness, generator)).to(images.device)
    mean = images.mean((1, 2, 3), keepdim=True)
    return ((images - mean) * gain + mean + offset).clamp(0, 255)


def _erase(images: Tensor, part: AugmentPart, generator: torch.Generator, side: int) -> Tensor:
    """Replace one square (Zhong et al., 2020) by the image's mean, in the given share of the images."""
    n, _, height, width = images.shape
    corner = torch.rand((n, 2), generator=generator)
    top, left = (corner[:, 0] * (height - side + 1)).long(), (corner[:, 1] * (width - side + 1)).long()
    hit = torch.rand(n, generator=generator) < part.erase_probability
    top, left, hit = top.to(images.device), left.to(images.device), hit.to(images.device)  # few numbers to move, where the mask is many
    rows, columns = torch.arange(height, device=images.device), torch.arange(width, device=images.device)
    inside_rows = (rows >= top[:, None]) & (rows < top[:, None] + side)
    inside_columns = (columns >= left[:, None]) & (columns < left[:, None] + side)
    mask = (hit[:, None, None] & inside_rows[:, :, None] & inside_columns[:, None, :])[:, None]
    return torch.where(mask, images.mean((1, 2, 3), keepdim=True), images)
