"""Other forms of a trained model: 8-bit, in half the space, averaging mirror images."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper, version_converter

from mien.artifact import load_model, read_card, save_artifact
from mien.core.errors import ArtifactError, MissingExtraError, OptionError
from mien.core.labels import FER7, FER8
from mien.datasets.base import SplitOrigin, load_dataset
from mien.datasets.seen import seen_by
from mien.evaluation.run import evaluate
from mien.explain.network import load_network
from mien.training.quantise import calibration_rows, quantised
from mien.training.recipe import parse_recipe
from mien.training.remake import recipe_of, remake
from mien.training.rewrite import halved, mirrored
from mien.training.run import train
from tests.test_artifact import CARD, probe

CROPS = np.random.default_rng(1).integers(0, 256, (40, 8, 8), np.uint8)
WIDE = replace(CARD, preprocessing=replace(CARD.preprocessing, size=8))


@pytest.fixture(scope="module")
def trained(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that tells the stripes apart, of both heads, with its figures on both splits."""
    fer8 = {
        "dataset": "ferplus",
        "loss": "soft_cross_entropy",
        "options": {"verify": False, "keep": "all", "labels_from": "fer2013new.csv"},
    }
    values = {
        "name": "stripes",
        "training_data": "stripes",
        "licence": "none",
        "precision": "32-true",
        "model": {"name": "miennet", "options": {"stem": 8, "widths": [8, 16], "depths": [1, 1], "dropout": 0.0}},
        "targets": {"fer8": fer8, "fer7": {"dataset": "fer2013", "options": {"verify": False}}},
        "augment": {"rotation": 0.0, "shift": 0.0, "scale": 0.0, "erase_probability": 0.0},
        "phases": [{"epochs": 2, "size": 24}, {"epochs": 10, "size": 48}],
        "optim": {"batch_size": 16, "ema_decay": 0.8, "learning_rate": 0.1},
    }
    return train(parse_recipe(values), small_data, tmp_path_factory.mktemp("run")).folder / "model.onnx"


@pytest.fixture(scope="module")
def eight(trained: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("int8") / "int8.onnx"
    remake(trained, path, small_data, int8=True)
    return path


@pytest.fixture(scope="module")
def pictures(small_data: Path) -> NDArray[np.uint8]:
    return load_dataset("fer2013", small_data, verify=False).images


def copied(path: Path, to: Path, **changes: Any) -> Path:
    """The model with another card."""
    model = load_model(path)
    save_artifact(onnx.load_model_from_string(model.file), replace(model.card, **changes), to)
    return to


def saved(graph: onnx.ModelProto, to: Path, **changes: Any) -> Path:
    save_artifact(graph, replace(WIDE, **changes), to)
    return to


@pytest.mark.parametrize("opset", [17, 20])
def test_a_mirrored_graph_averages_each_picture_and_its_mirror_image(opset: int, tmp_path: Path) -> None:
    graph = version_converter.convert_version(probe(size=8), opset)
    plain, both = load_model(saved(graph, tmp_path / "a.onnx")), load_model(saved(mirrored(graph), tmp_path / "b.onnx"))
    for labels in (FER8, FER7):
        mean = (plain.logits(CROPS, labels) + plain.logits(CROPS[:, :, ::-1], labels)) / 2
        np.testing.assert_allclose(both.logits(CROPS, labels), mean, atol=1e-4)
    assert both.logits(CROPS[:1]).shape == (1, 8)
    assert len(both.file) < len(plain.file) + 2000  # no weight is there twice
    onnx.checker.check_model(onnx.load(tmp_path / "b.onnx"), full_check=True)


def test_handcrafted_features_beside_pictures_stay_those_of_the_picture() -> None:
    import onnxruntime

    images = helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, ["n", 1, 2, 2])
    features = helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["n", 4])
    nodes = [
        helper.make_node("Flatten", ["images"], ["flat"]),
        helper.make_node("Mul", ["flat", "corner"], ["first"]),
        helper.make_node("Add", ["first", "features"], ["out"]),
    ]
    corner = numpy_helper.from_array(np.array([1, 0, 0, 0], np.float32), "corner")
    out = helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, ["n", 4])
    graph = helper.make_graph(nodes, "two", [images, features], [out], [corner])
    model = mirrored(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(["out"], {"images": np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2), "features": np.full((1, 4), 7, np.float32)})
    np.testing.assert_allclose(found[0], [[7.5, 7, 7, 7]])  # the corner's 0 and its mirror image's 1


def test_a_graph_without_pictures_can_not_be_mirrored() -> None:
    graph = probe()
    del graph.graph.input[0].type.tensor_type.shape.dim[2:]
    with pytest.raises(ArtifactError, match="images, no pictures to mirror"):
        mirrored(graph)


