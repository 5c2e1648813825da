"""A run's log: read back from log.csv, and written a second time as TensorBoard reads it."""

from __future__ import annotations

import csv
import struct
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mien.core.errors import OutputError, TrainingError
from mien.core.optional import require

LOG = "log.csv"
EVENTS = "events.out.tfevents.0.mien"

Row = dict[str, Any]


def read_log(folder: str | Path) -> list[Row]:
    """The history that the log.csv of a run holds: one dict an epoch; "epoch" and "size" are int, all else float.

    Raises TrainingError for a missing file, or one that is no log.
    """
    path = Path(folder) / LOG
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
        if not rows:
            raise ValueError("it has no epoch")
        return [row | {"epoch": int(row["epoch"]), "size": int(row["size"])} for row in rows]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"The log {path} can't be read ({error}). Delete it, and go on with --resume, which writes it anew.") from error


class EventLog:
    """The history of a run as TensorBoard's scalar events, in one file of its folder; steps are epochs, tags the columns of log.csv.

    It begins with the epochs of `history`, those before a run was resumed, in place of what the file held, so that no step is there twice;
    their times are reckoned back from now by their seconds. The bytes of an epoch's event have one length whenever they are written, so
    that a TensorBoard that is watching reads on where it was.

    Raises MissingExtraError without the package tensorboardX, OutputError where the file can't be written.
    """

    def __init__(self, folder: str | Path, history: Sequence[Row] = ()) -> None:
        self.path = Path(folder) / EVENTS
        now, seconds = time.time(), [row["seconds"] for row in history]
        records = [_record(wall_time=now - sum(seconds), file_version="brain.Event:2")]
        records += [_event(row, now - sum(seconds[number + 1 :])) for number, row in enumerate(history)]
        self._write("r+b" if self.path.is_file() else "wb", b"".join(records))

    def add(self, row: Row) -> None:
        """Append one epoch. Raises OutputError."""
        self._write("ab", _event(row, time.time()))

    def _write(self, mode: str, data: bytes) -> None:
        try:
            with self.path.open(mode) as file:
                file.write(data)
                file.truncate()
        except OSError as error:
            raise OutputError(f"Can't write {self.path}: {error.strerror}. Make room, or leave --tensorboard out.") from error


def _event(row: Mapping[str, Any], wall_time: float) -> bytes:
    summaries = require("tensorboardX.proto.summary_pb2", "train")
    values = [summaries.Summary.Value(tag=key, simple_value=value) for key, value in row.items() if key != "epoch"]
    return _record(wall_time=wall_time, step=row["epoch"], summary=summaries.Summary(value=values))


def _record(**fields: Any) -> bytes:
    """An event as TFRecord frames it: length, checksum of the length, bytes, checksum of the bytes; numbers are little-endian."""
    checksum = require("tensorboardX.record_writer", "train").masked_crc32c
    data: bytes = require("tensorboardX.proto.event_pb2", "train").Event(**fields).SerializeToString()
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", checksum(length)) + data + struct.pack("<I", checksum(data))
