"""Several artifacts as one, whose scores are the mean of theirs: probability fusion, as in the ensemble of Huang's three networks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.artifact import Model, SequenceModel, load_model, save_artifact
from mien.card import Card, Head
from mien.core.calibration import DOUBT, KNEE, Calibration
from mien.core.errors import ArtifactError
from mien.core.labels import LabelSet
from mien.core.optional import require
from mien.datasets.base import SplitOrigin

if TYPE_CHECKING:
    import onnx

INPUT = "images"
_OPSET = 18  # the first in which every reduction takes its axes as an input
_LIMIT = 2**31 - 1  # bytes of an ONNX file
_AXIS = "ensemble/axis"  # the constant that says along which axis the members lie side by side


def fuse(models: Sequence[str | Path], path: str | Path, *, name: str | None = None) -> Card:
    """Write one artifact that holds all `models`, names or files, and answers with the mean of their scores; gives back its card.

    See `fused`, which says what the artifact is and what is raised. It has not been measured: its card has no figures, and its temperature
    is 1. `mien train` of an ensemble's recipe fits and measures it.
    """
    graph, card = fused(models, name)
    return save_artifact(graph, card, path)


def fused(models: Sequence[str | Path], name: str | None = None) -> tuple[onnx.ModelProto, Card]:
    """The graph of several artifacts side by side, and its card without figures.

    Each head gives the logarithm of the mean of its members' scores, as each member's own calibration makes them, so that softmax of it,
    at temperature 1, is that mean. Other outputs of the members, as `embedding`, are left out: each has a space of its own.

    The card: `parameters` summed; `training_data` and `licence` joined; `recipe` with name, SHA-256 and recipe of every member;
    `selection` every split that one of them was selected on. Where they were trained under different splits of the data, its `origin` says
    that rows held out from one may have trained another. `name`: by default the members' names, joined by "+".

    Raises
    ------
    ArtifactError
        Fewer than two models, the same one twice, one of handcrafted features or of sequences, another preprocessing or other label sets
        than the first one's, a graph that can't be brought to a common version of ONNX, or more than the 2 GiB that an ONNX file may have.
    MissingExtraError
        The package onnx is not installed.
    """
    if len(models) < 2:
        raise ArtifactError(f"Fusing takes two models or more; received {len(models)}. Give more models.")
    members = [load_model(model) for model in models]
    _need_fit(members)
    return _graph(members), _card([member.card for member in members], name)


def _need_fit(members: Sequence[Model]) -> None:
    first = members[0].card
    for number, member in enumerate(members):
        card = member.card
        if card.sha256 in [other.card.sha256 for other in members[:number]]:
            raise ArtifactError(f"The model {card.name} ({card.sha256[:12]}…) is given twice. Fuse models that differ.")
        if isinstance(member, SequenceModel):
            raise ArtifactError(f"{card.name} reads sequences. Fuse models of single pictures.")
        if member.features is not None:
            raise ArtifactError(f"{card.name} takes handcrafted features ({card.features['feature']}). Fuse models of pictures alone.")
        if card.preprocessing != first.preprocessing:
            raise ArtifactError(
                f"{card.name} takes its pictures as {card.preprocessing}, {first.name} as {first.preprocessing}. "
                "Fuse models with the same preprocessing."
            )
        if set(_labels(card)) != set(_labels(first)):
            raise ArtifactError(
                f"{card.name} has the label sets {_told(card)}, and {first.name} has {_told(first)}. Fuse models with the same ones."
            )
    if (size := sum(len(member.file) for member in members)) > _LIMIT:
        raise ArtifactError(f"The models have {size:,} bytes together; an ONNX file has at most {_LIMIT:,}. Fuse fewer or smaller ones.")


def _labels(card: Card) -> list[LabelSet]:
    return [head.labels for head in card.heads]


def _told(card: Card) -> str:
    return ", ".join(f"{labels.name} ({', '.join(labels)})" for labels in _labels(card))


def _card(cards: Sequence[Card], name: str | None) -> Card:
    name = name or "+".join(card.name for card in cards)
    sizes = [card.parameters for card in cards if card.parameters is not None]
    told = [{"name": card.name, "version": card.version, "sha256": card.sha256, "recipe": card.recipe} for card in cards]
    selected = {split for card in cards for split in card.selection.split() if split != "and"}
    return Card(
        name=name,
        version="1",
        heads=tuple(Head(labels.name, labels) for labels in _labels(cards[0])),
        preprocessing=cards[0].preprocessing,
        training_data=_joined((card.training_data for card in cards), "; "),
        licence=_joined((card.licence for card in cards), " "),
        recipe={"name": name, "members": told},
        parameters=sum(sizes) if len(sizes) == len(cards) else None,
        selection=" and ".join(sorted(selected, reverse=True)),
        origin=_origin([card.origin for card in cards]),
    )


def _joined(texts: Iterable[str], between: str) -> str:
    return between.join(dict.fromkeys(text for text in texts if text))


def _origin(origins: Sequence[SplitOrigin]) -> SplitOrigin:
    """The members' common origin; else one of its own, which no split has, so that an evaluation on any of theirs is warned of."""
    kinds = list(dict.fromkeys(replace(origin, leaks="") for origin in origins))
    leaks = _joined((origin.leaks for origin in origins), " ")
    if len(kinds) == 1:
        return replace(kinds[0], leaks=leaks)
    names = " + ".join(f"{kind.protocol} {kind.fold}".strip() for kind in kinds)
    digest = hashlib.sha256("\n".join(f"{kind.protocol} {kind.fold} {kind.sha256}" for kind in kinds).encode()).hexdigest()
    mixed = "The members were trained under different splits: rows held out from one may have trained another."
    return SplitOrigin(names, "", digest, _joined((mixed, leaks), " "))


