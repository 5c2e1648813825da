from __future__ import annotations

from pathlib import Path

import pytest

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, DatasetPartialError, UnknownNameError
from mien.datasets import load_dataset
from tests.datasets.fakes_stills import RAFDB_LINES, write_rafdb

NAMES = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")


@pytest.mark.parametrize("place", ["", "rafdb", "RAF-DB/basic", "basic"])
def test_the_list_tells_splits_and_labels(place: str, tmp_path: Path) -> None:
    write_rafdb(tmp_path / place)
    read = load_dataset("rafdb", tmp_path, verify=False)
    assert read.images.shape == (14, 20, 20, 3)
    assert [read.labels[t] for t in read.subset("train").targets] == list(NAMES)
    assert [read.labels[t] for t in read.subset("test").targets] == list(reversed(NAMES))
    assert read.ids[0] == "train_00001.jpg"
    assert read.paths[0].endswith("train_00001_aligned.jpg")
    assert {name: column[:4].tolist() for name, column in read.metadata.items()} == {
        "gender": ["male", "female", "unsure", "male"],
        "race": ["Caucasian", "African-American", "Asian", "Caucasian"],
        "age": ["0-3", "4-19", "20-39", "40-69"],
    }


def test_attributes_need_not_be_there(tmp_path: Path) -> None:
    write_rafdb(tmp_path, attributes=False)
    assert load_dataset("rafdb", tmp_path, verify=False).metadata == {}


def test_attributes_of_some_leave_the_others_empty(tmp_path: Path) -> None:
    write_rafdb(tmp_path)
    manual = tmp_path / "Annotation" / "manual"
    (manual / "train_00001_manu_attri.txt").unlink()
    assert load_dataset("rafdb", tmp_path, verify=False).metadata["gender"][:2].tolist() == ["", "female"]
    for broken in ("0\n9\n1\n", "0\n-1\n1\n", "x y z", ""):
        (manual / "train_00002_manu_attri.txt").write_text(broken)
        with pytest.raises(DatasetCorruptError, match="does not end in codes"):
            load_dataset("rafdb", tmp_path, verify=False)


def test_the_published_counts_are_held(tmp_path: Path) -> None:
    write_rafdb(tmp_path)
    with pytest.raises(DatasetPartialError, match=r"1 of 705 train anger.*1 of 680 test neutral"):
        load_dataset("rafdb", tmp_path)


def test_missing_pictures_and_broken_lines(tmp_path: Path) -> None:
    write_rafdb(tmp_path, (*RAFDB_LINES, ""))
    (tmp_path / "Image" / "aligned" / "test_0003_aligned.jpg").unlink()
    with pytest.raises(DatasetPartialError, match=r"1 fault.*test_0003_aligned\.jpg is missing"):
        load_dataset("rafdb", tmp_path, verify=False)
    listed = tmp_path / "EmoLabel" / "list_patition_label.txt"
    listed.write_text(listed.read_text() + "train_00008.jpg 8\ntrain_00009.jpg\n")
    with pytest.raises(DatasetCorruptError, match=r"Line 16 of .*'train_00008\.jpg 8'.*Line 17"):
        load_dataset("rafdb", tmp_path, verify=False)


def test_the_pictures_may_be_elsewhere_or_nowhere(tmp_path: Path) -> None:
    with pytest.raises(DatasetAbsentError, match=r"list_patition_label\.txt.*password"):
        load_dataset("rafdb", tmp_path)
    write_rafdb(tmp_path)
    with pytest.raises(DatasetPartialError, match=r"no folder .*original"):
        load_dataset("rafdb", tmp_path, images="original")
    with pytest.raises(UnknownNameError, match=r"value of images 'alined'\. Did you mean aligned"):
        load_dataset("rafdb", tmp_path, images="alined")
