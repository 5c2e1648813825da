"""The values that travel between the stages. All are frozen; arrays are checked when a value is made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError, LabelError
from mien.core.labels import LabelSet

RGB = NDArray[np.uint8]
Scores = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded picture: `image` uint8 (H, W, 3) RGB, its `index` in the source, and its presentation time (None for stills).

    `damaged`: something of the source before it could not be decoded.
    """

    image: RGB
    index: int = 0
    time_s: float | None = None
    source: str = ""
    damaged: bool = False

    def __post_init__(self) -> None:
        if self.image.dtype != np.uint8 or self.image.ndim != 3 or self.image.shape[2] != 3 or 0 in self.image.shape:
            raise InputError(
                f"A frame is a uint8 array of shape (H, W, 3), RGB; received {self.image.dtype} of shape {self.image.shape}. "
                "Use mien.core.decode.as_rgb to convert gray, alpha or float pictures."
            )

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.image.shape[0])


@dataclass(frozen=True, eq=False)
class Face:
    """A found face.

    `box_xyxy`: left, top, right, bottom in pixels of the frame (may reach over its border); `score` in 0–1;
    `landmarks`: float32 (5, 2) x, y in pixels – the eye on the left of the picture, the eye on the right, nose tip, mouth corner on the
    left, mouth corner on the right – or None for a detector that gives none.
    """

    box_xyxy: tuple[float, float, float, float]
    score: float
    landmarks: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        x1, y1, x2, y2 = self.box_xyxy
        if not np.isfinite(self.box_xyxy).all() or x2 <= x1 or y2 <= y1:
            raise InputError(f"A face box is (left, top, right, bottom) with left < right and top < bottom; received {self.box_xyxy}.")
        if self.landmarks is not None and self.landmarks.shape != (5, 2):
            raise InputError(f"Landmarks are an array of shape (5, 2); received {self.landmarks.shape}.")

    @property
    def size(self) -> float:
        """The longer side of the box in pixels."""
        x1, y1, x2, y2 = self.box_xyxy
        return max(x2 - x1, y2 - y1)


@dataclass(frozen=True, eq=False)
class Crop:
    """A face cut out of its frame, upright and framed as the model expects: `image` uint8 (H, W, 3) RGB, and the face it shows."""

    image: RGB
    face: Face


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of one face: `scores` float32 (C,), summing to 1, column i meaning `labels[i]`.

    `abstained` is True when the confidence lies under the threshold that the caller asked for; the label is given all the same.
    """

    scores: Scores
    labels: LabelSet
    abstained: bool = False

    def __post_init__(self) -> None:
        if self.scores.shape != (len(self.labels),):
            raise LabelError(
                f"{len(self.labels)} labels ({self.labels.name}) need {len(self.labels)} scores; received shape {self.scores.shape}."
            )
        if not np.isfinite(self.scores).all() or abs(float(self.scores.sum()) - 1.0) > 1e-3:
            raise LabelError(f"Scores are finite and sum to 1; received {self.scores.tolist()}.")

    @property
    def label(self) -> str:
        """The label of the highest score."""
        return self.labels[int(self.scores.argmax())]

    @property
    def confidence(self) -> float:
        """The highest score, 0–1."""
        return float(self.scores.max())


@dataclass(frozen=True, eq=False)
class FaceResult:
    """A face, what it shows, and which track it belongs to (None where nothing is tracked).

    `quality`: of its crop, above 0 to 1 (`mien.faces.quality`); None where it is not known.
    """

    face: Face
    prediction: Prediction
    track_id: int | None = None
    quality: float | None = None


@dataclass(frozen=True, eq=False)
class FrameResult:
    """All that was found in one frame. A frame without faces has an empty `faces`; it is never left out."""

    index: int
    time_s: float | None
    faces: tuple[FaceResult, ...] = ()


@dataclass(frozen=True)
class SourceInfo:
    """What is known of a source before its first frame: its name, kind ("image", "video" or "camera") and size in pixels."""

    source: str
    kind: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, eq=False)
class SourceResult:
    """One source and its analysed frames. `error` says why it could not be read, or why reading stopped (the frames before it are kept)."""

    info: SourceInfo
    frames: tuple[FrameResult, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class ModelIdentity:
    """Which model spoke: its name, the SHA-256 of its weights, and the label set its scores are given in."""

    name: str
    sha256: str
    labels: LabelSet
