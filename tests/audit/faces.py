"""Drawn faces for audits, and what can be planted among them: avatars where a split matters, plainer faces where many are needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.datasets import Dataset, load_dataset

SIDE = 48


def face(seed: int, side: int = SIDE) -> NDArray[np.uint8]:
    """One face of its own proportions on a background of its own: uint8 (side, side)."""
    rng = np.random.default_rng((7, seed))
    scene = cv2.resize(rng.uniform(20, 235, (5, 5)).astype(np.float32), (96, 96), interpolation=cv2.INTER_CUBIC)
    tone, dark = rng.uniform(110, 230), rng.uniform(10, 70)
    x, y = rng.uniform(40, 56, 2)
    wide, high = rng.uniform(22, 34), rng.uniform(30, 42)
    cv2.ellipse(scene, ((x, y), (2 * wide, 2 * high), rng.uniform(-12, 12)), tone, -1, cv2.LINE_AA)
    gap, eye = rng.uniform(0.3, 0.5) * wide, y - rng.uniform(0.1, 0.35) * high
    for way in (-1, 1):
        cv2.ellipse(scene, ((x + way * gap, eye), (rng.uniform(8, 14), rng.uniform(4, 11)), 0), dark, -1, cv2.LINE_AA)
        cv2.line(scene, _at(x + way * gap - 8, eye - 11), _at(x + way * gap + 8, eye - rng.uniform(7, 14)), dark, 3, cv2.LINE_AA)
    cv2.ellipse(scene, ((x, y + rng.uniform(0.4, 0.6) * high), (rng.uniform(14, 34), rng.uniform(4, 18)), 0), dark, -1, cv2.LINE_AA)
    scene += cv2.resize(rng.normal(0, 14, (24, 24)).astype(np.float32), (96, 96), interpolation=cv2.INTER_LINEAR)
    return cv2.resize(np.clip(scene, 0, 255), (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _at(x: float, y: float) -> tuple[int, int]:
    return round(x), round(y)


def clean(n: int = 98, subjects: bool = True) -> Dataset:
    """Avatars without a fault: 4 of 7 train, 1 of 7 validation, 2 of 7 test, all classes in each, each character in one split."""
    drawn = load_dataset("avatars", Path(), labels="fer7", n=n, characters=-(-n // 7), workers=1)
    block = np.arange(n) // 7 % 7
    split = np.array(["train"] * 4 + ["validation"] + ["test"] * 2)[block]
    return replace(drawn, name="faces", split=split, ids=np.arange(n), subjects=drawn.subjects if subjects else None)


def rows(dataset: Dataset, split: str) -> NDArray[np.int64]:
    """The row numbers of a split: int64."""
    return np.flatnonzero(dataset.split == split).astype(np.int64)


def planted(dataset: Dataset, row: int, image: NDArray[np.uint8], target: int | None = None) -> Dataset:
    """The same data set, with another picture (and label) in one row."""
    images, targets = dataset.images.copy(), dataset.targets.copy()
    images[row] = image
    targets[row] = targets[row] if target is None else target
    return replace(dataset, images=images, targets=targets)


def moved(image: NDArray[np.uint8], degrees: float = 0.0, x: float = 0.0, y: float = 0.0, scale: float = 1.0) -> NDArray[np.uint8]:
    """A picture turned, shifted by parts of its width, and scaled: what augmentation makes of it."""
    side = image.shape[0]
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), degrees, scale)
    matrix[:, 2] += np.array((x, y)) * side
    return np.asarray(cv2.warpAffine(image, matrix, (side, side), borderMode=cv2.BORDER_REFLECT), np.uint8)
