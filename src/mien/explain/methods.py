"""The methods by name, and the one call that runs them."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.artifact import ExpressionModel, Model
from mien.core.errors import UnknownNameError
from mien.datasets.options import check_options
from mien.explain.gradients import gradcam, integrated_gradients, saliency
from mien.explain.occlusion import occlusion
from mien.explain.transformer import stn
from mien.explain.values import Explanation
from mien.preprocess import Crops, Preprocessing


@dataclass(frozen=True)
class Method:
    """One way to find the evidence. `summary`: what it does, in one line. `needs_torch`: whether it needs torch and captum."""

    name: str
    summary: str
    needs_torch: bool
    function: Callable[..., NDArray[np.float32]]

    @property
    def options(self) -> Mapping[str, inspect.Parameter]:
        """Its options: name → parameter, with default and annotation, as the function takes them."""
        parameters = inspect.signature(self.function).parameters
        return {name: p for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY}


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            Method("occlusion", "the drop of the score as a square moves over the face; works for any model", False, occlusion),
            Method("gradcam", "the last feature map, weighted by the gradient of the label's logit", True, gradcam),
            Method("saliency", "the absolute gradient of the label's logit at each pixel", True, saliency),
            Method("integrated_gradients", "the gradient summed up on the way from a plain picture", True, integrated_gradients),
            Method("stn", "where the spatial transformers of the model look, whatever the label", False, stn),
        )
    }
)


def explain(
    model: ExpressionModel, crops: Crops, method: str = "occlusion", *, label: str | None = None, **options: Any
) -> list[Explanation]:
    """Where in each crop the evidence for a label lies, one explanation a crop.

    `crops`: as `Model.predict` takes them. `method`: a name in `METHODS`. `label`: one of the model's labels for all crops; default each
    crop's own, that of the highest score. `options`: the method's own; see `METHODS[method].options`.

    Raises
    ------
    UnknownNameError
        A method, option or label that does not exist; the near names are listed.
    OptionError
        An option of a wrong type or outside its range, or a method that needs a graph for a model that has none.
    ArtifactError
        A graph that the method can't read: no spatial transformer, no feature map, or an operator unknown to the gradients.
    InputError
        Crops of another dtype or shape.
    MissingExtraError
        The method needs a package that is not installed.
    """
    if method not in METHODS:
        raise UnknownNameError("method of explanation", method, METHODS)
    check_options(method, METHODS[method].function, options)
    asked = None if label is None else model.labels.index(label)
    images, model = seen(model, crops), prepared(model)
    if not len(images):
        return []
    scores = model.predict(images)
    columns = [int(row.argmax()) if asked is None else asked for row in scores]
    heats = METHODS[method].function(model, images, columns, **options)
    rows = zip(images, heats, columns, scores, strict=True)
    return [Explanation(image, heat, model.labels[i], float(row[i]), method) for image, heat, i, row in rows]


def seen(model: ExpressionModel, crops: Crops) -> NDArray[np.uint8]:
    """The crops as the network sees them: uint8 (N, S, S) gray or (N, S, S, 3) RGB.

    For a model that does not tell its input, RGB squares with the side of the largest crop. Raises InputError for another dtype or shape.
    """
    if isinstance(model, Model):
        preprocessing = model.card.preprocessing
    else:
        preprocessing = Preprocessing(max((max(np.shape(crop)[:2], default=1) for crop in crops), default=1), 3)
    inputs = preprocessing.to_input(crops).astype(np.uint8)
    return inputs[:, 0] if preprocessing.channels == 1 else inputs.transpose(0, 2, 3, 1)


def prepared(model: ExpressionModel) -> ExpressionModel:
    """The same model for crops that `seen` has made: they are in its size and colours, and their gray levels are not normalised twice."""
    if not isinstance(model, Model):
        return model
    pre = model.card.preprocessing
    twin = copy.copy(model)
    twin.card = replace(model.card, preprocessing=Preprocessing(pre.size, pre.channels))
    return twin