def _graph(members: Sequence[Model]) -> onnx.ModelProto:
    helper = require("onnx.helper", "train")
    protos = _alike(members)
    pre, heads = members[0].card.preprocessing, members[0].card.heads
    nodes, constants = [], [_constant(_AXIS, np.array([1], np.int64))]
    for place, proto in enumerate(protos):
        weights = {tensor.name for tensor in proto.graph.initializer}
        entry = next(item.name for item in proto.graph.input if item.name not in weights)
        nodes += [helper.make_node("Identity", [INPUT], [entry], f"{_prefix(place)}entry"), *proto.graph.node]
        constants += proto.graph.initializer
    outputs = []
    for head in heads:
        tail, scales = _tail(members, head)
        nodes += tail
        constants += scales
        outputs.append(helper.make_tensor_value_info(head.labels.name, 1, ["batch", len(head.labels)]))
    images = helper.make_tensor_value_info(INPUT, 1, ["batch", pre.channels, pre.size, pre.size])
    opsets = {entry.domain: entry for proto in protos for entry in proto.opset_import}
    model: onnx.ModelProto = helper.make_model(
        helper.make_graph(nodes, "ensemble", [images], outputs, constants),
        ir_version=max(proto.ir_version for proto in protos),
        opset_imports=list(opsets.values()),
        functions=[function for proto in protos for function in proto.functions],
    )
    return model


def _alike(members: Sequence[Model]) -> list[onnx.ModelProto]:
    """The members' graphs under one version of ONNX, each name in them with the member's prefix."""
    onnx, compose = require("onnx", "train"), require("onnx.compose", "train")
    converter = require("onnx.version_converter", "train")
    protos = [onnx.load_model_from_string(member.file) for member in members]
    opset = max(_OPSET, *(opset_of(proto) for proto in protos))
    for place, (member, proto) in enumerate(zip(members, protos, strict=True)):
        try:
            moved = proto if opset_of(proto) == opset else converter.convert_version(proto, opset)
        except Exception as error:  # onnx raises a plain RuntimeError for some operators and private classes for others
            raise ArtifactError(
                f"{member.card.name} is written in version {opset_of(proto)} of ONNX's operators and can't be brought to {opset} "
                f"({error}). Export it again with a newer torch."
            ) from error
        protos[place] = compose.add_prefix(moved, _prefix(place))
    return protos


def opset_of(proto: onnx.ModelProto) -> int:
    """Which version of ONNX's operators a graph is written in."""
    return int(next(entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")))


def _prefix(place: int) -> str:
    return f"member{place + 1}/"


def _tail(members: Sequence[Model], head: Head) -> tuple[list[Any], list[Any]]:
    """The nodes from the members' logits to the log of their mean score, and the constants that they read.

    The largest log-score is taken out before the exponential and added again, so that no score, however small, becomes log 0.
    """
    helper, name = require("onnx.helper", "train"), head.labels.name
    nodes: list[Any] = []
    constants: list[Any] = []
    layers: list[str] = []

    def add(operator: str, inputs: list[str], output: str, **attributes: int) -> str:
        nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    for place, member in enumerate(members):
        own = next(one for one in member.card.heads if one.labels == head.labels)
        before = f"ensemble/{name}/{_prefix(place)}"
        exponent = _calibrated(own.calibration, _prefix(place) + own.output, before, add, constants)
        scores = add("LogSoftmax", [exponent], f"{before}log_scores", axis=1)
        layers.append(add("Unsqueeze", [scores, _AXIS], f"{before}layer"))
    before = f"ensemble/{name}/"
    stack = add("Concat", layers, f"{before}layers", axis=1)
    largest = add("ReduceMax", [stack, _AXIS], f"{before}largest", keepdims=1)
    powers = add("Exp", [add("Sub", [stack, largest], f"{before}rest")], f"{before}powers")
    mean = add("Log", [add("ReduceMean", [powers, _AXIS], f"{before}mean", keepdims=0)], f"{before}log_mean")
    add("Add", [mean, add("Squeeze", [largest, _AXIS], f"{before}taken_out")], name)
    return nodes, constants


def _calibrated(own: Calibration, output: str, before: str, add: Callable[..., str], constants: list[Any]) -> str:
    """The name of the tensor whose softmax are the scores: `Calibration.bent` in nodes of ONNX."""

    def number(name: str, value: float) -> str:
        constants.append(_constant(before + name, np.array(value, np.float32)))
        return before + name

    def then(operator: str, *inputs: str, name: str) -> str:
        return add(operator, list(inputs), before + name)

    cooled = number("temperature", own.temperature)
    if not own.bends:
        return then("Div", output, cooled, name="cooled")
    logs = add("LogSoftmax", [output], f"{before}logs", axis=1)
    below = then("Relu", then("Neg", then("Add", logs, number("knee", KNEE), name="over"), name="under"), name="below")
    square, bare = then("Mul", logs, logs, name="square"), then("Mul", below, below, name="bare")
    tail = then("Mul", then("Sub", square, bare, name="h"), number("tail", own.tail), name="weighed_tail")
    rest = then("Log", then("Sub", number("whole", 1 + DOUBT), then("Exp", logs, name="shares"), name="rest"), name="log_rest")
    top = then("Mul", rest, number("top", own.top), name="weighed_top")
    straight = then("Div", logs, cooled, name="cooled")
    return then("Sub", then("Sub", straight, tail, name="without_tail"), top, name="exponent")


def _constant(name: str, value: np.ndarray[Any, Any]) -> Any:
    return require("onnx.numpy_helper", "train").from_array(value, name)
