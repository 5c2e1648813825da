"""What a TOML file says of someone else's model: its labels, how its input is made, what comes out. Every key and value is checked."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mien.core.errors import ArtifactError, MissingExtraError, UnknownNameError
from mien.core.files import open_input
from mien.core.labels import FER8, VALENCE3, LabelSet, label_set
from mien.datasets.names import expression_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXPRESSIONS = (*FER8, *(name for name in VALENCE3 if name not in FER8.names))
MAX_SIZE = 4096
"""The largest side that crops are made for a model, in pixels."""

_TOP = ("name", "onnx", "callable", "labels", "own_labels", "input", "output")
_FACTS = ("weights", "parameters", "trained_on", "install", "licence", "note")
_INPUT = {
    "onnx": ("name", "size", "channels", "layout", "order", "scale", "mean", "std"),
    "callable": ("size", "channels", "order", "batch"),
}
_OUTPUT = {"onnx": ("name", "kind"), "callable": ("kind",)}


@dataclass(frozen=True)
class Input:
    """How crops become what the model takes: (pixel · `scale` - `mean`) / `std`, pixels 0–255.

    `size`: the side in pixels, None for crops as they are (callables only). `channels`: 1 gray, 3 colour, None as they are. `layout`:
    "NCHW" or "NHWC"; `order` of three channels: "RGB" or "BGR"; `mean` and `std`: one number a channel. `name`: the graph's input, ""
    for its only one. `batch`: how many crops a callable is given at once.
    """

    size: int | None = None
    channels: int | None = None
    layout: str = "NCHW"
    order: str = "RGB"
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    name: str = ""
    batch: int = 64


@dataclass(frozen=True)
class Description:
    """One adapter file, read.

    `target`: the ONNX file, or "package.module:function". `labels`: what the columns in `columns` of the model's `width` columns mean, in
    order; the others are left out. `kind`: "logits" or "scores". `weights`: files whose sizes are added up. `trained_on`: data sets whose
    training part it has seen. `install`: the command that brings what a callable imports. `file`: the TOML file itself.
    """

    name: str
    file: Path
    target: Path | str
    labels: LabelSet
    columns: tuple[int, ...]
    width: int
    kind: str = "scores"
    input: Input = field(default_factory=Input)
    output: str = ""
    weights: tuple[str, ...] = ()
    parameters: int | None = None
    trained_on: tuple[str, ...] = ()
    install: str = ""
    licence: str = ""
    note: str = ""


def read_description(path: str | Path) -> Description:
    """Read and check an adapter file.

    Keys: `name` (default the file's stem), `onnx` (a file, from the adapter's folder) or `callable` ("package.module:function"), `labels`
    (one a column, in order; names that `mien.datasets.names` knows; "" for a column that is no expression), `own_labels` (true: the
    labels are of no set of mien and are taken as they are), the tables `input` and `output` (see `Input`, `Description`), and
    `weights`, `parameters`, `trained_on`, `install`, `licence`, `note`.

    Raises
    ------
    InputError
        The file can't be read.
    ArtifactError
        No TOML, a key that is missing, or a value of a wrong type or outside its range.
    UnknownNameError
        A key or a label that does not exist; the near names are listed.
    MissingExtraError
        The ONNX file is not there; the message gives the adapter's `install` command.
    """
    file = Path(path)
    with open_input(file) as stream:
        try:
            table = tomllib.loads(stream.read().decode("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ArtifactError(f"{file} is no TOML file: {error}. An adapter is a TOML file; see benchmarks/peers.") from error
    return _Reader(file).description(table)


class _Reader:
    """Reads one file's tables, so that every complaint names the file and the key."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def description(self, table: dict[str, Any]) -> Description:
        self.known(table, (*_TOP, *_FACTS), "")
        kinds = [kind for kind in ("onnx", "callable") if kind in table]
        if len(kinds) != 1:
            raise self.wrong("onnx or callable", " and ".join(kinds) or "neither", "exactly one of the two keys")
        labels, columns, width = self.labels(table)
        output = self.table(table, "output", _OUTPUT[kinds[0]])
        default = "logits" if kinds[0] == "onnx" else "scores"
        return Description(
            name=self.text(table, "name", self.file.stem) or self.file.stem,
            file=self.file,
            target=self.target(table, kinds[0]),
            labels=labels,
            columns=columns,
            width=width,
            kind=self.choice(output, "kind", ("logits", "scores"), default, "output."),
            input=self.input(self.table(table, "input", _INPUT[kinds[0]]), kinds[0]),
            output=self.text(output, "name", "", "output."),
            weights=self.texts(table, "weights", default=()),
            parameters=None if "parameters" not in table else self.whole(table, "parameters", 0),
            trained_on=self.texts(table, "trained_on", default=()),
            **{key: self.text(table, key, "") for key in ("install", "licence", "note")},
        )

    def target(self, table: Mapping[str, Any], kind: str) -> Path | str:
        text = self.text(table, kind, "")
        if kind == "onnx":
            path = self.file.parent / Path(text).expanduser()
            if text and not path.is_file() and table.get("install"):
                raise MissingExtraError(f"{self.file} needs the model file {path}, which is not there. Get it with: {table['install']}")
            if not text or not path.is_file():
                raise self.wrong("onnx", repr(text), f"the path of an ONNX file, from {self.file.parent}/")
            return path
        module, colon, function = text.partition(":")
        if not (colon and function.isidentifier() and all(part.isidentifier() for part in module.split("."))):
            raise self.wrong("callable", repr(text), '"package.module:function"')
        return text

    def labels(self, table: Mapping[str, Any]) -> tuple[LabelSet, tuple[int, ...], int]:
        received = self.texts(table, "labels")
        columns = tuple(i for i, name in enumerate(received) if name.strip())
        names = tuple(received[i].strip() for i in columns)
        if not self.flag(table, "own_labels"):
            names = tuple(expression_name(name, EXPRESSIONS, where=f"labels of {self.file}") for name in names)
        if not names or len(set(names)) < len(names):
            raise self.wrong("labels", list(received), "distinct expressions, one a column of the output, in order")
        return label_set(names), columns, len(received)

    def input(self, table: Mapping[str, Any], kind: str) -> Input:
        where = "input."
        if kind == "onnx" and ("size" not in table or "channels" not in table):
            raise self.wrong("input", sorted(table), "size and channels, which every ONNX model needs")
        channels = None if "channels" not in table else self.whole(table, "channels", 1, where)
        if channels not in (None, 1, 3):
            raise self.wrong("input.channels", channels, "1 (gray) or 3 (colour)")
        width = channels or 1
        size = None if "size" not in table else self.whole(table, "size", 1, where)
        if size is not None and size > MAX_SIZE:
            raise self.wrong("input.size", size, f"a whole number up to {MAX_SIZE:,}")
        std = self.numbers(table, "std", 1.0, width)
        if not all(std):
            raise self.wrong("input.std", list(std), "numbers other than zero")
        return Input(
            size=size,
            channels=channels,
            layout=self.choice(table, "layout", ("NCHW", "NHWC"), "NCHW", where),
            order=self.choice(table, "order", ("RGB", "BGR"), "RGB", where),
            scale=self.numbers(table, "scale", 1.0, 1)[0],
            mean=self.numbers(table, "mean", 0.0, width),
            std=std,
            name=self.text(table, "name", "", where),
            batch=self.whole(table, "batch", 1, where, default=64),
        )

    def known(self, table: Mapping[str, Any], keys: tuple[str, ...], part: str) -> None:
        for key in table:
            if key not in keys:
                raise UnknownNameError(f"key of {part}{' in ' if part else ''}{self.file}", key, keys)

    def table(self, table: Mapping[str, Any], key: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, repr(value), f"a table [{key}]")
        self.known(value, keys, key)
        return value

    def text(self, table: Mapping[str, Any], key: str, default: str, where: str = "") -> str:
        value = table.get(key, default)
        if not isinstance(value, str):
            raise self.wrong(where + key, repr(value), "text in quotes")
        return value

    def texts(self, table: Mapping[str, Any], key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = table.get(key, default)
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, "nothing" if value is None else repr(value), "a list of texts")
        return tuple(value)

    def flag(self, table: Mapping[str, Any], key: str) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, repr(value), "true or false")
        return value

    def choice(self, table: Mapping[str, Any], key: str, allowed: tuple[str, ...], default: str, where: str) -> str:
        value = table.get(key, default)
        if value not in allowed:
            raise self.wrong(where + key, repr(value), " or ".join(map(repr, allowed)))
        return str(value)

    def whole(self, table: Mapping[str, Any], key: str, least: int, where: str = "", default: int | None = None) -> int:
        value = table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.wrong(where + key, repr(value), f"a whole number of at least {least}")
        return value

    def numbers(self, table: Mapping[str, Any], key: str, default: float, width: int) -> tuple[float, ...]:
        """`width` numbers; one alone stands for each."""
        value = table.get(key, default)
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, (int, float)) and not isinstance(item, bool) and abs(item) < float("inf") for item in items):
            raise self.wrong(f"input.{key}", repr(value), "finite numbers")
        if len(items) not in (1, width):
            raise self.wrong(f"input.{key}", repr(value), f"one number, or {width} (one a channel)")
        return tuple(float(item) for item in (items * width if len(items) == 1 else items))

    def wrong(self, key: str, received: object, allowed: str) -> ArtifactError:
        return ArtifactError(f"{self.file}: {key} is {allowed}; received {received}. Correct the adapter.")
