"""Every registered architecture keeps the same promises: a new one is tested by existing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from mien.core.errors import RecipeError, UnknownNameError
from mien.models import miennet
from mien.models.registry import MODELS, architectures, build, count_parameters
from mien.models.sequence import SequenceNetwork
from mien.preprocess import Preprocessing
from mien.training.export import handcrafted, to_onnx

PARAMETERS = {
    "miennet": 1_098_623,
    "deepfer": 3_062_437,
    "sdl": 904_907,
    "cnn1": 11_645_455,
    "cnn2": 6_871_247,
    "cnn3": 21_250_383,
    "mini_xception": 66_175,
    "densecnn": 100_503,
    "vgg16": 15_247_695,
    "vgg19": 20_557_391,
    "vgg16_bn": 15_256_143,
    "vgg19_bn": 20_568_399,
    "resnet50": 27_973_199,
    "densenet169": 13_607_311,
    "cnncraft": 12_615_745,
    "small_densenet": 1_021_587,
    "small_convnext": 1_088_767,
    "small_airbench": 1_067_367,
}
LARGE = {"vgg16", "vgg19", "vgg16_bn", "vgg19_bn", "resnet50", "densenet169", "cnncraft"}
EXPORTED_IN_A_MINUTE = {"densenet169"}


def _cases(slow: set[str], long: Collection[str] = ()) -> list[Any]:
    marks = {"slow": slow, "long": long}
    return [
        pytest.param(name, marks=[getattr(pytest.mark, mark) for mark, names in marks.items() if name in names])
        for name in sorted(architectures())
        if not issubclass(MODELS[name], SequenceNetwork)
    ]


@pytest.fixture(params=_cases(LARGE))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _images(n: int = 4) -> torch.Tensor:
    return torch.rand(n, 1, 48, 48, generator=torch.Generator().manual_seed(0)) * 255


@pytest.mark.parametrize("classes", [3, 6, 7, 8])
def test_shapes(name: str, classes: int) -> None:
    outputs = build(name, {"only": classes}).eval()(_images())
    assert outputs["only"].shape == (4, classes)
    assert outputs["embedding"].ndim == 2
    assert torch.isfinite(outputs["only"]).all()


def test_gradient_reaches_every_parameter(name: str) -> None:
    torch.manual_seed(1)
    model = build(name, {"fer8": 8, "fer7": 7}).train()
    with torch.no_grad():
        for parameter in model.parameters():  # as after a step: a spatial transformer starts with zeros that hold gradients back
            parameter.add_(0.01 * torch.randn_like(parameter))
    outputs = model(_images())
    sum(outputs[head].logsumexp(1).sum() for head in ("fer8", "fer7")).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_deterministic_by_seed_and_state_round_trip(name: str) -> None:
    torch.manual_seed(3)
    first = build(name, {"fer7": 7}).eval()
    torch.manual_seed(3)
    second = build(name, {"fer7": 7}).eval()
    other = build(name, {"fer7": 7}).eval()
    assert torch.equal(first(_images())["fer7"], second(_images())["fer7"])
    other.load_state_dict(first.state_dict())
    assert torch.equal(first(_images())["fer7"], other(_images())["fer7"])


@pytest.mark.parametrize("name", _cases(set(architectures()), EXPORTED_IN_A_MINUTE))
def test_onnx_agrees(name: str) -> None:
    torch.manual_seed(0)
    model = build(name, {"fer8": 8, "fer7": 7}).eval()
    session = onnxruntime.InferenceSession(to_onnx(model, Preprocessing()).SerializeToString(), providers=["CPUExecutionProvider"])
    for n in (1, 5):
        inputs = [_images(n), *([torch.randn(n, numbers)] if (numbers := handcrafted(model)) else [])]
        with torch.inference_mode():
            expected = model(*inputs)
        feed = {item.name: part.numpy() for item, part in zip(session.get_inputs(), inputs, strict=True)}
        for output, found in zip(session.get_outputs(), session.run(None, feed), strict=True):
            np.testing.assert_allclose(found, expected[output.name].numpy(), atol=1e-4)


def test_parameter_count_is_the_documented_one(name: str) -> None:
    count = count_parameters(build(name, {"fer8": 8, "fer7": 7}))
    assert count == PARAMETERS[name]
    assert f"{count:,}" in (MODELS[name].__doc__ or "")


@pytest.mark.parametrize(
    ("name", "classes", "options", "low", "high"),
    [
        ("densecnn", 3, {}, 94_000 * 0.97, 94_000 * 1.03),
        ("densecnn", 3, {"separable": False}, 420_000 * 0.95, 420_000 * 1.05),
        ("mini_xception", 7, {}, 56_951, 56_951),
        ("mini_xception", 3, {}, 52_339, 52_339),
        ("cnn3", 8, {}, 21_243_208, 21_243_208),
    ],
)
def test_published_parameter_counts(name: str, classes: int, options: dict[str, Any], low: float, high: float) -> None:
    assert low <= count_parameters(build(name, {"only": classes}, options)) <= high


def test_default_model_stays_small() -> None:
    assert PARAMETERS["miennet"] <= 1_500_000


def test_names_and_options_that_do_not_exist() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean miennet"):
        build("mienet", {"fer7": 7})
    with pytest.raises(UnknownNameError, match="or widths"):
        build("miennet", {"fer7": 7}, {"width": [1]})
    with pytest.raises(RecipeError, match="equal lengths"):
        build("miennet", {"fer7": 7}, {"widths": [8]})
    with pytest.raises(RecipeError, match="refuses"):
        build("miennet", {"fer7": 7}, {"stem": -1})
    with pytest.raises(RecipeError, match="mini_xception refuses"):
        build("mini_xception", {"fer7": 7}, {"widths": []})
    with pytest.raises(RecipeError, match="module name"):
        build("mini_xception", {"my.v2": 2})
    with pytest.raises(RecipeError, match="The option stem of miennet takes a whole number; received 'big'"):
        build("miennet", {"fer7": 7}, {"stem": "big"})


def test_registry_holds_the_module() -> None:
    assert MODELS["miennet"] is miennet.MienNet
