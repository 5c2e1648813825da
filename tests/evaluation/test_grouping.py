from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien.core.errors import DatasetError, UnknownNameError
from mien.evaluation.grouping import group_rows, unknown_rows
from tests.evaluation.parts import people

ROWS = np.arange(20, 120)


def same(groups: np.ndarray, names: np.ndarray) -> bool:
    """Whether two columns divide the rows alike."""
    return bool(((groups[:, None] == groups) == (names[:, None] == names)).all())


def test_subjects_are_groups() -> None:
    data = people()
    assert same(group_rows(data, ROWS, "subjects"), data.subjects[ROWS])


def test_sequences_are_groups_of_one_person() -> None:
    data = replace(people(), sequences=(np.arange(210) % 4).astype(np.str_))
    assert same(group_rows(data, ROWS, "sequences"), np.char.add(data.sequences, data.subjects)[ROWS])
    assert same(group_rows(replace(data, subjects=None), ROWS, "sequences"), data.sequences[ROWS])


def test_names_of_sequences_do_not_run_into_those_of_subjects() -> None:
    odd = np.arange(210) % 2 == 1
    data = replace(people(), subjects=np.where(odd, "S1", "S11"), sequences=np.where(odd, "11", "1"))
    assert same(group_rows(data, ROWS, "sequences"), data.subjects[ROWS])


def test_a_row_of_unknown_subject_stands_for_itself() -> None:
    data = people()
    data = replace(data, subjects=np.where(np.arange(210) % 10 == 0, "", data.subjects))
    groups = group_rows(data, ROWS, "subjects")
    known = data.subjects[ROWS] != ""
    assert same(groups[known], data.subjects[ROWS][known])
    assert len(np.unique(groups[~known])) == 10
    assert not np.isin(groups[~known], groups[known]).any()
    assert [unknown_rows(data, ROWS, by) for by in ("subjects", "sequences", "twins")] == [10, 0, 0]


def test_equal_pixels_and_equal_ids_are_twins() -> None:
    """Rows 0 and 1 have the same pixels, 1 and 2 the same id, 5 and 6 the same id; the others stand for themselves."""
    data = people()
    images, ids = data.images.copy(), data.ids.copy()
    images[1] = images[0]
    ids[2], ids[6] = ids[1], ids[5]
    groups = group_rows(replace(data, images=images, ids=ids), np.arange(10))
    assert same(groups, np.array([0, 0, 0, 3, 4, 5, 5, 7, 8, 9]))
    assert same(group_rows(replace(data, images=images), np.arange(10)), np.array([0, 0, 2, 3, 4, 5, 6, 7, 8, 9]))


def test_groups_that_are_not_there() -> None:
    data = people()
    with pytest.raises(DatasetError, match=r'people does not tell the sequences of these rows\. Use groups="twins"'):
        group_rows(data, ROWS, "sequences")
    with pytest.raises(DatasetError, match="does not tell the subjects"):
        group_rows(replace(data, subjects=np.full(210, "")), ROWS, "subjects")
    with pytest.raises(UnknownNameError, match="Did you mean subjects"):
        group_rows(data, ROWS, "subject")
