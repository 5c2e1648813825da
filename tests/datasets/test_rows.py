from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, OptionError
from mien.datasets import load_dataset
from mien.datasets.twins import clean_test_mask
from tests.datasets.fakes import fake, write_csv


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """FER2013 in small, in which test row 10 shows what train row 0 shows."""
    small = fake()
    small.images[10] = small.images[0]
    write_csv(tmp_path, small)
    return tmp_path


def table(folder: Path, *lines: str, header: str = "id,split,label,keep,reason") -> Path:
    path = folder / "clean.csv"
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return path


def test_kept_rows_stay(data: Path) -> None:
    clean = table(data, *(f"{i},,,{int(i != 3)},{'twin' if i == 3 else ''}" for i in range(14)))
    read = load_dataset("fer2013", data, verify=False, rows=clean)
    assert read.ids.tolist() == [0, 1, 2, *range(4, 14)]
    assert read.notes == ("1 of 14 rows are left out by clean.csv.",)
    assert read.origin.protocol == "official"


def test_a_twin_in_a_dropped_training_row_is_still_known(data: Path) -> None:
    clean = table(data, *(f"{i},,,{int(i != 0)}," for i in range(14)))
    read = load_dataset("fer2013", data, verify=False, rows=str(clean))
    assert 0 not in read.ids
    assert read.ids[clean_test_mask(read)].tolist() == [11, 12, 13]


def test_rows_that_are_not_listed_are_counted(data: Path) -> None:
    read = load_dataset("fer2013", data, verify=False, rows=table(data, "0,yes", "8,TRUE", "9,no", header="ID,Keep"))
    assert read.ids.tolist() == [0, 8]
    assert read.notes == ("12 of 14 rows are left out by clean.csv.", "11 of these are not listed there.")


def test_another_split_is_taken_and_named(data: Path) -> None:
    roles = ["validation" if i < 2 else "train" if i < 12 else "test" for i in range(14)]
    read = load_dataset("fer2013", data, verify=False, rows=table(data, *(f"{i},{role},,1," for i, role in enumerate(roles))))
    assert read.split.tolist() == roles
    assert (read.origin.protocol, read.origin.fold, len(read.origin.sha256)) == ("rows", "clean.csv", 64)
    assert read.twin_in_train is not None
    assert np.flatnonzero(read.twin_in_train).tolist() == [0]


@pytest.mark.parametrize(
    ("lines", "header", "words"),
    [
        (["0,1", "77,1", "78,1"], "id,keep", r"2 ids that fer2013 does not have, 77, 78 among them"),
        (["0,1", "0,1"], "id,keep", "Row 2 .* lists 0 once more"),
        (["0,maybe"], "id,keep", "has keep 'maybe'; allowed are 1 and 0"),
        (["0,1,dev"], "id,keep,split", "Row 1 .*Unknown split 'dev'"),
        (["0"], "row", "no column id and keep"),
    ],
)
def test_tables_that_do_not_fit(lines: list[str], header: str, words: str, data: Path) -> None:
    with pytest.raises(DatasetCorruptError, match=words):
        load_dataset("fer2013", data, verify=False, rows=table(data, *lines, header=header))


def test_a_table_that_is_not_there(data: Path) -> None:
    with pytest.raises(DatasetAbsentError, match=r"No table of rows at .*--write-clean"):
        load_dataset("fer2013", data, verify=False, rows=data / "nothing.csv")
    with pytest.raises(OptionError, match="received 3"):
        load_dataset("fer2013", data, verify=False, rows=3)


@pytest.mark.parametrize("lines", [["0,,,0,"], []])
def test_a_table_that_keeps_nothing(lines: list[str], data: Path) -> None:
    with pytest.raises(DatasetAbsentError, match=r"keeps none of the \d+ rows of fer2013"):
        load_dataset("fer2013", data, verify=False, rows=table(data, *lines))