def test_a_halved_graph_keeps_eleven_bits_of_a_weight(tmp_path: Path) -> None:
    graph = probe(size=8)
    plain, half = load_model(saved(graph, tmp_path / "a.onnx")), load_model(saved(halved(graph), tmp_path / "b.onnx"))
    np.testing.assert_allclose(half.logits(CROPS), plain.logits(CROPS), atol=0.1)
    assert not np.array_equal(half.logits(CROPS), plain.logits(CROPS))
    kept = onnx.load_model_from_string(half.file).graph.initializer
    for before, after in zip(graph.graph.initializer, kept, strict=True):
        stored = numpy_helper.to_array(after)
        assert stored.dtype == np.float16
        np.testing.assert_allclose(stored, numpy_helper.to_array(before), rtol=2**-11, atol=1e-7)


def test_weights_that_float16_does_not_hold_stay_as_they_are() -> None:
    graph = probe(size=8)
    large = numpy_helper.to_array(graph.graph.initializer[0]) * 1e8
    graph.graph.initializer[0].CopyFrom(numpy_helper.from_array(large, "w8"))
    assert [tensor.data_type for tensor in halved(graph).graph.initializer] == [onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16]
    with pytest.raises(ArtifactError, match="no float32 tensor of 256 numbers"):
        halved(probe())


def test_the_forms_that_there_are(tmp_path: Path) -> None:
    for forms in ({}, {"int8": True, "half": True}):
        with pytest.raises(OptionError, match=r"int8 or half.*received (none|int8 and half)"):
            remake("default", tmp_path / "m.onnx", tmp_path, **forms)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_an_8_bit_model_decides_as_the_one_it_was_made_from(trained: Path, eight: Path, pictures: NDArray[np.uint8]) -> None:
    for labels in (FER8, FER7):
        before, after = (load_model(path, labels).predict(pictures) for path in (trained, eight))
        assert (before.argmax(1) == after.argmax(1)).mean() > 0.97
        assert not np.array_equal(before, after)
    graph = onnx.load(eight).graph
    kernels = [tensor for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 4]
    assert len(kernels) == sum(node.op_type == "Conv" for node in graph.node)
    assert max(np.abs(numpy_helper.to_array(kernel).astype(int)).max() for kernel in kernels) <= 64  # 7 bits, see `quantised`


@pytest.mark.slow
def test_the_card_of_another_form(trained: Path, eight: Path, small_data: Path) -> None:
    before, after = read_card(trained), read_card(eight)
    assert after.name == "stripes-int8"
    assert after.sha256 != before.sha256
    assert after.made_from == {
        "name": "stripes",
        "version": before.version,
        "sha256": before.sha256,
        "forms": ["int8"],
        "calibration": {"dataset": "ferplus", "split": "train", "images": 96, "seed": 0, "method": "minmax"},
    }
    kept = ("version", "preprocessing", "training_data", "licence", "recipe", "parameters", "selection", "origin")
    assert {name: getattr(after, name) for name in kept} == {name: getattr(before, name) for name in kept}
    assert [head.labels for head in after.heads] == [head.labels for head in before.heads]
    assert [head.calibration for head in after.heads] != [head.calibration for head in before.heads]
    assert all(head.abstain_at.keys() == {"0.8", "0.9"} for head in after.heads)
    assert [(one["dataset"], one["split"], one["held_out"]) for one in after.metrics] == [
        ("ferplus", "validation", False),
        ("fer2013", "validation", False),
        ("ferplus", "test", True),
        ("fer2013", "test", True),
    ]
    dataset = load_dataset("fer2013", small_data, verify=False)
    assert after.metrics[1]["overall"] == evaluate(load_model(eight, dataset.labels), dataset, "validation").to_dict()["overall"]
    assert seen_by(after.recipe) == seen_by(before.recipe)


@pytest.mark.slow
def test_the_same_model_quantised_twice_is_the_same_file(trained: Path, eight: Path, small_data: Path, tmp_path: Path) -> None:
    again = remake(trained, tmp_path / "again.onnx", small_data, int8=True)
    assert again == read_card(eight)
    assert (tmp_path / "again.onnx").read_bytes() == eight.read_bytes()


@pytest.mark.slow
def test_forms_together_and_one_after_the_other(trained: Path, eight: Path, small_data: Path, tmp_path: Path) -> None:
    untested = copied(trained, tmp_path / "u.onnx", metrics=read_card(trained).metrics[:2])
    both = remake(untested, tmp_path / "both.onnx", small_data, int8=True, flip=True)
    assert [one["split"] for one in both.metrics] == ["validation", "validation"]  # its card has none of the test split
    flipped = remake(eight, tmp_path / "flipped.onnx", small_data, flip=True)
    assert flipped.made_from["made_from"] == read_card(eight).made_from
    assert [head.calibration for head in flipped.heads] == [head.calibration for head in both.heads]
    with pytest.raises(ArtifactError, match="has the form int8 already"):
        remake(tmp_path / "flipped.onnx", tmp_path / "more.onnx", small_data, int8=True)


