"""Files: opened for reading with a clear error, written so that they are either whole or not there."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mien.core.errors import InputError, OutputError


def open_input(path: str | Path) -> BinaryIO:
    """Open a file for reading bytes.

    Raises
    ------
    InputError
        It is missing, a folder, a pipe or device, or may not be read.
    """
    source = Path(path)
    try:
        if source.is_dir():
            raise InputError(f"{source} is a folder, not a file. Give one of its files, or the folder to mien.analyze.")
        if source.exists() and not source.is_file():
            raise InputError(f"{source} is no regular file. Save what it gives to a file, or pass the bytes.")
        return source.open("rb")
    except FileNotFoundError as error:
        raise InputError(f"There is no file {source}. Check the path.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"Can't read {source}: {reason}. Give a file that you may read.") from error


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, of the same suffix; on success it is renamed onto `path`, on failure removed.

    A kill at any moment leaves the old file or none, never half of one. The folder is made when it is absent.

    Raises
    ------
    OutputError
        The folder can't be made or written.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise OutputError(f"Can't write {target}: it is a folder. Give the name of a file.")
    except OSError as error:
        raise _refused(target, error) from error
    temporary = target.parent / f".{target.stem}-{os.urandom(4).hex()}{target.suffix}"
    try:  # the name is known before the file is there, so that an interrupt at any moment removes it
        try:
            os.close(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            raise _refused(target, error) from error
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"Can't write {target}: {error.strerror or error}. Nothing was left behind.") from error
    finally:
        with contextlib.suppress(OSError):  # a read-only disk or too long a name: what stopped the writing is told instead
            temporary.unlink(missing_ok=True)


def made_folder(folder: str | Path) -> Path:
    """Make a folder, where it is absent, and see that it can be written. Raises OutputError."""
    made = Path(folder)
    try:
        made.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=made).close()
    except OSError as error:
        raise OutputError(f"Can't write into {folder}: {error.strerror}. Give the path of a folder that you may write.") from error
    return made


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _refused(target: Path, error: OSError) -> OutputError:
    return OutputError(f"Can't write {target}: {error.strerror}. Give a path in a folder you may write.")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
