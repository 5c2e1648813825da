"""Classical models: features, reduction and classifier from a recipe to an artifact like every other."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from typer.testing import CliRunner

from mien.artifact import load_model
from mien.cli.app import app
from mien.core.errors import ArtifactError, MienWarning, MissingExtraError, OptionError, RecipeError, TrainingError, UnknownNameError
from mien.datasets import load_dataset
from mien.datasets.avatars import export
from mien.explain import explain
from mien.features import registry as features
from mien.training import classifiers
from mien.training.classical import fit, train_classical
from mien.training.classical_graph import as_affine, decision, to_graph
from mien.training.classical_recipe import ClassicalRecipe
from mien.training.data import as_crops, load_sets, prepared, split_of
from mien.training.ensemble import finished, load_plan
from mien.training.fuse import fuse
from mien.training.recipe import checked, load_experiment, load_recipe
from mien.training.repeat import repeat, repetitions
from mien.training.sweep import sweep, swept
from tests.training.layouts import SHIPPED

CLASSICAL = [name for name, plan in SHIPPED.items() if isinstance(plan, ClassicalRecipe)]
SLOWEST = {"words": "20", "size": "96", "grid": "24"}


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """96 avatars of 12 characters as files."""
    folder = tmp_path_factory.mktemp("album")
    export(load_dataset("avatars", folder, labels="fer8", n=96, characters=12, intensity=(0.8, 1.0)), folder)
    return folder


def small(feature: str = "pixels", kind: str = "linear_svm", **changes: Any) -> ClassicalRecipe:
    """A recipe on an album."""
    values = {
        "name": f"{feature}_{kind}",
        "features": {"name": feature},
        "reduce": {"components": 10},
        "classifier": {"name": kind},
        "targets": {"fer7": {"dataset": "manifest", "options": {"labels": "fer8", "channels": 1}}},
    }
    return checked(ClassicalRecipe, values | changes)


def parts(recipe: ClassicalRecipe, album: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """The pictures of a split as features see them, and their classes."""
    rows = split_of(recipe, load_sets(recipe, album), split)
    return as_crops(prepared(rows, recipe).images), next(iter(rows.heads.values())).classes.numpy()


QUICK = [name for name in CLASSICAL if name.startswith("pixels_") and not name.endswith("valence3")]


@pytest.mark.parametrize("name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in CLASSICAL])
def test_every_recipe_runs_to_an_artifact(name: str, album: Path, tmp_path: Path) -> None:
    plan = load_plan(name)
    assert isinstance(plan, ClassicalRecipe)
    assert plan.training_data
    assert plan.licence
    head = next(iter(plan.targets))
    changes = {f"targets.{head}.dataset": "manifest", f"targets.{head}.options": '{labels = "fer8", channels = 1}'}
    if plan.features.name == "bovw":
        changes |= {f"features.options.{key}": value for key, value in SLOWEST.items()}
    if plan.reduce.components:
        changes["reduce.components"] = "10"
    recipe = load_experiment(name, changes)
    assert isinstance(recipe, ClassicalRecipe)
    card = train_classical(recipe, album, tmp_path)
    assert [(m["split"], m["held_out"]) for m in card.metrics] == [("validation", False), ("test", True)]
    assert card.heads[0].labels.name == head
    assert finished(recipe, tmp_path)


@pytest.mark.parametrize("name", classifiers.CLASSIFIERS)
@pytest.mark.parametrize("labels", ["fer7", pytest.param("valence3", marks=pytest.mark.slow)])
def test_the_graph_says_what_the_classifier_says(name: str, labels: str, album: Path) -> None:
    recipe = small("pixels", name, targets={labels: {"dataset": "manifest", "options": {"labels": "fer8", "channels": 1}}})
    pictures, classes = parts(recipe, album, "train")
    vectors = features.build("pixels").transform(pictures)
    fitted = fit(recipe, vectors, classes)
    if name == "local_svm":
        assert (decision(fitted, vectors).argmax(axis=1) == fitted.predict(vectors)).all()
        return
    import onnxruntime

    session = onnxruntime.InferenceSession(to_graph(fitted, labels, vectors).SerializeToString(), providers=["CPUExecutionProvider"])
    (logits,) = session.run([labels], {"features": vectors})
    np.testing.assert_allclose(logits, decision(fitted, vectors), atol=2e-3)
    assert (logits.argmax(axis=1) == fitted.predict(vectors)).all()


def test_two_classes_are_two_columns(album: Path) -> None:
    pictures, classes = parts(small(), album, "train")
    vectors, two = features.build("pixels").transform(pictures), classes % 2
    for name in ("linear_svm", "quadratic_svm", "logistic_regression", "knn"):
        fitted = fit(small("pixels", name), vectors, two)
        assert to_graph(fitted, "two", vectors).graph.output[0].type.tensor_type.shape.dim[1].dim_value == 2
        assert (decision(fitted, vectors).argmax(axis=1) == fitted.predict(vectors)).all()


@pytest.mark.slow
@pytest.mark.parametrize("feature", [*features.FEATURES, "network"])
def test_the_artifact_says_of_a_picture_what_the_pipeline_says(feature: str, album: Path, tmp_path: Path) -> None:
    options = {"bovw": {"words": 20, "size": 128}}.get(feature, {})
    recipe = small(feature, features={"name": feature, "options": options})
    train_classical(recipe, album, tmp_path)
    model = load_model(tmp_path / "model.onnx")
    pictures, classes = parts(recipe, album, "train")
    if feature in ("pixels", "network"):  # whose graphs start at the picture
        assert model.features is None
        return
    assert model.features is not None
    assert model.card.features["feature"] == feature
    vectors = model.features.transform(pictures)
    fitted = fit(recipe, vectors, classes)
    np.testing.assert_allclose(model.logits(pictures), decision(fitted, vectors), atol=2e-3)
    big = np.repeat(np.repeat(pictures[:3], 3, axis=1), 3, axis=2)  # a larger crop comes to the same size first
    np.testing.assert_allclose(model.predict(big), model.predict(pictures[:3]), atol=1e-5)


@pytest.mark.slow
def test_it_answers_without_torch_and_without_what_trains(album: Path, tmp_path: Path) -> None:
    train_classical(small("bovw", features={"name": "bovw", "options": {"words": 20, "size": 96}}), album, tmp_path)
    program = (
        "import sys, mien, numpy\n"
        f"print(mien.load_model({str(tmp_path / 'model.onnx')!r}).predict(numpy.zeros((1, 48, 48), 'uint8')).shape)\n"
        "print({'torch', 'onnx', 'skl2onnx', 'pydantic', 'lightning_fabric'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("(1, 7)\nset()\n", "")


@pytest.mark.slow
def test_what_reads_a_graph_leaves_it_to_occlusion(album: Path, tmp_path: Path) -> None:
    train_classical(small("hog"), album, tmp_path)
    model, face = load_model(tmp_path / "model.onnx"), np.random.default_rng(0).integers(0, 256, (1, 48, 48), np.uint8)
    assert explain(model, face)[0].heat.shape == (48, 48)
    for method in ("saliency", "gradcam", "stn"):
        with pytest.raises(OptionError, match=r"looks at handcrafted features .* Use occlusion instead"):
            explain(model, face, method)
    with pytest.raises(ArtifactError, match=r"takes handcrafted features \(hog\)"):
        fuse([tmp_path / "model.onnx", "default"], tmp_path / "both.onnx")


def test_without_the_extra_the_model_says_what_to_install(album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_classical(small("hog"), album, tmp_path)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[features\]'"):
        load_model(tmp_path / "model.onnx")


@pytest.mark.slow
def test_the_folder_says_how_it_was_made_and_resumes(album: Path, tmp_path: Path) -> None:
    recipe, steps = small("bovw", features={"name": "bovw", "options": {"words": 20, "size": 96}}), []
    first = train_classical(recipe, album, tmp_path, on_step=steps.append)
    assert steps == ["reading the data", "describing the pictures", "fitting the classifier", "measuring"]
    facts = json.loads((tmp_path / "run.json").read_text())
    assert (facts["numbers"], facts["reduced_to"], set(facts["without_keypoints"])) == (60, 10, {"sift", "surf", "orb"})
    with pytest.raises(TrainingError, match="already holds a run"):
        train_classical(recipe, album, tmp_path)
    (tmp_path / "run.json").unlink()  # as if killed before the end
    assert not finished(recipe, tmp_path)
    again = train_classical(recipe, album, tmp_path, resume=True)
    assert (again.sha256, again.metrics) == (first.sha256, first.metrics)


@pytest.mark.parametrize("steps", [(), (StandardScaler(),), (StandardScaler(), PCA(5))])
def test_the_steps_before_a_classifier_are_one_affine_map(steps: tuple[Any, ...]) -> None:
    vectors = np.random.default_rng(0).normal(2.0, 3.0, (40, 1100))  # more numbers than are looked at in one go
    reduced = make_pipeline(*steps).fit_transform(vectors) if steps else vectors
    before, shift = as_affine(make_pipeline(*steps, LinearSVC())[:-1], 1100)
    np.testing.assert_allclose(vectors @ before + shift, reduced, atol=1e-9)


@pytest.mark.slow
def test_seeds_and_sweeps_run_over_classical_models(album: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\nreduce = {components = 5}\nfeatures = {name = "pixels"}\n'
        'classifier = {name = "random_forest", options = {trees = 5}}\n'
        '[targets.fer7]\ndataset = "manifest"\noptions = {labels = "fer8", channels = 1}\n'
    )
    summary = repeat(repetitions(load_plan(path), album, tmp_path / "seeds", seeds=2), album, tmp_path / "seeds")
    assert [run["seed"] for run in summary["runs"]] == [0, 1]
    runs = swept(path, {"classifier.options.trees": "2,8"}, album, tmp_path / "sweep")
    assert [value["values"] for value in sweep(runs, album, tmp_path / "sweep")["values"]] == [
        {"classifier.options.trees": 2},
        {"classifier.options.trees": 8},
    ]


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        (
            {"classifier": {"name": "linear_svn"}},
            UnknownNameError,
            "Unknown classifier 'linear_svn'. Did you mean fine_gaussian_svm or linear_svm",
        ),
        ({"classifier": {"name": "knn", "options": {"k": 3}}}, UnknownNameError, "Unknown option of knn 'k'"),
        ({"classifier": {"name": "linear_svm", "options": {"C": -1.0}}}, OptionError, "linear_svm refuses"),
        ({"classifier": {"name": "local_svm", "options": {"neighbours": 1}}}, OptionError, "neighbours is 2 or more"),
        ({"features": {"name": "hgo"}}, UnknownNameError, "Unknown feature 'hgo'"),
        ({"features": {"name": "network", "options": {"layer": "embeding"}}}, UnknownNameError, "Did you mean embedding"),
        ({"features": {"name": "network"}, "size": 40}, RecipeError, "takes its pictures as Preprocessing"),
        ({"features": {"name": "network"}, "classifier": {"name": "local_svm"}}, RecipeError, "local_svm looks at handcrafted"),
        ({"reduce": {"components": 5000}}, RecipeError, "can't be reduced"),
    ],
)
def test_what_does_not_fit_is_told(changes: dict[str, Any], error: type[Exception], told: str, album: Path, tmp_path: Path) -> None:
    with pytest.raises(error, match=told):
        train_classical(small(**changes), album, tmp_path)
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"reduce": {"components": 3, "variance": 0.9}}, "both say how many"),
        ({"targets": {"fer7": {"dataset": "fer2013"}, "fer8": {"dataset": "ferplus"}}}, "has one head"),
        ({"targets": {"fer7": {"dataset": "fer2013", "label_smoothing": 0.1}}}, "learns labels alone"),
        ({"targets": {"fer7": {"dataset": "fer2013", "weight": 2.0}}}, "learns labels alone"),
        ({"optim": {"learning_rate": 1.0}}, "Unknown key 'optim'"),
    ],
)
def test_a_recipe_that_is_none_is_told(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        small(**changes)


def test_a_network_is_not_looked_for_in_a_classical_recipe() -> None:
    with pytest.raises(RecipeError, match="is the recipe of a classical model"):
        load_recipe("pixels_knn")


def test_a_solver_that_stopped_early_is_told_and_written_down(album: Path, tmp_path: Path) -> None:
    with pytest.warns(MienWarning, match="linear_svm stopped at its limit of steps before it had converged"):
        train_classical(small(classifier={"name": "linear_svm", "options": {"max_iter": 1}}), album, tmp_path / "early")
    train_classical(small(kind="knn"), album, tmp_path / "whole")
    assert [json.loads((tmp_path / run / "run.json").read_text())["converged"] for run in ("early", "whole")] == [False, True]


def test_the_command_tells_it_in_a_line(album: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\nfeatures = {name = "pixels"}\nclassifier = {name = "linear_svm", options = {max_iter = 1}}\n'
        '[targets.fer7]\ndataset = "manifest"\noptions = {labels = "fer8", channels = 1}\n'
    )
    ran = CliRunner().invoke(app, ["train", str(path), "--data", str(album), "--out", str(tmp_path / "run")])
    assert (ran.exit_code, ran.stderr.count("\n")) == (0, 1), ran.output
    assert ran.stderr.startswith("mien: mine: linear_svm stopped at its limit of steps")


@pytest.mark.parametrize("name", ["quadratic_svm", "cubic_svm", "medium_gaussian_svm", "fine_gaussian_svm"])
def test_kernel_machines_stop_and_say_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifiers, "_MOST_STEPS", 1)
    rows = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.warns(ConvergenceWarning, match="max_iter=1"):
        classifiers.build(name, {}, 0, balanced=False, spread=3.0).fit(rows, np.arange(40) % 2)


def test_more_neighbours_than_rows_are_told() -> None:
    recipe, rows = small(kind="knn", reduce={}, classifier={"name": "knn", "options": {"neighbours": 41}}), np.eye(40, dtype=np.float32)
    with pytest.raises(RecipeError, match="neighbours is 41, and there are 40 training rows"):
        fit(recipe, rows, np.arange(40) % 7)


def test_weights_of_classes_reach_the_classifier_or_are_refused(album: Path, tmp_path: Path) -> None:
    weighted = {"fer7": {"dataset": "manifest", "class_weights": "balanced", "options": {"labels": "fer8", "channels": 1}}}
    assert classifiers.build("linear_svm", {}, 0, balanced=True).class_weight == "balanced"
    with pytest.raises(RecipeError, match="knn takes no weights"):
        train_classical(small("pixels", "knn", targets=weighted), album, tmp_path)


def test_the_document_lists_every_recipe_and_feature() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "features.md").read_text(encoding="utf-8")
    rows = [[re.findall(r"`(\w+)`", cell) for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")]
    named = [row[0][0] for row in rows]
    assert named == [*features.FEATURES, "network", *classifiers.CLASSIFIERS, *CLASSICAL]
    for name, *cells in rows[-len(CLASSICAL) :]:
        plan = load_plan(name[0])
        assert isinstance(plan, ClassicalRecipe)
        assert cells[0] == [plan.features.name, plan.classifier.name]
        assert cells[1] == [*plan.targets]
