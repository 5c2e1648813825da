"""Teachers that see what the student sees: each batch, augmented and mixed, on the student's device.

"Patient and consistent" teaching (Beyer et al., CVPR 2022): opinions about a picture as it is do not fit its augmented copies, and those
asked anew never repeat, so that long schedules go on gaining. The opinion is that of the networks of finished runs.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor, nn

from mien.core.errors import RecipeError
from mien.training.network import best_of
from mien.training.parts import DistillPart
from mien.training.recipe import Recipe, parse_recipe


class Teachers:
    """The networks of finished runs, by their folders, and their mean opinion on a batch.

    `recipe` and `channels` are the student's. Raises RecipeError for a folder that holds no run of a network of pictures, a head of the
    student's that a teacher has not, and pictures that were not made ready as the teacher's were.
    """

    def __init__(self, part: DistillPart, recipe: Recipe, channels: int, fabric: Fabric) -> None:
        self.part, self.heads, self.fabric = part, list(recipe.targets), fabric
        self.networks = [_teacher(Path(folder), recipe, channels) for folder in part.teachers]
        for network, _ in self.networks:
            network.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.no_grad()
    def opinions(self, views: Tensor) -> dict[str, Tensor]:
        """float32 (N, C, S, S) in 0–255 → each head's scores, float32 (N, classes), rows summing to 1.

        A teacher of another picture size sees them scaled to it.
        """
        told: dict[str, list[Tensor]] = {head: [] for head in self.heads}
        for network, size in self.networks:
            seen = views if views.shape[-1] == size else F.interpolate(views, (size, size), mode="bilinear", antialias=True)
            with self.fabric.autocast():
                outputs = network(seen.contiguous(memory_format=torch.channels_last))
            for head in self.heads:
                told[head].append(F.softmax(outputs[head].float() / self.part.temperature, dim=1))
        return {head: torch.stack(parts).mean(0) for head, parts in told.items()}

    def mixed(self, probabilities: Tensor, known: Tensor, opinion: Tensor) -> tuple[Tensor, Tensor]:
        """A head's targets (N, C) mixed with the opinion, which unlabelled rows have alone; and which rows are known (N,), all then."""
        share = torch.where(known, self.part.weight, 1.0)[:, None]
        return (1 - share) * probabilities + share * opinion, torch.ones_like(known)


def _teacher(folder: Path, student: Recipe, channels: int) -> tuple[nn.Module, int]:
    """The network and the side of its pictures, in pixels."""
    try:
        recipe: Recipe = parse_recipe(json.loads((folder / "recipe.json").read_text(encoding="utf-8")), str(folder / "recipe.json"))
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"The teacher {folder} is no folder of a finished run ({error}). With distill.augmented, name folders."
        ) from error
    if missing := [head for head in student.targets if head not in recipe.targets]:
        raise RecipeError(f"The teacher {folder} has no head {missing[0]}. Choose another teacher, or leave the head out.")
    for head in student.targets:
        own, taught = (tuple(one.labels_of(head)) for one in (student, recipe))
        if own != taught:
            raise RecipeError(f"The teacher {folder} has the labels {', '.join(taught)} in {head}; the recipe has {', '.join(own)}.")
    if recipe.preprocess.equalise != student.preprocess.equalise:
        raise RecipeError(f"Of preprocess.equalise the teacher {folder} has {recipe.preprocess.equalise}. Give the recipe the same.")
    if recipe.sequence is not None or recipe.features is not None:
        raise RecipeError(f"The teacher {folder} takes more than single pictures. Choose another, or leave distill.augmented out.")
    network = best_of(recipe, folder)
    try:
        with torch.no_grad():
            network(torch.zeros(1, channels, recipe.picture_size, recipe.picture_size))
    except RuntimeError as error:
        raise RecipeError(f"The teacher {folder} can't see pictures of {channels} channels: {error}") from error
    return network, recipe.picture_size
