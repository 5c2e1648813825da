from __future__ import annotations

import csv

import numpy as np
import pytest

from mien.audit.manifest import COLUMNS, write_clean
from mien.audit.rules import select
from mien.core.errors import DatasetCorruptError, InputError, OutputError, UnknownNameError
from tests.audit.handmade import alone, audit_of, finding, rows


def selection(dataset):
    return select(
        dataset, audit_of(dataset, finding("exact_twins", [0, 5]), alone("missing_labels", 7)), ["train-clean", "drop-unlabelled"]
    )


def test_a_line_for_every_row_in_its_order(tmp_path) -> None:
    write_clean(tmp_path / "clean.csv", rows(), selection(rows()))
    with (tmp_path / "clean.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == list(COLUMNS)
    assert [line["id"] for line in lines] == list("abcdefgh")
    assert [line["keep"] for line in lines] == list("01111110")
    assert lines[0] == {
        "id": "a",
        "split": "train",
        "label": "neutral",
        "keep": "0",
        "reason": "train-clean: same pixels as f (test, neutral)",
    }
    assert lines[7] == {"id": "h", "split": "test", "label": "", "keep": "0", "reason": "drop-unlabelled: no label"}


def test_names_with_commas_quotes_and_other_scripts_survive(tmp_path) -> None:
    names = ["a,b", 'say "cheese"', "лицо.png", "顔.png", "e f", "g\nh", "i;j", "k"]
    dataset = rows(ids=np.array(names))
    write_clean(tmp_path / "clean.csv", dataset, selection(dataset))
    with (tmp_path / "clean.csv").open(newline="", encoding="utf-8") as file:
        assert [line["id"] for line in csv.DictReader(file)] == names


def test_ids_that_are_not_unique_are_refused(tmp_path) -> None:
    dataset = rows(ids=np.array([0, 1, 1, 3, 4, 5, 6, 7]))
    with pytest.raises(DatasetCorruptError, match="1 stands 2 times"):
        write_clean(tmp_path / "clean.csv", dataset, selection(dataset))
    assert not list(tmp_path.iterdir())


def test_another_kind_of_file_is_refused(tmp_path) -> None:
    with pytest.raises(UnknownNameError, match=r"\.csv"):
        write_clean(tmp_path / "clean.png", rows(), selection(rows()))


def test_the_selection_of_other_rows_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="Select among"):
        write_clean(tmp_path / "clean.csv", rows().subset("train"), selection(rows()))


def test_a_place_that_cannot_be_written_is_told(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_clean(tmp_path / "file" / "clean.csv", rows(), selection(rows()))
