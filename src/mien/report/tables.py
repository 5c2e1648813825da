"""Results into files, frame by frame: .json, .jsonl, .csv and .parquet, in bounded memory, whole or not at all.

=========  ==================================================================================================================
.json      one object, schema "mien/1"; every frame on a line of its own
.jsonl     one object a frame: source, error, frame, time_s, faces (as in .json), model, detector. A source that broke off, or
           could not be read, ends with a line whose `error` is set and whose `frame` is null
.csv       the flat rows of `mien.report.values.columns`, UTF-8, a header line
.parquet   the same rows; the column types never depend on what was found; model and detector in the metadata key `mien`
=========  ==================================================================================================================
"""

from __future__ import annotations

import contextlib
import csv
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mien.core.suffixes import known_suffix
from mien.core.types import RGB, FrameResult, ModelIdentity, SourceInfo, SourceResult
from mien.report import values
from mien.report.output import Output
from mien.report.values import columns, results_dict, rows, source_dict, to_frame

__all__ = ["SUFFIXES", "Table", "columns", "open_table", "results_dict", "rows", "source_dict", "to_frame", "write_table"]

ROW_GROUP = 4096


def open_table(path: str | Path, model: ModelIdentity, detector: str) -> Table:
    """A writer for `path`; the suffix picks the format. It is open at once: close it, or use it in a `with` block.

    Raises
    ------
    UnknownNameError
        A suffix other than .json, .jsonl, .csv or .parquet.
    OutputError
        The file can't be made there.
    """
    return _FORMATS[known_suffix(path, _FORMATS, "table suffix")](path, model, detector)


def write_table(path: str | Path, sources: Iterable[SourceResult], model: ModelIdentity, detector: str) -> None:
    """Write finished results: the same bytes as if they had been streamed. Raises as `open_table` does."""
    with open_table(path, model, detector) as table:
        for source in sources:
            table.begin(source.info)
            for frame in source.frames:
                table.frame(frame)
            table.end(source.error)


class Table(Output, ABC):
    """A table being written: for each source `begin`, `frame` for every frame, `end`; then `close`."""

    def __init__(self, path: str | Path, model: ModelIdentity, detector: str) -> None:
        self._model, self._detector = model, detector
        self._info = SourceInfo("", "image")
        self._sources = self._frames = 0
        super().__init__(path)

    def begin(self, info: SourceInfo) -> None:
        """Start a source."""
        self._info, self._frames = info, 0
        with self._writing():
            self._begin()
        self._sources += 1

    def frame(self, result: FrameResult, image: RGB | None = None) -> None:
        """Write one frame; its picture is not needed."""
        with self._writing():
            self._frame(result)
        self._frames += 1

    def end(self, error: str | None) -> None:
        """Finish the source; `error` says why it could not be read, or broke off."""
        with self._writing():
            self._end(error)

    def _begin(self) -> None:
        """Write what stands before the frames of a source."""

    @abstractmethod
    def _frame(self, result: FrameResult) -> None:
        """Write what a frame holds."""

    @abstractmethod
    def _end(self, error: str | None) -> None:
        """Write what ends a source."""


class _Json(Table):
    def _open(self, stack: contextlib.ExitStack) -> None:
        self._file = stack.enter_context(self._temporary.open("w", encoding="utf-8", newline="\n"))
        self._file.write(_dump(values.document_head(self._model, self._detector))[:-1] + ',"sources":[')

    def _begin(self) -> None:
        self._file.write(("," if self._sources else "") + "\n" + _dump(values.source_head(self._info))[:-1] + ',"frames":[')

    def _frame(self, result: FrameResult) -> None:
        self._file.write(("," if self._frames else "") + "\n" + _dump(values.frame_dict(result)))

    def _end(self, error: str | None) -> None:
        self._file.write(f'],"error":{_dump(values.clean(error))}}}')

    def _finish(self) -> None:
        self._file.write("\n]}\n")


class _JsonLines(Table):
    def _open(self, stack: contextlib.ExitStack) -> None:
        self._file = stack.enter_context(self._temporary.open("w", encoding="utf-8", newline="\n"))

    def _frame(self, result: FrameResult) -> None:
        cells = values.frame_dict(result)
        self._line(None, cells["index"], cells["time_s"], cells["faces"])

    def _end(self, error: str | None) -> None:
        for row in values.last_rows(self._info.source, error, bool(self._frames)):
            self._line(row["error"], None, None, [])

    def _line(self, error: str | None, frame: int | None, time_s: float | None, faces: list[Any]) -> None:
        line = {"source": values.text(self._info.source), "error": error, "frame": frame, "time_s": time_s, "faces": faces}
        self._file.write(_dump({**line, "model": values.text(self._model.name), "detector": values.text(self._detector)}) + "\n")


class _Flat(Table, ABC):
    """The formats of flat rows."""

    def _frame(self, result: FrameResult) -> None:
        self._write(values.frame_rows(self._info.source, result))

    def _end(self, error: str | None) -> None:
        self._write(values.last_rows(self._info.source, error, bool(self._frames)))

    @abstractmethod
    def _write(self, lines: Iterator[dict[str, Any]]) -> None:
        """Take rows."""


class _Csv(_Flat):
    def _open(self, stack: contextlib.ExitStack) -> None:
        file = stack.enter_context(self._temporary.open("w", encoding="utf-8", newline=""))
        self._lines = csv.DictWriter(file, columns(self._model.labels), lineterminator="\n")
        self._lines.writeheader()

    def _write(self, lines: Iterator[dict[str, Any]]) -> None:
        self._lines.writerows(lines)


class _Parquet(_Flat):
    def _open(self, stack: contextlib.ExitStack) -> None:
        self._waiting: list[dict[str, Any]] = []
        self._flush(append=False)

    def _write(self, lines: Iterator[dict[str, Any]]) -> None:
        self._waiting.extend(lines)
        if len(self._waiting) >= ROW_GROUP:
            self._flush()

    def _finish(self) -> None:
        if self._waiting:
            self._flush()

    def _flush(self, append: bool = True) -> None:
        import fastparquet

        head = None if append else {"mien": _dump(values.document_head(self._model, self._detector))}
        frame = values.flat_frame(self._waiting, self._model.labels)
        fastparquet.write(
            str(self._temporary), frame, append=append, write_index=False, compression="SNAPPY", has_nulls=True, custom_metadata=head
        )
        self._waiting.clear()


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


_FORMATS: dict[str, type[Table]] = {".json": _Json, ".jsonl": _JsonLines, ".csv": _Csv, ".parquet": _Parquet}
SUFFIXES = tuple(_FORMATS)
