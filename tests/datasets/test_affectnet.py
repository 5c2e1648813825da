from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, DatasetPartialError, OptionError
from mien.datasets import load_dataset
from tests.datasets.fakes_affectnet import write_arrays, write_tables

NAMES = ["neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt"]


@pytest.mark.parametrize("place", ["", "affectnet", "AffectNet"])
def test_the_release_of_folders(place: str, tmp_path: Path) -> None:
    write_arrays(tmp_path / place)
    read = load_dataset("affectnet", tmp_path, verify=False, landmarks=True)
    train, validation = read.subset("train"), read.subset("validation")
    assert [read.labels[t] for t in train.targets] == NAMES * 2
    assert [read.labels[t] for t in validation.targets] == NAMES
    assert train.ids[:11].tolist() == [f"train_set/images/{i}.jpg" for i in range(11)]
    assert Path(train.paths[3]) == tmp_path / place / "train_set/images/3.jpg"
    assert np.allclose(train.metadata["valence"][:8], np.arange(8) / 10)
    assert np.allclose(train.metadata["arousal"][:8], -np.arange(8) / 10)
    assert train.metadata["landmarks"].shape == (16, 68, 2)
    assert train.metadata["landmarks"][3, 1].tolist() == [5, 6]
    assert train.metadata["landmarks"].dtype == np.float32
    assert load_dataset("affectnet", tmp_path, verify=False, affect=False).metadata == {}


def test_the_release_of_tables(tmp_path: Path) -> None:
    write_tables(tmp_path)
    read = load_dataset("affectnet", tmp_path, verify=False, landmarks=True, crop="box", channels=1)
    assert read.images.shape == (16, 8, 8)
    assert read.images.min() > 50
    assert [read.labels[t] for t in read.targets] == NAMES * 2
    assert (read.split == "train").sum() == 8
    assert read.ids[0] == f"11/{0:032x}.jpg"
    assert np.allclose(read.metadata["valence"][:8], np.arange(8) / 10)
    assert read.metadata["landmarks"][2, 0].tolist() == [2, 3]
    assert read.notes == tuple(f"1 rows of {name} are left out: they show no expression." for name in ("none", "uncertain", "no face"))
    assert load_dataset("affectnet", tmp_path, verify=False).images.shape == (16, 16, 16, 3)


def test_a_table_may_lack_its_first_line(tmp_path: Path) -> None:
    write_tables(tmp_path, header=False)
    assert len(load_dataset("affectnet", tmp_path, verify=False).subset("validation")) == 8


def test_the_tables_may_lie_beside_the_pictures(tmp_path: Path) -> None:
    write_tables(tmp_path)
    for table in (tmp_path / "Manually_Annotated_file_lists").iterdir():
        table.rename(tmp_path / table.name)
    assert len(load_dataset("affectnet", tmp_path, verify=False)) == 16


def test_the_published_counts_are_held(tmp_path: Path) -> None:
    write_arrays(tmp_path)
    with pytest.raises(DatasetPartialError, match=r"2 of 74,874 train neutral.*1 of 499 validation contempt.*mohammadmahoor"):
        load_dataset("affectnet", tmp_path)


def test_missing_parts_are_named(tmp_path: Path) -> None:
    write_arrays(tmp_path)
    (tmp_path / "train_set/annotations/3_exp.npy").unlink()
    (tmp_path / "train_set/images/4.jpg").unlink()
    shutil.rmtree(tmp_path / "val_set")
    with pytest.raises(DatasetPartialError, match=r"3 faults.*val_set is missing.*4_exp\.npy has no picture.*3\.jpg has no 3_exp\.npy"):
        load_dataset("affectnet", tmp_path, verify=False)
    assert len(load_dataset("affectnet", tmp_path, verify=False, strict=False)) == 14


def test_annotations_that_cannot_be_read(tmp_path: Path) -> None:
    write_arrays(tmp_path)
    notes = tmp_path / "train_set/annotations"
    np.save(notes / "0_exp.npy", np.array("11"))
    (notes / "1_exp.npy").write_bytes(b"\x93NUMPY cut")
    (notes / "2_val.npy").unlink()
    np.save(notes / "3_lnd.npy", np.zeros(10))
    (notes / "4_exp.npy").write_bytes(b"")
    with pytest.raises(DatasetCorruptError, match=r"5 faults.*the expression 11.*2_val\.npy is missing.*5 landmarks"):
        load_dataset("affectnet", tmp_path, verify=False, landmarks=True)
    assert len(load_dataset("affectnet", tmp_path, verify=False, strict=False, landmarks=True)) == 19


def test_tables_that_cannot_be_read(tmp_path: Path) -> None:
    write_tables(tmp_path)
    table = tmp_path / "Manually_Annotated_file_lists" / "training.csv"
    whole = table.read_text()
    table.write_text(whole + "11/a.jpg,1,1,1,1,NULL,12,0,0\n11/b.jpg,1,1,1,1,NULL,happy,0,0\n11/c.jpg,x,1,1,1,NULL,1,0,0\n")
    with pytest.raises(DatasetCorruptError, match=r"3 faults.*Row 12.*the expression 12.*Row 13.*Row 14"):
        load_dataset("affectnet", tmp_path, verify=False)
    table.write_text(whole + "11/a.jpg,1\n")
    with pytest.raises(DatasetCorruptError, match=r"Line 13 of .*training\.csv has 2 fields"):
        load_dataset("affectnet", tmp_path, verify=False)


def test_boxes_need_the_tables_and_have_to_lie_inside(tmp_path: Path) -> None:
    write_arrays(tmp_path / "arrays")
    with pytest.raises(OptionError, match="needs the tables"):
        load_dataset("affectnet", tmp_path / "arrays", crop="box")
    write_tables(tmp_path / "tables")
    table = tmp_path / "tables" / "Manually_Annotated_file_lists" / "training.csv"
    for box, words in (("90,90,5,5", "outside its 16×16"), ("NULL,NULL,NULL,NULL", "does not say where the face")):
        table.write_text(table.read_text().replace("8,8,8,8", box, 1))
        with pytest.raises(DatasetCorruptError, match=words):
            load_dataset("affectnet", tmp_path / "tables", crop="box", verify=False)


def test_all_of_it_at_full_size_is_refused_before_a_picture_is_read(tmp_path: Path) -> None:
    write_arrays(tmp_path)
    for path in tmp_path.glob("*/images/*.jpg"):
        path.write_bytes(b"")
    with pytest.raises(OptionError, match=r"24 pictures would take 0\.00336 GiB; memory_gib allows 0\.001.*crop_size=122 or less"):
        load_dataset("affectnet", tmp_path, verify=False, crop_size=224, memory_gib=0.001)


def test_nothing_is_absence(tmp_path: Path) -> None:
    (tmp_path / "training.csv").write_text("emotion,pixels\n")
    with pytest.raises(DatasetAbsentError, match=r"train_set, val_set.*agreement.*mien data fetch affectnet"):
        load_dataset("affectnet", tmp_path)


def test_a_release_without_a_readable_row(tmp_path: Path) -> None:
    write_arrays(tmp_path, {"train_set": [12], "val_set": [13]})
    with pytest.raises(DatasetCorruptError, match="No row of"):
        load_dataset("affectnet", tmp_path)