@pytest.mark.slow
def test_the_test_split_is_read_where_it_is_asked_for(trained: Path, small_data: Path, tmp_path: Path) -> None:
    card = read_card(trained)
    untested = copied(trained, tmp_path / "u.onnx", metrics=card.metrics[:2])
    assert remake(untested, tmp_path / "m.onnx", small_data, test=True).metrics == card.metrics
    assert read_card(tmp_path / "m.onnx") == card
    tested = remake(untested, tmp_path / "h.onnx", small_data, half=True, test=True)
    assert [one["split"] for one in tested.metrics] == ["validation", "validation", "test", "test"]


@pytest.mark.slow
def test_explanations_read_every_form(trained: Path, eight: Path, small_data: Path, tmp_path: Path) -> None:
    card = remake(trained, tmp_path / "m.onnx", small_data, half=True, flip=True)
    assert card.name == "stripes-half-flip"
    assert (tmp_path / "m.onnx").stat().st_size < trained.stat().st_size
    for path in (tmp_path / "m.onnx", eight):
        load_network(load_model(path))


@pytest.mark.slow
def test_the_light_core_answers_with_every_form(eight: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'onnx', 'pydantic', 'sklearn'): sys.modules[name] = None\n"
        "import mien, numpy as np\n"
        "model = mien.load_model(sys.argv[1])\n"
        "print(model.card.made_from['forms'], model.predict(np.zeros((3, 48, 48), np.uint8)).sum(1).round(3))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(eight)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout.strip() == "['int8'] [1. 1. 1.]", done.stderr


@pytest.mark.slow
def test_models_that_are_refused(trained: Path, small_data: Path, tmp_path: Path) -> None:
    card = read_card(trained)
    flipping = copied(trained, tmp_path / "f.onnx", recipe=card.recipe | {"flip_average": True})
    other = copied(trained, tmp_path / "o.onnx", origin=SplitOrigin("subject_folds", "1 of 5", "0" * 64))
    frames = copied(trained, tmp_path / "s.onnx", sequence={"frames": 1, "longest": 1, "rate_hz": None})
    for path, forms, said in (
        (flipping, {"flip": True}, "has the form flip already"),
        (other, {"half": True}, "Give the data that it was trained on"),
        (frames, {"flip": True}, "reads sequences"),
    ):
        with pytest.raises(ArtifactError, match=said):
            remake(path, tmp_path / "m.onnx", small_data, **forms)
    assert not (tmp_path / "m.onnx").exists()


def test_cards_that_name_no_data_are_refused(tmp_path: Path) -> None:
    for recipe, said in (({}, "names no data set"), ({"classifier": {"name": "linear_svm"}}, "is a classical model")):
        with pytest.raises(ArtifactError, match=said):
            remake(saved(probe(size=8), tmp_path / "p.onnx", recipe=recipe), tmp_path / "m.onnx", tmp_path, half=True)


def test_a_fused_model_has_the_data_of_its_members(small: dict[str, Any]) -> None:
    inner = {"name": "two", "members": [{"name": "small", "recipe": small}]}
    card = replace(CARD, recipe={"name": "all", "members": [{"name": "two", "recipe": inner}]})
    assert recipe_of(card) == parse_recipe(small)


def test_graphs_that_can_not_be_quantised(tmp_path: Path) -> None:
    graph = probe(size=8)
    model = load_model(saved(graph, tmp_path / "p.onnx"))
    again = quantised(model, graph, CROPS)
    with pytest.raises(ArtifactError, match="quantised already"):
        quantised(model, again, CROPS)
    for node in graph.graph.node:
        node.op_type = "Relu"
    with pytest.raises(ArtifactError, match="has none of Conv"):
        quantised(model, graph, CROPS)
    with pytest.raises(ArtifactError, match="can't be quantised"):
        quantised(model, probe(size=4), CROPS)
    frames = load_model(saved(probe(size=8), tmp_path / "s.onnx", sequence={"frames": 1, "longest": 1, "rate_hz": None}))
    with pytest.raises(ArtifactError, match="no 8-bit form"):
        quantised(frames, probe(size=8), CROPS)


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, graph = load_model(saved(probe(size=8), tmp_path / "p.onnx")), probe(size=8)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[train\]'"):
        quantised(model, graph, CROPS)


def test_calibration_rows_are_drawn_among_the_training_rows(small_data: Path) -> None:
    dataset = load_dataset("fer2013", small_data, verify=False)
    rows = calibration_rows(dataset)
    assert len(rows) == 96  # all that there are
    assert set(dataset.split[rows].tolist()) == {"train"}
    many = dataset.take(np.repeat(np.arange(len(dataset)), 6))
    drawn = calibration_rows(many)
    assert (len(drawn), len(set(drawn.tolist()))) == (512, 512)
    assert np.array_equal(drawn, calibration_rows(many))
