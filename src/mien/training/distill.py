"""Distillation (Hinton et al., 2015): what stronger models say about the training pictures becomes part of the targets.

Cross-entropy is linear in its target, so that learning from labels and from teachers at once is learning from their mixture. The teachers
are artifacts, so that any model of mien can teach, in whatever process it was trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.artifact import Model, load_model, read_card
from mien.card import Card
from mien.core.calibration import softmax
from mien.core.errors import RecipeError
from mien.core.labels import LabelSet
from mien.datasets.base import Dataset
from mien.evaluation.warn import divided_alike, may_know
from mien.training.data import HeadTargets, Split, as_crops
from mien.training.experiment import Experiment
from mien.training.network import BEST
from mien.training.parts import ARTIFACT, DistillPart

_CHUNK = 1024


def selection_of(recipe: Experiment, sets: Mapping[str, Dataset]) -> str:
    """The splits that something was chosen by: that of the recipe, and "test" too where a model that it learns from may know the test rows.

    A teacher, or the run whose weights or features it takes up, may where it was selected on test, or learnt from the same pictures under
    another protocol: test rows may be among its training rows. Raises RecipeError for such a model without `allow_test_selection`.
    """
    models = [*recipe.teachers, *_begun_with(recipe)]
    knowing = [name for name in models if any(_knows_test(read_card(name), dataset) for dataset in sets.values())]
    if not knowing or recipe.select_on == "test":
        return recipe.select_on
    if not recipe.allow_test_selection:
        raise RecipeError(
            f"The recipe learns from {knowing[0]}, which may know the test rows: it was selected on test, or learnt from the same pictures "
            "under another protocol. Choose one of this protocol, or set allow_test_selection = true and have the card say so."
        )
    return f"{recipe.select_on} and test"


def _begun_with(recipe: Experiment) -> list[str]:
    """The artifacts of the runs whose weights or features the recipe takes up; a file that is absent is told when it is wanted."""
    start, features = getattr(recipe, "start_from", None), getattr(recipe, "features", None)  # of some recipes alone
    taken = {"start_from": Path(start) / BEST} if start else {}
    if features is not None and features.learnt:
        taken["features.learnt"] = Path(features.learnt)
    return [_artifact_beside(key, path) for key, path in taken.items() if path.is_file()]


def _artifact_beside(key: str, path: Path) -> str:
    if not (artifact := path.parent / ARTIFACT).is_file():
        raise RecipeError(f"{key} takes up {path}, beside which no {ARTIFACT} says what it learnt from. Let that run end first (--resume).")
    return str(artifact)


def _knows_test(card: Card, dataset: Dataset) -> bool:
    return may_know(card, dataset.name) and ("test" in card.selection.split() or not divided_alike(card.origin, dataset.origin))


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
        crops = as_crops(chunk)
        views = [
            softmax(teacher.logits(np.ascontiguousarray(view), labels) / np.float32(temperature)) for view in (crops, crops[:, :, ::-1])
        ]
        parts.append(np.mean(views, axis=0))
    return np.concatenate(parts)
