"""The methods that follow the gradient through a model's graph: Grad-CAM, saliency, integrated gradients. By captum, on torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.artifact import BATCH, ExpressionModel, Model
from mien.core.errors import ArtifactError, OptionError, UnknownNameError
from mien.core.optional import require
from mien.explain.graph import SAMPLER, Graph, graph_model
from mien.explain.transformer import aligned, fit_affine

if TYPE_CHECKING:
    from torch import Tensor

    from mien.explain.network import Network

POINTS = 256
"""How many pictures go through the network at once when a path of them is summed up."""


def gradcam(model: ExpressionModel, images: NDArray[np.uint8], columns: Sequence[int], *, layer: str | None = None) -> NDArray[np.float32]:
    """Heat float32 (N, S, S) ≥ 0: Grad-CAM (Selvaraju et al., 2017, eq. 1 and 2), enlarged bilinearly to the crop.

    `layer`: the name of the feature map, or of the node that makes it; default the last one in front of the output that the fewest
    warps stand before. Where spatial transformers or a mirroring lie between the crop and the map, the heat is carried back through their
    θ; a map into which several views were mixed is shown as it lies. Where a network stacks several views of a crop in one batch, their
    heats are added.

    Raises UnknownNameError for a layer that is no feature map, ArtifactError for a graph that has none or that torch can't follow,
    OptionError for a model without a graph, MissingExtraError without torch, captum and onnx.
    """
    own, network = _network(model, "gradcam")
    import torch  # behind the check that it is there

    with torch.no_grad():
        shapes = {name: tuple(value.shape) for name, value in network.values(_tensor(own, images[:1])).items()}
    name = _layer(own, network.graph, shapes, layer)
    module = network.step(name)

    def heat(part: Tensor, target: Tensor) -> Tensor:
        from captum.attr import LayerGradCam

        maps = LayerGradCam(_evidence(own, network), module).attribute(part, target, relu_attributions=True)
        with torch.no_grad():
            values = network.values(part)
        rows = maps.split(len(part))
        frames = network.graph.frames[name]
        frames = frames if len(frames) == len(rows) else (None,) * len(rows)
        heats = [_carried_back(one, frame, network.graph, values, part) for one, frame in zip(rows, frames, strict=True)]
        return torch.stack(heats).sum(0)

    return _in_parts(own, images, columns, heat, BATCH)


def saliency(model: ExpressionModel, images: NDArray[np.uint8], columns: Sequence[int]) -> NDArray[np.float32]:
    """Heat float32 (N, S, S) ≥ 0: how much the logit changes with each pixel, per gray value (Simonyan et al., 2014, §3).

    The absolute gradient; of a colour crop, the largest of the three channels. Raises as `gradcam` does.
    """
    own, network = _network(model, "saliency")

    def heat(part: Tensor, target: Tensor) -> Tensor:
        from captum.attr import Saliency

        gradient: Tensor = Saliency(_evidence(own, network)).attribute(part.requires_grad_(), target)
        return gradient.amax(1, keepdim=True)

    return _in_parts(own, images, columns, heat, BATCH)


def integrated_gradients(
    model: ExpressionModel, images: NDArray[np.uint8], columns: Sequence[int], *, steps: int = 32, baseline: str = "black"
) -> NDArray[np.float32]:
    """Heat float32 (N, S, S): integrated gradients (Sundararajan et al., 2017, eq. 1), summed over the channels.

    The heat of a crop adds up to the logit's difference between the crop and the baseline; not so of a quantised model, through whose
    rounding the gradient goes as if there were none. `steps`: points of the Gauss–Legendre rule, 1–1000. `baseline`: "black", or "mean",
    the crop's own mean colour.

    Raises OptionError for a value outside its range, and as `gradcam` does.
    """
    if not 1 <= steps <= 1000:
        raise OptionError(f"The steps of integrated gradients are 1–1000; received {steps}.")
    if baseline not in ("black", "mean"):
        raise UnknownNameError("baseline of integrated gradients", baseline, ("black", "mean"))
    own, network = _network(model, "integrated_gradients")

    def heat(part: Tensor, target: Tensor) -> Tensor:
        from captum.attr import IntegratedGradients

        start = part.mean((2, 3), keepdim=True).expand_as(part) if baseline == "mean" else part * 0
        summed: Tensor = IntegratedGradients(_evidence(own, network)).attribute(part, start, target, n_steps=steps)
        return summed.sum(1, keepdim=True)

    return _in_parts(own, images, columns, heat, max(1, POINTS // steps))


def _network(model: ExpressionModel, method: str) -> tuple[Model, Network]:
    own = graph_model(model, method)
    for package in ("torch", "captum", "onnx"):
        require(package, "train")
    from mien.explain.network import load_network

    return own, load_network(own)


def _tensor(model: Model, images: NDArray[np.uint8]) -> Tensor:
    import torch

    return torch.from_numpy(model.card.preprocessing.to_input(images))


def _evidence(model: Model, network: Network) -> Callable[[Tensor], Tensor]:
    """(N, channels, S, S) → (N, labels): the head's logit of each label; of a label that several columns are summed into, log p."""
    import torch

    to_labels = torch.from_numpy(model.head.labels.projection(model.labels)).bool()

    def forward(images: Tensor) -> Tensor:
        logits = network(images)
        log_p = model.head.calibration.bent(logits.log_softmax(1), torch).log_softmax(1)
        columns = [logits[:, own][:, 0] if own.sum() == 1 else log_p[:, own].logsumexp(1) for own in to_labels.T]
        return torch.stack(columns, 1)

    return forward


