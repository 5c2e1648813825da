"""A data set of a few rows, and audits of it written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mien.audit.findings import KINDS, Audit, Finding, Severity
from mien.core.labels import FER7
from mien.datasets.base import SPLITS, Dataset

SPLIT = ("train", "train", "train", "validation", "validation", "test", "test", "test")
TARGETS = (0, 1, 2, 0, 3, 0, 4, -1)


def rows(**changes: Any) -> Dataset:
    """Eight random pictures: rows 0–2 train, 3–4 validation, 5–7 test; ids a–h; the last without a label."""
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 16), np.uint8)
    made = Dataset("hand", FER7, images, np.array(TARGETS), np.array(SPLIT), np.array(list("abcdefgh")))
    return replace(made, **changes)


def finding(kind: str, *groups: Sequence[int], severity: Severity = "leak", scores: Sequence[float] = (), **detail: Any) -> Finding:
    """A finding of groups that belong together."""
    named = np.unique([row for group in groups for row in group]).astype(np.int64)
    return Finding(
        kind, severity, f"{kind} of {len(named)} rows.", named, tuple(np.array(g, np.int64) for g in groups), detail, tuple(scores)
    )


def alone(kind: str, *members: int, severity: Severity = "fault") -> Finding:
    """A finding of rows that stand alone."""
    return Finding(kind, severity, f"{kind} of {len(members)} rows.", np.array(members, np.int64))


def audit_of(dataset: Dataset, *findings: Finding, checks: Sequence[str] = tuple(KINDS)) -> Audit:
    """An audit that found these."""
    counts = {split: int((dataset.split == split).sum()) for split in SPLITS}
    identity = dataset.name, len(dataset), dataset.labels.names, counts, dataset.origin
    return Audit(*identity, findings, dataset.ids, dataset.split, dataset.targets, tuple(checks), 0.95)
