"""The recipe of a classical model: features, their reduction, and a classifier of scikit-learn."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from mien.training.experiment import Experiment
from mien.training.parts import DESCRIBER, NETWORK, FeaturesPart, Part


class ReducePart(Part):
    """What is done to the vectors before they are classified.

    `standardise`: less the mean, by the deviation, of each number over the training rows. Then principal components: so many
    `components`, or as many as hold the share `variance` of it; all numbers without either.
    """

    standardise: bool = True
    components: int | None = Field(None, ge=1)
    variance: float | None = Field(None, gt=0, lt=1)

    @model_validator(mode="after")
    def _by_one_rule(self) -> ReducePart:
        if self.components is not None and self.variance is not None:
            raise ValueError("reduce.components and reduce.variance both say how many components stay. Give one of them")
        return self


class ClassifierPart(Part):
    """Which classifier of `mien.training.classifiers`, with its own options."""

    name: str
    options: dict[str, Any] = Field(default_factory=dict)


class ClassicalRecipe(Experiment):
    """All of one experiment with a classical model.

    It has one target, learnt from the rows' own labels, weighted where `class_weights` says so. `size`: of the pictures that are described,
    in pixels; features may enlarge them further.
    """

    size: int = Field(48, ge=8)
    features: FeaturesPart
    reduce: ReducePart = ReducePart()
    classifier: ClassifierPart

    @model_validator(mode="after")
    def _learns_labels(self) -> ClassicalRecipe:
        if len(self.targets) != 1:
            raise ValueError(f"a classical model has one head; received targets {', '.join(self.targets)}. Leave one")
        part = next(iter(self.targets.values()))
        if part.loss != "cross_entropy" or part.label_smoothing or part.weight != 1 or self.preprocess.saliency or self.sequence:
            raise ValueError(
                "a classical model learns labels alone. Leave loss, label_smoothing, weight, preprocess.saliency and sequence out"
            )
        if self.features.cache is not None or (self.features.learnt is not None and self.features.name == NETWORK):
            raise ValueError("features.cache is for networks, and features.learnt for handcrafted features. Leave it out")
        return self

    @property
    def teachers(self) -> list[str]:
        """The name or path of the network whose layer it looks at, if it does."""
        return [self.features.options.get("model", DESCRIBER)] if self.features.name == NETWORK else []

    @property
    def picture_size(self) -> int:
        """Side in pixels of the pictures that the model sees in use."""
        return self.size

    @property
    def epochs(self) -> int:
        """Once over the data, as progress counts it."""
        return 1
