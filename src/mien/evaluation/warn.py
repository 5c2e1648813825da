"""Reasons to take a split's figures with care, each one sentence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.datasets.base import Dataset, SplitOrigin
from mien.datasets.seen import same_pictures, seen_by
from mien.evaluation.grouping import unknown_rows
from mien.evaluation.scores import Evaluation

FEW_GROUPS = 20
"""Below this many groups a percentile interval is clearly too short."""


def split_warnings(
    model: object, dataset: Dataset, role: str, overall: Evaluation, rows: NDArray[np.int64], groups: str
) -> tuple[str, ...]:
    """What stands against the figures `overall` of `rows` of the split `role`.

    A leak of the split's protocol, a model whose card says that it was selected on this split or trained under another protocol, training
    rows, classes without an image, images without an answer, too few groups for the intervals, rows whose group is unknown.
    """
    card, origin = getattr(model, "card", None), dataset.origin
    selection, trained = str(getattr(card, "selection", "")), getattr(card, "origin", origin)
    may_be_same = may_know(card, dataset.name)
    absent = [row.label for row in overall.per_class if not row.support]
    missing, unknown = int(overall.missing.sum()), unknown_rows(dataset, rows, groups)
    doubts = (
        (bool(origin.leaks), f"The protocol {origin.protocol} leaks: {origin.leaks}"),
        (
            may_be_same and not divided_alike(trained, origin),
            f"The model's card says that it was trained under the protocol {_told(trained)}, and this split is of {_told(origin)}: "
            "if the data are the same, it has trained on some of these rows.",
        ),
        (
            may_be_same and role in selection.split(),
            f"The model's card says that it was selected on {selection}: figures on this split of the same data are too high.",
        ),
        (role == "train", "These are training rows: figures on what a model has learnt from say nothing of new faces."),
        (bool(absent), f"No image shows {', '.join(absent)}: the means over classes leave them out."),
        (missing > 0, f"{missing:,} of {overall.n:,} images got no answer and count as wrong; calibration is that of the others."),
        (overall.groups < FEW_GROUPS, f"Only {overall.groups} groups of images are independent: the intervals are too short."),
        (unknown > 0, f"{unknown:,} of {overall.n:,} images have no known group among the {groups} and stand for themselves."),
    )
    return tuple(sentence for holds, sentence in doubts if holds)


def may_know(card: object, dataset: str) -> bool:
    """Whether a model with this card may have learnt from the pictures of the data set of that name: its recipe has it, or is not told."""
    learnt = seen_by(getattr(card, "recipe", None))
    return not learnt or not learnt.isdisjoint(same_pictures(dataset.split("+")))


def divided_alike(one: SplitOrigin, other: SplitOrigin) -> bool:
    """Whether two splits of the same data are one; the published one has a hash only where a protocol has counted its leaks."""
    return one.sha256 == other.sha256 or one.protocol == other.protocol == "official"


def _told(origin: SplitOrigin) -> str:
    return f"{origin.protocol} {origin.fold} ({origin.sha256[:12]})".replace("  ", " ") if origin.sha256 else origin.protocol
