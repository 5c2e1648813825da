from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, DatasetPartialError, UnknownNameError
from mien.core.labels import CKPLUS7, FER8
from mien.datasets import Dataset, load_dataset
from tests.datasets.fakes_ckplus import write_ck48, write_ckplus


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_ckplus(tmp_path / "ckplus")
    return tmp_path / "ckplus"


def told(read: Dataset) -> list[tuple[str, int, str]]:
    """Sequence, frame and label of each row."""
    labels = [read.labels[t] if t >= 0 else "none" for t in read.targets]
    return list(zip(read.sequences.tolist(), read.frames.tolist(), labels, strict=True))


def test_the_last_frame_is_the_peak(root: Path) -> None:
    read = load_dataset("ckplus", root, verify=False)
    assert read.labels == CKPLUS7
    assert told(read) == [("S005/001", 4, "disgust"), ("S010/002", 3, "surprise"), ("S010/004", 5, "anger"), ("S138/008", 3, "contempt")]
    assert read.images[:, 0, 0].tolist() == [50, 40, 60, 40]
    assert read.subjects.tolist() == ["S005", "S010", "S010", "S138"]
    assert read.ids[0] == "S005/001/S005_001_00000005.png"
    assert Path(read.paths[0]) == root / "cohn-kanade-images" / read.ids[0]
    assert read.metadata["facs"].tolist() == ["9E+17", "1C+2C+5B+27", "4D", "14A"]
    assert read.metadata["expression"].tolist() == ["disgust", "surprise", "anger", "contempt"]
    assert read.notes[0] == "1 sequences have no expression and are left out."


def test_other_frames(root: Path) -> None:
    three = load_dataset("ckplus", root, verify=False, frames="apex3")
    assert told(three)[:3] == [("S005/001", frame, "disgust") for frame in (2, 3, 4)]
    assert len(three) == 12
    ends = load_dataset("ckplus", root, verify=False, frames="first_last")
    assert ends.labels == FER8
    assert told(ends)[:2] == [("S005/001", 0, "neutral"), ("S005/001", 4, "disgust")]
    assert np.bincount(ends.targets, minlength=8)[FER8.index("neutral")] == 4
    every = load_dataset("ckplus", root, verify=False, frames="all")
    assert told(every)[:5] == [("S005/001", i, "disgust" if i else "neutral") for i in range(5)]
    assert every.metadata["position"][:5].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert set(every.metadata["expression"][:5]) == {"disgust"}
    assert len(every) == 5 + 4 + 6 + 4


def test_neutral_may_come_from_the_start_of_contempt_alone(root: Path) -> None:
    ends = load_dataset("ckplus", root, verify=False, frames="first_last", neutral="contempt")
    assert told(ends)[:3] == [("S005/001", 4, "disgust"), ("S010/002", 3, "surprise"), ("S010/004", 5, "anger")]
    assert told(ends)[3:] == [("S138/008", frame, "neutral") for frame in range(3)] + [("S138/008", 3, "contempt")]
    every = load_dataset("ckplus", root, verify=False, frames="all", neutral="contempt")
    assert told(every)[:5] == [("S005/001", frame, "disgust") for frame in range(5)]
    assert told(every)[-4:] == told(ends)[3:]
    assert told(load_dataset("ckplus", root, verify=False, neutral="contempt")) == told(load_dataset("ckplus", root, verify=False))
    with pytest.raises(DatasetPartialError, match=r"3 of 54 neutral.*7 of 381 pictures"):
        load_dataset("ckplus", root, frames="first_last", neutral="contempt")
    with pytest.raises(UnknownNameError, match=r"neutral.*'contemt'.*contempt"):
        load_dataset("ckplus", root, verify=False, neutral="contemt")


def test_sequences_without_a_label_may_stay(root: Path) -> None:
    read = load_dataset("ckplus", root, verify=False, keep="all", frames="first_last")
    assert told(read)[6:8] == [("S011/001", 0, "neutral"), ("S011/001", 2, "none")]
    assert read.metadata["expression"][7] == ""


def test_labels_may_lie_deeper_and_facs_nowhere(tmp_path: Path) -> None:
    write_ckplus(tmp_path, facs=False)
    (tmp_path / "Emotion").rename(tmp_path / "inner")
    (tmp_path / "Emotion_labels").mkdir()
    (tmp_path / "inner").rename(tmp_path / "Emotion_labels" / "Emotion")
    read = load_dataset("ckplus", tmp_path, verify=False, split="test", channels=3)
    assert len(read.subset("test")) == 4
    assert read.images.shape == (4, 16, 16, 3)
    assert "facs" not in read.metadata


def test_the_label_names_the_peak(root: Path) -> None:
    extra = root / "cohn-kanade-images" / "S005" / "001"
    shutil.copy(extra / "S005_001_00000005.png", extra / "S005_001_00000006.png")
    assert told(load_dataset("ckplus", root, verify=False))[0] == ("S005/001", 4, "disgust")
    (extra / "S005_001_00000005.png").unlink()
    with pytest.raises(DatasetPartialError, match="Frame 5 of S005/001 is missing"):
        load_dataset("ckplus", root, verify=False)


