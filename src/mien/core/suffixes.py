"""Suffixes, in small letters: which files of a folder are taken for pictures, and which a writer knows."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from mien.core.errors import UnknownNameError

# fmt: off
PICTURE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".jp2",
    ".ppm", ".pgm", ".pbm", ".pnm", ".qoi",
)
# fmt: on
UNREAD_SUFFIXES = (".heic", ".heif")  # pictures too, and told to be none that can be read


def known_suffix(path: str | Path, allowed: Collection[str], kind: str) -> str:
    """The suffix of `path` in small letters. Raises UnknownNameError, which calls it `kind`, unless it is one of `allowed`."""
    suffix = Path(path).suffix.lower()
    if suffix not in allowed:
        raise UnknownNameError(kind, suffix, allowed, hint=f"Received the path {str(path)!r}.")
    return suffix
