"""A trained model in one file: an ONNX graph whose metadata is its card. The only thing that leaves training and enters analysis.

The graph takes pictures, float32 (N, channels, size, size) in 0–255, or an input ``features``, float32 (N, D), or both, and has one
output of logits (N, C) for each head of the card; it normalises its input itself. The graph of a model of sequences takes the pictures of
one sequence, and its outputs have one row. The card is JSON under the metadata key ``mien.card``;
what makes the features of a picture, with all that it has learnt, is an npz file under ``mien.features``. Nothing is ever unpickled.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.card import Card, Head
from mien.core.errors import ArtifactError, InputError, OptionError, UnknownNameError
from mien.core.files import open_input, write_bytes
from mien.core.labels import LabelSet, label_set
from mien.core.optional import require
from mien.core.protobuf import entry
from mien.core.types import ModelIdentity, Scores
from mien.datasets.sequences import resample
from mien.preprocess import Crops

if TYPE_CHECKING:
    import onnx
    import onnxruntime

    from mien.features.pictures import PictureTransformer

CARD_KEY = "mien.card"
FEATURES_KEY = "mien.features"
FEATURES_INPUT = "features"
WEIGHTS = Path(__file__).resolve().parent / "weights"
BATCH = 32


class ExpressionModel(Protocol):
    """Whatever scores crops: a `Model`, or somebody else's with the same face."""

    @property
    def labels(self) -> LabelSet:
        """What the columns of the scores mean, in order."""

    @property
    def identity(self) -> ModelIdentity:
        """Name, hash and label set, as results carry them."""

    def with_labels(self, labels: LabelSet) -> ExpressionModel:
        """The same model read as another label set. Raises LabelError."""

    def predict(self, crops: Crops) -> Scores:
        """Scores float32 (N, C), rows summing to 1, for uint8 (N, H, W) gray, (N, H, W, 3) RGB, or a sequence of pictures of any sizes."""


