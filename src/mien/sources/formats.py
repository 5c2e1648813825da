"""Picture or video: told by what a file begins with, else by its suffix."""

from __future__ import annotations

from pathlib import Path

from mien.core.suffixes import PICTURE_SUFFIXES, UNREAD_SUFFIXES

PREFIX_BYTES = 256

# fmt: off
# .ts is left out: in a folder it is most often TypeScript. A file of that suffix given by itself is told by its content.
VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".3gp", ".mkv", ".webm", ".avi", ".flv", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv", ".asf", ".ogv",
)
# fmt: on

_PICTURES = (
    b"\xff\xd8\xff",
    b"\x89PNG",
    b"GIF8",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
    b"\0\0\0\x0cjP  ",
    b"\xff\x4f\xff\x51",
    b"qoif",
    b"\0\0\1\0",
)
_VIDEOS = (b"\x1a\x45\xdf\xa3", b"FLV\1", b"OggS", b"\x30\x26\xb2\x75", b"\0\0\1\xba", b"\0\0\1\xb3")
_BOXES = frozenset((b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"))
_PICTURE_BRANDS = frozenset((b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1"))


def kind_of_content(prefix: bytes) -> str | None:
    """Tell "image" or "video" by the first bytes (PREFIX_BYTES are enough), or None where they tell neither."""
    if prefix[4:8] in _BOXES:
        return "image" if prefix[8:12] in _PICTURE_BRANDS else "video"
    if prefix.startswith(b"RIFF"):
        return {b"WEBP": "image", b"AVI ": "video"}.get(prefix[8:12])
    if prefix.startswith(_PICTURES) or (prefix[:1] == b"P" and prefix[1:2] in b"123456" and prefix[2:3].isspace()):
        return "image"
    return "video" if prefix.startswith(_VIDEOS) or _is_transport_stream(prefix) else None


def _is_transport_stream(prefix: bytes) -> bool:
    # A sync byte each 188 bytes, or each 192 after four bytes of a time stamp (Blu-ray, AVCHD).
    return prefix[0::188][:2] == b"GG" or prefix[4::192][:2] == b"GG"


def kind_of_file(path: Path) -> str | None:
    """Tell "image" or "video" by the file's first bytes, else by its suffix, or None. A file that can't be read is told by its suffix."""
    try:
        with path.open("rb") as stream:
            content = kind_of_content(stream.read(PREFIX_BYTES))
    except (OSError, ValueError):
        content = None
    return content or kind_of_suffix(path)


def kind_of_suffix(path: Path) -> str | None:
    """Tell "image" or "video" by the suffix, in capitals or not, or None."""
    suffix = path.suffix.lower()
    return "image" if suffix in PICTURE_SUFFIXES + UNREAD_SUFFIXES else "video" if suffix in VIDEO_SUFFIXES else None
