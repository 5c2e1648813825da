"""A model's graph as a torch module, so that gradients can be taken through it; no run folder and no architecture is needed."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from mien.artifact import Model
from mien.core.errors import ArtifactError
from mien.explain.graph import Graph, Node, read_graph
from mien.explain.operators import OPERATORS

TOLERANCE = 1e-3
QUANTISED_TOLERANCE = 0.1
"""Of graphs of whole numbers: a value half-way between two may be rounded up here and down there, and logits too go in steps."""


class Step(nn.Module):
    """One node of the graph; a module of its own, so that hooks can be set on it."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node

    def forward(self, *inputs: Tensor | None) -> Tensor | tuple[Tensor, ...]:
        """Evaluate the node."""
        return OPERATORS[self.node.operator](self.node.attributes, *inputs)


class Network(nn.Module):
    """float32 (N, channels, S, S) in 0–255 → the logits (N, C) of the head behind the model's labels, differentiable.

    Raises ArtifactError for a graph with an operator that is not known here.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.graph: Graph = read_graph(model)
        unknown = sorted({node.operator for node in self.graph.nodes} - set(OPERATORS))
        if unknown:
            raise ArtifactError(
                f"The graph of {model.card.name} has the operator {', '.join(unknown)}, through which no gradients can be taken here. "
                f"Known: {', '.join(sorted(OPERATORS))}. Use occlusion, which needs none."
            )
        self.constants = {name: torch.from_numpy(np.array(array)) for name, array in self.graph.constants.items()}
        self.steps = nn.ModuleList(Step(node) for node in self.graph.nodes)

    def step(self, tensor: str) -> nn.Module:
        """The module that writes a tensor."""
        return next(step for node, step in zip(self.graph.nodes, self.steps, strict=True) if tensor in node.outputs)

    def values(self, images: Tensor) -> dict[str, Tensor]:
        """Every tensor of the graph by name."""
        found = {self.graph.input: images, **self.constants}
        for node, step in zip(self.graph.nodes, self.steps, strict=True):
            result = step(*(found[name] if name else None for name in node.inputs))
            found.update(zip(node.outputs, result if isinstance(result, tuple) else (result,), strict=False))
        return found

    def forward(self, images: Tensor) -> Tensor:
        """The logits."""
        return self.values(images)[self.graph.output]


def load_network(model: Model) -> Network:
    """The model as a torch module, held against ONNX Runtime on three pictures of noise.

    Raises ArtifactError for an unknown operator, and when a logit differs by more than 1e-3 (of the largest, where that is above 1), or
    0.1 for a quantised model.
    """
    network = Network(model).eval().requires_grad_(False)
    pre = model.card.preprocessing
    noise = np.random.default_rng(0).integers(0, 256, (3, pre.size, pre.size, 3), np.uint8)
    expected = model.logits(noise)
    try:
        with torch.no_grad():
            found = network(torch.from_numpy(pre.to_input(noise))).numpy()
    except (RuntimeError, TypeError, ValueError, LookupError) as error:
        raise ArtifactError(
            f"The graph of {model.card.name} can't be evaluated in torch ({error}). Use occlusion, which needs none."
        ) from error
    difference = float(np.abs(found - expected).max()) if found.shape == expected.shape else float("inf")
    quantised = any(node.operator == "QuantizeLinear" for node in network.graph.nodes)
    allowed = QUANTISED_TOLERANCE if quantised else TOLERANCE
    if not difference <= allowed * max(1.0, float(np.abs(expected).max())):
        raise ArtifactError(
            f"The graph of {model.card.name} gives other logits in torch than in ONNX Runtime (difference {difference:.2g}, allowed "
            f"{allowed}), so its gradients would mean nothing. Use occlusion, which needs none, and report the model."
        )
    return network
