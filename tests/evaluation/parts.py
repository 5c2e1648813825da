"""A small data set of pixels that name an expression, and models that read them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.core.labels import FER7, LabelSet
from mien.datasets import Dataset


@dataclass(frozen=True)
class FirstPixel:
    """Says the label that the first pixel names, with the confidence 0.7."""

    labels: LabelSet = FER7
    name: str = "first pixel"

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        classes = len(self.labels)
        scores = np.full((len(crops), classes), 0.3 / (classes - 1), np.float32)
        scores[np.arange(len(crops)), crops.reshape(len(crops), -1)[:, 0] % classes] = 0.7
        return scores


@dataclass(frozen=True)
class Nearest:
    """Says the label of the nearest mean picture of its training rows."""

    means: NDArray[np.float64]
    labels: LabelSet = FER7

    @classmethod
    def fit(cls, dataset: Dataset) -> Nearest:
        flat = dataset.images.reshape(len(dataset), -1).astype(np.float64)
        return cls(np.stack([flat[dataset.targets == i].mean(axis=0) for i in range(len(dataset.labels))]), dataset.labels)

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        flat = crops.reshape(len(crops), 1, -1).astype(np.float64)
        logits = -((flat - self.means) ** 2).mean(axis=2) / 100
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def people(n: int = 210, subjects: int = 10, seed: int = 0) -> Dataset:
    """Pictures of `subjects` persons, an equal number each, who show each expression equally often; the pixels carry it, with noise.

    The first half of the persons are train, the others test. The first pixel names the label in about four of five rows.
    """
    rng = np.random.default_rng(seed)
    targets, person = np.arange(n) % 7, np.arange(n) * subjects // n
    images = np.clip(targets[:, None, None] * 30 + rng.normal(20, 12, (n, 4, 4)), 0, 255).astype(np.uint8)
    told = np.where(rng.random(n) < 0.8, targets, rng.integers(0, 7, n))
    images[:, 0, 0] = 7 * rng.integers(1, 36, n) + told
    return Dataset(
        "people",
        FER7,
        images,
        targets.astype(np.int64),
        np.where(person < subjects / 2, "train", "test"),
        np.arange(n),
        subjects=np.char.add("p", np.char.zfill(person.astype(np.str_), 2)),
        metadata={"yaw": rng.normal(0, 20, n), "camera": np.where(rng.random(n) < 0.5, "a", "b"), "take": np.arange(n) % 3},
    )


def with_validation(dataset: Dataset) -> Dataset:
    """Every third train row becomes validation."""
    return replace(dataset, split=np.where((dataset.split == "train") & (np.arange(len(dataset)) % 3 == 0), "validation", dataset.split))
