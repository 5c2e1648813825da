"""Occlusion: cover a part of the face, and see how much of the score goes with it. Works for whatever scores crops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.artifact import ExpressionModel
from mien.core.errors import OptionError

BATCH = 128


def occlusion(
    model: ExpressionModel,
    images: NDArray[np.uint8],
    columns: Sequence[int],
    *,
    window: int | None = None,
    stride: int | None = None,
    fill: str | float = "mean",
) -> NDArray[np.float32]:
    """Heat float32 (N, S, S): the mean drop of the score over the squares that cover a pixel (Zeiler and Fergus, 2014, §4.2).

    `images`: uint8 (N, S, S) or (N, S, S, 3). `columns`: of each image, the column of the scores. The heat lies in -1–1; below 0 the score
    rises where the face is covered.

    `window`: side of the square in pixels, 1–S, default S/6. `stride`: the step between squares, 1–`window`, default half a window; the
    last square of a row or column is pushed back to the border. `fill`: the gray value 0–255 of the square, or "mean", the image's own.

    Raises OptionError for a value outside its range.
    """
    side = images.shape[1]
    window = max(1, round(side / 6)) if window is None else window
    if not 1 <= window <= side:
        raise OptionError(f"The window of an occlusion is 1–{side} pixels here; received {window}.")
    stride = max(1, window // 2) if stride is None else stride
    if not 1 <= stride <= window:
        raise OptionError(f"The stride of an occlusion is 1–{window} pixels, the window, so that no pixel is left out; received {stride}.")
    if fill != "mean" and (isinstance(fill, str) or not 0 <= fill <= 255):
        raise OptionError(f"The fill of an occlusion is 'mean' or a gray value 0–255; received {fill!r}.")
    corners = [*range(0, side - window, stride), side - window]
    squares = [(slice(y, y + window), slice(x, x + window)) for y in corners for x in corners]
    scores = model.predict(images)
    rows = zip(images, columns, scores, strict=True)
    return np.array([_heat(model, image, column, score[column], squares, fill) for image, column, score in rows], np.float32)


def _heat(
    model: ExpressionModel,
    image: NDArray[np.uint8],
    column: int,
    score: float,
    squares: Sequence[tuple[slice, slice]],
    fill: str | float,
) -> NDArray[np.float64]:
    value = image.mean(axis=(0, 1)) if fill == "mean" else fill
    gray = np.rint(value).astype(np.uint8)
    drops, covers = np.zeros(image.shape[:2]), np.zeros(image.shape[:2])
    for start in range(0, len(squares), BATCH):
        part = squares[start : start + BATCH]
        covered = np.repeat(image[None], len(part), axis=0)
        for one, square in zip(covered, part, strict=True):
            one[square] = gray
        for square, left in zip(part, model.predict(covered)[:, column], strict=True):
            drops[square] += score - left
            covers[square] += 1
    return drops / covers
