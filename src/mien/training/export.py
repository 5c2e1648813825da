"""From trained weights to an artifact: ONNX graph, calibration, figures, card."""

from __future__ import annotations

import logging
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from mien.artifact import FEATURES_INPUT, Model, SequenceModel, load_model, save_artifact
from mien.card import Card, Head
from mien.datasets.base import Dataset
from mien.datasets.sequences import Sequences
from mien.evaluation.calibration import fit_calibration
from mien.evaluation.run import evaluate
from mien.evaluation.selective import COVERAGES, risk_coverage
from mien.models.registry import count_parameters
from mien.models.sequence import SequenceNetwork
from mien.preprocess import Preprocessing
from mien.training.curve import draw_curve
from mien.training.data import Split, as_crops, load_sets
from mien.training.distill import selection_of
from mien.training.parts import ARTIFACT
from mien.training.sequences import layer_of, logits_of, to_sequence_graph

if TYPE_CHECKING:
    import onnx

    from mien.features.pictures import PictureTransformer
    from mien.training.experiment import Experiment
    from mien.training.recipe import Recipe
    from mien.training.run import Run


class FlipAverage(nn.Module):
    """The mean of a network's outputs for each picture and its mirror image: twice the work, a little more accurate."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.handcrafted = handcrafted(model)

    def forward(self, x: Tensor, features: Tensor | None = None) -> dict[str, Tensor]:
        """(N, C, S, S) → the network's outputs, averaged over the pair; handcrafted features stay those of the picture."""
        rest = () if features is None else (features,)
        mirrored = self.model(x.flip(3), *rest)
        return {name: (out + mirrored[name]) / 2 for name, out in self.model(x, *rest).items()}


class ShiftAverage(nn.Module):
    """The mean of a network's outputs for each picture and its copies shifted up, down, left and right: five times the work.

    They are the test-time crops of a picture that is continued by mirroring at its borders.
    """

    def __init__(self, model: nn.Module, pixels: int) -> None:
        super().__init__()
        self.model, self.pixels = model, pixels
        self.handcrafted = handcrafted(model)

    def forward(self, x: Tensor, features: Tensor | None = None) -> dict[str, Tensor]:
        """(N, C, S, S) → the network's outputs, averaged over the five; handcrafted features stay those of the picture."""
        rest, (height, width), reach = () if features is None else (features,), x.shape[2:], self.pixels
        wide = nn.functional.pad(x, (reach, reach, reach, reach), mode="reflect")
        corners = [(reach, reach), (0, reach), (2 * reach, reach), (reach, 0), (reach, 2 * reach)]
        found = [self.model(wide[:, :, top : top + height, left : left + width], *rest) for top, left in corners]
        return {name: torch.stack([outputs[name] for outputs in found]).mean(0) for name in found[0]}


def averaging(model: nn.Module, recipe: Recipe) -> nn.Module:
    """The network as it is used: over the views of each picture that the recipe averages."""
    model = FlipAverage(model) if recipe.flip_average else model
    return ShiftAverage(model, recipe.shift_average) if recipe.shift_average else model


def handcrafted(model: nn.Module) -> int:
    """How many numbers of handcrafted features the network takes beside pictures; 0 for none."""
    return int(getattr(model, "handcrafted", 0))


