"""Data sets as tensors in memory: pictures uint8, one target distribution a head."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mien.core.errors import RecipeError
from mien.core.labels import LabelSet
from mien.datasets.base import Dataset, load_dataset
from mien.datasets.plan import Plan
from mien.datasets.protocols import make_split
from mien.datasets.sampling import oversampled_rows
from mien.datasets.sequences import Sequences, as_sequences
from mien.datasets.twins import exact_twins
from mien.preprocess import equalised, to_square
from mien.training.experiment import Experiment
from mien.training.losses import balanced_weights
from mien.training.parts import TargetPart
from mien.training.sequences import stacked

_TINT = 30


@dataclass(frozen=True)
class HeadTargets:
    """What one head learns of N rows.

    `probabilities`: float32 (N, C), rows summing to 1. `known`: bool (N,), False where a row says nothing to this head. `classes`: int64
    (N,), the hard label or −1, for validation. `class_weights`: float32 (C,), or None where all count alike.
    """

    labels: LabelSet
    probabilities: Tensor
    known: Tensor
    classes: Tensor
    class_weights: Tensor | None = None

    def on(self, device: torch.device) -> HeadTargets:
        """The same on that device."""
        weights = None if self.class_weights is None else self.class_weights.to(device)
        return HeadTargets(self.labels, self.probabilities.to(device), self.known.to(device), self.classes.to(device), weights)


@dataclass(frozen=True)
class Split:
    """One split, decoded: `images` uint8 (N, 1 or 3, H, W), the targets of each head, and handcrafted features (N, D), if any.

    Of sequences, `images` are uint8 (N, T, C, H, W); as a network takes them, (N, T, H, W), gray, a frame a channel, or float32 (N, T, D),
    a vector a frame. `lengths`: how many of the T count, int64 (N,), None where all do.
    """

    images: Tensor
    heads: dict[str, HeadTargets]
    vectors: Tensor | None = None
    lengths: Tensor | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def beside(self) -> Tensor | None:
        """What a network takes of each row beside `images`: handcrafted features, or the lengths of sequences."""
        return self.vectors if self.lengths is None else self.lengths

    def taken(self, rows: Tensor) -> Split:
        """Those rows, in that order."""
        heads = {name: _taken(head, rows) for name, head in self.heads.items()}
        vectors, lengths = (None if column is None else column[rows] for column in (self.vectors, self.lengths))
        return Split(self.images[rows], heads, vectors, lengths)

    def targets_on(self, device: torch.device) -> Split:
        """The same with all but the images on that device."""
        heads = {name: head.on(device) for name, head in self.heads.items()}
        vectors, lengths = (None if column is None else column.to(device) for column in (self.vectors, self.lengths))
        return Split(self.images, heads, vectors, lengths)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over pixels and targets: equal fingerprints mean equal data."""
        digest = hashlib.sha256(self.images.numpy().tobytes())
        if self.lengths is not None:
            digest.update(self.lengths.numpy().tobytes())
        for name, head in sorted(self.heads.items()):
            digest.update(name.encode() + head.probabilities.numpy().tobytes() + head.classes.numpy().tobytes())
        return digest.hexdigest()


def plan_of(recipe: Experiment, dataset: Dataset) -> Plan:
    """The folds of the recipe's protocol over `dataset`, all of them unless it names one. Raises as `make_split` does."""
    part = recipe.protocol
    return make_split(dataset, part.name, seed=part.seed, fold=part.fold, **part.options)


