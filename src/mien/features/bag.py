"""Bags of visual words: how often each word of a vocabulary of SIFT, SURF and ORB descriptors stands in a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from mien.features.keypoints import WIDTHS, Described, at_keypoints, check_kind, on_grid
from mien.features.pictures import Gray, PictureTransformer, Vectors, chunks, mapped, need
from mien.features.vocabulary import Reservoir, nearest, words_of
from mien.preprocess import Crops

_CHUNK = 64
_ROWS = 4096


class BagOfWords(PictureTransformer):
    """Histograms over visual words, of each kind of descriptor side by side, standardised by the training pictures (CNNCraft-net, §3.3).

    `kinds`: of "sift", "surf", "orb". `words`: k, of each kind's vocabulary, by k-means over a sample of `sample` descriptors that is drawn
    evenly from all of the training pictures' (Algorithm 1). A descriptor counts for its nearest word in Euclidean distance (Algorithm 2).
    By default 3 × 250 = 750 numbers.

    `grid`: None describes the keypoints that each kind finds; a step in pixels describes a grid of that step instead, with keypoints of
    `diameters` pixels. `pyramid`: the sides of the grids of cells whose histograms are put side by side (Lazebnik et al., 2006); (1, 2) are
    the whole picture and its quarters. `norm`: how each kind's counts are brought to one sum: "none" leaves them, "l1" divides by the sum,
    "root" takes the root after that, "presence" asks only whether a word is there (Ionescu et al., 2013). `standardise`: then
    less the mean, by the deviation, of each number over the training pictures. `n_jobs`: processes that describe the pictures, as in
    scikit-learn. Equal parameters, seed and pictures give equal vectors, whatever the number of processes.

    Fitted: `vocabularies_`, kind → float32 (words, width); `mean_`, `scale_` float64 (D,); `blank_`, kind → training pictures without a
    descriptor, whose histogram is zero.
    """

    def __init__(
        self,
        kinds: Sequence[str] = ("sift", "surf", "orb"),
        words: int = 250,
        size: int = 224,
        grid: int | None = None,
        diameters: Sequence[float] = (16.0,),
        pyramid: Sequence[int] = (1,),
        norm: str = "none",
        standardise: bool = True,
        sample: int = 200_000,
        seed: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.kinds = kinds
        self.words = words
        self.size = size
        self.grid = grid
        self.diameters = diameters
        self.pyramid = pyramid
        self.norm = norm
        self.standardise = standardise
        self.sample = sample
        self.seed = seed
        self.n_jobs = n_jobs

    def check(self) -> None:
        """Raise OptionError for a parameter outside its range."""
        super().check()
        need(len(self.kinds) > 0 and len(set(self.kinds)) == len(self.kinds), "kinds", self.kinds, f"one or more of {', '.join(WIDTHS)}")
        for kind in self.kinds:
            check_kind(kind)
        need(self.words >= 2, "words", self.words, "2 or more")
        need(self.grid is None or 1 <= self.grid <= self.size, "grid", self.grid, f"none, or a step of 1 to {self.size} pixels")
        need(len(self.diameters) > 0 and min(self.diameters) > 0, "diameters", self.diameters, "one or more, above 0 pixels")
        need(len(self.pyramid) > 0 and min(self.pyramid) >= 1, "pyramid", self.pyramid, "one or more sides of 1 or more cells")
        need(self.norm in _NORMS, "norm", self.norm, f"one of {', '.join(_NORMS)}")
        need(self.sample >= self.words, "sample", self.sample, f"at least as many as words, {self.words}")

    def fit(self, pictures: Crops, y: object = None) -> BagOfWords:
        """Learn vocabularies, means and deviations. Raises OptionError where the descriptors are too few for the words."""
        self._learn(pictures)
        return self

    def fit_transform(self, pictures: Crops, y: object = None, **_: Any) -> Vectors:
        """`fit` and `transform` of the same pictures, which are described twice in place of three times."""
        return self._standardised(self._learn(pictures))

    def transform(self, pictures: Crops) -> Vectors:
        """The vector of each picture: float32 (N, D). Raises InputError for what is no picture."""
        check_is_fitted(self)
        return self._standardised(self.histograms(pictures))

    def histograms(self, pictures: Crops) -> Vectors:
        """The same before it is standardised: float32 (N, D), counts or what `norm` makes of them."""
        check_is_fitted(self, "vocabularies_")
        parts = list(mapped(self._histograms, chunks(pictures, _CHUNK), self.n_jobs))
        return np.concatenate([np.zeros((0, self._width()), np.float32), *parts])

    def blank(self, vectors: Vectors) -> dict[str, int]:
        """How many of the vectors (N, D) are those of pictures without a descriptor, by kind."""
        zero = self._standardised(np.zeros((1, self._width()), np.float32))
        spans = np.split(np.arange(self._width()), len(self.kinds))
        return {kind: int((vectors[:, span] == zero[:, span]).all(axis=1).sum()) for kind, span in zip(self.kinds, spans, strict=True)}

    def state(self) -> dict[str, NDArray[Any]]:
        """What fitting has learnt, by name."""
        check_is_fitted(self)
        return {f"words/{kind}": words for kind, words in self.vocabularies_.items()} | {"mean": self.mean_, "scale": self.scale_}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up what `state` gave."""
        self.vocabularies_ = {kind: state[f"words/{kind}"] for kind in self.kinds}
        self.mean_, self.scale_ = state["mean"], state["scale"]

    def _learn(self, pictures: Crops) -> Vectors:
        self.check()
        samples = {kind: Reservoir(self.sample, self.seed + place) for place, kind in enumerate(self.kinds)}
        for described in mapped(self._descriptors, chunks(pictures, _CHUNK), self.n_jobs):
            for kind, values in described.items():
                samples[kind].add(values)
        self.vocabularies_ = {kind: words_of(held.rows, self.words, self.seed, kind.upper()) for kind, held in samples.items()}
        scaler = StandardScaler()
        found = self.histograms(pictures)
        for start in range(0, len(found), _ROWS):  # in parts, since it computes in float64
            scaler.partial_fit(found[start : start + _ROWS])
        self.mean_, self.scale_ = (scaler.mean_, scaler.scale_) if self.standardise else (np.zeros(self._width()), np.ones(self._width()))
        self.blank_ = self.blank(self._standardised(found))
        return found

    def _standardised(self, histograms: Vectors) -> Vectors:
        return np.asarray((histograms - self.mean_) / self.scale_, np.float32)

    def _describe(self, gray: Gray) -> Iterator[tuple[str, Described]]:
        for kind in self.kinds:
            yield kind, at_keypoints(kind, gray) if self.grid is None else on_grid(kind, gray, self.grid, tuple(self.diameters))

    def _descriptors(self, pictures: Crops) -> dict[str, NDArray[np.float32]]:
        found: dict[str, list[NDArray[np.float32]]] = {kind: [np.zeros((0, WIDTHS[kind]), np.float32)] for kind in self.kinds}
        for gray in self.gray(pictures):
            for kind, (values, _) in self._describe(gray):
                found[kind].append(values)
        return {kind: np.concatenate(parts) for kind, parts in found.items()}

    def _histograms(self, pictures: Crops) -> Vectors:
        return np.stack([self._vector(gray) for gray in self.gray(pictures)])

    def _vector(self, gray: Gray) -> NDArray[Any]:
        parts = []
        for kind, (values, places) in self._describe(gray):
            counts = pyramid_counts(nearest(values, self.vocabularies_[kind]), places, self.words, self.pyramid)
            parts.append(_NORMS[self.norm](counts))
        return np.concatenate(parts)

    def _width(self) -> int:
        return len(self.kinds) * self.words * sum(side**2 for side in self.pyramid)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "vocabularies_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = True
        return tags


def pyramid_counts(words: NDArray[np.int64], places: NDArray[np.float32], count: int, sides: Sequence[int]) -> NDArray[np.float64]:
    """How often each of `count` words stands in each cell: grids of `sides` cells a side, row by row, one behind the other.

    `words` (n,) at `places` (n, 2), x and y in 0–1.
    """
    parts = []
    for side in sides:
        column, row = np.clip((places * side).astype(np.int64), 0, side - 1).T
        parts.append(np.bincount((row * side + column) * count + words, minlength=side * side * count))
    return np.concatenate(parts).astype(np.float64)


def _l1(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = counts / max(counts.sum(), 1.0)
    return shares


def _none(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return counts


def _root(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(_l1(counts))


def _presence(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sign(counts)


_NORMS = {"none": _none, "l1": _l1, "root": _root, "presence": _presence}
