"""Models of all kinds that take part in a comparison: mien's own, a foreign ONNX graph, somebody's Python function."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from mien.artifact import ExpressionModel, Model, SequenceModel, find_model, load_model
from mien.bench.adapters import Adapter, Reading, read_as, reading
from mien.bench.description import Description, read_description
from mien.bench.functions import weight_file
from mien.bench.runners import FunctionRunner, OnnxRunner, Runner
from mien.core.errors import InputError, OptionError
from mien.core.files import open_input
from mien.core.labels import LabelSet
from mien.datasets.seen import same_pictures, seen_by


@dataclass(frozen=True, eq=False)
class Contender:
    """A model that takes part: the `name` that tables call it by, what it answers with, and what is known of it.

    `graph`: its ONNX file, None for a function. `weights`: its files as its adapter names them, from `folder`. `trained_on`: the data sets
    whose training part it has seen, None where that is not known. `licence` and `note` are what its card or its adapter says.
    """

    name: str
    network: ExpressionModel
    graph: Path | None = None
    weights: tuple[str, ...] = ()
    folder: Path = Path()
    parameters: int | None = None
    trained_on: frozenset[str] | None = None
    licence: str = ""
    note: str = ""

    @property
    def size_bytes(self) -> int | None:
        """What its files take together; None where a function's adapter names none, or one that is not there."""
        files = [*([self.graph] if self.graph else []), *(weight_file(text, self.folder) for text in self.weights)]
        sizes = [None if file is None else file.stat().st_size for file in files]
        return None if not sizes or None in sizes else sum(size for size in sizes if size is not None)

    @property
    def input_name(self) -> str | None:
        """The graph's input that is fed, None for its only one."""
        run = getattr(self.network, "run", None)
        return run.input_name if isinstance(run, OnnxRunner) else None

    @property
    def reads_sequences(self) -> bool:
        """Whether its answers are of sequences of pictures, not of single ones."""
        return isinstance(self.network, SequenceModel)

    def tensor(self, crops: NDArray[np.uint8]) -> NDArray[np.generic]:
        """What the graph is fed for `crops`, which are one sequence for a model of these."""
        if isinstance(self.network, SequenceModel):
            return self.network.input_of(crops)
        if isinstance(self.network, Model):
            return self.network.card.preprocessing.to_input(crops)
        return cast(Adapter, self.network).run.tensor(crops)

    def trained(self, dataset: str) -> bool | None:
        """Whether it has seen the training part of that data set, or of one of those merged as "a+b"; None where that is not known."""
        return None if self.trained_on is None else not self.trained_on.isdisjoint(dataset.split("+"))

    def read(self, native: LabelSet, labels: LabelSet, *, partial: bool = False) -> ExpressionModel:
        """The model read as `labels` for a data set whose own labels are `native`: its head for those speaks, where it has one.

        Raises LabelError; `partial` is that of `read_as`.
        """
        heads = self.network.card.heads if isinstance(self.network, Model) else ()
        if native != labels and any(head.labels == native for head in heads):
            native.projection(labels)
            return reading(self.network.with_labels(native), labels)
        return read_as(self.network, labels, partial=partial)

    def mapping(self, network: ExpressionModel) -> str:
        """How this model's labels became those of `network`, which `read` gave, in words: which are dropped, summed, or never said."""
        base = network.network.labels if isinstance(network, Reading) else network.labels
        own, goal = self.network.labels, network.labels
        if isinstance(self.network, Model) and any(head.labels == base for head in self.network.card.heads):
            own = base
        if tuple(own) == tuple(goal):
            return f"{goal.name}, as they are"
        never = [] if own.reaches(goal) else [name for name in goal if name not in own.names]
        seen = LabelSet("seen", tuple(name for name in goal if name not in never))
        dropped = [name for name, row in zip(own, own.projection(seen if never else goal), strict=True) if not row.any()]
        summed = [name for name in goal if name not in own.names and name not in never]
        parts = [f"{', '.join(names)} {how}" for names, how in ((dropped, "dropped"), (summed, "summed"), (never, "never said")) if names]
        origin = f"{len(own)} labels of its own" if own.name == "custom" else own.name
        return f"{origin} read as {goal.name}" + (f": {'; '.join(parts)}" if parts else "")


def load_contender(model: str | Path, *, threads: int | None = None) -> Contender:
    """A shipped model's name, a model file that mien wrote, or an adapter file (.toml; see `read_description`).

    Raises
    ------
    UnknownNameError, ArtifactError, InputError
        As `load_model` and `read_description` do, or a graph or function that can't be opened or does not fit its adapter.
    MissingExtraError
        The package that an adapter's function imports is not installed.
    """
    if Path(model).suffix.lower() == ".toml":
        return _foreign(read_description(model), threads)
    path = find_model(model)
    network = load_model(model, threads=threads)
    card = network.card
    name = card.name if path == Path(model) else str(model)
    return Contender(name, network, path, parameters=card.parameters, trained_on=seen_by(card.recipe) or None, licence=card.licence)


def load_contenders(models: Sequence[str | Path], *, threads: int | None = None) -> tuple[Contender, ...]:
    """All of them, each under a name of its own: where two share one, they are called as they were given.

    Raises OptionError for none or for one that is given twice, otherwise as `load_contender` does.
    """
    given = [str(model) for model in models]
    twice = sorted({name for name in given if given.count(name) > 1})
    if not given or twice:
        raise OptionError(f"A comparison needs one model or more, each once; received {', '.join(twice) + ' twice' if twice else 'none'}.")
    found = [load_contender(model, threads=threads) for model in models]
    names = [contender.name for contender in found]
    return tuple(replace(c, name=word) if names.count(c.name) > 1 else c for c, word in zip(found, given, strict=True))


def all_read_sequences(contenders: Sequence[Contender]) -> bool:
    """Whether they are models of sequences, True, or of single pictures, False. Raises InputError where they are of both kinds."""
    of_sequences = [c.name for c in contenders if c.reads_sequences]
    of_pictures = [c.name for c in contenders if not c.reads_sequences]
    if of_sequences and of_pictures:
        raise InputError(
            f"{', '.join(of_sequences)} reads sequences and {', '.join(of_pictures)} single pictures. Compare models of one kind."
        )
    return bool(of_sequences)


def _foreign(description: Description, threads: int | None) -> Contender:
    graph = description.target if isinstance(description.target, Path) else None
    run: Runner = OnnxRunner(description, threads) if graph else FunctionRunner(description, threads)
    weights = description.weights
    if graph and not weights and (outside := graph.with_name(f"{graph.name}.data")).is_file():
        weights = (str(outside.resolve()),)
    return Contender(
        name=description.name,
        network=Adapter(description, run, description.labels, _sha256(graph) if graph else ""),
        graph=graph,
        weights=weights,
        folder=description.file.parent,
        parameters=description.parameters,
        trained_on=same_pictures(description.trained_on) or None,
        licence=description.licence,
        note=description.note,
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open_input(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
