"""A run of a classical model: describe, reduce, fit, and end with an artifact like every other.

recipe.json    the recipe as resolved
features.npz   what describes a picture, with what it has learnt
model.onnx     the artifact
run.json       versions, hardware, protocol, data, seconds of each step; written last
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from mien.artifact import read_card
from mien.card import Card
from mien.core.errors import MienWarning, RecipeError
from mien.core.files import write_text
from mien.datasets.options import check_values
from mien.features.bag import BagOfWords
from mien.features.local import LocalScores, LocalSVM
from mien.features.pictures import PictureTransformer, Vectors
from mien.features.texture import Pixels
from mien.preprocess import Preprocessing
from mien.training import classifiers
from mien.training.classical_graph import as_affine, from_pictures, scores_alone, to_graph
from mien.training.classical_recipe import ClassicalRecipe
from mien.training.data import as_crops, load_sets, prepared, split_of
from mien.training.describing import features_of, learn, share_out
from mien.training.distill import selection_of
from mien.training.export import card_of, conclude, preprocessing_of
from mien.training.layers import NetworkLayer, behind_network
from mien.training.parts import ARTIFACT, NETWORK
from mien.training.run import circumstances, claim, of_data

if TYPE_CHECKING:
    import onnx

Describer = PictureTransformer | NetworkLayer
Advance = Callable[[str], None]


def train_classical(
    recipe: ClassicalRecipe,
    data_dir: str | Path,
    folder: str | Path,
    *,
    resume: bool = False,
    on_step: Advance | None = None,
) -> Card:
    """Run `recipe` on the data in `data_dir`, keeping everything in `folder`; gives the card of `folder`/model.onnx.

    `resume` takes up features that were learnt before. `on_step` gets the name of each step as it begins.

    Raises
    ------
    TrainingError
        The folder already holds a run and `resume` is not given, or holds one of another recipe; the exported graph answers otherwise than
        what was fitted.
    RecipeError, DatasetError
        The recipe does not fit the data; the data are absent, partial or corrupt.
    OptionError, UnknownNameError
        A feature, a classifier or an option of theirs that does not exist, or is out of range.

    Warns with MienWarning where the classifier stopped before it had converged.
    """
    folder = Path(folder)
    seconds: dict[str, float] = {}

    @contextmanager
    def step(name: str) -> Iterator[None]:
        if on_step is not None:
            on_step(name)
        start = time.monotonic()
        yield
        seconds[name] = round(time.monotonic() - start, 2)

    claim(folder, recipe, resume)
    head = next(iter(recipe.targets))
    new_classifier(recipe, 1.0)  # so that a fault is told before the work
    describe = new_features(recipe, folder if resume else None)
    with step("reading the data"):
        sets = load_sets(recipe, data_dir)
        train, selection = (split_of(recipe, sets, name) for name in ("train", recipe.select_on))
        preprocessing, selected_on = preprocessing_of(recipe, train), selection_of(recipe, sets)
        if isinstance(describe, NetworkLayer):
            describe.need(preprocessing)
    write_text(folder / "recipe.json", recipe.model_dump_json(indent=2) + "\n")
    with step("describing the pictures"):
        vectors = _described(describe, as_crops(prepared(train, recipe).images), folder)
    with step("fitting the classifier"), _convergence(recipe) as stopped:
        fitted = fit(recipe, vectors, train.heads[head].classes.numpy())
    with step("measuring"):
        graph, kept = _exported(fitted, head, vectors, describe, preprocessing)
        card = card_of(recipe, preprocessing, sets, selected_on, None)
        card = conclude(graph, card, folder / ARTIFACT, recipe, sets, selection, kept).card
    facts = {
        **circumstances("cpu"),
        "scikit-learn": sklearn.__version__,
        "protocol": asdict(card.origin),
        "selection": card.selection,
        "teachers": {name: read_card(name).sha256 for name in recipe.teachers},
        "data": {"train": of_data(train), recipe.select_on: of_data(selection)},
        "numbers": vectors.shape[1],
        "reduced_to": fitted[-1].n_features_in_,
        "converged": not stopped,
        "without_keypoints": describe.blank(vectors) if isinstance(describe, BagOfWords) else {},
        "seconds": seconds,
    }
    write_text(folder / "run.json", json.dumps(facts, indent=2) + "\n")
    return card


@contextmanager
def _convergence(recipe: ClassicalRecipe) -> Iterator[list[warnings.WarningMessage]]:
    """Gives the warnings of solvers that stopped before their end, and turns them into one that says what to do. Others are shown."""
    stopped: list[warnings.WarningMessage] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        yield stopped
    for one in caught:
        if issubclass(one.category, ConvergenceWarning):
            stopped.append(one)
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno, source=one.source)
    if stopped:
        text = (
            f"{recipe.name}: {recipe.classifier.name} stopped at its limit of steps before it had converged, and is measured as it stands. "
            "A lower classifier.options.C, a higher max_iter where it has one, or standardised vectors (reduce) bring it there."
        )
        warnings.warn(text, MienWarning, stacklevel=4)  # at the call of train_classical


def new_features(recipe: ClassicalRecipe, folder: Path | None = None) -> Describer:
    """What describes the recipe's pictures, as it was learnt in `folder`, or new. Raises UnknownNameError, OptionError, ArtifactError."""
    part = recipe.features
    if part.name != NETWORK:
        return features_of(part, folder)
    if recipe.classifier.name == "local_svm":
        raise RecipeError("local_svm looks at handcrafted features; received those of a network. Choose another classifier.")
    check_values(NETWORK, NetworkLayer.__init__, part.options)
    return NetworkLayer(**part.options)


