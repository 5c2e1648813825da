"""The clip of `mien demo`: a camera that slowly moves over a still."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from mien.core.files import replacing
from mien.core.types import RGB

WIDTH, HEIGHT = 640, 480
FRAMES_PER_SECOND = 15
SECONDS = 4


def write_clip(image: RGB, path: Path) -> None:
    """Write an H.264 clip of `SECONDS` seconds that pans and zooms over `image`, uint8 (H, W, 3) RGB, and never leaves it.

    Raises OutputError when `path` can't be written.
    """
    with replacing(path) as temporary, av.open(str(temporary), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(FRAMES_PER_SECOND))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for view in views(image):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(view, format="rgb24")))
        container.mux(stream.encode(None))


def views(image: RGB) -> Iterator[RGB]:
    """What the camera sees, frame by frame: uint8 (HEIGHT, WIDTH, 3) RGB."""
    total = SECONDS * FRAMES_PER_SECOND
    height, width = image.shape[:2]
    widest = min(width / WIDTH, height / HEIGHT)
    for number in range(total):
        turn = 2 * math.pi * number / total
        pixel = widest * (0.85 + 0.15 * math.cos(turn))
        slack_x, slack_y = width - pixel * WIDTH, height - pixel * HEIGHT
        left, top = slack_x * (0.5 + 0.5 * math.sin(turn)), slack_y * (0.1 - 0.1 * math.cos(turn))
        view = cv2.warpAffine(
            image,
            np.array([[pixel, 0, left], [0, pixel, top]], np.float64),
            (WIDTH, HEIGHT),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        yield np.asarray(view, np.uint8)
