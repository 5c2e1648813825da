"""CK+ (Lucey et al., CVPR Workshops 2010): sequences of faces from neutral to a posed peak, and the reduced copy CK+48."""

from __future__ import annotations

from pathlib import Path

from mien.core.errors import UnknownNameError
from mien.core.labels import CKPLUS7, FER8
from mien.datasets import published
from mien.datasets.base import Dataset, split_name
from mien.datasets.ckplus_files import Found, Sequence, find_form, read_reduced, read_sequences
from mien.datasets.fit import MEMORY_GIB, Fit
from mien.datasets.pictures import Row, Survey, assemble

FRAMES = {"last": 1, "apex3": 3, "first_last": 1, "all": 0}
"""Value of `frames` → rows of the expression in each sequence; 0: as many as there are."""
NEUTRAL = ("first", "contempt")
KEEP = ("labelled", "all")


def load(
    data_dir: Path,
    *,
    frames: str = "last",
    neutral: str = "first",
    keep: str = "labelled",
    split: str = "train",
    crop_size: int | None = None,
    channels: int = 1,
    crop: str = "picture",
    memory_gib: float = MEMORY_GIB,
    strict: bool = True,
    verify: bool = True,
) -> Dataset:
    """Read CK+ from `data_dir` or a folder `ckplus` or `CK+` in it: cohn-kanade-images with Emotion and FACS, or the folders of CK+48.

    Frames are 640×490 and 640×480, gray and colour, so that a `crop_size` is needed, and `crop="face"` to find the face; CK+48 holds faces
    of 48×48. Nothing was published about splits: all rows belong to `split`. `ids` are the paths inside the folder of pictures, `subjects`
    like S005, `sequences` like S005/001, `frames` the places there from 0.

    Parameters
    ----------
    frames
        "last": the peak, one row a sequence. "apex3": the last three frames up to the peak. "first_last": the first frame as neutral, and
        the peak. "all": every frame up to the peak, the first as neutral and all others as the sequence's expression; `metadata` tells how
        far each is. The labels are `ckplus7`; with first frames `fer8`. CK+48 holds "last" and "apex3".
    neutral
        What `frames` with first ones takes as neutral. "first": the first frame of each sequence. "contempt": the first three of contempt's
        sequences, "the first few" of the thesis on static and dynamic FER (§2.2.1), and none of the others.
    keep
        "labelled": the 327 sequences with an expression. "all": 593, those without one with the target -1.
    crop_size, channels, crop, memory_gib
        See `fit.Fit`.
    strict, verify
        See `pictures.assemble`.

    `metadata`: `expression` of the whole sequence, "" for none; `position`, 0 for the first frame to 1 for the peak; and, where FACS is
    there, `facs`, the action units of the peak in FACS notation, 1C+2C+25 (A to E: the intensity, where it was rated). CK+48 has the first.

    Raises
    ------
    UnknownNameError
        A value of `frames`, `neutral` or `keep` that does not exist, or that CK+48 does not hold.
    DatasetAbsentError
        Neither form lies there.
    DatasetPartialError
        Sequences, frames, labels or the folder Emotion that are missing.
    DatasetCorruptError
        Labels or pictures that can't be read, or more than published.
    OptionError
        The pictures would take more than `memory_gib`.
    """
    found = survey(data_dir, frames=frames, neutral=neutral, keep=keep, split=split)
    return assemble(found, Fit(crop_size, channels, crop, memory_gib), strict=strict, verify=verify)


def find(data_dir: Path) -> Path:
    """The folder of the pictures. Raises DatasetAbsentError."""
    return find_form(data_dir).pictures


def survey(data_dir: Path, *, frames: str = "last", neutral: str = "first", keep: str = "labelled", split: str = "train") -> Survey:
    """The frames that `frames`, `neutral` and `keep` ask for. Raises UnknownNameError, DatasetAbsentError or DatasetPartialError."""
    _need("frames", frames, tuple(FRAMES))
    _need("neutral", neutral, NEUTRAL)
    _need("keep", keep, KEEP)
    form, role = find_form(data_dir), split_name(split)
    if form.reduced:
        _need("frames for CK+48", frames, ("last", "apex3"))
        _need("keep for CK+48", keep, ("labelled",))
    read = read_reduced(form) if form.reduced else read_sequences(form)
    chosen = [sequence for sequence in read.sequences if sequence.expression or keep == "all"]
    first = frames in ("first_last", "all")
    rows = [row for sequence in chosen for row in _rows(form, sequence, frames, neutral if first else None, role)]
    notes = (
        ()
        if len(chosen) == len(read.sequences)
        else (f"{len(read.sequences) - len(chosen):,} sequences have no expression and are left out.",)
    )
    counts = published.ckplus(FRAMES[frames], neutral=neutral if first else None, every_sequence=keep == "all")
    return Survey("ckplus", form.pictures, FER8 if first else CKPLUS7, rows, read.faults, read.gaps, notes, counts)


def _rows(form: Found, sequence: Sequence, frames: str, neutral: str | None, role: str) -> list[Row]:
    last = len(sequence.files) - 1
    calm = {None: 0, "first": 1, "contempt": min(published.CALM, last) if sequence.expression == "contempt" else 0}[neutral]
    places = {
        "last": [last],
        "apex3": list(range(max(last - 2, 0), last + 1)),
        "first_last": sorted({*range(calm), last}),
        "all": list(range(last + 1)),
    }[frames]
    rows = []
    for place in places:
        number, file = sequence.files[place]
        metadata: dict[str, object] = {"expression": sequence.expression or ""}
        if not form.reduced:
            metadata["position"] = place / last if last else 1.0
        if form.facs is not None:
            metadata["facs"] = sequence.facs
        label = "neutral" if place < calm else sequence.expression
        id_ = file.relative_to(form.pictures).as_posix()
        rows.append(Row(file, id_, label, role, sequence.subject, sequence.name, number - 1, metadata))
    return rows


def _need(option: str, received: str, allowed: tuple[str, ...]) -> None:
    if received not in allowed:
        raise UnknownNameError(f"value of {option}", received, allowed)
