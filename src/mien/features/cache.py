"""Vectors kept on disk, by the content of the picture and of what describes it."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OutputError
from mien.features.pictures import PictureTransformer, Vectors
from mien.features.registry import fingerprint


class VectorCache:
    """The vectors of one transformer in a database file, which several transformers and processes may share.

    A vector is found by the SHA-256 of the picture's pixels and shape and of the transformer with all that it has learnt, so that a file
    from before a change gives nothing wrong. What is put in is there after a kill, or not; never in part. `features` is fitted, or a text
    that stands for whatever makes the vectors.

    Raises OutputError when the file can't be written, or is no such file.
    """

    def __init__(self, path: str | Path, features: PictureTransformer | str) -> None:
        self._salt = (features if isinstance(features, str) else fingerprint(features)).encode()
        self._path = Path(path)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(self._path, timeout=60)
            self._run("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID")
        except (OSError, sqlite3.Error) as error:
            raise self._refused(error) from error

    def key(self, picture: NDArray[np.uint8]) -> bytes:
        """What the vector of a picture is found by."""
        return hashlib.sha256(self._salt + str(picture.shape).encode() + np.ascontiguousarray(picture).tobytes()).digest()

    def get(self, key: bytes) -> Vectors | None:
        """The vector float32 (D,) of a key, or None."""
        row = self._run("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
        return None if row is None else np.frombuffer(row[0], np.float32)

    def put(self, vectors: Iterable[tuple[bytes, Vectors]]) -> None:
        """Keep vectors by their keys."""
        try:
            with self._file:
                rows = ((key, vector.tobytes()) for key, vector in vectors)
                self._file.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        except sqlite3.Error as error:
            raise self._refused(error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> VectorCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, text: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._file.execute(text, values)
        except sqlite3.Error as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> OutputError:
        return OutputError(f"Can't keep vectors in {self._path}: {error}. Give a file in a folder you may write, or none.")
