"""The files of CK+ as people have them: folders of sequences with labels beside them, or CK+48, sorted by expression."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from mien.core.errors import DatasetPartialError, UnknownNameError
from mien.core.labels import CKPLUS7
from mien.datasets.names import expression_name
from mien.datasets.pictures import pictures_in
from mien.datasets.places import absent, first_folder, places
from mien.datasets.terms import how_to_mend

CODES = ("neutral", "anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
"""The codes of the Emotion files, 0 to 7."""

_FOLDERS = ("ckplus", "CK+", "ck+", "CKPlus", "CK")
_PICTURES = ("cohn-kanade-images", "extended-cohn-kanade-images/cohn-kanade-images")
_EMOTION = ("Emotion", "Emotion_labels/Emotion", "Emotion_labels")
_FACS = ("FACS", "FACS_labels/FACS", "FACS_labels")
_REDUCED = ("CK+48", "CK48", "ckplus/CK+48", "CK+/CK+48", "ckplus", "CK+")
_NAME = re.compile(r"(S\d{3})_(\d{3})_(\d{8})")
_PEAK = 5

T = TypeVar("T")


@dataclass(frozen=True)
class Found:
    """Where the files lie. `reduced`: CK+48. `emotion` and `facs`: the folders of labels, None where there is none."""

    pictures: Path
    reduced: bool
    emotion: Path | None = None
    facs: Path | None = None


@dataclass(frozen=True)
class Sequence:
    """One sequence up to its peak: `files` with their numbers, from 1, in order; `expression` None without a label; `facs` "" without."""

    subject: str
    name: str
    files: tuple[tuple[int, Path], ...]
    expression: str | None
    facs: str = ""


@dataclass
class Read:
    """All sequences, and what is wrong with the rest: `faults` contradict the format, `gaps` are missing files."""

    sequences: list[Sequence] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)


def find_form(data_dir: Path) -> Found:
    """The full form where it is there, else CK+48. Raises DatasetAbsentError."""
    roots = places(data_dir, _FOLDERS)
    pictures = first_folder(roots, _PICTURES)
    if pictures is not None:
        return Found(pictures, False, first_folder(roots, _EMOTION), first_folder(roots, _FACS))
    for root in places(data_dir, _REDUCED):
        if any(_expression_of(folder) and any(_NAME.fullmatch(f.stem) for f in pictures_in(folder)) for folder in _subfolders(root)):
            return Found(root, True)
    raise absent("ckplus", data_dir, f"{_PICTURES[0]} there and in {', '.join(_FOLDERS)}, and the folders of {_REDUCED[0]}")


def read_sequences(form: Found) -> Read:
    """The sequences of the full form. Raises DatasetPartialError when the folder Emotion is missing."""
    if form.emotion is None:
        raise DatasetPartialError(
            f"{form.pictures} is there, but beside it no folder Emotion, which holds the labels. {how_to_mend('ckplus')}"
        )
    read = Read()
    for folder in (inner for subject in _subfolders(form.pictures) for inner in _subfolders(subject)):
        files = sorted((int(match[3]), file) for file in pictures_in(folder) if (match := _NAME.fullmatch(file.stem)))
        name = f"{folder.parent.name}/{folder.name}"
        if not files:
            read.gaps.append(f"{folder} holds no frame of {name}.")
            continue
        peak, expression = _label(form.emotion / name, read) or (files[-1][0], None)
        if peak not in (number for number, _ in files):
            read.gaps.append(f"Frame {peak} of {name} is missing; the label is of it.")
        upto = tuple(entry for entry in files if entry[0] <= peak)
        facs = _units(form.facs / name, read) if form.facs else ""
        if upto:
            read.sequences.append(Sequence(folder.parent.name, name, upto, expression, facs))
    return read


def read_reduced(form: Found) -> Read:
    """The sequences of CK+48, of which the last three frames are there."""
    read = Read()
    for folder in _subfolders(form.pictures):
        expression = _expression_of(folder)
        if expression is None:
            read.faults.append(f"{folder} is named like no expression of CK+.")
            continue
        frames: dict[str, list[tuple[int, Path]]] = {}
        for file in pictures_in(folder):
            match = _NAME.fullmatch(file.stem)
            if match is None:
                read.faults.append(f"{file} is named like no frame of CK+; those are like S010_004_00000017.png.")
                continue
            frames.setdefault(f"{match[1]}/{match[2]}", []).append((int(match[3]), file))
        read.sequences += [Sequence(name[:4], name, tuple(sorted(files)), expression) for name, files in frames.items()]
    return read


def _label(folder: Path, read: Read) -> tuple[int, str] | None:
    """The frame that a sequence's label is of, and the label; None without one."""
    return _first(folder, "*_emotion.txt", _emotion, read, "a code 0 to 7")


def _units(folder: Path, read: Read) -> str:
    """The action units of a sequence's peak, in FACS notation; "" without."""
    found = _first(folder, "*_facs.txt", _facs, read, "lines of an action unit and its intensity, 0 to 5")
    return found[1] if found else ""


def _first(folder: Path, pattern: str, parse: Callable[[str], T], read: Read, allowed: str) -> tuple[int, T] | None:
    """The frame number in the name of the first file that fits, and what stands there. A file that can't be read is a fault."""
    for path in _files(folder, pattern):
        match = _NAME.match(path.name)
        try:
            if match is None:
                raise ValueError("a name without a frame")
            return int(match[3]), parse(path.read_text(encoding="utf-8", errors="replace"))
        except (ValueError, IndexError) as error:
            read.faults.append(f"{path} can't be read ({error}); allowed is {allowed}.")
    return None


def _files(folder: Path, pattern: str) -> Iterator[Path]:
    return iter(sorted(path for path in folder.glob(pattern) if not path.name.startswith(".")))


def _emotion(text: str) -> str:
    code = float(text)
    if code != int(code) or not 0 <= code < len(CODES):
        raise ValueError(f"received {text.strip()[:20]!r}")
    return CODES[int(code)]


def _facs(text: str) -> str:
    units = []
    for line in text.splitlines():
        if line.strip():
            unit, intensity = (int(float(value)) for value in line.split())
            if unit < 1 or not 0 <= intensity <= _PEAK:
                raise ValueError(f"received {line.strip()[:40]!r}")
            units.append(f"{unit}{' ABCDE'[intensity].strip()}")
    return "+".join(units)


def _expression_of(folder: Path) -> str | None:
    try:
        return expression_name(folder.name, CKPLUS7, where=str(folder))
    except UnknownNameError:
        return None


def _subfolders(path: Path) -> list[Path]:
    return sorted(f for f in path.iterdir() if f.is_dir() and not f.name.startswith("."))
