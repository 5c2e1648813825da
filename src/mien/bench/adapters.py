"""Foreign models with the face of mien's own: crops in, named scores that sum to 1 out, in the label set that is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.artifact import ExpressionModel, SequenceModel
from mien.bench.description import Description
from mien.bench.runners import Runner
from mien.core.calibration import softmax
from mien.core.errors import InputError, LabelError
from mien.core.labels import LABEL_SETS, LabelSet
from mien.core.types import ModelIdentity, Scores
from mien.preprocess import Crops

SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Adapter:
    """A foreign model that answers as mien's do: named scores that sum to 1, in the label set that is asked for.

    What it gives is never mended: scores that are not finite, are negative or do not sum to 1 are an error that names the adapter.
    """

    description: Description
    run: Runner
    labels: LabelSet
    sha256: str = ""

    @cached_property
    def identity(self) -> ModelIdentity:
        """Name, the SHA-256 of an ONNX file ("" for a function), and the label set."""
        return ModelIdentity(self.description.name, self.sha256, self.labels)

    def with_labels(self, labels: LabelSet) -> Adapter:
        """The same model, its columns put in the order of `labels`, merged or dropped as `LabelSet.projection` says. Raises LabelError."""
        self.description.labels.projection(labels)
        return replace(self, labels=labels)

    def predict(self, crops: Crops) -> Scores:
        """Scores float32 (N, C) for uint8 (N, H, W) gray or (N, H, W, 3) RGB, or a sequence of such pictures of several sizes.

        Raises
        ------
        InputError
            Scores that are not finite, negative or do not sum to 1.
        LabelError
            Another number of columns than the adapter has labels.
        ArtifactError, MissingExtraError
            A graph or function that fails; see `runners`.
        """
        if not len(crops):
            return np.zeros((0, len(self.labels)), np.float32)
        if not isinstance(crops, np.ndarray):
            return np.concatenate([self.predict(crop[None]) for crop in crops])
        raw = self._numbers(self.run(crops))
        picked = np.asarray(raw[:, list(self.description.columns)], np.float32)
        scores = softmax(picked) if self.description.kind == "logits" else self._scores(raw, picked)
        return self.description.labels.project(scores, self.labels)

    def _numbers(self, raw: NDArray[np.generic]) -> NDArray[np.float64]:
        """The output as (N, width), an output (N, width, 1, 1) among them, once it is numbers of the right number."""
        width, where, shape = self.description.width, self.description.file, raw.shape
        if raw.ndim > 2 and raw.size == shape[0] * shape[1]:
            raw = raw.reshape(shape[:2])
        if raw.ndim != 2 or raw.shape[1] != width or raw.dtype.kind not in "fiu":
            raise LabelError(
                f"{where}: the model gave {raw.dtype} of shape {shape}; its {width} labels need (N, {width}) numbers. "
                'Name every column in labels ("" for one that is no expression), or choose another output.'
            )
        with np.errstate(over="ignore"):  # what is too large for a float32 is infinite there
            bad = ~np.isfinite(raw.astype(np.float32)).all(axis=1)
        if bad.any():
            raise InputError(
                f"{where}: {int(bad.sum())} of {len(raw)} rows hold NaN or infinity (the first is row {int(bad.argmax())} of its batch). "
                "Correct the model, or [input] of the adapter."
            )
        return raw.astype(np.float64)

    def _scores(self, raw: NDArray[np.float64], picked: NDArray[np.float32]) -> NDArray[np.float32]:
        """The named columns, renormalised where they share the sum of 1 with columns that are no expressions."""
        total, own = raw.sum(axis=1), picked.sum(axis=1, dtype=np.float64)
        bad = (np.abs(total - 1) > SUM_TOLERANCE) & (np.abs(own - 1) > SUM_TOLERANCE) | (picked.min(axis=1) < -SUM_TOLERANCE)
        if bad.any():
            row = int(bad.argmax())
            raise InputError(
                f"{self.description.file}: {int(bad.sum())} of {len(raw)} rows are no scores; the first, row {row} of its batch, is "
                f"{np.round(raw[row], 4).tolist()} and sums to {total[row]:.4g}. Scores are not negative and sum to 1. "
                'Say kind = "logits" in [output] where the softmax is missing; divide percentages by 100.'
            )
        shared = (np.abs(own - 1) > SUM_TOLERANCE)[:, None]
        even = np.float32(1 / picked.shape[1])
        spread = np.where(own[:, None] > 1e-12, picked / np.maximum(own, 1e-12)[:, None], even)
        return np.where(shared, spread, picked).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Reading:
    """A model's scores read as another label set: projected where every name of `labels` can be reached from the model's.

    Where one can't, the model never says it: its score is zero, and its pictures count as wrong.
    """

    network: ExpressionModel
    labels: LabelSet

    @property
    def identity(self) -> ModelIdentity:
        """Name and hash of the model, with the labels it is asked for."""
        return replace(self.network.identity, labels=self.labels)

    @property
    def card(self) -> Any:
        """The card of the model, None where it has none."""
        return getattr(self.network, "card", None)

    def with_labels(self, labels: LabelSet) -> ExpressionModel:
        """The model behind it, read as `labels`. Raises LabelError."""
        return self.network.with_labels(labels)

    def predict(self, crops: Crops) -> Scores:
        """Scores float32 (N, C) over `labels`, rows summing to 1."""
        return self._read(self.network.predict(crops))

    def _read(self, found: Scores) -> Scores:
        own = self.network.labels
        if not set(own) <= set(self.labels):
            return own.project(found, self.labels)
        scores = np.zeros((len(found), len(self.labels)), np.float32)
        scores[:, [self.labels.index(name) for name in own]] = found
        return scores


@dataclass(frozen=True, eq=False)
class SequenceReading(Reading):
    """A model of sequences, read so."""

    network: SequenceModel

    def predict_sequences(self, sequences: Iterable[Crops]) -> Scores:
        """Scores float32 (N, C) over `labels`, rows summing to 1, one row for each sequence of crops."""
        return self._read(self.network.predict_sequences(sequences))


def reading(network: ExpressionModel, labels: LabelSet) -> Reading:
    """The network's scores read as `labels`, of sequences where it takes those."""
    return SequenceReading(network, labels) if isinstance(network, SequenceModel) else Reading(network, labels)


def read_as(network: ExpressionModel, labels: LabelSet, *, partial: bool = False) -> ExpressionModel:
    """The network with scores over `labels`. With `partial`, classes that it lacks get the score 0 instead of an error.

    Raises LabelError when a name of `labels` can't be reached from the model's own.
    """
    try:
        return network.with_labels(labels)
    except LabelError as error:
        reachable = tuple(name for name in labels if name in network.labels.names)
        if partial and reachable:
            return reading(network.with_labels(LabelSet(f"part of {labels.name}", reachable)), labels)
        both = [name for name, one in LABEL_SETS.items() if labels.reaches(one) and network.labels.reaches(one)]
        common = f"Both can be read as {' and '.join(both)} (--labels)." if both else "They have no label set of mien's in common."
        lose = "In mien bench, --partial lets a model without a class lose its pictures."
        raise LabelError(f"{network.identity.name}: {error} {common} {lose}") from error
