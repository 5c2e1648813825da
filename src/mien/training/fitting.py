"""Whether a recipe, its network and its rows go together, found out before anything is trained."""

from __future__ import annotations

import torch
from torch import nn

from mien.core.errors import RecipeError
from mien.models.blocks import PooledNetwork
from mien.models.sequence import SequenceNetwork
from mien.training.data import Split, resized
from mien.training.export import handcrafted
from mien.training.recipe import Recipe


def need_fit(recipe: Recipe, model: nn.Module, split: Split) -> None:
    """Show the network one empty row of each size, so that a recipe it can't take fails at once."""
    if isinstance(model, SequenceNetwork) != (recipe.sequence is not None):
        reads = "sequences" if isinstance(model, SequenceNetwork) else "single pictures"
        raise RecipeError(f"The architecture {recipe.model.name} reads {reads}. Give a table sequence for those that read sequences alone.")
    _need_numbers(recipe, model, split)
    if recipe.noise.attention_consistency and not isinstance(model, PooledNetwork):
        raise RecipeError(
            f"noise.attention_consistency needs a network that ends in a global average and linear layers, as miennet; {recipe.model.name} "
            "does not, or preprocess.saliency stands before it. Set it to 0, or choose another architecture."
        )
    rest = () if split.beside is None else (torch.ones_like(split.beside[:1]),)
    for size in {phase.size for phase in recipe.phases}:
        example = resized(torch.zeros_like(split.images[:1]), size).float()
        try:
            with torch.inference_mode():
                model.eval()(example, *rest)
        except (RuntimeError, TypeError) as error:
            shape = "×".join(map(str, example.shape[1:]))
            rows = f"pictures of {size}×{size} with {example.shape[1]} channels" if recipe.sequence is None else f"sequences of {shape}"
            raise RecipeError(
                f"The architecture {recipe.model.name} takes no {rows} ({error}). "
                "Change the size in phases, options.channels of the data set, or sequence.frames."
            ) from error


def _need_numbers(recipe: Recipe, model: nn.Module, split: Split) -> None:
    if isinstance(model, SequenceNetwork):
        found, wanted, of = split.images.shape[2] if split.images.ndim == 3 else 0, model.numbers, "numbers for each frame"
    else:
        found, wanted, of = 0 if split.vectors is None else split.vectors.shape[1], handcrafted(model), "numbers of handcrafted features"
    if found != wanted:
        raise RecipeError(
            f"The architecture {recipe.model.name} takes {wanted} {of}, and the recipe gives {found}. Change features, or model.options."
        )


def takes(model: nn.Module, branch: str) -> bool:
    """Whether the network has that branch, or has it switched off. Raises RecipeError for an architecture without one."""
    if not hasattr(model, branch):
        raise RecipeError(
            f"{type(model).__name__} has no branch {branch}, which the recipe wants to feed. Leave features and autoencoder out."
        )
    return bool(getattr(model, branch))
