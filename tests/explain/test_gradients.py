from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import numpy_helper

from mien.artifact import Model, list_models, load_model, save_artifact
from mien.card import Card, Head
from mien.core.errors import ArtifactError, OptionError, UnknownNameError
from mien.core.labels import FER7, VALENCE3
from mien.explain import agreement, explain, gradients
from mien.explain.graph import read_graph, read_proto
from mien.explain.network import load_network
from mien.preprocess import Preprocessing
from tests.explain.parts import NODE, QUARTER, SIDE, WEIGHT, Foreign, faces, looking, made, noise, planted

SLOPE = WEIGHT / SIDE**2 / 255  # of the planted logit, per gray value of a pixel in the quarter
ALL = ("gradcam", "saliency", "integrated_gradients")


@pytest.fixture(scope="module")
def miennet() -> Model:
    return load_model("miennet", threads=1)


def test_grad_cam_weights_the_last_map(tmp_path: Path) -> None:
    image = noise(1)
    for_it, against = (explain(planted(tmp_path), image, "gradcam", label=label)[0] for label in ("neutral", "happiness"))
    np.testing.assert_allclose(for_it.heat, np.where(QUARTER, WEIGHT / SIDE**2 * image[0] / 255, 0), rtol=1e-4)
    assert not against.heat.any()  # eq. 2 keeps what speaks for the label


def test_saliency_is_the_slope(tmp_path: Path) -> None:
    for label in ("neutral", "happiness"):
        heat = explain(planted(tmp_path), noise(2), "saliency", label=label)[1].heat
        np.testing.assert_allclose(heat, np.where(QUARTER, SLOPE, 0), rtol=1e-4)
    colour = explain(planted(tmp_path, channels=3), noise(1, 3), "saliency", label="neutral")[0]
    np.testing.assert_allclose(colour.heat, np.where(QUARTER, SLOPE / 3, 0), rtol=1e-4)


