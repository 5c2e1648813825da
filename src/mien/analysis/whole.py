"""A labelled data set seen as use sees it: whole pictures, in which the face has to be found first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.analysis.analyzer import Analyzer
from mien.core.decode import as_rgb, decode_image
from mien.core.errors import InputError, LabelError
from mien.core.types import RGB, Frame, Scores
from mien.datasets.base import Dataset


@dataclass(frozen=True, eq=False)
class WholeScores:
    """What an analyzer says of N labelled pictures.

    `scores` float32 (N, C): of the largest face, each 1/C where none was found. `found` bool (N,). `from_files`: how many pictures were
    read at their own size; the others are the data set's crops. `unreadable`: one sentence for each file that could not be read, whose
    picture is a crop neither: it counts as not found.
    """

    scores: Scores
    found: NDArray[np.bool_]
    from_files: int
    unreadable: tuple[str, ...] = ()

    def notes(self) -> tuple[str, ...]:
        """What has to be said beside the figures: crops that stood in for pictures, and files that could not be read."""
        crops = len(self.found) - self.from_files - len(self.unreadable)
        said = [f"{crops:,} of {len(self.found):,} rows name no file: the detector looked at their crops."] if crops else []
        if self.unreadable:
            said.append(f"{len(self.unreadable):,} files could not be read and count as wrong; the first: {self.unreadable[0]}")
        return tuple(said)


def whole_scores(
    analyzer: Analyzer, dataset: Dataset, rows: NDArray[np.int64] | None = None, *, progress: Callable[[int, int], None] | None = None
) -> WholeScores:
    """Find and judge the face of each of `rows` (all rows without it), in its own file where the data set names one, else in its crop.

    A labelled picture is about one face: where several are found it is taken to be the largest. A file that has gone or can't be read is a
    counted row, never an error. `progress` is called with the pictures done and the pictures in all.

    Raises
    ------
    LabelError
        The analyzer's labels are not the data set's.
    """
    if analyzer.labels != dataset.labels:
        raise LabelError(
            f"The analyzer speaks {analyzer.labels.name} ({', '.join(analyzer.labels)}) and {dataset.name} {dataset.labels.name} "
            f"({', '.join(dataset.labels)}). Make it with labels=dataset.labels."
        )
    chosen = np.arange(len(dataset)) if rows is None else rows
    scores = np.full((len(chosen), len(dataset.labels)), 1 / len(dataset.labels), np.float32)
    found, unreadable, from_files = np.zeros(len(chosen), bool), [], 0
    for place, row in enumerate(chosen.tolist()):
        try:
            image, native = _picture(dataset, row)
        except InputError as error:
            unreadable.append(str(error))
        else:
            from_files += native
            answer = _largest(analyzer, image)
            if answer is not None:
                scores[place], found[place] = answer, True
        if progress is not None:
            progress(place + 1, len(chosen))
    return WholeScores(scores, found, from_files, tuple(unreadable))


def _picture(dataset: Dataset, row: int) -> tuple[RGB, bool]:
    """The picture of a row, and whether it is its own file. Raises InputError for a file that can't be read."""
    path = "" if dataset.paths is None else str(dataset.paths[row])
    return (decode_image(path), True) if path else (as_rgb(dataset.images[row]), False)


def _largest(analyzer: Analyzer, image: RGB) -> Scores | None:
    frame = Frame(image)
    faces = analyzer.find(frame)
    if not faces:
        return None
    return analyzer.judge(frame, [max(faces, key=lambda face: face.size)]).faces[0].prediction.scores
