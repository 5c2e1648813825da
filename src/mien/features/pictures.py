"""What all features share: a transformer that takes pictures, and looks at each by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin

from mien.core.errors import OptionError
from mien.preprocess import Crops, Preprocessing

Gray = NDArray[np.uint8]
Vectors = NDArray[np.float32]
_SURROUNDINGS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_SURROUNDINGS |= {"MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TRIM_THRESHOLD_": "2000000000"}
"""Of the processes beside this one: one thread each, and memory kept for the next picture, which else is a third of SIFT's time."""


class PictureTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, ABC):
    """Pictures in, one vector for each: uint8 (N, H, W) gray or (N, H, W, 3) RGB, or a sequence of such pictures → float32 (N, D).

    Each is turned gray and brought to `size` × `size` pixels, as `mien.preprocess` does it, and described by itself, so that a vector does
    not depend on the other pictures of its batch. What is a subclass's own: `size` among its parameters, `check`, `_vector`, `_width`.
    """

    size: int

    def check(self) -> None:
        """Raise OptionError for a parameter outside its range."""
        need(self.size >= 8, "size", self.size, "8 or more pixels")

    def fit(self, pictures: Crops, y: object = None) -> PictureTransformer:
        """Learn from training pictures; a feature that has nothing to learn checks its parameters. `y` is not looked at."""
        self.check()
        return self

    def transform(self, pictures: Crops) -> Vectors:
        """The vector of each picture. Raises InputError for what is no picture."""
        self.check()
        out = np.empty((len(pictures), self._width()), np.float32)
        for row, gray in zip(out, self.gray(pictures), strict=True):
            row[:] = self._vector(gray)
        return out

    def gray(self, pictures: Crops) -> Iterator[Gray]:
        """Each picture as the features see it: uint8 (size, size)."""
        to_gray = Preprocessing(self.size, channels=1)
        for picture in pictures:
            yield to_gray.to_input([picture])[0, 0].astype(np.uint8)

    def state(self) -> dict[str, NDArray[Any]]:
        """What fitting has learnt, by name, for `mien.features.registry`."""
        return {}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up what `state` gave."""

    @abstractmethod
    def _vector(self, gray: Gray) -> NDArray[Any]:
        """The D numbers of one picture as `gray` gives it."""

    @abstractmethod
    def _width(self) -> int:
        """D, the numbers in a vector."""

    @property
    def _n_features_out(self) -> int:
        return self._width()

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
        tags.requires_fit = False
        return tags


def need(met: bool, name: str, received: object, allowed: str) -> None:
    """Raise OptionError unless `met`."""
    if not met:
        raise OptionError(f"{name} is {allowed}; received {received!r}.")


def chunks(pictures: Crops, size: int) -> Iterator[Crops]:
    """The pictures in parts of at most `size`."""
    for start in range(0, len(pictures), size):
        yield pictures[start : start + size]


def mapped(work: Callable[[Any], Any], parts: Iterable[Any], n_jobs: int | None) -> Iterator[Any]:
    """`work` of each part, in their order, by `n_jobs` processes: None is this one, −1 one a core, as in scikit-learn.

    Parts are taken up only as results are asked for, two a process ahead, so that neither pile up.
    """
    from joblib import effective_n_jobs

    jobs = effective_n_jobs(n_jobs)
    if jobs == 1:
        yield from map(work, parts)
        return
    from joblib.externals.loky import get_reusable_executor

    pool = get_reusable_executor(jobs, timeout=300, initializer=_alone, env=_SURROUNDINGS)
    waiting: deque[Any] = deque()
    try:
        for part in parts:
            waiting.append(pool.submit(work, part))
            if len(waiting) > 2 * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _alone() -> None:
    """In a process beside others: no threads of OpenCV's own."""
    cv2.setNumThreads(1)
