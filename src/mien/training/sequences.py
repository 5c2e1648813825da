"""Sequences as tensors, what describes their frames, and the graph of a network that reads them."""

from __future__ import annotations

import tempfile
import warnings
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.artifact import FEATURES_INPUT, SequenceModel
from mien.core.errors import RecipeError
from mien.core.labels import LabelSet
from mien.datasets.sequences import Sequences, resample
from mien.features.cache import VectorCache
from mien.features.pictures import Vectors
from mien.models.sequence import SequenceNetwork
from mien.preprocess import Preprocessing
from mien.training.layers import NetworkLayer, behind_network

if TYPE_CHECKING:
    import onnx

    from mien.training.data import Split
    from mien.training.recipe import Recipe

_OPSET = 20


def stacked(sequences: Sequences, rows: NDArray[np.int64], frames: int | None) -> tuple[NDArray[np.uint8], Tensor | None]:
    """The pictures of those rows, uint8 (N, T, H, W[, 3]), and how many of each count, int64 (N,), None where all do.

    With `frames` every sequence is resampled to so many; without, the last picture of a shorter one is repeated up to the longest.
    """
    kept = [places if frames is None else places[resample(len(places), frames)] for places in map(sequences.frames_of, rows)]
    longest = max(map(len, kept))
    padded = np.stack([np.pad(places, (0, longest - len(places)), mode="edge") for places in kept])
    return sequences.pictures[padded], None if frames is not None else torch.tensor([len(places) for places in kept])


def layer_of(recipe: Recipe) -> NetworkLayer | None:
    """What describes the frames of the recipe's sequences; None where the network looks at them itself. Raises as `NetworkLayer` does."""
    return None if recipe.features is None else NetworkLayer(**recipe.features.options)


def seen_by(layer: NetworkLayer | None, split: Split, mirrored: bool, cache: str | None = None) -> Split:
    """A split of `prepared` frames, uint8 (N, T, C, S, S), as the network takes it.

    That is float32 (N, T, D) behind a layer, where each sequence comes `mirrored` once more, or uint8 (N, T, S, S). `cache`: a file where
    vectors are looked up first, and kept. Raises RecipeError for RGB frames without a layer.
    """
    frames = split.images
    if layer is None:
        if frames.shape[2] != 1:
            raise RecipeError("A network that looks at the frames itself takes gray ones. Set options.channels = 1 for the data set.")
        return replace(split, images=frames[:, :, 0].contiguous())
    with nullcontext() if cache is None else VectorCache(cache, layer.fingerprint) as kept:
        parts = [_described(layer, one, split.lengths, kept) for one in ((frames, frames.flip(4)) if mirrored else (frames,))]
    return replace(split.taken(torch.arange(len(split)).repeat(len(parts))), images=torch.cat(parts))


def _described(layer: NetworkLayer, frames: Tensor, lengths: Tensor | None, cache: VectorCache | None) -> Tensor:
    """A vector for each frame, zeros behind the end of a sequence: float32 (N, T, D)."""
    there = torch.ones(frames.shape[:2], dtype=torch.bool)
    if lengths is not None:
        there = torch.arange(frames.shape[1])[None] < lengths[:, None]
    chosen = frames[there]
    pictures = (chosen[:, 0] if chosen.shape[1] == 1 else chosen.permute(0, 2, 3, 1)).contiguous().numpy()
    found = layer.transform(pictures) if cache is None else _looked_up(layer, pictures, cache)
    out = torch.zeros(*frames.shape[:2], found.shape[1])
    out[there] = torch.from_numpy(found)
    return out


def _looked_up(layer: NetworkLayer, pictures: NDArray[np.uint8], cache: VectorCache) -> Vectors:
    keys = [cache.key(picture) for picture in pictures]
    known = {key: vector for key in set(keys) if (vector := cache.get(key)) is not None}
    new = {key: row for row, key in enumerate(keys) if key not in known}
    if new:
        known |= dict(zip(new, layer.transform(pictures[list(new.values())]), strict=True))
        cache.put((key, known[key]) for key in new)
    return np.stack([known[key] for key in keys])


def logits_of(model: SequenceModel, split: Split, rows: Tensor, head: LabelSet) -> NDArray[np.float32]:
    """What an artifact says of rows of a split of raw frames, uint8 (N, T, C, H, W): logits (len(rows), C)."""
    chosen = split.taken(rows)
    ends = [chosen.images.shape[1]] * len(chosen) if chosen.lengths is None else chosen.lengths.tolist()
    parts = (row[:end] for row, end in zip(chosen.images, ends, strict=True))
    crops = ((part[:, 0] if part.shape[1] == 1 else part.permute(0, 2, 3, 1)).contiguous().numpy() for part in parts)
    return model.sequence_logits(crops, head)


class _OfOne(nn.Module):
    """A network of sequences for one of them, whose frames come as a batch of vectors or of pictures."""

    def __init__(self, model: SequenceNetwork) -> None:
        super().__init__()
        self.model = model

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.model(_as_one(frames)).values())


def to_sequence_graph(model: SequenceNetwork, layer: NetworkLayer | None, preprocessing: Preprocessing) -> onnx.ModelProto:
    """The network, behind the layer that describes its frames, as a graph from the pictures of one sequence to one row of each output.

    The input `images` is float32 (T, C, S, S) in 0–255, T any.
    """
    import onnx

    size = preprocessing.size
    example = torch.zeros(5, 1, size, size) if layer is None else torch.zeros(5, model.numbers)
    name = "images" if layer is None else FEATURES_INPUT
    whole = _OfOne(model).eval()
    with torch.inference_mode():
        names = list(model(_as_one(example)))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "sequences.onnx"
        # torch's newer exporter writes a recurrent layer out frame by frame, for one length
        torch.onnx.export(
            whole,
            (example,),
            path,
            input_names=[name],
            output_names=names,
            dynamic_axes={name: {0: "frames"}},
            opset_version=_OPSET,
            dynamo=False,
        )
        graph: onnx.ModelProto = onnx.load(path)
    return graph if layer is None else behind_network(layer, graph)


def _as_one(frames: Tensor) -> Tensor:
    """The frames of one sequence, (T, D) or (T, 1, S, S), as a batch of it: (1, T, D) or (1, T, S, S)."""
    return frames[None] if frames.ndim == 2 else frames.transpose(0, 1)
