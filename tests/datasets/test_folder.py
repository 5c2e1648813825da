from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, InputError, UnknownNameError
from mien.datasets import load_dataset
from tests.datasets.fakes import encoded


def picture(path: Path, value: int | tuple[int, int, int] = 90, size: tuple[int, int] = (20, 20)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((*size, 3), value, np.uint8)
    path.write_bytes(encoded(image))


def test_folders_mean_what_they_are_called(tmp_path: Path) -> None:
    for i, name in enumerate(("Happy", "sad", "angry")):
        picture(tmp_path / "training" / name / "a.png", 10 * i)
    picture(tmp_path / "val" / "neutral" / "a.png", 200)
    read = load_dataset("folder", tmp_path, channels=1)
    found = {id_: (read.split[i], read.labels[read.targets[i]], int(read.images[i, 0, 0])) for i, id_ in enumerate(read.ids)}
    assert found == {
        "training/Happy/a.png": ("train", "happiness", 0),
        "training/sad/a.png": ("train", "sadness", 10),
        "training/angry/a.png": ("train", "anger", 20),
        "val/neutral/a.png": ("validation", "neutral", 200),
    }
    assert read.paths.tolist() == [str(tmp_path / id_) for id_ in read.ids]
    assert read.notes == ("No row shows surprise.", "No row shows disgust.", "No row shows fear.")


def test_folders_without_splits_belong_to_the_one_asked_for(tmp_path: Path) -> None:
    picture(tmp_path / "contempt" / "a.png", (250, 0, 0))
    read = load_dataset("folder", tmp_path, labels="fer8", split="private")
    assert read.split.tolist() == ["test"]
    assert read.images.shape == (1, 20, 20, 3)
    assert read.images[0, 0, 0].tolist() == [250, 0, 0]


def test_whatever_mien_reads_is_a_picture_and_what_is_left_out_is_told(tmp_path: Path) -> None:
    for name in ("a.png", "b.JFIF", "c.gif", ".hidden.png"):
        picture(tmp_path / "train" / "happy" / name)
    for lost in ("train/loose.png", "top.png", "train/happy/more/d.png"):
        picture(tmp_path / lost)
    (tmp_path / "train" / "happy" / "notes.txt").write_text("x", encoding="utf-8")
    read = load_dataset("folder", tmp_path, labels=("happiness", "anger"))
    assert [Path(name).name for name in read.ids] == ["a.png", "b.JFIF", "c.gif"]
    assert [note for note in read.notes if note.startswith("Left out")] == [
        "Left out: 2 pictures outside of an expression's folder, such as top.png.",
        "Left out: 1 folders inside of an expression's, such as train/happy/more.",
        "Left out: 1 files that are no picture by their suffix, such as train/happy/notes.txt.",
    ]


def test_labels_of_another_set_are_told_with_what_reads_them(tmp_path: Path) -> None:
    picture(tmp_path / "contempt" / "a.png")
    with pytest.raises(UnknownNameError, match=r"It is one of fer8: .*--option labels=fer8"):
        load_dataset("folder", tmp_path)
    picture(tmp_path / "bored" / "a.png")
    with pytest.raises(UnknownNameError) as told:
        load_dataset("folder", tmp_path, labels="fer8")
    assert "labels=fer8" not in str(told.value)


def test_own_label_sets(tmp_path: Path) -> None:
    picture(tmp_path / "bored" / "a.png")
    read = load_dataset("folder", tmp_path, labels=("calm", "bored"))
    assert read.targets.tolist() == [1]


def test_sizes_differ_only_with_a_crop_size(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (60, 40, 3), np.uint8)
    (tmp_path / "happy").mkdir()
    (tmp_path / "happy" / "a.png").write_bytes(encoded(noise))
    picture(tmp_path / "happy" / "b.png", size=(12, 30))
    picture(tmp_path / "happy" / "c.png", size=(20, 20))
    with pytest.raises(DatasetCorruptError, match=r"a\.png is 40×60.*crop_size"):
        load_dataset("folder", tmp_path)
    read = load_dataset("folder", tmp_path, crop_size=20)
    assert read.images.shape == (3, 20, 20, 3)
    means = noise.reshape(20, 3, 20, 2, 3).mean(axis=(1, 3))
    assert np.abs(read.images[0] - means).max() <= 1
    assert (read.images[1:] == 90).all()


def test_an_unknown_folder_names_the_near_ones(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "suprise" / "a.png")
    with pytest.raises(UnknownNameError, match=r"'suprise'\. Did you mean surprise"):
        load_dataset("folder", tmp_path)


def test_a_name_outside_the_declared_set_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "contempt" / "a.png")
    with pytest.raises(UnknownNameError, match="contempt"):
        load_dataset("folder", tmp_path, labels="fer7")


def test_split_folders_and_others_do_not_mix(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "happy" / "a.png")
    picture(tmp_path / "sad" / "a.png")
    with pytest.raises(DatasetCorruptError, match=r"side by side \(sad\)"):
        load_dataset("folder", tmp_path)


def test_faults_raise_or_are_noted(tmp_path: Path) -> None:
    picture(tmp_path / "happy" / "a.png")
    (tmp_path / "happy" / "b.png").write_bytes(b"no picture")
    (tmp_path / "sad").mkdir()
    with pytest.raises(DatasetCorruptError, match=r"2 faults .* holds no picture.*happy/b\.png.*strict=False"):
        load_dataset("folder", tmp_path)
    read = load_dataset("folder", tmp_path, strict=False)
    assert read.ids.tolist() == ["happy/a.png"]
    assert len(read.notes) == 2 + 6
    assert "happy/b.png" in read.notes[1]


def test_nothing_usable_is_absence(tmp_path: Path) -> None:
    (tmp_path / "happy").mkdir()
    with pytest.raises(DatasetAbsentError, match="No usable picture"):
        load_dataset("folder", tmp_path, strict=False)
    with pytest.raises(DatasetAbsentError, match="No folders"):
        load_dataset("folder", tmp_path / "happy")


def test_bad_options_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "happy" / "a.png")
    for option in ({"channels": 2}, {"crop_size": 0}):
        with pytest.raises(InputError, match="1 or 3 channels"):
            load_dataset("folder", tmp_path, **option)
    with pytest.raises(UnknownNameError, match="label set"):
        load_dataset("folder", tmp_path, labels="fer9")
