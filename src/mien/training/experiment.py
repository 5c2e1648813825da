"""What every experiment says, whatever it trains: its data, their split, how faces are seen, and what is measured."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal

from pydantic import Field, model_validator

from mien.core.labels import LabelSet, label_set
from mien.training.parts import Part, PreprocessPart, ProtocolPart, SequencePart, TargetPart


class Experiment(Part):
    """The part that recipes of networks and of classical models share.

    `targets`: head name → what it learns; the head's name is that of its label set, which the data set's own labels are mapped to by name.
    Temperatures and thresholds are fitted on the split `select_on`. That is "validation"; "test" takes `allow_test_selection`, and the
    card then says that the figures on test are not held out. `evaluate_test`: touch the test split, once, at the end, and write the figures
    into the card.
    """

    name: str = Field(min_length=1)
    version: str = "1"
    seed: int = Field(0, ge=0, lt=2**31)
    preprocess: PreprocessPart = PreprocessPart()
    targets: dict[str, TargetPart] = Field(min_length=1)
    protocol: ProtocolPart = ProtocolPart()
    sequence: SequencePart | None = None
    select_on: Literal["validation", "test"] = "validation"
    allow_test_selection: bool = False
    evaluate_test: bool = True
    training_data: str = ""
    licence: str = ""

    @model_validator(mode="after")
    def _selects_on_validation(self) -> Experiment:
        if self.select_on == "test" and not self.allow_test_selection:
            raise ValueError(
                'select_on = "test" picks the best epoch on the rows that judge it. Select on "validation", or set '
                "allow_test_selection = true and have the card say so"
            )
        return self

    @model_validator(mode="after")
    def _cuts_faces_alike(self) -> Experiment:
        crops = [(head, crop) for head, target in self.targets.items() for crop in _crops(target.options)]
        for head, crop in crops:
            if (crop == "geometric") != (self.preprocess.framing == "geometric") and crop in ("geometric", "face"):
                raise ValueError(
                    f'targets.{head}.options.crop is "{crop}" and preprocess.framing "{self.preprocess.framing}": faces would be cut '
                    'otherwise in use than in training. Set both to "geometric", or crop = "face" and framing = "fer2013"'
                )
        return self

    def labels_of(self, head: str) -> LabelSet:
        """The label set of a head. Raises UnknownNameError for a name that is none, LabelError for names that are not distinct."""
        names = self.targets[head].labels
        return label_set(head) if names is None else LabelSet(head, tuple(names))

    @property
    def teachers(self) -> list[str]:
        """Names or paths of the models that this one is made with the help of."""
        return []

    @property
    @abstractmethod
    def picture_size(self) -> int:
        """Side in pixels of the pictures that the model sees in use."""


def _crops(options: dict[str, Any]) -> list[Any]:
    """How the faces of a data set are cut, and those of the data sets that it is merged of."""
    inner = options.get("options")
    parts = inner.values() if isinstance(inner, dict) else ()
    return [options.get("crop"), *(part.get("crop") for part in parts if isinstance(part, dict))]
