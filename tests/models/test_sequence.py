"""What every network of sequences promises; that of pictures is in test_contract.py."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch

from mien.core.errors import RecipeError
from mien.models.registry import MODELS, architectures, build, count_parameters
from mien.models.sequence import SequenceNetwork
from mien.preprocess import Preprocessing
from mien.training.sequences import to_sequence_graph

NAMES = sorted(name for name, kind in architectures().items() if issubclass(kind, SequenceNetwork))
READING_VECTORS = [name for name in NAMES if name != "cnn3d"]
PARAMETERS = {"lstm": 122_851, "gru": 74_883, "attention": 41_923, "pooled": 1_923, "voting": 33_795, "cnn3d": 295_107}
BLIND = {"pooled", "voting"}
"""Those that do not see the order of the frames."""


def network(name: str, classes: int = 3) -> SequenceNetwork:
    torch.manual_seed(0)
    built = build(name, {"valence3": classes})
    assert isinstance(built, SequenceNetwork)
    return built


def rows(model: SequenceNetwork, n: int, frames: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    if model.numbers:
        return torch.randn(n, frames, model.numbers, generator=generator)
    return torch.rand(n, frames, 48, 48, generator=generator) * 255


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("classes", [3, 7])
def test_shapes_and_the_documented_number_of_parameters(name: str, classes: int) -> None:
    model = network(name, classes).eval()
    outputs = model(rows(model, 4, 6))
    assert outputs["valence3"].shape == (4, classes)
    assert outputs["embedding"].shape[0] == 4
    if classes == 3:
        assert count_parameters(model) == PARAMETERS[name]
        assert f"{PARAMETERS[name]:,}" in (MODELS[name].__doc__ or "")


@pytest.mark.parametrize("name", NAMES)
def test_gradient_reaches_every_parameter(name: str) -> None:
    model = network(name).train()
    model(rows(model, 4, 6))["valence3"].logsumexp(1).sum().backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("name", READING_VECTORS)
def test_what_stands_behind_the_end_is_never_looked_at(name: str) -> None:
    model = network(name).eval()
    whole, lengths = rows(model, 3, 9), [9, 4, 1]
    behind = torch.arange(9)[None, :, None] >= torch.tensor(lengths)[:, None, None]
    with torch.inference_mode():
        found = model(whole, torch.tensor(lengths))["valence3"]
        alone = torch.cat([model(whole[i : i + 1, :length])["valence3"] for i, length in enumerate(lengths)])
        spoilt = model(whole.masked_fill(behind, 1e4), torch.tensor(lengths))
    torch.testing.assert_close(found, alone, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found, spoilt["valence3"], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_who_sees_the_order(name: str) -> None:
    model = network(name).eval()
    whole = rows(model, 2, 8)
    with torch.inference_mode():
        apart = (model(whole)["valence3"] - model(whole.flip(1))["valence3"]).abs().max()
    assert (float(apart) < 1e-5) == (name in BLIND)


def test_voting_is_the_mean_of_the_frames_scores() -> None:
    model = network("voting").eval()
    whole = rows(model, 2, 5)
    with torch.inference_mode():
        each = torch.stack([model(whole[:, i : i + 1])["valence3"].softmax(1) for i in range(5)]).mean(0)
        torch.testing.assert_close(model(whole)["valence3"].softmax(1), each, atol=1e-5, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", READING_VECTORS)
def test_the_graph_agrees_at_every_length(name: str) -> None:
    from mien.training.layers import NetworkLayer

    layer = NetworkLayer()
    model = build(name, {"valence3": 3}, {"numbers": 128}).eval()
    assert isinstance(model, SequenceNetwork)
    graph = to_sequence_graph(model, layer, Preprocessing())
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    pictures = np.random.default_rng(0).integers(0, 256, (40, 48, 48), np.uint8)
    vectors = torch.from_numpy(layer.transform(pictures))
    for length in (1, 7, 40):
        found = session.run(["valence3"], {session.get_inputs()[0].name: pictures[:length, None].astype(np.float32)})[0]
        with torch.inference_mode():
            expected = model(vectors[None, :length])["valence3"].numpy()
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.slow
def test_the_graph_of_frames_agrees() -> None:
    model = network("cnn3d").eval()
    session = onnxruntime.InferenceSession(to_sequence_graph(model, None, Preprocessing()).SerializeToString())
    for length in (1, 8):
        whole = rows(model, 1, length)
        with torch.inference_mode():
            expected = model(whole)["valence3"].numpy()
        found = session.run(["valence3"], {"images": whole.transpose(0, 1).numpy()})[0]
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_options_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RecipeError, match="multiple of twice parts"):
        build("attention", {"valence3": 3}, {"width": 20})