def load_sets(recipe: Experiment, data_dir: str | Path) -> dict[str, Dataset]:
    """The data set of every head, divided as the recipe's protocol says: head → rows with their sides.

    The first one's rows decide on the split, and on what is oversampled.

    Raises RecipeError when the data sets of two heads do not label the same rows, the protocol has a label set of its own that is not the
    head's, or it has several folds and the recipe names none; LabelError when a data set's labels can't be mapped to a head's.
    """
    sets = {head: read_target(recipe, head, data_dir) for head in recipe.targets}
    base_head, base = next(iter(sets.items()))
    for head, dataset in sets.items():
        if len(dataset) != len(base) or not np.array_equal(dataset.ids, base.ids):
            raise RecipeError(
                f"The heads {base_head!r} and {head!r} need data sets that label the same rows; {base.name} and {dataset.name} do not."
            )
    plan = plan_of(recipe, base)
    if len(plan.folds) > 1:
        raise RecipeError(
            f"The protocol {plan.protocol} divides {base.name} into {len(plan.folds)} folds: {', '.join(f.name for f in plan.folds)}. "
            "Choose one with protocol.fold, or train all with --folds."
        )
    sets = {head: plan.apply(dataset) for head, dataset in sets.items()}
    for head, dataset in sets.items():
        if dataset.labels.name != head:
            raise RecipeError(
                f"The protocol {plan.protocol} divides {dataset.name} in the label set {dataset.labels.name}; the head is named {head!r}. "
                f"Name it targets.{dataset.labels.name}."
            )
    if recipe.protocol.drop_twins:
        rows = _without_twins(sets[base_head].images, sets[base_head].split)
        sets = {head: dataset.take(rows) for head, dataset in sets.items()}
    if recipe.protocol.oversample:
        rows = oversampled_rows(sets[base_head], recipe.protocol.seed)
        sets = {head: dataset.take(rows) for head, dataset in sets.items()}
    return sets


def _without_twins(images: NDArray[np.uint8], split: NDArray[np.str_]) -> NDArray[np.int64]:
    """All rows but the training rows whose pixels an earlier training row has."""
    train = np.flatnonzero(split == "train")
    _, first = np.unique(exact_twins(images[train]), return_index=True)
    return np.sort(np.concatenate([train[first], np.flatnonzero(split != "train")]))


def read_target(recipe: Experiment, head: str, data_dir: str | Path) -> Dataset:
    """The data set of one head, in the head's label set. Raises as `load_dataset`, `as_sequences` and `Dataset.with_labels` do."""
    part = recipe.targets[head]
    dataset = load_dataset(part.dataset, data_dir, **part.options)
    return (dataset if recipe.sequence is None else as_sequences(dataset)).with_labels(recipe.labels_of(head))


def split_of(recipe: Experiment, sets: dict[str, Dataset], split: str) -> Split:
    """The rows of `split` ("train", "validation", "test") of the `sets` that `load_sets` gave, with the targets of every head.

    Training rows that say nothing to any head are left out. Raises RecipeError when the split, or the test split where the recipe evaluates
    it, is empty, or a class has no training row.
    """
    base = next(iter(sets.values()))
    there = sorted(set(base.split.tolist()))
    if split not in there:
        raise RecipeError(f"The data set {base.name} has no {split} split; it has: {', '.join(there)}. Give it the rows.")
    if recipe.evaluate_test and "test" not in there:  # else the run would fail at its very end
        raise RecipeError(f"The data set {base.name} has no test split to evaluate; it has: {', '.join(there)}. Set evaluate_test = false.")
    rows = np.flatnonzero(base.split == split)
    heads = {head: _head_targets(dataset.take(rows), recipe.targets[head]) for head, dataset in sets.items()}
    if split == "train":
        for head, part in recipe.targets.items():
            _need_every_class(heads[head], part, base.name)
        if not (told := torch.stack([head.known for head in heads.values()]).any(0)).all():
            rows, heads = rows[told.numpy()], {name: _taken(head, told) for name, head in heads.items()}
    if recipe.sequence is not None and isinstance(base, Sequences):
        pictures, lengths = stacked(base, rows, recipe.sequence.frames)
        return Split(_channels_first(torch.from_numpy(pictures).flatten(0, 1)).unflatten(0, pictures.shape[:2]), heads, lengths=lengths)
    images = torch.from_numpy(np.ascontiguousarray(base.images[rows]))
    found = Split(_channels_first(images), heads)
    return tinted(found, recipe.protocol.tinted) if split == "train" and recipe.protocol.tinted else found


def prepared(split: Split, recipe: Experiment) -> Split:
    """The split as the network will see it in use: at the last phase's size by `mien.preprocess`, equalised where the recipe says so."""
    size, images = recipe.picture_size, split.images
    if images.ndim == 5:
        frames = prepared(replace(split, images=images.flatten(0, 1)), recipe)
        return replace(split, images=frames.images.unflatten(0, images.shape[:2]))
    if images.shape[2:] != (size, size):
        square = [to_square(image, size) for image in as_crops(images)]
        images = _channels_first(torch.from_numpy(np.stack(square)))
    if recipe.preprocess.equalise:
        images = _channels_first(torch.from_numpy(equalised(as_crops(images))))
    return replace(split, images=images)


