"""A line of words beneath a picture, so that none of it is covered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from mien.core.types import RGB
from mien.report.draw import PLATE, TEXT, font

_TALLEST, _SHORTEST = 22, 9


def with_status(image: RGB, words: Sequence[str]) -> RGB:
    """`image`, uint8 (H, W, 3) RGB, with a line of `words` beneath it: (H + h, W, 3). As many of them are written as have room."""
    width = image.shape[1]
    em = min(max(round(width / 48), _SHORTEST), _TALLEST)
    line = Image.new("RGB", (width, round(em * 1.9)), PLATE)
    draw, left = ImageDraw.Draw(line), em * 0.8
    for word in words:
        long = font(em).getlength(word)
        if left + long > width:
            break
        draw.text((left, line.height / 2), word, TEXT, font(em), anchor="lm")
        left += long + em * 1.6
    return np.concatenate([image, np.asarray(line)])