def new_classifier(recipe: ClassicalRecipe, spread: float) -> ClassifierMixin:
    """The recipe's classifier, unfitted; `spread` as in `classifiers.build`, and raises as that does."""
    balanced = next(iter(recipe.targets.values())).class_weights == "balanced"
    return classifiers.build(recipe.classifier.name, recipe.classifier.options, recipe.seed, balanced, spread)


def fit(recipe: ClassicalRecipe, vectors: Vectors, classes: NDArray[np.int64]) -> Pipeline:
    """The recipe's reduction and classifier, fitted on vectors (N, D) and their classes (N,). Raises RecipeError where they do not fit."""
    part, steps = recipe.reduce, []
    if part.standardise:
        steps.append(StandardScaler())
    if part.components is not None or part.variance is not None:
        steps.append(PCA(part.components or part.variance, svd_solver="full" if part.variance else "auto", random_state=recipe.seed))
    try:
        reduced = make_pipeline(*steps).fit_transform(vectors) if steps else vectors
    except ValueError as error:
        raise RecipeError(f"{len(vectors):,} vectors of {vectors.shape[1]:,} numbers can't be reduced: {error} Change reduce.") from error
    classifier = new_classifier(recipe, max(float(reduced.var(axis=0).sum()), 1e-12))
    if (near := getattr(classifier, "n_neighbors", 0)) > len(reduced):
        raise RecipeError(f"classifier.options.neighbours is {near:,}, and there are {len(reduced):,} training rows. Lower it.")
    share_out(classifier, len(reduced))
    return make_pipeline(*steps, classifier.fit(reduced, classes))


def _described(describe: Describer, pictures: NDArray[np.uint8], folder: Path) -> Vectors:
    vectors = None if isinstance(describe, NetworkLayer) else learn(describe, pictures, folder)
    return describe.transform(pictures) if vectors is None else vectors


def _exported(
    fitted: Pipeline, head: str, vectors: Vectors, describe: Describer, preprocessing: Preprocessing
) -> tuple[onnx.ModelProto, PictureTransformer | None]:
    """The graph of a run's model, and what describes its pictures where the graph can't do it itself."""
    if isinstance(describe, NetworkLayer):
        return behind_network(describe, to_graph(fitted, head, vectors)), None
    if isinstance(fitted[-1], LocalSVM):
        return scores_alone(head, len(fitted.classes_)), LocalScores.of(describe, *as_affine(fitted[:-1], vectors.shape[1]), fitted[-1])
    graph = to_graph(fitted, head, vectors)
    if isinstance(describe, Pixels) and (describe.size, preprocessing.channels) == (preprocessing.size, 1):
        return from_pictures(graph, preprocessing), None
    return graph, describe