def tinted(split: Split, classes: Sequence[str]) -> Split:
    """The split with the rows of those classes of its first head five times more: warm, cold, and mirrored as they are, warm and cold.

    Warm light has more red and less blue, cold light the reverse: 30 of 255 each way, since the paper does not say how much. Raises
    RecipeError for a class that is none, and for gray pictures.
    """
    head = next(iter(split.heads.values()))
    if unknown := [name for name in classes if name not in head.labels]:
        raise RecipeError(f"protocol.tinted names {', '.join(unknown)}; {head.labels.name} has {', '.join(head.labels)}.")
    if split.images.shape[1] != 3:
        raise RecipeError("protocol.tinted needs RGB pictures; received gray ones. Set options.channels = 3, or leave it out.")
    rows = torch.isin(head.classes, torch.tensor([head.labels.index(name) for name in classes])).nonzero()[:, 0]
    shifts = torch.tensor([_TINT, 0, -_TINT]).view(1, 3, 1, 1)
    chosen = split.images[rows].to(torch.int16)
    warm, cold = ((chosen + sign * shifts).clamp(0, 255).to(torch.uint8) for sign in (1, -1))
    copies = [warm, cold, *(part.flip(3) for part in (split.images[rows], warm, cold))]
    order = torch.cat([torch.arange(len(split)), rows.repeat(len(copies))])
    return replace(split.taken(order), images=torch.cat([split.images, *copies]))


def as_crops(images: Tensor) -> NDArray[np.uint8]:
    """uint8 (N, C, H, W) → (N, H, W) gray or (N, H, W, 3) RGB, as models take crops."""
    crops: NDArray[np.uint8] = (images[:, 0] if images.shape[1] == 1 else images.permute(0, 2, 3, 1)).contiguous().numpy()
    return crops


def _channels_first(images: Tensor) -> Tensor:
    return images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2).contiguous()


def resized(images: Tensor, size: int) -> Tensor:
    """uint8 (N, C, H, W) → uint8 (N, C, size, size), areas averaged; vectors stay as they are."""
    if images.shape[-1] == size or images.ndim == 3:
        return images
    parts = [F.interpolate(part.float(), (size, size), mode="bilinear", antialias=True) for part in images.split(2048)]
    return torch.cat([part.round().clamp(0, 255).to(torch.uint8) for part in parts])


def _head_targets(dataset: Dataset, part: TargetPart) -> HeadTargets:
    classes = torch.from_numpy(dataset.targets.astype(np.int64))
    count = len(dataset.labels)
    if part.loss == "soft_cross_entropy":
        if dataset.votes is None:
            raise RecipeError(f'soft_cross_entropy needs annotators\' votes, and {dataset.name} has none. Use loss = "cross_entropy".')
        probabilities = torch.from_numpy(dataset.votes.astype(np.float32))
        known = probabilities.sum(1) > 0
    else:
        known = classes >= 0
        probabilities = F.one_hot(classes.clamp_min(0), count).float()
    if part.label_smoothing:
        probabilities = probabilities * (1 - part.label_smoothing) + part.label_smoothing / count
    weights = balanced_weights(classes, count) if part.class_weights == "balanced" else None
    return HeadTargets(dataset.labels, probabilities, known, classes, weights)


def _taken(head: HeadTargets, rows: Tensor) -> HeadTargets:
    return replace(head, probabilities=head.probabilities[rows], known=head.known[rows], classes=head.classes[rows])


def _need_every_class(head: HeadTargets, part: TargetPart, name: str) -> None:
    smoothed = part.label_smoothing / len(head.labels)  # what smoothing alone gives to a class that no row shows
    shown = (head.probabilities[head.known] > smoothed * (1 + 1e-5)).any(0)
    hint = ""
    if part.class_weights == "balanced":  # which are counted by the rows' own labels; votes for a class do not make one
        shown &= torch.bincount(head.classes[head.classes >= 0], minlength=len(head.labels)) > 0
        hint = ' or set class_weights = "none",'
    if absent := [label for label, there in zip(head.labels, shown.tolist(), strict=True) if not there]:
        raise RecipeError(
            f"No training row of {name} shows {', '.join(absent)}, which the label set {head.labels.name} holds. "
            f"Give rows of every class,{hint} or name those that there are in targets.{head.labels.name}.labels."
        )