def test_the_published_counts_are_held(root: Path) -> None:
    with pytest.raises(DatasetPartialError, match=r"1 of 45 anger.*4 of 327 pictures"):
        load_dataset("ckplus", root)
    with pytest.raises(DatasetPartialError, match=r"3 of 135 anger.*12 of 981 pictures"):
        load_dataset("ckplus", root, frames="apex3")
    with pytest.raises(DatasetPartialError, match=r"4 of 327 neutral.*8 of 654 pictures"):
        load_dataset("ckplus", root, frames="first_last")
    with pytest.raises(DatasetPartialError, match=r"5 of 593 neutral"):
        load_dataset("ckplus", root, frames="all", keep="all")


def test_labels_that_cannot_be_read(root: Path) -> None:
    label = root / "Emotion" / "S005" / "001" / "S005_001_00000005_emotion.txt"
    for text in ("9.0", "1.5", "happy", ""):
        label.write_text(text)
        with pytest.raises(DatasetCorruptError, match=r"emotion\.txt can't be read.*0 to 7"):
            load_dataset("ckplus", root, verify=False)
    read = load_dataset("ckplus", root, verify=False, strict=False)
    assert len(read) == 3
    label.write_text("3.0")
    coded = root / "FACS" / "S010" / "004" / "S010_004_00000006_facs.txt"
    for text in ("4.0 7.0", "4.0", "AU4 2"):
        coded.write_text(text)
        with pytest.raises(DatasetCorruptError, match=r"facs\.txt can't be read.*0 to 5"):
            load_dataset("ckplus", root, verify=False)
    coded.rename(coded.with_name("strange_facs.txt"))
    with pytest.raises(DatasetCorruptError, match="a name without a frame"):
        load_dataset("ckplus", root, verify=False)


def test_an_empty_sequence_and_absent_labels(root: Path) -> None:
    (root / "cohn-kanade-images" / "S999" / "001").mkdir(parents=True)
    with pytest.raises(DatasetPartialError, match="holds no frame of S999/001"):
        load_dataset("ckplus", root, verify=False)
    shutil.rmtree(root / "Emotion")
    with pytest.raises(DatasetPartialError, match="no folder Emotion"):
        load_dataset("ckplus", root)


def test_frames_of_two_sizes_want_a_crop_size(root: Path) -> None:
    write_ckplus(root.parent / "larger", side=20)
    shutil.rmtree(root / "cohn-kanade-images" / "S138")
    shutil.move(root.parent / "larger" / "cohn-kanade-images" / "S138", root / "cohn-kanade-images")
    with pytest.raises(DatasetCorruptError, match=r"is 16×16.*is 20×20.*crop_size"):
        load_dataset("ckplus", root, verify=False)
    assert load_dataset("ckplus", root, verify=False, crop_size=8).images.shape == (4, 8, 8)


@pytest.mark.parametrize("place", ["", "CK+48", "ckplus/CK+48"])
def test_the_reduced_copy(place: str, tmp_path: Path) -> None:
    write_ck48(tmp_path / place)
    read = load_dataset("ckplus", tmp_path, verify=False)
    assert told(read) == [("S010/004", 18, "anger"), ("S138/008", 8, "contempt"), ("S010/002", 13, "surprise")]
    three = load_dataset("ckplus", tmp_path, verify=False, frames="apex3")
    assert three.images.shape == (9, 48, 48)
    assert three.frames[:3].tolist() == [16, 17, 18]
    assert list(three.metadata) == ["expression"]
    with pytest.raises(UnknownNameError, match="frames for CK\\+48 'all'"):
        load_dataset("ckplus", tmp_path, frames="all")
    with pytest.raises(UnknownNameError, match="keep for CK\\+48"):
        load_dataset("ckplus", tmp_path, keep="all")


def test_what_does_not_belong_into_the_reduced_copy(tmp_path: Path) -> None:
    write_ck48(tmp_path)
    (tmp_path / "bored").mkdir()
    (tmp_path / "anger" / "face.png").write_bytes(b"")
    with pytest.raises(DatasetCorruptError, match=r"2 faults.*face\.png is named.*bored is named like no expression"):
        load_dataset("ckplus", tmp_path, verify=False)


def test_folders_of_expressions_alone_are_not_ck48(tmp_path: Path) -> None:
    (tmp_path / "anger").mkdir()
    (tmp_path / "anger" / "a.png").write_bytes(b"")
    with pytest.raises(DatasetAbsentError, match=r"cohn-kanade-images.*CK\+48.*agreement.*mien data fetch ckplus"):
        load_dataset("ckplus", tmp_path)


def test_options_that_do_not_exist(root: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"value of frames 'apex'\. Did you mean apex3"):
        load_dataset("ckplus", root, frames="apex")
    with pytest.raises(UnknownNameError, match="value of keep"):
        load_dataset("ckplus", root, keep="some")