class Model:
    """A loaded model: crops in, scores out. Made by `load_model`.

    `file`: the bytes of its ONNX file, for whoever reads the graph itself; the runtime holds the same ones, so they cost nothing.
    `features`: what makes the vectors that the graph takes beside pictures or in their place; None for pictures alone.
    """

    def __init__(
        self,
        card: Card,
        session: onnxruntime.InferenceSession,
        labels: LabelSet,
        file: bytes,
        features: PictureTransformer | None = None,
    ) -> None:
        self.card = card
        self.file = file
        self.labels = labels
        self.features = features
        self._session = session
        self._head = next((h for h in card.heads if h.labels == labels), card.heads[0])
        self._projects = self._head.labels != labels
        if self._projects:
            self._head.labels.projection(labels)

    @cached_property
    def identity(self) -> ModelIdentity:
        """Name, hash and label set, as results carry them."""
        return ModelIdentity(self.card.name, self.card.sha256, self.labels)

    @property
    def head(self) -> Head:
        """The output that the scores are read from; its labels are the model's own, or projected to them."""
        return self._head

    def uncalibrated(self, scores: Scores) -> Scores | None:
        """The scores that the same outputs would give uncalibrated; None where that can't be told.

        It can't of sums of a head's scores, nor of some of a head's that more than a temperature has calibrated.
        """
        calibration = self._head.calibration
        merges = self._projects and bool((self._head.labels.projection(self.labels).sum(axis=0) > 1).any())
        return None if merges or (self._projects and calibration.bends) else calibration.undone(scores)

    def with_labels(self, labels: str | LabelSet) -> Model:
        """The same weights, read as another label set: its own head where the model has one, else the default head projected."""
        return type(self)(self.card, self._session, label_set(labels), self.file, self.features)

    def threshold_at(self, coverage: float) -> float:
        """The score under which to abstain so that about the share `coverage` of faces is answered, as on the selection split.

        Raises OptionError when the card has no threshold for that coverage, or these labels are read from another head's.
        """
        if self._projects:
            own = ", ".join(h.labels.name for h in self.card.heads)
            raise OptionError(f"{self.card.name} has thresholds for {own}, not for {self.labels.name}. Use one of those, or abstain_below.")
        if f"{coverage:g}" not in self._head.abstain_at:
            there = ", ".join(self._head.abstain_at)
            todo = f"It has them for {there}." if there else "Fit them with mien train, or give abstain_below."
            raise OptionError(f"{self.card.name} has no threshold for the coverage {coverage:g}. {todo}")
        return self._head.abstain_at[f"{coverage:g}"]

    def logits(self, crops: Crops, head: LabelSet | None = None) -> NDArray[np.float32]:
        """Raw outputs (N, C) of the head of that label set (default: the one behind `labels`), before calibration and softmax."""
        inputs = self.card.preprocessing.to_input(crops)
        return self._run([inputs[i : i + BATCH] for i in range(0, len(inputs), BATCH)], head)

    def _run(self, parts: Iterable[NDArray[np.float32]], head: LabelSet | None) -> NDArray[np.float32]:
        """What the graph says of each of several inputs, one below the other."""
        chosen = self._head if head is None else next((h for h in self.card.heads if h.labels == head), None)
        if chosen is None:
            raise UnknownNameError("head", head.name if head else "", [h.labels.name for h in self.card.heads])
        none = np.zeros((0, len(chosen.labels)), np.float32)
        return np.concatenate([none, *(self._session.run([chosen.output], self.feed(part))[0] for part in parts)])

    def feed(self, inputs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """What the graph takes, of pictures as `Preprocessing.to_input` gives them."""
        names = [item.name for item in self._session.get_inputs()]
        if self.features is None:
            return {names[0]: inputs}
        vectors = self.features.transform(as_pictures(inputs))
        return {name: vectors if name == FEATURES_INPUT else inputs for name in names}

    def predict(self, crops: Crops) -> NDArray[np.float32]:
        """Scores float32 (N, C), rows summing to 1, column i meaning `labels[i]`.

        `crops`: uint8 (N, H, W) gray or (N, H, W, 3) RGB of any size, or a sequence of such images of several sizes, framed as
        `mien.faces.align.cut` frames a face. No crops give an array of shape (0, C).
        """
        return self._scores(self.logits(crops))

    def _scores(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        scores = self._head.calibration.scores(logits)
        return self._head.labels.project(scores, self.labels) if self._projects else scores


class SequenceModel(Model):
    """A loaded model of sequences: it says of the pictures of one face over time what they show together.

    The card's `sequence` says what it learnt from.
    """

    def sequence_logits(self, sequences: Iterable[Crops], head: LabelSet | None = None) -> NDArray[np.float32]:
        """Raw outputs (N, C) as `logits` gives them, one row for each sequence of crops, first to last, at least one each."""
        return self._run(map(self.input_of, sequences), head)

    def predict_sequences(self, sequences: Iterable[Crops]) -> NDArray[np.float32]:
        """Scores float32 (N, C), rows summing to 1, one row for each sequence of crops, as `predict` takes them. Raises InputError."""
        return self._scores(self.sequence_logits(sequences))

    def logits(self, crops: Crops, head: LabelSet | None = None) -> NDArray[np.float32]:
        """Raw outputs (N, C), each crop taken for a face that was seen once."""
        return self.sequence_logits(([crop] for crop in crops), head)

    def input_of(self, crops: Crops) -> NDArray[np.float32]:
        """What the graph takes of one sequence: (T, C, S, S), T as the card's `sequence` says. Raises InputError for no crops."""
        if not len(crops):
            raise InputError("A sequence holds at least one crop; received none.")
        frames = self.card.sequence["frames"]
        kept = np.arange(len(crops)) if frames is None else resample(len(crops), frames)
        different, places = np.unique(kept, return_inverse=True)
        chosen = crops[different] if isinstance(crops, np.ndarray) else [crops[i] for i in different]
        return self.card.preprocessing.to_input(chosen)[places]


def as_pictures(inputs: NDArray[np.float32]) -> NDArray[np.uint8]:
    """What `Preprocessing.to_input` gave, (N, C, S, S), as uint8 pictures again: (N, S, S) gray or (N, S, S, 3) RGB."""
    pictures = inputs.astype(np.uint8)
    return pictures[:, 0] if pictures.shape[1] == 1 else pictures.transpose(0, 2, 3, 1)


def list_models() -> dict[str, Path]:
    """The models that ship in the package: name → file."""
    return {path.stem: path for path in sorted(WEIGHTS.glob("*.onnx"))}


def find_model(name_or_path: str | Path) -> Path:
    """The file of a shipped model's name, or the path itself. Raises UnknownNameError or ArtifactError when there is none."""
    shipped = list_models()
    if str(name_or_path) in shipped:
        return shipped[str(name_or_path)]
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.suffix == ".onnx" or len(path.parts) > 1:
        raise ArtifactError(f"No model file at {path}. Give the path of an .onnx file that mien wrote, or one of: {', '.join(shipped)}.")
    raise UnknownNameError("model", name_or_path, shipped, hint="Or give the path of an .onnx file that mien wrote.")


def read_card(name_or_path: str | Path) -> Card:
    """The card of a model, checked against its weights. Raises as `load_model` does."""
    return _open(find_model(name_or_path), threads=1)[0]


def load_model(name_or_path: str | Path = "default", labels: str | LabelSet | None = None, *, threads: int | None = None) -> Model:
    """Load a shipped model by name, or a file that mien wrote.

    `labels`: the label set of the scores; default the model's first head (`fer8` for the default model). `threads`: for the runtime;
    default its own choice (all cores).

    Raises
    ------
    UnknownNameError
        No model, or no label set, of that name.
    ArtifactError
        A file without a card, with weights that do not have the card's hash, or whose outputs do not fit the card's labels.
    LabelError
        A label set that this model's scores can't be read as.
    """
    path = find_model(name_or_path)
    card, session, data = _open(path, threads)
    kind = SequenceModel if card.sequence else Model
    model = kind(card, session, label_set(labels) if labels is not None else card.heads[0].labels, data, _features(card, session))
    _check_outputs(path, model, session)
    return model


def save_artifact(graph: onnx.ModelProto, card: Card, path: str | Path, features: PictureTransformer | None = None) -> Card:
    """Write `graph` with `card` inside, whole or not at all; gives back the card with its hash and features filled in.

    `features`: fitted, for a graph with the input FEATURES_INPUT. The card is the last field of the file, and its hash is that of all the
    bytes before it: graph, weights, features and versions.
    """
    plain = type(graph)()
    plain.CopyFrom(graph)
    del plain.metadata_props[:]
    if features is not None:
        from mien.features.registry import to_bytes, told

        card = replace(card, features=told(features))
        plain.metadata_props.add(key=FEATURES_KEY, value=base64.b64encode(to_bytes(features)).decode())
    body: bytes = plain.SerializeToString(deterministic=True)
    card = replace(card, sha256=hashlib.sha256(body).hexdigest())
    write_bytes(path, body + _card_field(json.dumps(card.to_dict(), ensure_ascii=False)))
    return card


def _open(path: Path, threads: int | None) -> tuple[Card, onnxruntime.InferenceSession, bytes]:
    with open_input(path) as file:
        data = file.read()
    session = _session(path, data, threads)
    text = session.get_modelmeta().custom_metadata_map.get(CARD_KEY)
    if text is None:
        raise ArtifactError(
            f"{path} has no card: its labels, their order and its preprocessing are unknown, so its numbers would mean nothing. "
            "Use a model that mien wrote, or wrap yours with mien.artifact.save_artifact(graph, card, path)."
        )
    try:
        card = Card.from_dict(json.loads(text))
    except (json.JSONDecodeError, AttributeError) as error:
        raise ArtifactError(f"{path}: the card is no JSON object ({error}). Export the model again.") from error
    body = data.removesuffix(_card_field(text))
    found = hashlib.sha256(body).hexdigest()
    if found != card.sha256:
        raise ArtifactError(
            f"{path}: the weights have SHA-256 {found[:12]}…, the card says {card.sha256[:12]}…. The file was changed or damaged."
        )
    return card, session, data


def _features(card: Card, session: onnxruntime.InferenceSession) -> PictureTransformer | None:
    """What makes the features that the graph takes. Raises MissingExtraError without the packages for it, ArtifactError without it."""
    if not card.features:
        return None
    require("sklearn", "features")
    from mien.features.registry import from_bytes

    text = session.get_modelmeta().custom_metadata_map.get(FEATURES_KEY, "")
    return from_bytes(base64.b64decode(text))


def _session(path: Path, data: bytes, threads: int | None) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a different private class for each way a file can be wrong
        raise ArtifactError(
            f"{path} can't be read as an ONNX model ({error}). Give a file that mien wrote with `mien train` or `mien export`."
        ) from error


def _card_field(text: str) -> bytes:
    return entry(14, CARD_KEY, text)  # metadata_props of ONNX's ModelProto


def _check_outputs(path: Path, model: Model, session: onnxruntime.InferenceSession) -> None:
    card, pre = model.card, model.card.preprocessing
    shape = (card.sequence.get("frames") or 1, pre.channels, pre.size, pre.size)
    outputs = [o.name for o in session.get_outputs()]
    missing = [h.output for h in card.heads if h.output not in outputs]
    if missing:
        raise ArtifactError(f"{path}: the card names the output {missing[0]!r}, the graph has {outputs}. Export the model again.")
    try:
        results = session.run([h.output for h in card.heads], model.feed(np.zeros(shape, np.float32)))
    except Exception as error:  # see _session
        raise ArtifactError(f"{path}: the graph does not take an input of shape {shape} as its card says ({error}).") from error
    for head, result in zip(card.heads, results, strict=True):
        if result.shape != (1, len(head.labels)):
            raise ArtifactError(
                f"{path}: output {head.output!r} has shape {result.shape}, its label set {head.labels.name} has {len(head.labels)} labels. "
                "The label count does not fit; export the model again with its own labels."
            )