def test_integrated_gradients_have_a_sign(tmp_path: Path) -> None:
    image = noise(1)
    for label, sign in (("neutral", 1), ("happiness", -1), ("fear", 0)):
        heat = explain(planted(tmp_path), image, "integrated_gradients", label=label)[0].heat
        np.testing.assert_allclose(heat, np.where(QUARTER, sign * SLOPE * image[0], 0), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("baseline", ["black", "mean"])
def test_integrated_gradients_are_complete(miennet: Model, baseline: str) -> None:
    """They add up to the logit's difference from the baseline (Sundararajan et al., 2017, proposition 1)."""
    images = faces()[:1]
    found = explain(miennet, images, "integrated_gradients", baseline=baseline, steps=64)
    starts = np.zeros_like(images) if baseline == "black" else images.mean(axis=(1, 2), keepdims=True) + np.zeros(images.shape)
    network = load_network(miennet)
    logits = [network(torch.from_numpy(array[:, None].astype(np.float32))).numpy() for array in (images, starts)]
    for row, one in enumerate(found):
        column = miennet.labels.index(one.label)
        assert one.heat.sum() == pytest.approx(logits[0][row, column] - logits[1][row, column], rel=0.05)


@pytest.mark.parametrize("labels", ["fer8", "valence3"])
def test_saliency_is_what_finite_differences_give(miennet: Model, labels: str) -> None:
    """For a label that several columns are summed into, of log p."""
    model, image = miennet.with_labels(labels), faces()[0]
    heat = explain(model, image[None], "saliency", label=model.labels[0])[0].heat
    network = load_network(model)
    network.constants = {name: value.double() if value.is_floating_point() else value for name, value in network.constants.items()}

    def evidence(pixels: np.ndarray) -> float:
        logits = network(torch.from_numpy(pixels[None, None].astype(np.float64)))[0]
        if labels == "fer8":
            return float(logits[0])
        negative = [model.head.labels.index(name) for name in ("anger", "disgust", "fear", "sadness")]
        return float(model.head.calibration.bent(logits.log_softmax(0), torch).softmax(0)[negative].sum().log())

    step = 1e-4
    for y, x in np.random.default_rng(0).integers(0, 48, (6, 2)):
        bump = np.zeros(image.shape)
        bump[y, x] = step
        slope = (evidence(image + bump) - evidence(image - bump)) / (2 * step)
        assert heat[y, x] == pytest.approx(abs(slope), rel=1e-3, abs=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("name", list_models())
def test_the_models_that_ship_on_avatars(name: str, method: str) -> None:
    model = load_model(name, threads=1)
    found = explain(model, faces()[:3], method)
    scores = model.predict(faces()[:3])
    assert [one.label for one in found] == [model.labels[i] for i in scores.argmax(axis=1)]
    assert all(one.heat.shape == (48, 48) and one.heat.any() and one.method == method for one in found)
    fear = explain(model, faces()[:1], method, label="fear")[0]
    assert fear.score == pytest.approx(float(scores[0, model.labels.index("fear")]))


@pytest.mark.parametrize(("method", "least"), [("gradcam", 0.7), ("saliency", 0.3), ("integrated_gradients", 0.4)])
def test_eight_bits_show_what_the_network_shows(miennet: Model, method: str, least: float) -> None:
    """The default model is miennet in whole numbers, over both mirror images: pixel for pixel another map, of the same places."""
    both = zip(*(explain(model, faces(), method, label="happiness") for model in (miennet, load_model(threads=1))), strict=True)
    assert np.mean([agreement(one, other) for one, other in both]) > least


@pytest.mark.parametrize("method", ALL)
def test_one_at_a_time_and_together(miennet: Model, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "POINTS", 16)
    options = {"steps": 8} if method == "integrated_gradients" else {}  # two crops at a time
    together = explain(miennet, faces()[:3], method, label="anger", **options)
    alone = explain(miennet, faces()[2:3], method, label="anger", **options)[0]
    np.testing.assert_allclose(together[2].heat, alone.heat, rtol=1e-3, atol=0.05 * np.abs(alone.heat).max())  # one unit that switches


def test_a_layer_by_its_tensor_or_its_node(miennet: Model, tmp_path: Path) -> None:
    planted_by_default, by_tensor, by_node = (
        explain(planted(tmp_path), noise(1), "gradcam", label="neutral", **options)[0].heat
        for options in ({}, {"layer": "masked"}, {"layer": "quarter"})
    )
    np.testing.assert_array_equal(planted_by_default, by_tensor)
    np.testing.assert_array_equal(planted_by_default, by_node)
    early = explain(miennet, faces()[:1], "gradcam", layer="relu_2")[0]
    assert not np.allclose(early.heat, explain(miennet, faces()[:1], "gradcam")[0].heat)


def test_a_layer_that_is_no_feature_map(miennet: Model, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"layer of miennet-half 'relu_222'\. Did you mean relu_2"):
        explain(miennet, faces()[:1], "gradcam", layer="relu_222")
    with pytest.raises(UnknownNameError, match=r"Known: bright, convolved, masked\. These are its feature maps"):
        explain(planted(tmp_path), noise(1), "gradcam", layer="scaled")  # the picture itself


def test_a_graph_without_feature_maps(tmp_path: Path) -> None:
    nodes = [NODE("Flatten", ["images"], ["flat"]), NODE("MatMul", ["flat", "w"], ["logits"])]
    model = made(tmp_path, nodes, {"w": np.full((SIDE**2, 8), 1e-3, np.float32)})
    with pytest.raises(ArtifactError, match=r"no feature map for Grad-CAM\. Use saliency"):
        explain(model, noise(1), "gradcam")
    assert explain(model, noise(1), "saliency")[0].heat == pytest.approx(1e-3)


def test_behind_transformers_the_heat_is_carried_back(tmp_path: Path) -> None:
    """The lone bright spot of a view stands in the heat where it stands in the crop; the mirrored branch is not the default."""
    model = looking(tmp_path)
    graph = read_graph(model)
    assert (graph.frames["seen"], graph.frames["aside"]) == ((("view", "second"),), (("mirror", "mirrored"),))
    assert graph.frames["both"] == (None,)
    crop = np.zeros((1, SIDE, SIDE), np.uint8)
    crop[0, 5, 8] = 255
    for layer in ("features", "aside"):
        label = next(name for name in model.labels if explain(model, crop, "gradcam", label=name, layer=layer)[0].heat.any())
        heat = explain(model, crop, "gradcam", label=label, layer=layer)[0].heat
        assert np.abs(np.array(np.unravel_index(heat.argmax(), heat.shape)) - (5, 8)).max() <= 1


def test_views_stacked_along_the_batch_are_added(tmp_path: Path) -> None:
    """The same features see the crop and its mirror image, one behind the other in the batch; the heat of both lies on the crop."""
    half = np.zeros((1, 1, SIDE, SIDE), np.float32)
    half[..., : SIDE // 2] = 1
    nodes = [
        NODE("Slice", ["images", "last", "before", "width", "last"], ["mirror"]),
        NODE("Concat", ["images", "mirror"], ["stacked"], axis=0),
        NODE("Conv", ["stacked", "kernel"], ["convolved"], kernel_shape=[1, 1]),
        NODE("Mul", ["convolved", "half"], ["left"]),
        NODE("GlobalAveragePool", ["left"], ["pooled"]),
        NODE("Flatten", ["pooled"], ["flat"]),
        NODE("Shape", ["images"], ["shape"]),
        NODE("Gather", ["shape", "first"], ["n"]),
        NODE("Slice", ["flat", "first", "n"], ["one"]),
        NODE("Slice", ["flat", "n", "end"], ["two"]),
        NODE("Concat", ["one", "two"], ["pair"], axis=1),
        NODE("Gemm", ["pair", "head"], ["logits"]),
    ]
    constants = {
        **{name: np.array([value]) for name, value in {"last": -1, "before": -(2**31), "width": 3, "first": 0, "end": 2**31}.items()},
        "kernel": np.ones((1, 1, 1, 1), np.float32),
        "half": half,
        "head": np.eye(2, 8, dtype=np.float32) + np.eye(2, 8, k=-1, dtype=np.float32),
    }
    images = noise(2)
    found = explain(made(tmp_path, nodes, constants), images, "gradcam", label="neutral")
    for one, image in zip(found, images, strict=True):  # the left half of the crop, and through the mirror its right half
        np.testing.assert_allclose(one.heat, image / SIDE**2, rtol=1e-4)


def test_an_operator_that_torch_is_not_told_of(tmp_path: Path) -> None:
    nodes = [NODE("Flatten", ["images"], ["flat"]), NODE("MatMul", ["flat", "w"], ["raw"]), NODE("Mish", ["raw"], ["logits"])]
    model = made(tmp_path, nodes, {"w": np.ones((SIDE**2, 8), np.float32)})
    with pytest.raises(ArtifactError, match="the operator Mish, through which no gradients"):
        explain(model, noise(1), "saliency")


def test_a_graph_that_torch_reads_otherwise(tmp_path: Path) -> None:
    model = planted(tmp_path)
    proto = read_proto(model)
    head = next(tensor for tensor in proto.graph.initializer if tensor.name == "head")
    head.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(head) * 2, "head"))
    model.file = proto.SerializeToString()
    with pytest.raises(ArtifactError, match="gives other logits in torch than in ONNX Runtime"):
        explain(model, noise(1), "saliency")
    next(node for node in proto.graph.node if node.op_type == "Gemm").input[0] = "images"
    model.file = proto.SerializeToString()
    with pytest.raises(ArtifactError, match="can't be evaluated in torch"):
        explain(model, noise(1), "saliency")


@pytest.mark.parametrize("method", ALL)
def test_a_model_without_a_graph(method: str) -> None:
    with pytest.raises(OptionError, match=f"The method {method} reads the graph of a model file of mien; received Foreign"):
        explain(Foreign(), np.zeros((1, 9, 9, 3), np.uint8), method)


def test_options_out_of_range(tmp_path: Path) -> None:
    for steps in (0, 1001):
        with pytest.raises(OptionError, match=f"1–1000; received {steps}"):
            explain(planted(tmp_path), noise(1), "integrated_gradients", steps=steps)
    with pytest.raises(UnknownNameError, match="Did you mean black"):
        explain(planted(tmp_path), noise(1), "integrated_gradients", baseline="blck")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "flip"), [("sdl", True), ("densecnn", False)])
def test_the_published_networks(tmp_path: Path, name: str, flip: bool) -> None:
    from mien.models.registry import build
    from mien.training.export import FlipAverage, to_onnx

    torch.manual_seed(0)
    net = build(name, {"fer7": 7})
    graph = to_onnx(FlipAverage(net) if flip else net, Preprocessing(48))
    save_artifact(graph, Card(name, "1", (Head("fer7", FER7),), Preprocessing(48), "none", "none"), tmp_path / "m.onnx")
    model = load_model(tmp_path / "m.onnx", VALENCE3, threads=1)
    for method in (*ALL, *(["stn"] if name == "sdl" else [])):
        assert [one.heat.shape for one in explain(model, faces()[:2], method)] == [(48, 48)] * 2
