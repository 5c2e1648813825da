"""Handcrafted features in training: taken up or learnt, kept in the run's folder, and turned into vectors beside the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from mien.core.errors import RecipeError
from mien.core.files import open_input, write_bytes
from mien.features.batches import FeatureBatches
from mien.features.cache import VectorCache
from mien.features.pictures import PictureTransformer, Vectors
from mien.features.registry import build, from_bytes, to_bytes, told
from mien.training.data import Split, as_crops
from mien.training.parts import FeaturesPart

FEATURES = "features.npz"
_FEW = 1000  # pictures or rows that one process works through before others would have started


def features_of(part: FeaturesPart, folder: Path | None = None) -> PictureTransformer:
    """The features that a recipe names: as they were learnt in `folder`, as an earlier run learnt them, or new.

    Raises UnknownNameError and OptionError for what does not exist, RecipeError for an earlier run's that are others, ArtifactError and
    InputError for a file that can't be read.
    """
    new = build(part.name, part.options)
    own = None if folder is None else folder / FEATURES
    path = own if own is not None and own.is_file() else part.learnt
    if path is None:
        return new
    with open_input(path) as file:
        learnt = from_bytes(file.read())
    if told(learnt) != told(new):
        raise RecipeError(f"{path} holds {told(learnt)}; the recipe names {told(new)}. Give the same, or leave features.learnt out.")
    return learnt


def learn(describe: PictureTransformer, pictures: NDArray[np.uint8], folder: Path) -> Vectors | None:
    """Fit features to the training pictures and keep them in the run's folder; gives the vectors, or None where nothing was to fit."""
    share_out(describe, len(pictures))
    vectors = None if describe.__sklearn_is_fitted__() else describe.fit_transform(pictures)
    write_bytes(folder / FEATURES, to_bytes(describe))
    return vectors


def share_out(work: BaseEstimator, rows: int) -> None:
    """Let what can work in several processes do so, where the rows are enough for them to pay."""
    if "n_jobs" in work.get_params():
        work.set_params(n_jobs=-1 if rows > _FEW else None)


def described(part: FeaturesPart, splits: Mapping[str, Split], folder: Path, resume: bool) -> tuple[dict[str, Split], PictureTransformer]:
    """Splits as `mien.training.data.prepared` gives them, with the vectors of their pictures, and what made these.

    Learnt from "train". Raises as `features_of`.
    """
    describe = features_of(part, folder if resume else None)
    first = learn(describe, as_crops(splits["train"].images), folder)
    known = {} if first is None else {"train": first}
    with nullcontext() if part.cache is None else VectorCache(part.cache, describe) as cache:
        for name in splits.keys() - known.keys():
            known[name] = _vectors(describe, as_crops(splits[name].images), cache)
    return {name: replace(split, vectors=torch.from_numpy(known[name])) for name, split in splits.items()}, describe


def _vectors(describe: PictureTransformer, pictures: NDArray[np.uint8], cache: VectorCache | None) -> Vectors:
    batches = FeatureBatches(pictures, describe, n_jobs=-1 if len(pictures) > _FEW else None, cache=cache)
    return np.concatenate([batch.vectors for batch in batches])
