"""Explanations of whole inputs: every face of pictures, and the classes of a labelled data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.analysis.analyzer import Analyzer
from mien.artifact import ExpressionModel
from mien.core.decode import as_rgb
from mien.core.errors import ArtifactError, DecodeError, InputError, LabelError, MissingExtraError, OptionError
from mien.core.types import RGB, Frame
from mien.datasets.base import Dataset, split_name
from mien.evaluation.run import labelled_rows
from mien.explain import Explanation, WarpedView, average, explain, mean_view, randomised, sanity_check, warped_views
from mien.preprocess import Crops
from mien.report.explain_page import Check
from mien.report.explain_values import ExplainedClass, ExplainedFace, ExplainedSource
from mien.sources import Source

Methods = Mapping[str, Mapping[str, Any]]
"""Name of a method → its options."""

CHUNK = 256
SANITY_FACES = 16
"""Faces that a method is held against random weights on."""


def check_methods(model: ExpressionModel, methods: Methods, label: str | None = None, *, sanity: bool = False) -> None:
    """Hold methods, their options and the label against the model, before there is a face; and, with `sanity`, that it has a graph.

    Raises as `mien.explain.explain` and `mien.explain.randomised` do.
    """
    for method, options in methods.items():
        explain(model, [], method, label=label, **options)
    if sanity:
        randomised(model)


def explain_sources(
    analyzer: Analyzer, sources: Iterable[Source], methods: Methods, *, label: str | None = None
) -> Iterator[ExplainedSource]:
    """The faces of each source, each explained by all methods; of a video or camera, those of the first frame that is taken.

    `label`: one of the model's labels for all faces, default each face's own. For a model with spatial transformers each face has their
    views too. What can't be read, and a picture without a face, is a source with its `error`; the others are finished.

    Raises as `mien.explain.explain` does.
    """
    for source in sources:
        try:
            with source:
                yield _of_frame(analyzer, source, _first(source), methods, label)
        except (InputError, OSError) as error:
            yield ExplainedSource(source.info, error=str(error))


def explain_classes(
    model: ExpressionModel,
    dataset: Dataset,
    split: str,
    methods: Methods,
    *,
    per_class: int = 20,
    seed: int = 0,
    also_wrong: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[ExplainedClass, ...]:
    """Each class of a split, explained by all methods on the rows that `draw_rows` draws: the means, and every row by itself.

    Each row is explained for its true label. `progress` is called with the classes done and the classes in all. Raises as `draw_rows` and
    `mien.explain.explain` do.
    """
    drawn, available = draw_rows(model, dataset, split, per_class, seed=seed, also_wrong=also_wrong), _available(dataset, split)
    found = []
    for done, (label, rows) in enumerate(drawn.items()):
        if progress is not None:
            progress(done, len(drawn))
        found.append(_class(model, dataset, label, rows, available[label], methods))
    return tuple(found)


def draw_rows(
    model: ExpressionModel, dataset: Dataset, split: str, per_class: int, *, seed: int = 0, also_wrong: bool = False
) -> dict[str, NDArray[np.int64]]:
    """Label → at most `per_class` rows of that class in the split, drawn at random; without `also_wrong`, of those the model gets right.

    The same seed draws the same rows of a class, however many are wanted: fewer are the first of more.

    Raises
    ------
    LabelError
        The model's label set is not the data set's.
    OptionError
        `per_class` below 1 or a seed below 0.
    DatasetAbsentError
        The split has no labelled image.
    """
    if model.labels != dataset.labels:
        raise LabelError(
            f"The model speaks {model.labels.name} and {dataset.name} {dataset.labels.name}. Load the model with labels=dataset.labels."
        )
    if per_class < 1 or seed < 0:
        raise OptionError(f"A class is drawn from 1 face up, by a seed from 0 up; received per_class={per_class}, seed={seed}.")
    rows = labelled_rows(dataset, split_name(split))
    drawn = {}
    for column, label in enumerate(dataset.labels):
        own = np.random.default_rng([seed, column]).permutation(rows[dataset.targets[rows] == column])
        drawn[label] = own[:per_class] if also_wrong else _right(model, dataset, own, column, per_class)
    return drawn


def check_sanity(model: ExpressionModel, faces: Sequence[RGB], methods: Methods, *, seed: int = 0) -> tuple[Check, ...]:
    """Every method held against random weights, on the first SANITY_FACES crops. Raises as `mien.explain.sanity_check` does."""
    shown = faces[:SANITY_FACES]
    return tuple(Check(name, sanity_check(model, shown, name, seed=seed, **options), len(shown)) for name, options in methods.items())


def _first(source: Source) -> Frame:
    frame = next(iter(source), None)
    if frame is None:
        raise DecodeError(f"{source.name} gives no frame there. Take another moment of it.")
    return frame


def _of_frame(analyzer: Analyzer, source: Source, frame: Frame, methods: Methods, label: str | None) -> ExplainedSource:
    faces = analyzer.find(frame)
    if not faces:
        raise InputError(f"{analyzer.detector.name} found no face in {source.name}. Try another detector; whole takes the picture itself.")
    results, crops = analyzer.judge(frame, faces).faces, analyzer.crops(frame, faces)
    rows = _maps(analyzer.model, crops, methods, label)
    explained = [
        ExplainedFace(f"face {number}", crop, maps, views, result)
        for number, (crop, maps, views, result) in enumerate(zip(crops, rows, _views(analyzer.model, crops), results, strict=True), start=1)
    ]
    return ExplainedSource(source.info, frame.image, tuple(explained))


def _maps(model: ExpressionModel, crops: Crops, methods: Methods, label: str | None) -> list[tuple[Explanation, ...]]:
    """The explanations of each crop, a method each."""
    columns = [explain(model, crops, method, label=label, **options) for method, options in methods.items()]
    return list(zip(*columns, strict=True))


def _views(model: ExpressionModel, crops: Crops) -> list[tuple[WarpedView, ...]]:
    """What the spatial transformers make of each crop; nothing for a model that has none, or where its graph can't be read."""
    try:
        return [tuple(views) for views in warped_views(model, crops)]
    except (ArtifactError, OptionError, MissingExtraError):
        return [()] * len(crops)


def _available(dataset: Dataset, split: str) -> dict[str, int]:
    targets = dataset.targets[labelled_rows(dataset, split_name(split))]
    return {label: int((targets == column).sum()) for column, label in enumerate(dataset.labels)}


def _right(model: ExpressionModel, dataset: Dataset, rows: NDArray[np.int64], column: int, wanted: int) -> NDArray[np.int64]:
    """The first `wanted` of the rows that the model takes for `column`; no more of them are judged than that takes."""
    found = rows[:0]
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        found = np.concatenate([found, part[model.predict(dataset.images[part]).argmax(axis=1) == column]])
        if len(found) >= wanted:
            break
    return found[:wanted]


def _class(
    model: ExpressionModel, dataset: Dataset, label: str, rows: NDArray[np.int64], available: int, methods: Methods
) -> ExplainedClass:
    if not len(rows):
        return ExplainedClass(label, rows, available)
    images = dataset.images[rows]
    maps, views = _maps(model, images, methods, label), _views(model, images)
    examples = tuple(
        ExplainedFace(f"row {row}", as_rgb(image), own, seen)
        for row, image, own, seen in zip(rows.tolist(), images, maps, views, strict=True)
    )
    means = tuple(average(column)[label] for column in zip(*maps, strict=True))
    return ExplainedClass(label, rows, available, means, examples, tuple(map(mean_view, zip(*views, strict=True))))
