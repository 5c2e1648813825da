"""What an audit says: findings, each with the rows it is about, and the audit that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError, UnknownNameError
from mien.datasets.base import SplitOrigin

if TYPE_CHECKING:
    import pandas as pd

Severity = Literal["leak", "fault", "note"]

SEVERITIES: dict[str, str] = {
    "leak": "a split has seen what another split is judged on; figures measured on it are too good",
    "fault": "rows that no figure should rest on as they are",
    "note": "worth knowing; nothing has to be done",
}
"""Severity → what it means; the worst first."""

KINDS: dict[str, str] = {
    "protocol": "the protocol of the split says itself how test rows reach training",
    "oversampled": "rows were copied before the split was made, so that copies lie on both sides",
    "seen_pictures": "in all, what one split has of another, whether equal, nearly equal, mirrored or altered",
    "twins_across_splits": "the same pixels in two splits",
    "copies_across_splits": "the same identity in two splits",
    "subjects_across_splits": "the same person in two splits",
    "sequences_across_splits": "frames of the same sequence in two splits",
    "near_twins": "pictures that are nearly the same, pixel for pixel",
    "mirrored_twins": "pictures that are nearly the mirror image of each other",
    "augmented_copies": "a picture of another split turned, shifted, scaled or made brighter",
    "conflicting_labels": "one picture under two labels",
    "constant": "pictures that show nothing: one value all over, but for what lossy files make of it",
    "empty_class": "a class without rows in a split",
    "missing_labels": "rows without a label",
    "unreadable": "what the loader left out",
    "exact_twins": "pictures that are in the data set more than once, wherever",
    "class_balance": "how many rows each class has in each split",
}
"""Kind of a finding → what it is about; in the order in which an audit lists them, within a severity."""


@dataclass(frozen=True, eq=False)
class Finding:
    """One thing that an audit found.

    `kind`: a key of KINDS. `severity`: a key of SEVERITIES. `summary`: one sentence with the figures. `rows`: int64 (M,), the rows of the
    data set concerned, ascending, each once. `groups`: int64 arrays of rows that belong together, empty where rows stand alone. `scores`:
    one number per group, the lowest correlation that ties its rows together, in −1 … 1; empty where there is none. `detail`: the figures
    of the summary by name, plain JSON.

    Raises
    ------
    UnknownNameError
        A kind or a severity that does not exist.
    OptionError
        Scores that are not one per group.
    """

    kind: str
    severity: Severity
    summary: str
    rows: NDArray[np.int64]
    groups: tuple[NDArray[np.int64], ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)
    scores: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownNameError("kind of finding", self.kind, KINDS)
        if self.severity not in SEVERITIES:
            raise UnknownNameError("severity", self.severity, SEVERITIES)
        if self.scores and len(self.scores) != len(self.groups):
            raise OptionError(f"A finding has {len(self.scores)} scores for {len(self.groups)} groups; give one per group, or none.")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: kind, severity, summary, rows, groups (lists of rows), scores, detail."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "summary": self.summary,
            "rows": self.rows.tolist(),
            "groups": [group.tolist() for group in self.groups],
            "scores": [round(score, 6) for score in self.scores],
            "detail": dict(self.detail),
        }


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found in a data set, the worst first.

    `name`, `n` (rows), `labels` (names of the classes) and `origin` (of the split) are those of the data set, as are the columns `ids`,
    `split` and `targets`, each (N,), which say what a row number stands for. `split_counts`: rows of each split that has any. `checks`: the
    kinds that were looked for. `threshold`: the correlation from which pictures count as nearly the same.
    """

    name: str
    n: int
    labels: tuple[str, ...]
    split_counts: Mapping[str, int]
    origin: SplitOrigin
    findings: tuple[Finding, ...]
    ids: NDArray[np.int64] | NDArray[np.str_]
    split: NDArray[np.str_]
    targets: NDArray[np.int64]
    checks: tuple[str, ...]
    threshold: float

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """The findings of severity "leak"."""
        return tuple(finding for finding in self.findings if finding.severity == "leak")

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The findings of severity "fault"."""
        return tuple(finding for finding in self.findings if finding.severity == "fault")

    @property
    def clean(self) -> bool:
        """Whether there is no leak and no fault among what was looked for."""
        return not self.leaks and not self.faults

    def of(self, kind: str) -> tuple[Finding, ...]:
        """The findings of one kind. Raises UnknownNameError for a kind that does not exist."""
        if kind not in KINDS:
            raise UnknownNameError("kind of finding", kind, KINDS)
        return tuple(finding for finding in self.findings if finding.kind == kind)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, schema "mien-audit/1". Rows are row numbers from 0; `ids` gives the identity of each row that a finding names."""
        named = sorted({row for finding in self.findings for row in finding.rows.tolist()})
        return {
            "schema": "mien-audit/1",
            "dataset": self.name,
            "n": self.n,
            "labels": list(self.labels),
            "splits": dict(self.split_counts),
            "origin": {
                "protocol": self.origin.protocol,
                "fold": self.origin.fold,
                "sha256": self.origin.sha256,
                "leaks": self.origin.leaks,
            },
            "clean": self.clean,
            "checks": list(self.checks),
            "threshold": self.threshold,
            "findings": [finding.to_dict() for finding in self.findings],
            "ids": {str(row): self.ids[row].item() for row in named},
        }

    def to_df(self) -> pd.DataFrame:
        """One line per finding and row: finding (its number), kind, severity, group (−1: none), score, row, id, split, label.

        A finding without rows has one line, with the row −1.
        """
        import pandas as pd

        lines = [line for number, finding in enumerate(self.findings) for line in self._lines(number, finding)]
        return pd.DataFrame(lines, columns=["finding", "kind", "severity", "group", "score", "row", "id", "split", "label"])

    def _lines(self, number: int, finding: Finding) -> list[tuple[Any, ...]]:
        head = (number, finding.kind, finding.severity)
        if not len(finding.rows):
            return [(*head, -1, float("nan"), -1, "", "", "")]
        scores = finding.scores or (float("nan"),) * len(finding.groups)
        placed = [(g, score, row) for g, (rows, score) in enumerate(zip(finding.groups, scores, strict=True)) for row in rows.tolist()]
        grouped = {row for _, _, row in placed}
        placed += [(-1, float("nan"), row) for row in finding.rows.tolist() if row not in grouped]
        return [(*head, group, score, row, *self._row(row)) for group, score, row in placed]

    def _row(self, row: int) -> tuple[Any, str, str]:
        target = int(self.targets[row])
        return self.ids[row].item(), str(self.split[row]), self.labels[target] if target >= 0 else ""
