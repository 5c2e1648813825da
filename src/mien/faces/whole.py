"""The picture is the face: for data sets whose pictures are cut out already."""

from __future__ import annotations

from mien.core.types import RGB, Face
from mien.faces.detect import Framing, check_picture


class Whole:
    """One face a picture, its box the whole of it. A picture that is not square is padded by its border, never stretched."""

    name = "whole"
    box_framing: Framing = (0.0, 0.0, 1.0, 1.0)

    def detect(self, image: RGB, *, moving: bool = False) -> list[Face]:
        """One face with score 1 and without landmarks, for any picture uint8 (H, W, 3) RGB."""
        check_picture(image)
        height, width = image.shape[:2]
        return [Face((0.0, 0.0, float(width), float(height)), 1.0)]
