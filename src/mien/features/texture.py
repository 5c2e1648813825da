"""Features that describe the whole picture: pixels, HOG, LBP, Gabor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.feature import hog, local_binary_pattern
from skimage.filters import gabor_kernel

from mien.features.pictures import Gray, PictureTransformer, need


class Pixels(PictureTransformer):
    """The gray levels themselves, row by row, 0–255: size² numbers, 2,304 for 48×48."""

    def __init__(self, size: int = 48) -> None:
        self.size = size

    def _vector(self, gray: Gray) -> NDArray[Any]:
        return gray.ravel()

    def _width(self) -> int:
        return self.size**2


class HOG(PictureTransformer):
    """Histograms of oriented gradients (Dalal and Triggs, 2005): unsigned directions in cells, blocks normalised by L2-Hys.

    `cell`: the side of a cell in pixels; `block`: the side of a block in cells; blocks overlap by all but one cell.
    """

    def __init__(self, size: int = 48, orientations: int = 9, cell: int = 6, block: int = 2) -> None:
        self.size = size
        self.orientations = orientations
        self.cell = cell
        self.block = block

    def check(self) -> None:
        """Raise OptionError for a parameter outside its range."""
        super().check()
        need(self.orientations >= 1, "orientations", self.orientations, "1 or more")
        need(self.cell >= 2, "cell", self.cell, "2 or more pixels")
        need(1 <= self.block <= self.size // self.cell, "block", self.block, f"1 to {self.size // self.cell}, the cells in a picture")

    def _vector(self, gray: Gray) -> NDArray[Any]:
        described: NDArray[Any] = hog(gray, self.orientations, (self.cell, self.cell), (self.block, self.block), block_norm="L2-Hys")
        return described

    def _width(self) -> int:
        blocks = self.size // self.cell - self.block + 1
        return int(blocks**2 * self.block**2 * self.orientations)


class LBP(PictureTransformer):
    """Uniform local binary patterns (Ojala et al., 2002), counted in a grid of cells (Ahonen et al., 2006).

    `points` on a circle of `radius` pixels around each pixel; `grid` × `grid` cells, the histogram of each sums to 1. `method`
    "nri_uniform" tells the p·(p−1)+2 uniform patterns apart and puts all others together; "uniform" counts p+1 of them, whatever their
    direction.
    """

    def __init__(self, size: int = 48, points: int = 8, radius: float = 1.0, grid: int = 7, method: str = "nri_uniform") -> None:
        self.size = size
        self.points = points
        self.radius = radius
        self.grid = grid
        self.method = method

    def check(self) -> None:
        """Raise OptionError for a parameter outside its range."""
        super().check()
        need(4 <= self.points <= 24, "points", self.points, "4 to 24")
        need(0 < self.radius < self.size / 2, "radius", self.radius, "above 0 and under half the side")
        need(1 <= self.grid <= self.size, "grid", self.grid, f"1 to {self.size}")
        need(self.method in ("nri_uniform", "uniform"), "method", self.method, "'nri_uniform' or 'uniform'")

    def _vector(self, gray: Gray) -> NDArray[Any]:
        codes = local_binary_pattern(gray, self.points, self.radius, self.method).astype(np.int64)
        edges = np.arange(self.size) * self.grid // self.size
        cells = edges[:, None] * self.grid + edges[None, :]
        counts = np.bincount((cells * self._codes() + codes).ravel(), minlength=self._width()).reshape(self.grid**2, -1)
        shares: NDArray[Any] = (counts / counts.sum(axis=1, keepdims=True)).ravel()
        return shares

    def _codes(self) -> int:
        return self.points + 2 if self.method == "uniform" else self.points * (self.points - 1) + 3

    def _width(self) -> int:
        return self.grid**2 * self._codes()


class Gabor(PictureTransformer):
    """Gabor magnitudes (Lyons et al., 1998): `orientations` × `frequencies` filters, mean and deviation of |response| in a grid of cells.

    `frequencies`: cycles a pixel, each filter's own bandwidth one octave.
    """

    def __init__(self, size: int = 48, frequencies: Sequence[float] = (0.25, 0.177, 0.125), orientations: int = 6, grid: int = 8) -> None:
        self.size = size
        self.frequencies = frequencies
        self.orientations = orientations
        self.grid = grid

    def check(self) -> None:
        """Raise OptionError for a parameter outside its range."""
        super().check()
        allowed = "one or more, each above 0 and at most 0.5 cycles a pixel"
        need(len(self.frequencies) > 0 and all(0 < f <= 0.5 for f in self.frequencies), "frequencies", self.frequencies, allowed)
        need(self.orientations >= 1, "orientations", self.orientations, "1 or more")
        need(self.grid >= 1 and self.size % self.grid == 0, "grid", self.grid, f"a divisor of the side, {self.size}")

    def _vector(self, gray: Gray) -> NDArray[Any]:
        image, cell = gray.astype(np.float32) / 255, self.size // self.grid
        parts = []
        for real, imaginary in _bank(tuple(self.frequencies), self.orientations):
            strength = np.hypot(cv2.filter2D(image, -1, real), cv2.filter2D(image, -1, imaginary))
            cells = strength.reshape(self.grid, cell, self.grid, cell)
            parts += [cells.mean(axis=(1, 3)).ravel(), cells.std(axis=(1, 3)).ravel()]
        return np.concatenate(parts)

    def _width(self) -> int:
        return len(self.frequencies) * self.orientations * 2 * self.grid**2


@lru_cache(maxsize=8)
def _bank(frequencies: tuple[float, ...], orientations: int) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Real and imaginary part of each filter, as OpenCV correlates them."""
    kernels = [gabor_kernel(f, theta=np.pi * k / orientations, bandwidth=1) for f in frequencies for k in range(orientations)]
    pairs = ((kernel.real - kernel.real.mean(), kernel.imag) for kernel in kernels)
    return [(real.astype(np.float32), imaginary.astype(np.float32)) for real, imaginary in pairs]
