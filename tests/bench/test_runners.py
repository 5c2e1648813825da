from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mien.bench.description import read_description
from mien.bench.runners import FunctionRunner, OnnxRunner
from mien.core.errors import ArtifactError, InputError, UnknownNameError
from tests.bench.parts import GRAY, LABELS, adapter, crops, function, graph, linear


def runner(folder: Path, more: str = GRAY) -> OnnxRunner:
    return OnnxRunner(read_description(adapter(folder, f'onnx = "net.onnx"\n{LABELS}{more}')), threads=1)


def test_the_input_is_scaled_shifted_and_divided(tmp_path: Path) -> None:
    linear(tmp_path / "net.onnx")
    pictures = crops()
    run = runner(tmp_path, GRAY + "scale = 0.5\nmean = 3\nstd = 4\n")
    np.testing.assert_allclose(run.tensor(pictures)[:, 0], (pictures * 0.5 - 3) / 4, rtol=1e-6)


def test_channels_are_put_in_the_order_and_place_that_the_graph_wants(tmp_path: Path) -> None:
    linear(tmp_path / "net.onnx", shape=("n", 4, 4, 3))
    pictures = crops(colour=True)
    run = runner(tmp_path, '[input]\nsize = 4\nchannels = 3\nlayout = "NHWC"\norder = "BGR"\nmean = [1, 2, 3]\n')
    np.testing.assert_allclose(run.tensor(pictures), pictures[..., ::-1].astype(np.float32) - [1, 2, 3])
    np.testing.assert_array_equal(run.tensor(pictures[..., 0])[..., 2] + 3, pictures[..., 0])  # gray is repeated


def test_the_output_is_the_graphs_on_any_number_of_crops(tmp_path: Path) -> None:
    weights = linear(tmp_path / "net.onnx")
    pictures = crops(70)
    np.testing.assert_allclose(runner(tmp_path)(pictures), pictures.reshape(70, 16).astype(np.float32) @ weights, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("fixed", [1, 4])
def test_a_graph_with_a_fixed_batch_is_fed_so(tmp_path: Path, fixed: int) -> None:
    weights = linear(tmp_path / "net.onnx", shape=(fixed, 1, 4, 4))
    pictures = crops(6)
    np.testing.assert_allclose(runner(tmp_path)(pictures), pictures.reshape(6, 16).astype(np.float32) @ weights, rtol=1e-4, atol=1e-4)


def test_a_graph_of_bytes_is_fed_bytes(tmp_path: Path) -> None:
    nodes = [helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT), helper.make_node("Flatten", ["f"], ["y"])]
    onnx.save(graph(nodes, {"x": ("n", 1, 4, 4)}, ["y"], dtype=TensorProto.UINT8), tmp_path / "net.onnx")
    pictures = crops()
    run = runner(tmp_path)
    assert run.tensor(pictures).dtype == np.uint8
    np.testing.assert_array_equal(run(pictures), pictures.reshape(9, 16))


def test_what_a_graph_refuses_is_told_with_both_shapes(tmp_path: Path) -> None:
    linear(tmp_path / "net.onnx", shape=("n", 1, 5, 5))
    with pytest.raises(ArtifactError, match=r"other.toml: the graph refuses an input float32 of shape \(9, 1, 4, 4\)"):
        runner(tmp_path)(crops())


def test_inputs_and_outputs_are_picked_by_name(tmp_path: Path) -> None:
    nodes = [helper.make_node("Flatten", ["x"], ["a"]), helper.make_node("Neg", ["a"], ["b"])]
    onnx.save(graph(nodes, {"x": ("n", 1, 4, 4)}, ["a", "b"]), tmp_path / "net.onnx")
    with pytest.raises(ArtifactError, match=r"2 outputs \(a, b\). Name the one"):
        runner(tmp_path)
    with pytest.raises(UnknownNameError, match="Known: a, b"):
        runner(tmp_path, GRAY + '[output]\nname = "c"\n')
    np.testing.assert_array_equal(runner(tmp_path, GRAY + '[output]\nname = "b"\n')(crops()), -crops().reshape(9, 16).astype(np.float32))


def test_a_file_that_is_no_graph_and_an_input_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match="can't be read as an ONNX model"):
        runner(tmp_path)
    cast = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)
    onnx.save(graph([cast], {"x": ("n", 4)}, ["y"], dtype=TensorProto.INT64), tmp_path / "net.onnx")
    with pytest.raises(ArtifactError, match=r"is tensor\(int64\)"):
        runner(tmp_path)


def called(folder: Path, body: str, head: str = "", module: str = "given_crops") -> FunctionRunner:
    return FunctionRunner(read_description(function(folder, module, body, head)), threads=1)


def test_a_function_is_given_the_crops_as_they_are_or_as_it_wants_them(tmp_path: Path) -> None:
    gray, colour = crops(), crops(colour=True)
    plain = called(tmp_path, "return crops")
    np.testing.assert_array_equal(plain.tensor(gray), gray)
    np.testing.assert_array_equal(plain.tensor(colour), colour)
    bgr = called(tmp_path, "return crops", '[input]\nchannels = 3\norder = "BGR"\n')
    np.testing.assert_array_equal(bgr.tensor(colour), colour[..., ::-1])
    np.testing.assert_array_equal(bgr.tensor(gray), np.repeat(gray[..., None], 3, axis=3))
    luma = called(tmp_path, "return crops", "[input]\nchannels = 1\n")
    np.testing.assert_array_equal(luma.tensor(colour)[0], cv2.cvtColor(colour[0], cv2.COLOR_RGB2GRAY))
    small = called(tmp_path, "return crops", "[input]\nsize = 2\nchannels = 3\n")
    assert (small.tensor(gray).shape, small.tensor(gray).dtype) == ((9, 2, 2, 3), np.uint8)


def test_a_function_may_write_into_its_crops(tmp_path: Path) -> None:
    given = crops()
    called(tmp_path, "crops[:] = 0; return crops[:, 0, :1]")(given)
    np.testing.assert_array_equal(given, crops())


def test_a_function_is_given_no_more_than_its_batch(tmp_path: Path) -> None:
    run = called(tmp_path, "return np.full((len(crops), 1), len(crops))", "[input]\nbatch = 4\n")
    assert run(crops(9)).ravel().tolist() == [4] * 4 + [4] * 4 + [1]


def test_a_function_gives_one_row_a_crop(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"given_crops.toml: 9 crops gave an output of shape \(8, 4, 4\)"):
        called(tmp_path, "return crops[1:]")(crops())
