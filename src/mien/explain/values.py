"""An explanation: a picture, and how much each of its pixels speaks for a label."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where in one crop, or on average in `n` of them, the evidence for a label lies.

    `image`: uint8 (S, S) gray or (S, S, 3) RGB, the crop as the network sees it. `heat`: float32 (S, S), the evidence for `label` at each
    pixel; positive speaks for it, negative against it, and methods without a sign give ≥ 0. Its unit is the method's own. `score`: the
    model's probability of `label`, 0–1. `method`: the name in `METHODS`.

    Raises InputError for arrays of other shapes or types, and for a heat that is not finite.
    """

    image: NDArray[np.uint8]
    heat: NDArray[np.float32]
    label: str
    score: float
    method: str
    n: int = 1

    def __post_init__(self) -> None:
        image, heat = self.image, self.heat
        square = heat.ndim == 2 and heat.shape[0] == heat.shape[1]
        if image.dtype != np.uint8 or heat.dtype != np.float32 or not square or image.shape not in (heat.shape, (*heat.shape, 3)):
            raise InputError(
                "An explanation has an image uint8 (S, S) or (S, S, 3) and a heat float32 (S, S); "
                f"received {image.dtype} {image.shape} and {heat.dtype} {heat.shape}."
            )
        if not np.isfinite(heat).all():
            raise InputError(f"The heat of an explanation is finite; received {np.count_nonzero(~np.isfinite(heat))} pixels that are not.")


def average(explanations: Iterable[Explanation]) -> dict[str, Explanation]:
    """The mean image, heat and score of each label, in the order in which the labels first appear; `n` says how many faces stand behind it.

    Each heat is divided by its own largest absolute value first, so that no face outweighs the others; a mean heat lies in -1–1.

    Raises InputError when a label has explanations of several methods or sizes.
    """
    groups: dict[str, list[Explanation]] = {}
    for one in explanations:
        groups.setdefault(one.label, []).append(one)
    return {label: _mean(group) for label, group in groups.items()}


def _mean(group: list[Explanation]) -> Explanation:
    methods, shapes = {one.method for one in group}, {one.image.shape for one in group}
    if len(methods) > 1 or len(shapes) > 1:
        raise InputError(
            f"The explanations of {group[0].label} are of the methods {', '.join(sorted(methods))} and the image shapes "
            f"{', '.join(map(str, sorted(shapes)))}; a mean is taken over one of each. Average them apart."
        )
    counts = np.array([one.n for one in group], np.float64)
    image = np.average([one.image for one in group], axis=0, weights=counts)
    heat = np.average([one.heat / (np.abs(one.heat).max() or 1.0) for one in group], axis=0, weights=counts)
    score = float(np.average([one.score for one in group], weights=counts))
    return Explanation(np.rint(image).astype(np.uint8), heat.astype(np.float32), group[0].label, score, group[0].method, int(counts.sum()))
