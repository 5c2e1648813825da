"""What a comparison gives: every model's figures on every data set, and what each of them costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mien.datasets.base import Dataset
from mien.evaluation.compare import Comparison
from mien.evaluation.cost import Cost
from mien.evaluation.run import SplitEvaluation


@dataclass(frozen=True, eq=False)
class Judged:
    """One model on one data set.

    `mapping` says how the model's labels became those that were judged. `against` compares it with the first model on the same rows,
    `against_clean` on those of them without a twin in training; both are None for the first model itself. `trained`: whether the model was
    trained on this data set's training part, None where that is not known. `error`: why there is no `result`.
    """

    model: str
    dataset: str
    mapping: str
    result: SplitEvaluation | None = None
    against: Comparison | None = None
    against_clean: Comparison | None = None
    trained: bool | None = None
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain JSON values."""
        told = {"model": self.model, "dataset": self.dataset, "mapping": self.mapping, "trained_on_it": self.trained, "error": self.error}
        result = {} if self.result is None else {key: value for key, value in self.result.to_dict().items() if key not in told}
        pairs = {key: getattr(self, key) for key in ("against", "against_clean")}
        return {**told, **result, **{key: None if value is None else value.to_dict() for key, value in pairs.items()}}


@dataclass(frozen=True, eq=False)
class Bench:
    """All of a comparison: `judged`, data set by data set and there model by model; `costs` and `facts` by model; `notes` for the reader.

    `facts`: sha256, licence and note of each model, where it has them. `datasets` are in the labels that they were judged in.
    """

    models: tuple[str, ...]
    datasets: tuple[Dataset, ...]
    split: str
    judged: tuple[Judged, ...]
    costs: Mapping[str, Cost] = field(default_factory=dict)
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Judged, ...]:
        """Where a model gave no figures."""
        return tuple(one for one in self.judged if one.result is None)

    def of(self, dataset: str) -> tuple[Judged, ...]:
        """The models on one data set."""
        return tuple(one for one in self.judged if one.dataset == dataset)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values, without rows and curves."""
        return {
            "split": self.split,
            "models": [{"name": name, **self.facts.get(name, {}), "cost": self._cost(name)} for name in self.models],
            "datasets": [
                {"name": d.name, "label_set": d.labels.name, "labels": list(d.labels), "origin": asdict(d.origin)} for d in self.datasets
            ],
            "results": [one.to_dict() for one in self.judged],
            "notes": list(self.notes),
        }

    def _cost(self, name: str) -> dict[str, Any] | None:
        return self.costs[name].to_dict() if name in self.costs else None
