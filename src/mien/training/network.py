"""A recipe's network: with its first weights, and with the best ones of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import nn

from mien.models.registry import build
from mien.models.spatial import SpatialTransformer
from mien.training import checkpoint
from mien.training.emphasis import Emphasised
from mien.training.recipe import Recipe

BEST = "best.safetensors"


def network(recipe: Recipe) -> nn.Module:
    """The recipe's network, with weights that follow from its seed alone."""
    torch.manual_seed(recipe.seed)
    model = build(recipe.model.name, {head: len(recipe.labels_of(head)) for head in recipe.targets}, recipe.model.options)
    if recipe.model.gaussian is not None:
        _start_gaussian(model, recipe.model.gaussian)
    return model if recipe.preprocess.saliency is None else Emphasised(model, recipe.picture_size)


@torch.no_grad()
def _start_gaussian(model: nn.Module, deviation: float | Literal["he"]) -> None:
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d | nn.Linear):
            if deviation == "he":
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            else:
                module.weight.normal_(0, deviation)
            if module.bias is not None:
                module.bias.zero_()
    for module in model.modules():
        if isinstance(module, SpatialTransformer):
            module.start_at_identity()


def best_of(recipe: Recipe, folder: Path) -> nn.Module:
    """The network of a run in `folder`, with the weights of its best epoch, on the CPU. Raises TrainingError for a file that is none."""
    path = folder / BEST
    states, _ = checkpoint.load(path)
    model = network(recipe)
    with checkpoint.fitting(path):
        model.load_state_dict(states["model"])
    return model.eval()