def to_onnx(model: nn.Module, preprocessing: Preprocessing) -> onnx.ModelProto:
    """The network as an ONNX graph: input `images` float32 (N, C, S, S) in 0–255, one output a head and `embedding`, any N.

    A network of handcrafted features besides has the input `features`, float32 (N, D), too.
    """
    import onnx

    model, numbers = model.eval(), handcrafted(model)
    example = [torch.zeros(2, preprocessing.channels, preprocessing.size, preprocessing.size)]
    example += [torch.zeros(2, numbers)] if numbers else []
    with torch.inference_mode():
        names = list(model(*example))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / ARTIFACT
        torch.onnx.export(
            model,
            tuple(example),
            path,
            input_names=["images", FEATURES_INPUT][: len(example)],
            output_names=names,
            dynamic_shapes=tuple({0: torch.export.Dim("batch")} for _ in example),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        graph = onnx.load(path)
    for node in graph.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    return graph


def finish(run: Run, model: nn.Module, selection: Split, data_dir: str | Path, features: PictureTransformer | None = None) -> Model:
    """Turn a finished run into its artifact, in the run's folder, and draw its curve. The test split is read here, as in `conclude`."""
    recipe = run.recipe
    preprocessing, sets = preprocessing_of(recipe, selection), load_sets(recipe, data_dir)
    card = card_of(recipe, preprocessing, sets, selection_of(recipe, sets), count_parameters(model))
    if recipe.sequence is None or not isinstance(model, SequenceNetwork):
        graph = to_onnx(averaging(model, recipe), preprocessing)
    else:
        layer = layer_of(recipe)
        graph, told = to_sequence_graph(model, layer, preprocessing), _told(next(iter(sets.values())))
        card = replace(card, sequence={"frames": recipe.sequence.frames, **told})
        card = replace(card, parameters=count_parameters(model) + (0 if layer is None else layer.parameters))
    artifact = conclude(graph, card, run.folder / ARTIFACT, recipe, sets, selection, features)
    draw_curve(run.history, run.best["epoch"], run.folder / "curve.png")
    return artifact


def _told(dataset: Dataset) -> dict[str, Any]:
    """What a card tells of the sequences that its model learnt from."""
    if not isinstance(dataset, Sequences):
        raise TypeError(f"A model of sequences learns from sequences; received {dataset.name}.")
    lengths = [len(dataset.frames_of(row)) for row in np.flatnonzero(dataset.split == "train").tolist()]
    return {"rate_hz": dataset.rate_hz, "longest": max(lengths)}


def preprocessing_of(recipe: Experiment, split: Split) -> Preprocessing:
    """How crops become what the recipe's model takes, for one that learnt from pictures like those of `split`."""
    return Preprocessing(recipe.picture_size, split.images.shape[-3], **recipe.preprocess.model_dump(exclude={"saliency"}))


def card_of(recipe: Experiment, preprocessing: Preprocessing, sets: dict[str, Dataset], selection: str, parameters: int | None) -> Card:
    """The card of what a recipe has trained on `sets`, all but calibration and figures."""
    return Card(
        name=recipe.name,
        version=recipe.version,
        heads=tuple(Head(head, recipe.labels_of(head)) for head in recipe.targets),
        preprocessing=preprocessing,
        training_data=recipe.training_data,
        licence=recipe.licence,
        recipe=recipe.model_dump(mode="json"),
        parameters=parameters,
        selection=selection,
        origin=next(iter(sets.values())).origin,
    )


def conclude(
    graph: onnx.ModelProto,
    card: Card,
    path: Path,
    recipe: Experiment,
    sets: dict[str, Dataset],
    selection: Split,
    features: PictureTransformer | None = None,
) -> Model:
    """Write the artifact of a graph whose `card` says all but calibration and figures.

    Each head's calibration, and the thresholds under which it abstains, are fitted on `selection`, the split that the recipe selects on;
    the artifact is measured as it will be used, on the data `sets` of its heads, and the figures go into its card, with the protocol that
    they follow. The test split is read here, once, where the recipe says so. `features`: fitted, for a graph that takes them.
    """
    save_artifact(graph, card, path, features)
    card = replace(card, heads=_calibrated(load_model(path), selection))
    save_artifact(graph, card, path, features)
    there = [split for split in ("validation", "test") if any((dataset.split == split).any() for dataset in sets.values())]
    splits = [split for split in there if split in ("validation", recipe.select_on) or recipe.evaluate_test]
    metrics = tuple(_measure(path, dataset, split) for split in splits for dataset in sets.values())
    save_artifact(graph, replace(card, metrics=metrics), path, features)
    return load_model(path)


def _calibrated(model: Model, selection: Split) -> tuple[Head, ...]:
    heads = []
    for head in model.card.heads:
        target = selection.heads[head.labels.name]
        rows = target.classes >= 0
        truth = target.classes[rows].numpy()
        if isinstance(model, SequenceModel):
            logits = logits_of(model, selection, rows, head.labels)
        else:
            logits = model.logits(as_crops(selection.images[rows]), head.labels)
        calibration = fit_calibration(logits, truth)
        scores = calibration.scores(logits)
        curve = risk_coverage(scores.max(axis=1), scores.argmax(axis=1) == truth)
        thresholds = {f"{coverage:g}": curve.threshold_at(coverage) for coverage in COVERAGES}
        heads.append(replace(head, calibration=calibration, abstain_at=thresholds))
    return tuple(heads)


def _measure(path: Path, dataset: Dataset, split: str) -> dict[str, Any]:
    """One entry of the card's metrics: the split's labelled rows, scored by the artifact as it lies in the file."""
    model = load_model(path, dataset.labels)
    return {**evaluate(model, dataset, split).to_dict(), "held_out": split not in model.card.selection.split()}