def _in_parts(
    model: Model, images: NDArray[np.uint8], columns: Sequence[int], heat: Callable[[Tensor, Tensor], Tensor], size: int
) -> NDArray[np.float32]:
    import torch

    side = images.shape[1]
    found = [np.zeros((0, side, side), np.float32)]
    for start in range(0, len(images), size):
        part = slice(start, start + size)
        result = heat(_tensor(model, images[part]), torch.tensor(columns[part]))
        found.append(result[:, 0].detach().numpy().astype(np.float32))
    return np.concatenate(found)


def _layer(model: Model, graph: Graph, shapes: dict[str, tuple[int, ...]], wanted: str | None) -> str:
    """The tensor that Grad-CAM looks at."""
    maps = [name for name in graph.makers if name in graph.data_path and len(shapes[name]) == 4 and min(shapes[name][2:]) > 1]
    maps = _behind_convolutions(graph, maps)
    if not maps:
        raise ArtifactError(f"The graph of {model.card.name} has no feature map for Grad-CAM. Use saliency or occlusion.")
    if wanted is not None:
        by_name = {**{graph.makers[name].name: name for name in maps}, **{name: name for name in maps}}
        if wanted not in by_name:
            raise UnknownNameError(f"layer of {model.card.name}", wanted, maps, hint="These are its feature maps.")
        return by_name[wanted]
    warps = {name: sum(len(frame) if frame is not None else len(graph.nodes) for frame in graph.frames[name]) for name in maps}
    fewest = min(warps.values())
    return [name for name in maps if warps[name] == fewest][-1]


def _behind_convolutions(graph: Graph, maps: Sequence[str]) -> list[str]:
    """Those that a convolution helped to make: the others are the picture itself."""
    learned: set[str] = set()
    for node in graph.nodes:
        sources = node.inputs[:1] if node.operator == SAMPLER else node.inputs
        if node.operator == "Conv" or learned.intersection(sources):
            learned.update(node.outputs)
    return [name for name in maps if name in learned]


def _carried_back(heat: Tensor, frame: tuple[str, ...] | None, graph: Graph, values: dict[str, Any], part: Tensor) -> Tensor:
    """A heat (N, 1, h, w) in the coordinates of the crop, at its size."""
    import torch
    import torch.nn.functional as F

    heat = F.interpolate(heat, part.shape[2:], mode="bilinear", align_corners=False)
    for name in reversed(frame or ()):
        node = graph.makers[name]
        if node.operator != SAMPLER:
            heat = heat.flip(3)
            continue
        theta = torch.from_numpy(fit_affine(values[node.inputs[1]].numpy(), aligned(node)))
        square = torch.cat([theta, torch.tensor([[[0.0, 0.0, 1.0]]]).expand(len(theta), 1, 3)], 1)
        grid = F.affine_grid(torch.linalg.pinv(square)[:, :2], list(heat.shape), align_corners=False)
        heat = F.grid_sample(heat, grid, align_corners=False)
    return heat
