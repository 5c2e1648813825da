"""What has to be known of a model to use it rightly: its card, which travels inside the model's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mien.core.calibration import Calibration
from mien.core.errors import ArtifactError, InputError
from mien.core.labels import LABEL_SETS, LabelSet
from mien.datasets.base import SplitOrigin
from mien.preprocess import Preprocessing

SCHEMA = 1


@dataclass(frozen=True)
class Head:
    """One output of the graph: its name, what its columns mean, in order, and how they become scores.

    `abstain_at`: coverage, written as "0.9", → the score under which to abstain so that about this share of faces is answered, as fitted on
    the selection split; empty for a model that was made without.

    Raises ArtifactError unless the thresholds lie in 0–1.
    """

    output: str
    labels: LabelSet
    calibration: Calibration = field(default_factory=Calibration)
    abstain_at: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for coverage, threshold in self.abstain_at.items():
            if not 0 <= threshold <= 1:
                raise ArtifactError(f"The output {self.output!r} has the threshold {threshold} at coverage {coverage}; scores lie in 0–1.")


@dataclass(frozen=True)
class Card:
    """What has to be known to use a model rightly and to trust it. Stored inside the model's file.

    `heads`: the first one is the default. `training_data` and `licence` say what the weights come from and under which terms they may be
    used. `metrics`: one entry an evaluation, each with data set, split, n, accuracy and its 95 % interval; "held_out" is False on the split
    that the best epoch was picked on. `selection`: that split. `origin`: the protocol by which rows came to train, validation and test.
    `features`: the handcrafted features that the graph takes, by name and options; empty for one that takes pictures alone. `sequence`:
    for a model of sequences what it learnt from: `frames` (None for sequences of their own lengths), `longest`, the frames of the longest
    one, and `rate_hz` (None for an unknown rate); empty for a model of single pictures. `made_from`: for another form of a trained model
    the `name`, `version` and `sha256` of that model, the `forms` that it was given, the `calibration` of an 8-bit one, and the model's own
    `made_from`, if any; empty for what training wrote. `sha256` is that of graph, weights and features; it is filled in when the file is
    written.
    """

    name: str
    version: str
    heads: tuple[Head, ...]
    preprocessing: Preprocessing
    training_data: str
    licence: str
    metrics: tuple[dict[str, Any], ...] = ()
    recipe: dict[str, Any] = field(default_factory=dict)
    parameters: int | None = None
    sha256: str = ""
    selection: str = "validation"
    origin: SplitOrigin = field(default_factory=SplitOrigin)
    features: dict[str, Any] = field(default_factory=dict)
    sequence: dict[str, Any] = field(default_factory=dict)
    made_from: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The card as plain JSON values."""
        data = asdict(self)
        data["heads"] = [
            {
                "output": h.output,
                "label_set": h.labels.name,
                "labels": list(h.labels),
                **asdict(h.calibration),
                "abstain_at": dict(h.abstain_at),
            }
            for h in self.heads
        ]
        return {"mien": SCHEMA, **data}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Card:
        """Read a card. Raises ArtifactError when a field is missing or malformed."""
        try:
            if data["mien"] != SCHEMA:
                raise ArtifactError(f"The card has schema {data['mien']!r}; this version of mien reads schema {SCHEMA}. Update mien.")
            heads = tuple(_head(h) for h in data["heads"])
            fields = {name: data[name] for name in ("name", "version", "training_data", "licence", "recipe", "parameters", "sha256")}
            return cls(
                heads=heads,
                preprocessing=Preprocessing(**data["preprocessing"]),
                metrics=tuple(data["metrics"]),
                selection=data.get("selection", "validation"),  # an older card does not tell, and there was no other
                origin=SplitOrigin(**data.get("origin", {})),
                features=data.get("features", {}),
                sequence=data.get("sequence", {}),
                made_from=data.get("made_from", {}),
                **fields,
            )
        except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
            raise ArtifactError(
                f"The card of this model can't be read ({type(error).__name__}: {error}). Export the model again."
            ) from error


def _head(data: dict[str, Any]) -> Head:
    thresholds = {str(coverage): float(threshold) for coverage, threshold in data.get("abstain_at", {}).items()}
    calibration = Calibration(float(data["temperature"]), float(data.get("tail", 0)), float(data.get("top", 0)))
    return Head(data["output"], _named(data["label_set"], data["labels"]), calibration, thresholds)


def _named(name: str, names: list[str]) -> LabelSet:
    known = LABEL_SETS.get(name)
    if known is not None and list(known) != names:
        raise ArtifactError(f"The card calls {names} the label set {name!r}, which is {list(known)}.")
    return known or LabelSet(name, tuple(names))
