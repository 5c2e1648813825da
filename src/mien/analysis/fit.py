"""One size for all pictures of a video: some change theirs in mid-stream, as recorded calls do when the line gets better."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mien.core.types import RGB, Face, SourceInfo


@dataclass(frozen=True)
class Fit:
    """How pictures of one size lie in those of another: scaled by `scale`, their corner at `left`, `top` in pixels, black around them."""

    width: int
    height: int
    scale: float
    left: int
    top: int

    @classmethod
    def of(cls, image: RGB, info: SourceInfo) -> Fit | None:
        """How this picture lies in those of its source; None where it has their size."""
        high, wide = image.shape[:2]
        if info.width is None or info.height is None or (wide, high) == (info.width, info.height):
            return None
        scale = min(info.width / wide, info.height / high)
        return cls(info.width, info.height, scale, (info.width - round(scale * wide)) // 2, (info.height - round(scale * high)) // 2)

    def face(self, face: Face) -> Face:
        """A face of the picture where it lies in the source's."""
        corner = np.array([self.left, self.top], np.float64)
        box = (np.array(face.box_xyxy).reshape(2, 2) * self.scale + corner).ravel().tolist()
        marks = None if face.landmarks is None else np.asarray(face.landmarks * self.scale + corner, np.float32)
        return Face((box[0], box[1], box[2], box[3]), face.score, marks)

    def image(self, image: RGB) -> RGB:
        """The picture, uint8 (H, W, 3), as one of the source's."""
        size = max(round(image.shape[1] * self.scale), 1), max(round(image.shape[0] * self.scale), 1)
        scaled = cv2.resize(image, size, interpolation=cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR)
        whole = np.zeros((self.height, self.width, 3), np.uint8)
        whole[self.top : self.top + size[1], self.left : self.left + size[0]] = scaled
        return whole


def in_size(image: RGB, info: SourceInfo) -> RGB:
    """The picture in the size of its source."""
    fit = Fit.of(image, info)
    return image if fit is None else fit.image(image)
