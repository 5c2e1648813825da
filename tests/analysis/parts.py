"""Small real parts: a source over arrays, a detector with known boxes, a model whose scores are the shares of red, green and blue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from mien.core.labels import LabelSet
from mien.core.types import RGB, Face, Frame, ModelIdentity, SourceInfo

COLOURS = LabelSet("colours", ("red", "green", "blue"))


def plain(red: int, green: int, blue: int, height: int = 40, width: int = 60) -> RGB:
    """A picture of one colour."""
    return np.full((height, width, 3), (red, green, blue), np.uint8)


class ArraySource:
    """Frames from arrays; `error` is raised when opening, or, with `breaks_at`, in place of that frame."""

    def __init__(
        self, name: str, images: Sequence[RGB], kind: str = "image", error: Exception | None = None, breaks_at: int | None = None
    ) -> None:
        self.name, self.kind, self.error, self.breaks_at = name, kind, error, breaks_at
        self.images = images
        self.expected_frames = len(images)
        self.is_open = False
        self.read = 0

    @property
    def info(self) -> SourceInfo:
        height, width = self.images[0].shape[:2]
        return SourceInfo(self.name, self.kind, width, height)

    def __enter__(self) -> ArraySource:
        if self.error is not None and self.breaks_at is None:
            raise self.error
        self.is_open = True
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.is_open = False

    def __iter__(self) -> Iterator[Frame]:
        for index, image in enumerate(self.images):
            if self.error is not None and index == self.breaks_at:
                raise self.error
            self.read += 1
            yield Frame(image, index, None if self.kind == "image" else index / 25, self.name)


class FixedDetector:
    """Finds a face in each of the given boxes; in a black picture none."""

    name = "fixed"
    box_framing = (0.0, 0.0, 1.0, 1.0)

    def __init__(self, *boxes: tuple[float, float, float, float], landmarks: NDArray[np.float32] | None = None) -> None:
        self.boxes = boxes or ((10.0, 5.0, 40.0, 35.0),)
        self.landmarks = landmarks
        self.asked = 0

    def detect(self, image: RGB, *, moving: bool = False) -> list[Face]:
        self.asked += 1
        return [Face(box, 0.9, self.landmarks) for box in self.boxes] if image.any() else []


class ColourModel:
    """Scores are the shares of red, green and blue in a crop, under whatever names it is given."""

    def __init__(self, labels: LabelSet = COLOURS) -> None:
        self.labels = labels
        self.batches: list[int] = []

    @property
    def identity(self) -> ModelIdentity:
        return ModelIdentity("colour", "0" * 64, self.labels)

    def with_labels(self, labels: LabelSet) -> ColourModel:
        return ColourModel(labels)

    def predict(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        self.batches.append(len(crops))
        means = np.array([crop.reshape(-1, 3).mean(axis=0) for crop in crops], np.float32)
        scores = np.zeros((len(crops), len(self.labels)), np.float32)
        scores[:, :3] = means / means.sum(axis=1, keepdims=True)
        return scores
