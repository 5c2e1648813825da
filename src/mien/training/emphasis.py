"""Saliency mapping as pre-processing (Mohsin et al., on JAFFE): what an earlier model found important stays, the rest fades to gray.

The paper does not say how its maps were applied. Here one map is drawn from the training pictures alone and becomes part of the network,
so that the second model needs no first one in use, and nothing of a test picture's label can reach it.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.artifact import load_model
from mien.core.errors import RecipeError
from mien.datasets.partition import Rows
from mien.explain import average, explain
from mien.training.data import Split, as_crops
from mien.training.recipe import Recipe

PER_CLASS = 24
_KEPT = 75  # percentile of the heat above 0 from which on a pixel stays as it is


class Emphasised(nn.Module):
    """A network that sees each picture x as m·x + (1 − m)·mean(x), with one map m for all: float32 (size, size) in 0–1, ones at first."""

    emphasis: Tensor

    def __init__(self, model: nn.Module, size: int) -> None:
        super().__init__()
        self.model = model
        self.handcrafted = getattr(model, "handcrafted", 0)
        self.register_buffer("emphasis", torch.ones(size, size))

    def forward(self, x: Tensor, *features: Tensor) -> dict[str, Tensor]:
        """(N, C, S, S) in 0–255 → the network's outputs; handcrafted features are those of the whole picture."""
        shares = self.emphasis[None, None]
        if x.shape[2:] != shares.shape[2:]:
            shares = F.interpolate(shares, list(x.shape[2:]), mode="bilinear", antialias=True)
        outputs: dict[str, Tensor] = self.model(shares * x + (1 - shares) * x.mean((1, 2, 3), keepdim=True), *features)
        return outputs


def emphasis_of(recipe: Recipe, split: Split) -> Tensor:
    """The map of the model that `preprocess.saliency` names, over the training pictures: float32 (S, S) in 0–1, S the last phase's size.

    The occlusion heat of its own answers, averaged over up to PER_CLASS pictures of each class, from all over the training rows (neighbours
    there may show one person, or be drawn from one picture), and then over the classes that it gives as answers; of the pixels that speak
    for them the quarter with the highest heat gets 1, the others fall with it.

    Raises RecipeError when the model has no head of the first target's label set, or finds nothing important; and like `mien.load_model`.
    """
    model, head = load_model(str(recipe.preprocess.saliency)), next(iter(split.heads.values()))
    labels, classes, size = head.labels, head.classes, recipe.picture_size
    if labels not in [own.labels for own in model.card.heads]:
        raise RecipeError(f"The model {model.card.name} has no head {labels.name}, which its saliency is wanted for. Choose another model.")
    rows = np.concatenate([_spread(np.flatnonzero(classes.numpy() == column)) for column in range(len(labels))])
    heats = average(explain(model.with_labels(labels), as_crops(split.images[rows]))).values()
    heat = np.mean([one.heat for one in heats], axis=0).clip(0)
    if not heat.any():
        raise RecipeError(f"Nothing that {model.card.name} sees in the training pictures is important to it. Train it longer first.")
    shares = torch.from_numpy((heat / np.percentile(heat[heat > 0], _KEPT)).clip(0, 1).astype(np.float32))[None, None]
    return F.interpolate(shares, (size, size), mode="bilinear", antialias=True)[0, 0]


def _spread(rows: Rows) -> Rows:
    """Up to PER_CLASS of the `rows`, at equal distances."""
    return rows[np.linspace(0, len(rows) - 1, min(PER_CLASS, len(rows))).astype(np.int64)]
