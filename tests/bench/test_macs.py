from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mien.bench.contenders import load_contender
from mien.bench.macs import count_macs, count_parameters
from mien.core import optional
from mien.core.errors import ArtifactError, MissingExtraError
from tests.bench.parts import crops, graph, linear

NODE = helper.make_node


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


def case(nodes, shape, weights, expected):
    return pytest.param(nodes, shape, weights, expected, id=nodes[-1].op_type)


CASES = [
    case([NODE("Conv", ["x", "w"], ["y"], strides=[2, 2], pads=[1] * 4)], (1, 3, 8, 8), {"w": ones(5, 3, 3, 3)}, 5 * 4 * 4 * 3 * 9),
    case([NODE("Conv", ["x", "w"], ["y"], group=4)], (1, 4, 6, 6), {"w": ones(4, 1, 3, 3)}, 4 * 4 * 4 * 9),
    case([NODE("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])], (1, 3, 4, 4), {"w": ones(3, 2, 2, 2)}, 3 * 16 * 2 * 4),
    case([NODE("MatMul", ["x", "w"], ["y"])], (1, 5, 6), {"w": ones(6, 7)}, 5 * 6 * 7),
    case([NODE("MatMul", ["x", "w"], ["y"])], (1, 6), {"w": ones(6)}, 6),
    case([NODE("Gemm", ["x", "w"], ["y"], transB=1)], (1, 6), {"w": ones(7, 6)}, 42),
    case([NODE("Gemm", ["x", "w"], ["y"], transA=1)], (6, 1), {"w": ones(6, 7)}, 42),
    case([NODE("Einsum", ["x", "w"], ["y"], equation="nij, jk -> nik")], (1, 5, 6), {"w": ones(6, 7)}, 5 * 6 * 7),
    case([NODE("LSTM", ["x", "w", "r"], ["y"], hidden_size=4)], (5, 1, 3), {"w": ones(1, 16, 3), "r": ones(1, 16, 4)}, 5 * (48 + 64)),
    case([NODE("Relu", ["x"], ["y"])], (1, 9), {}, 0),
    case([NODE("Flatten", ["x"], ["f"]), NODE("Gemm", ["f", "w"], ["y"])], (1, 2, 3), {"w": ones(6, 2)}, 12),
]


@pytest.mark.parametrize(("nodes", "shape", "weights", "expected"), CASES)
def test_counts_by_hand(tmp_path: Path, nodes, shape, weights, expected: int) -> None:
    onnx.save(graph(nodes, {"x": shape}, ["y"], weights), tmp_path / "net.onnx")
    assert count_macs(tmp_path / "net.onnx", np.zeros(shape, np.float32)) == expected
    assert count_parameters(tmp_path / "net.onnx") == sum(array.size for array in weights.values())


def test_quantised_convolutions_count_like_others(tmp_path: Path) -> None:
    nodes = [
        NODE("QuantizeLinear", ["x", "s", "z"], ["q"]),
        NODE("QLinearConv", ["q", "s", "z", "w", "s", "z", "s", "z"], ["c"]),
        NODE("DequantizeLinear", ["c", "s", "z"], ["y"]),
    ]
    weights = {"s": np.float32(0.5), "z": np.uint8(0), "w": np.ones((5, 3, 3, 3), np.uint8)}
    onnx.save(graph(nodes, {"x": (1, 3, 6, 6)}, ["y"], {k: np.asarray(v) for k, v in weights.items()}), tmp_path / "net.onnx")
    assert count_macs(tmp_path / "net.onnx", np.zeros((1, 3, 6, 6), np.float32)) == 5 * 16 * 27


@pytest.mark.slow
@pytest.mark.parametrize(("name", "views"), [("miennet", 1), ("default", 2)])
def test_the_models_that_ship_have_as_many_as_torch_counts(name: str, views: int) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from mien.models.registry import build

    contender = load_contender(name, threads=1)
    recipe = contender.network.card.recipe["model"]
    heads = {head.output: len(head.labels) for head in contender.network.card.heads}
    net = build(recipe["name"], heads, recipe.get("options")).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.zeros(1, 1, 48, 48))
    assert 2 * count_macs(contender.graph, contender.tensor(crops(1))) == views * counter.get_total_flops()


def test_what_cannot_be_counted_is_said(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    inner = helper.make_graph(
        [NODE("MatMul", ["x", "w"], ["z"])], "then", [], [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)]
    )
    branch = NODE("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    onnx.save(graph([branch], {"x": (1, 2)}, ["y"], {"c": np.array(True), "w": ones(2, 2)}), path)
    with pytest.raises(ArtifactError, match="MatMul, inside a branch or loop"):
        count_macs(path, np.zeros((1, 2), np.float32))
    onnx.save(graph([NODE("DeformConv", ["x", "w", "o"], ["y"])], {"x": (1, 1, 2, 2)}, ["y"], {"w": ones(1, 1, 1, 1)}, opset=19), path)
    with pytest.raises(ArtifactError, match="DeformConv, which has no count here"):
        count_macs(path, np.zeros((1, 1, 2, 2), np.float32))
    onnx.save(graph([NODE("Einsum", ["x", "w", "w"], ["y"], equation="ni,ij,jk->nk")], {"x": (1, 2)}, ["y"], {"w": ones(2, 2)}), path)
    with pytest.raises(ArtifactError, match="ni,ij,jk->nk"):
        count_macs(path, np.zeros((1, 2), np.float32))
    path.write_bytes(b"\xff nothing")
    for count in (lambda: count_macs(path, ones(1)), lambda: count_parameters(path)):
        with pytest.raises(ArtifactError, match="can't be read"):
            count()


def test_a_graph_that_does_not_run_on_the_example(tmp_path: Path) -> None:
    linear(tmp_path / "net.onnx")
    with pytest.raises(ArtifactError, match="the graph can't be run"):
        count_macs(tmp_path / "net.onnx", np.zeros((1, 3, 9, 9), np.float32))


def test_without_the_package_onnx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(optional.importlib, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r"mien\[train\]"):
        count_macs(tmp_path / "net.onnx", ones(1))
