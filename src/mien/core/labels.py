"""Named label sets in one fixed order, and the projections between them.

The order is that of FER+ (Barsoum et al., 2016): neutral, happiness, surprise, sadness, anger, disgust, fear, contempt.
Every data set maps its own codes to these names; no order ever comes from folders, from a file's order or from sorting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import LabelError, UnknownNameError


@dataclass(frozen=True)
class LabelSet:
    """A named, ordered set of expression names. Column `i` of every score array means `names[i]`."""

    name: str
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) != len(self.names):
            raise LabelError(f"Label set {self.name!r} needs distinct names, received {list(self.names)}.")

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __getitem__(self, index: int) -> str:
        return self.names[index]

    def index(self, label: str) -> int:
        """Column of `label`. Raises UnknownNameError when the set does not hold it."""
        try:
            return self.names.index(label)
        except ValueError:
            raise UnknownNameError(f"label of {self.name}", label, self.names) from None

    def projection(self, target: LabelSet) -> NDArray[np.float32]:
        """Matrix `P` of shape (len(self), len(target)), zeros and ones: `scores @ P` sums the source columns into the target's.

        A name that both sets hold goes to itself; towards `valence3`, anger, disgust, fear and sadness go to negative, happiness to
        positive, neutral to neutral. A source name without a place in the target (contempt in `fer7`; surprise and contempt in
        `valence3`) has a row of zeros: its share is dropped.

        Raises
        ------
        LabelError
            A target name can't be reached from this set.
        """
        matrix = np.zeros((len(self), len(target)), np.float32)
        for row, name in enumerate(self.names):
            goal = name if name in target.names else _TO_VALENCE3.get(name) if target.name == "valence3" else None
            if goal is not None:
                matrix[row, target.index(goal)] = 1.0
        missing = [name for name, hit in zip(target.names, matrix.max(axis=0).tolist(), strict=True) if hit == 0]
        if missing:
            raise LabelError(
                f"Labels of {self.name} can't be read as {target.name}: nothing stands for {', '.join(missing)}. "
                "Choose a label set whose names these can give."
            )
        return matrix

    def reaches(self, target: LabelSet) -> bool:
        """Whether each name of `target` can be reached from this set, so that there is a `projection`."""
        try:
            self.projection(target)
        except LabelError:
            return False
        return True

    @property
    def signs(self) -> NDArray[np.int64]:
        """1 for the names that are positive by `valence3`, −1 for the negative ones, 0 for all others: int64 (len(self),)."""
        read = {"positive": 1, "negative": -1}
        return np.array([read.get(_TO_VALENCE3.get(name, name), 0) for name in self.names], np.int64)

    def project(self, scores: NDArray[np.floating], target: LabelSet) -> NDArray[np.float32]:
        """Scores (…, len(self)) read as `target`: dropped names removed, merged names summed, rows renormalised to sum 1.

        A row whose whole weight is on dropped names becomes uniform.
        """
        if self == target:
            return np.asarray(scores, np.float32)
        out = np.asarray(scores, np.float32) @ self.projection(target)
        total = out.sum(axis=-1, keepdims=True)
        uniform = np.float32(1 / len(target))
        return np.where(total > 1e-12, out / np.maximum(total, 1e-12), uniform).astype(np.float32)


FER8 = LabelSet("fer8", ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"))
FER7 = LabelSet("fer7", FER8.names[:7])
FER6 = LabelSet("fer6", tuple(n for n in FER7 if n != "disgust"))
VALENCE3 = LabelSet("valence3", ("negative", "neutral", "positive"))
CKPLUS7 = LabelSet("ckplus7", FER8.names[1:])

_TO_VALENCE3 = {
    "anger": "negative",
    "disgust": "negative",
    "fear": "negative",
    "sadness": "negative",
    "happiness": "positive",
}
LABEL_SETS: dict[str, LabelSet] = {s.name: s for s in (FER8, FER7, FER6, VALENCE3, CKPLUS7)}


def label_set(labels: str | LabelSet | Sequence[str]) -> LabelSet:
    """The label set of that name, the set itself, or a set named "custom" of the given names.

    Raises UnknownNameError for a name that is no label set.
    """
    if isinstance(labels, LabelSet):
        return labels
    if isinstance(labels, str):
        if labels not in LABEL_SETS:
            raise UnknownNameError("label set", labels, LABEL_SETS)
        return LABEL_SETS[labels]
    names = tuple(labels)
    return next((s for s in LABEL_SETS.values() if s.names == names), LabelSet("custom", names))
