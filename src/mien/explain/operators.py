"""The operators of ONNX that mien's graphs are made of, in torch. Each takes the node's attributes and its inputs.

Semantics are those of the ONNX specification, operator set 20; a graph is held against ONNX Runtime before it is used, so that a difference
between operator sets can't pass unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mien.core.errors import ArtifactError

Attributes = Mapping[str, Any]
Operator = Callable[..., Tensor | tuple[Tensor, ...]]


def _conv(a: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    x = F.pad(x, _padding(a))
    return F.conv2d(x, weight, bias, a.get("strides", 1), 0, a.get("dilations", 1), a.get("group", 1))


def _max_pool(a: Attributes, x: Tensor) -> Tensor:
    x = F.pad(x, _padding(a), value=float("-inf"))
    strides = a.get("strides", [1, 1])
    return F.max_pool2d(x, a["kernel_shape"], strides, 0, a.get("dilations", 1), bool(a.get("ceil_mode", 0)))


def _average_pool(a: Attributes, x: Tensor) -> Tensor:
    padding = _padding(a)
    left, right, top, bottom = padding
    if (left, top) != (right, bottom):
        raise ArtifactError(f"An average pool pads {padding} (left, right, top, bottom); equal padding is needed. Use occlusion.")
    strides, counts = a.get("strides", [1, 1]), bool(a.get("count_include_pad", 0))
    return F.avg_pool2d(x, a["kernel_shape"], strides, (top, left), bool(a.get("ceil_mode", 0)), counts)


def _div(_: Attributes, x: Tensor, y: Tensor) -> Tensor:
    return torch.div(x, y) if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc")


def _padding(a: Attributes) -> tuple[int, int, int, int]:
    """ONNX's (top, left, bottom, right) as torch's (left, right, top, bottom)."""
    if a.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID") or len(a.get("kernel_shape", (1, 1))) != 2:
        raise ArtifactError(
            f"A convolution or pool has auto_pad {a.get('auto_pad')!r} and the kernel {a.get('kernel_shape')}; "
            "explicit padding and two dimensions are needed. Use occlusion."
        )
    top, left, bottom, right = a.get("pads", (0, 0, 0, 0))
    return left, right, top, bottom


def _batch_norm(a: Attributes, x: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    return F.batch_norm(x, mean, variance, scale, shift, training=False, eps=a.get("epsilon", 1e-5))


def _gemm(a: Attributes, x: Tensor, y: Tensor, z: Tensor | None = None) -> Tensor:
    product: Tensor = a.get("alpha", 1.0) * (x.T if a.get("transA") else x) @ (y.T if a.get("transB") else y)
    return product if z is None else product + a.get("beta", 1.0) * z


def _grid_sample(a: Attributes, x: Tensor, grid: Tensor) -> Tensor:
    modes = {"linear": "bilinear", "cubic": "bicubic", "bilinear": "bilinear", "bicubic": "bicubic", "nearest": "nearest"}
    return F.grid_sample(x, grid, modes[a.get("mode", "linear")], a.get("padding_mode", "zeros"), bool(a.get("align_corners", 0)))


def _reduce(reduction: Callable[..., Tensor]) -> Operator:
    def apply(a: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
        over = a.get("axes") if axes is None else axes.tolist()
        if not over and a.get("noop_with_empty_axes", 0):
            return x
        return reduction(x, dim=over or list(range(x.ndim)), keepdim=bool(a.get("keepdims", 1)))

    return apply


def _reshape(a: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    keep = not a.get("allowzero", 0)
    return x.reshape([x.shape[i] if size == 0 and keep else size for i, size in enumerate(shape.tolist())])


def _flatten(a: Attributes, x: Tensor) -> Tensor:
    axis = a.get("axis", 1)
    return x.reshape(x.shape[:axis].numel(), -1)


def _squeeze(_: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(axes.tolist())


def _unsqueeze(_: Attributes, x: Tensor, axes: Tensor) -> Tensor:
    rank = x.ndim + axes.numel()
    for axis in sorted(axis % rank for axis in axes.tolist()):
        x = x.unsqueeze(axis)
    return x


def _slice(_: Attributes, x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None, steps: Tensor | None = None) -> Tensor:
    over: Sequence[int] = range(len(starts)) if axes is None else axes.tolist()
    strides = [1] * len(starts) if steps is None else steps.tolist()
    for axis, start, end, stride in zip(over, starts.tolist(), ends.tolist(), strides, strict=True):
        kept = range(x.shape[axis])[start:end:stride]  # torch itself takes no negative step
        x = x.index_select(axis, torch.tensor(kept, dtype=torch.long))
    return x


def _gather(a: Attributes, x: Tensor, indices: Tensor) -> Tensor:
    axis = a.get("axis", 0) % x.ndim
    picked = x.index_select(axis, (indices % x.shape[axis]).reshape(-1))
    return picked.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def _split(a: Attributes, x: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, ...]:
    axis = a.get("axis", 0)
    each = -(-x.shape[axis] // a["num_outputs"]) if sizes is None else sizes.tolist()
    parts: tuple[Tensor, ...] = x.split(each, axis)
    return parts


def _expand(_: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    return x.expand(torch.broadcast_shapes(x.shape, shape.tolist()))


def _clip(_: Attributes, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    return x if low is None and high is None else x.clamp(low, high)


def _quantise(a: Attributes, x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
    """Whole numbers, as float32. Rounding counts as the identity for the gradient (straight-through; Bengio et al., 2013, §4)."""
    steps = x / _along(a, x, scale)
    rounded = steps + (steps.round() - steps).detach()
    kind = torch.iinfo(torch.uint8 if zero is None else zero.dtype)
    return (rounded if zero is None else rounded + _along(a, x, zero)).clamp(kind.min, kind.max)


def _dequantise(a: Attributes, x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
    whole = x.to(scale.dtype)
    return (whole if zero is None else whole - _along(a, x, zero)) * _along(a, x, scale)


def _along(a: Attributes, x: Tensor, numbers: Tensor) -> Tensor:
    """One number for all of x, or one for each place along an axis."""
    if numbers.numel() == 1:
        return numbers.reshape(())
    shape = [1] * x.ndim
    shape[a.get("axis", 1)] = -1
    return numbers.reshape(shape)


def _of_one(function: Callable[[Tensor], Tensor]) -> Operator:
    return lambda _, x: function(x)


def _of_two(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    return lambda _, x, y: function(x, y)


OPERATORS: dict[str, Operator] = {
    "Abs": _of_one(torch.abs),
    "Add": _of_two(torch.add),
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Concat": lambda a, *parts: torch.cat(parts, a["axis"]),
    "Conv": _conv,
    "DequantizeLinear": _dequantise,
    "Div": _div,
    "Elu": lambda a, x: F.elu(x, a.get("alpha", 1.0)),
    "Erf": _of_one(torch.erf),
    "Exp": _of_one(torch.exp),
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Gemm": _gemm,
    "GlobalAveragePool": lambda _, x: x.mean((2, 3), keepdim=True),
    "GlobalMaxPool": lambda _, x: x.amax((2, 3), keepdim=True),
    "GridSample": _grid_sample,
    "Identity": _of_one(torch.clone),
    "LeakyRelu": lambda a, x: F.leaky_relu(x, a.get("alpha", 0.01)),
    "Log": _of_one(torch.log),
    "LogSoftmax": lambda a, x: x.log_softmax(a.get("axis", -1)),
    "MatMul": _of_two(torch.matmul),
    "MaxPool": _max_pool,
    "Mul": _of_two(torch.mul),
    "Neg": _of_one(torch.neg),
    "PRelu": _of_two(lambda x, slope: torch.where(x < 0, x * slope, x)),
    "Pow": _of_two(torch.pow),
    "QuantizeLinear": _quantise,
    "Reciprocal": _of_one(torch.reciprocal),
    "ReduceMax": _reduce(torch.amax),
    "ReduceMean": _reduce(torch.mean),
    "ReduceSum": _reduce(torch.sum),
    "Relu": _of_one(torch.relu),
    "Reshape": _reshape,
    "Shape": lambda a, x: torch.tensor(x.shape[a.get("start", 0) : a.get("end")]),
    "Sigmoid": _of_one(torch.sigmoid),
    "Slice": _slice,
    "Softmax": lambda a, x: x.softmax(a.get("axis", -1)),
    "Softplus": _of_one(F.softplus),
    "Split": _split,
    "Sqrt": _of_one(torch.sqrt),
    "Squeeze": _squeeze,
    "Sub": _of_two(torch.sub),
    "Tanh": _of_one(torch.tanh),
    "Transpose": lambda a, x: x.permute(a.get("perm", tuple(reversed(range(x.ndim))))),
    "Unsqueeze": _unsqueeze,
}
