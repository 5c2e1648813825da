"""From trained weights to an artifact: ONNX graph, temperature, figures, card."""

from __future__ import annotations

import logging
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mien.artifact import Card, Head, Model, load_model, save_artifact
from mien.core.labels import label_set
from mien.datasets.base import load_dataset
from mien.evaluation.calibration import fit_temperature
from mien.evaluation.run import evaluate
from mien.models.registry import count_parameters
from mien.preprocess import Preprocessing
from mien.training.curve import draw_curve
from mien.training.data import Split
from mien.training.recipe import TargetPart

if TYPE_CHECKING:
    import onnx

    from mien.training.run import Run

ARTIFACT = "model.onnx"


class FlipAverage(nn.Module):
    """The mean of a network's outputs for each picture and its mirror image: twice the work, a little more accurate."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(N, C, S, S) → the network's outputs, averaged over the pair."""
        mirrored = self.model(x.flip(3))
        return {name: (out + mirrored[name]) / 2 for name, out in self.model(x).items()}


def to_onnx(model: nn.Module, preprocessing: Preprocessing) -> onnx.ModelProto:
    """The network as an ONNX graph: input `images` float32 (N, C, S, S) in 0–255, one output a head and `embedding`, any N."""
    import onnx

    model = model.eval()
    example = torch.zeros(2, preprocessing.channels, preprocessing.size, preprocessing.size)
    with torch.inference_mode():
        names = list(model(example))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / ARTIFACT
        torch.onnx.export(
            model,
            (example,),
            path,
            input_names=["images"],
            output_names=names,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        graph = onnx.load(path)
    for node in graph.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    return graph


def finish(run: Run, model: nn.Module, validation: Split, data_dir: str | Path) -> Model:
    """Turn a finished run into its artifact, in the run's folder.

    Each head's temperature is fitted on the validation split; the artifact is measured as it will be used, and the figures go into its
    card. The test split is read here, once, where the recipe says so. The curve is drawn too.
    """
    recipe, path = run.recipe, run.folder / ARTIFACT
    preprocessing = Preprocessing(recipe.phases[-1].size, validation.images.shape[1])
    graph = to_onnx(FlipAverage(model) if recipe.flip_average else model, preprocessing)
    card = Card(
        name=recipe.name,
        version=recipe.version,
        heads=tuple(Head(head, label_set(head)) for head in recipe.targets),
        preprocessing=preprocessing,
        training_data=recipe.training_data,
        licence=recipe.licence,
        recipe=recipe.model_dump(mode="json"),
        parameters=count_parameters(model),
    )
    save_artifact(graph, card, path)
    card = replace(card, heads=_calibrated(load_model(path), validation))
    save_artifact(graph, card, path)
    splits = ("validation", "test") if recipe.evaluate_test else ("validation",)
    metrics = tuple(_measure(path, head, target, split, data_dir) for split in splits for head, target in recipe.targets.items())
    save_artifact(graph, replace(card, metrics=metrics), path)
    draw_curve(run.history, run.best["epoch"], run.folder / "curve.png")
    return load_model(path)


def _calibrated(model: Model, validation: Split) -> tuple[Head, ...]:
    heads = []
    for head in model.card.heads:
        target = validation.heads[head.labels.name]
        rows = target.classes >= 0
        images = validation.images[rows]
        crops = images[:, 0] if images.shape[1] == 1 else images.permute(0, 2, 3, 1)
        temperature = fit_temperature(model.logits(crops.numpy(), head.labels), target.classes[rows].numpy())
        heads.append(replace(head, temperature=temperature))
    return tuple(heads)


def _measure(path: Path, head: str, target: TargetPart, split: str, data_dir: str | Path) -> dict[str, Any]:
    """One entry of the card's metrics: the split's labelled rows, scored by the artifact as it lies in the file."""
    return evaluate(load_model(path, head), load_dataset(target.dataset, data_dir, **target.options), split).to_dict()
