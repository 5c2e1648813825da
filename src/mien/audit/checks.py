"""The audit of a data set: every check, in one call."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mien.audit import labels, leaks
from mien.audit.copies import copy_links, reduced
from mien.audit.findings import KINDS, SEVERITIES, Audit, Finding
from mien.audit.links import Links, Pictures, pairs_of_splits
from mien.audit.near import near_links
from mien.core.errors import OptionError
from mien.datasets.base import SPLITS, Dataset

LEAST_THRESHOLD = 0.8
"""Below this correlation unlike faces in one light are alike, and pairs grow without bound."""
NEAR_KINDS = ("near_twins", "mirrored_twins", "augmented_copies")
SPLIT_KINDS = (
    "oversampled",
    "seen_pictures",
    "twins_across_splits",
    "copies_across_splits",
    "subjects_across_splits",
    "sequences_across_splits",
    "augmented_copies",
)
"""What takes two splits or more to be looked for."""

_WORDS = {
    "twins_across_splits": "with an exact twin",
    "near_twins": "with a nearly equal picture",
    "mirrored_twins": "with a nearly equal mirror image",
    "augmented_copies": "that are an altered copy of a picture, or it of them,",
    "seen_pictures": "whose picture is, equal or altered,",
}

Progress = Callable[[str, float, float], None]


def audit(dataset: Dataset, *, near: bool = True, threshold: float = 0.95, progress: Progress | None = None) -> Audit:
    """Look for what is wrong with a data set or its split.

    With `near`, also for pictures that are nearly equal, mirrored, or altered copies across splits: those whose Pearson correlation is at
    least `threshold`, from 0.8 to 1 (for altered copies, after registration, a little more). Without it only equal pixels are found, in
    seconds.
    `progress` is called with the name of a stage, how much of it is done, and how much there is. Work goes block by block: memory grows
    with the number of rows, never with its square.

    Raises
    ------
    OptionError
        A threshold outside 0.8 to 1.
    """
    if not LEAST_THRESHOLD <= threshold <= 1:
        raise OptionError(f"The threshold is {threshold}; a correlation from {LEAST_THRESHOLD} to 1 is allowed. The usual one is 0.95.")
    tell = progress or (lambda stage, done, whole: None)
    tell("equal pixels", 0, 1)
    pictures = Pictures.of(dataset)
    same = pictures.repeated()
    tell("equal pixels", 1, 1)
    found = _exact(dataset, pictures)
    alike = _alike(dataset, pictures, threshold, tell) if near else {}
    found += _near(dataset, pictures, alike)
    copies = Links.joined([same, *alike.values()])
    if any(len(links) for links in alike.values()):
        found += _across("seen_pictures", dataset, pictures, copies)
    found += leaks.oversampled(dataset, pictures, Links.joined([copies, _same_identity(dataset, pictures)]))
    several = len(set(dataset.split.tolist())) > 1
    return Audit(
        name=dataset.name,
        n=len(dataset),
        labels=tuple(dataset.labels),
        split_counts={split: int(count) for split in SPLITS if (count := (dataset.split == split).sum())},
        origin=dataset.origin,
        findings=_ordered(found),
        ids=dataset.ids,
        split=dataset.split,
        targets=dataset.targets,
        checks=tuple(kind for kind in KINDS if (near or kind not in NEAR_KINDS) and (several or kind not in SPLIT_KINDS)),
        threshold=threshold,
    )


def _exact(dataset: Dataset, pictures: Pictures) -> list[Finding]:
    found = _admitted(dataset)
    found += _across("twins_across_splits", dataset, pictures, pictures.repeated())
    found += leaks.shared_values(dataset)
    found += labels.repeated(dataset, pictures) + labels.conflicts(dataset, pictures)
    return found + labels.constant(dataset) + labels.classes(dataset) + labels.unlabelled(dataset) + labels.left_out(dataset)


def _across(kind: str, dataset: Dataset, pictures: Pictures, links: Links) -> list[Finding]:
    return leaks.across_splits(kind, _WORDS[kind], pictures, links, dataset)


def _admitted(dataset: Dataset) -> list[Finding]:
    origin = dataset.origin
    if not origin.leaks:
        return []
    detail = {"protocol": origin.protocol, "fold": origin.fold, "leaks": origin.leaks}
    return [Finding("protocol", "leak", f"The protocol {origin.protocol} leaks: {origin.leaks}", np.empty(0, np.int64), (), detail)]


def _alike(dataset: Dataset, pictures: Pictures, threshold: float, tell: Progress) -> dict[str, Links]:
    """The links between distinct pictures, by kind; no pair has two kinds."""
    images = dataset.images[pictures.first] if len(pictures) < len(dataset) else dataset.images
    roles = np.array([SPLITS.index(split) for split in dataset.split[pictures.first].tolist()], np.int64)
    near, mirrored = near_links(images, threshold, roles=roles, progress=_stage(tell, "near twins"))
    copies = _copies(dataset, pictures, images, Links.joined([near, mirrored]), threshold, tell)
    return {"near_twins": near, "mirrored_twins": mirrored, "augmented_copies": copies}


def _copies(dataset: Dataset, pictures: Pictures, images: NDArray[np.uint8], known: Links, threshold: float, tell: Progress) -> Links:
    """Altered copies across each pair of splits, of pictures that no link ties to the other split yet."""
    pairs = pairs_of_splits(dataset)
    small = reduced(images) if pairs else images
    varied = np.array([labels.shows(picture) for picture in images], np.bool_)
    found = []
    for k, (first, second) in enumerate(pairs):
        crossing = Links.joined([pictures.crossing(known, first, second), pictures.crossing(pictures.repeated(), first, second)])
        done = np.zeros(len(pictures), np.bool_)
        done[crossing.left] = done[crossing.right] = True
        sources = pictures.holding(dataset.split == first) & varied
        asked = pictures.holding(dataset.split == second) & varied & ~done
        found.append(
            copy_links(small, np.flatnonzero(sources), np.flatnonzero(asked), threshold, _stage(tell, "altered copies", k, len(pairs)))
        )
    return Links.joined(found)


def _stage(tell: Progress, stage: str, start: int = 0, steps: int = 1) -> Callable[[float], None]:
    """What tells of one step of a stage, given how much of the step is done, 0 to 1."""
    return lambda done: tell(stage, start + done, steps)


def _near(dataset: Dataset, pictures: Pictures, alike: dict[str, Links]) -> list[Finding]:
    found: list[Finding] = []
    for kind, links in alike.items():
        found += _across(kind, dataset, pictures, links)
        if kind != "augmented_copies":
            found += labels.alike(kind, dataset, pictures, links)
    both = Links.joined([links for kind, links in alike.items() if kind != "augmented_copies"])
    return found + labels.near_conflicts(dataset, pictures, both)


def _same_identity(dataset: Dataset, pictures: Pictures) -> Links:
    """Links between unlike pictures under one identity: an augmented copy may keep the identity of its source."""
    number = np.unique(dataset.ids, return_inverse=True)[1]
    last = np.zeros(number.max(initial=-1) + 1, np.int64)
    last[number] = pictures.number
    apart = pictures.number != last[number]
    return Links(pictures.number[apart], last[number][apart], np.ones(int(apart.sum())))


def _ordered(found: list[Finding]) -> tuple[Finding, ...]:
    severities, kinds = list(SEVERITIES), list(KINDS)
    return tuple(sorted(found, key=lambda finding: (severities.index(finding.severity), kinds.index(finding.kind))))
