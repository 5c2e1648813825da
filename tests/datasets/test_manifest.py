from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, DatasetPartialError
from mien.datasets import load_dataset
from tests.datasets.test_folder import picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(3):
        picture(tmp_path / "faces" / f"{i}.png", 50 * i)
    return tmp_path


def write(folder: Path, *lines: str, header: str = "path,label,subject,split") -> Path:
    path = folder / "manifest.csv"
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return path


def test_csv(folder: Path) -> None:
    path = write(
        folder,
        "faces/0.png,happy,Zoë,train",
        "faces/2.png,sadness,Ann,private",
        "faces/1.png,NEUTRAL,,",
        header="\ufeffPath, Label,subject,split",
    )
    for place in (folder, path):
        read = load_dataset("manifest", place, channels=1)
        assert read.ids.tolist() == ["faces/0.png", "faces/2.png", "faces/1.png"]
        assert [read.labels[t] for t in read.targets] == ["happiness", "sadness", "neutral"]
        assert read.split.tolist() == ["train", "test", "train"]
        assert read.subjects is not None
        assert read.subjects.tolist() == ["Zoë", "Ann", ""]
        assert read.images[:, 0, 0].tolist() == [0, 100, 50]
        assert read.paths is not None
        assert read.paths.tolist() == [str(folder / name) for name in read.ids]


def test_parquet_without_the_optional_columns(folder: Path) -> None:
    table = pa.table({"path": ["faces/0.png", "faces/1.png"], "label": ["fear", None]})
    pq.write_table(table, folder / "manifest.parquet")
    with pytest.raises(DatasetCorruptError, match=r"expression in faces/1\.png ''"):
        load_dataset("manifest", folder)
    read = load_dataset("manifest", folder, strict=False, split="test")
    assert (read.subjects, read.split.tolist()) == (None, ["test"])


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("faces/9.png,happy,,train", DatasetPartialError, "9.png is missing"),
        ("faces/1.png,hapy,,train", DatasetCorruptError, "'hapy'. Did you mean happy"),
        ("faces/1.png,happy,,dev", DatasetCorruptError, "Row 2: Unknown split 'dev'"),
        ("faces/0.png,sad,,train", DatasetCorruptError, "faces/0.png is listed more than once"),
        ("faces/1.png,happy,,train,,x", DatasetCorruptError, "Row 2 has the frame 'x'; allowed are whole numbers from 0"),
        (f"faces/1.png,happy,,train,,{10**18}", DatasetCorruptError, "at most 18 digits"),
        (",sad,,train", DatasetCorruptError, "Row 2 names no picture"),
        ("manifest.csv,sad,,train", DatasetCorruptError, "manifest.csv"),
    ],
)
def test_bad_rows_raise_or_are_noted(line: str, error: type[Exception], words: str, folder: Path) -> None:
    write(folder, "faces/0.png,happy,,train", line, header="path,label,subject,split,sequence,frame")
    with pytest.raises(error, match=words):
        load_dataset("manifest", folder)
    read = load_dataset("manifest", folder, strict=False)
    assert read.ids.tolist() == ["faces/0.png"]
    assert len(read.notes) == 1 + 6


def test_sequences_frames_and_further_columns(folder: Path) -> None:
    write(
        folder,
        "faces/0.png,happy,a/1,0,0.5,left,1,",
        "faces/1.png,sad,a/1,1.0,,right,2,",
        "faces/2.png,sad,,,-2,,3,",
        header="path,label,sequence,frame,yaw,Side,take,nothing",
    )
    read = load_dataset("manifest", folder)
    assert read.sequences is not None
    assert read.frames is not None
    assert read.sequences.tolist() == ["a/1", "a/1", ""]
    assert read.frames.tolist() == [0, 1, -1]
    assert np.array_equal(read.metadata["yaw"], [0.5, np.nan, -2], equal_nan=True)
    assert {name: column.tolist() for name, column in read.metadata.items() if name != "yaw"} == {
        "side": ["left", "right", ""],
        "take": [1, 2, 3],
        "nothing": ["", "", ""],
    }


def test_parquet_cells_without_a_value(folder: Path) -> None:
    table = {"path": ["faces/0.png", "faces/1.png"], "label": ["fear", "sad"], "frame": [3, None], "yaw": [0.5, None], "who": ["a", None]}
    pq.write_table(pa.table(table), folder / "manifest.parquet")
    read = load_dataset("manifest", folder)
    assert read.frames is not None
    assert read.frames.tolist() == [3, -1]
    assert read.metadata["who"].tolist() == ["a", ""]
    assert np.isnan(read.metadata["yaw"][1])


def test_many_faults_are_counted_and_some_are_shown(folder: Path) -> None:
    write(folder, *(f"faces/{i}.png,happy,," for i in range(12)))
    with pytest.raises(DatasetPartialError, match=r"9 faults .* and 4 more"):
        load_dataset("manifest", folder)


def test_files_that_are_no_manifest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DatasetAbsentError, match="No manifest"):
        load_dataset("manifest", folder / "faces")
    path = write(folder, "faces/0.png,happy", header="file,label")
    with pytest.raises(DatasetCorruptError, match="no column path"):
        load_dataset("manifest", folder)
    path.write_bytes(b"path,label\n\xff\xfe,happy\n")
    with pytest.raises(DatasetCorruptError, match="UTF-8"):
        load_dataset("manifest", folder)
    write(folder)
    with pytest.raises(DatasetAbsentError, match="Nothing is labelled"):
        load_dataset("manifest", folder)
    (folder / "broken.parquet").write_bytes(b"PAR1garbage")
    with pytest.raises(DatasetCorruptError, match="Parquet"):
        load_dataset("manifest", folder / "broken.parquet")
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    ("header", "line", "words"),
    [
        ("path,label,Label", "faces/0.png,happy,sad", "column label more than once"),
        ("path,label", "faces/0,5.png,happy,test", "Row 1 .* has 4 cells; 2 columns are allowed"),
    ],
)
def test_no_cell_is_read_under_another_column(header: str, line: str, words: str, folder: Path) -> None:
    write(folder, line, header=header)
    with pytest.raises(DatasetCorruptError, match=words):
        load_dataset("manifest", folder)


def test_empty_cells_at_the_end_of_a_line_are_nothing(folder: Path) -> None:
    write(folder, "faces/0.png,happy,,,", header="path,label,,")
    assert load_dataset("manifest", folder).ids.tolist() == ["faces/0.png"]
