"""Distillation (Hinton et al., 2015): what stronger models say about the training pictures becomes part of the targets.

Cross-entropy is linear in its target, so that learning from labels and from teachers at once is learning from their mixture. The teachers
are artifacts, so that any model of mien can teach, in whatever process it was trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.artifact import Model, load_model, read_card, softmax
from mien.core.errors import RecipeError
from mien.core.labels import LabelSet
from mien.training.data import HeadTargets, Split
from mien.training.recipe import DistillPart

_CHUNK = 1024


def teachers_of(part: DistillPart | None) -> dict[str, str]:
    """The SHA-256 of each teacher by its name, none without distillation. Raises like `mien.load_model`."""
    return {} if part is None else {name: read_card(name).sha256 for name in part.teachers}


def distilled(split: Split, part: DistillPart) -> Split:
    """The split with each head's targets mixed with the teachers' mean opinion, which every row then has.

    A row that says nothing to a head learns from the teachers alone. Raises RecipeError when a teacher has no head of a label set, and like
    `mien.load_model`.
    """
    teachers = [load_model(name) for name in part.teachers]
    return replace(split, heads={name: _mixed(split.images, head, teachers, part) for name, head in split.heads.items()})


def _mixed(images: Tensor, head: HeadTargets, teachers: Sequence[Model], part: DistillPart) -> HeadTargets:
    taught = torch.from_numpy(np.mean([_opinion(teacher, head.labels, images, part.temperature) for teacher in teachers], axis=0))
    share = torch.where(head.known, part.weight, 1.0)[:, None]
    return replace(head, probabilities=(1 - share) * head.probabilities + share * taught, known=torch.ones_like(head.known))


def _opinion(teacher: Model, labels: LabelSet, images: Tensor, temperature: float) -> NDArray[np.float32]:
    """The teacher's scores (N, C), averaged over each picture and its mirror image."""
    if labels not in [h.labels for h in teacher.card.heads]:
        raise RecipeError(f"The teacher {teacher.card.name} has no head {labels.name}. Choose another teacher, or leave the head out.")
    parts = []
    for chunk in images.split(_CHUNK):
        crops = chunk[:, 0].numpy() if chunk.shape[1] == 1 else chunk.permute(0, 2, 3, 1).contiguous().numpy()
        views = [
            softmax(teacher.logits(np.ascontiguousarray(view), labels) / np.float32(temperature)) for view in (crops, crops[:, :, ::-1])
        ]
        parts.append(np.mean(views, axis=0))
    return np.concatenate(parts)
