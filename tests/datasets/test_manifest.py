from __future__ import annotations

from pathlib import Path

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
        (",sad,,train", DatasetCorruptError, "Row 2 names no picture"),
        ("manifest.csv,sad,,train", DatasetCorruptError, "manifest.csv"),
    ],
)
def test_bad_rows_raise_or_are_noted(line: str, error: type[Exception], words: str, folder: Path) -> None:
    write(folder, "faces/0.png,happy,,train", line)
    with pytest.raises(error, match=words):
        load_dataset("manifest", folder)
    read = load_dataset("manifest", folder, strict=False)
    assert read.ids.tolist() == ["faces/0.png"]
    assert len(read.notes) == 1 + 6


def test_many_faults_are_counted_and_some_are_shown(folder: Path) -> None:
    write(folder, *(f"faces/{i}.png,happy,," for i in range(12)))
    with pytest.raises(DatasetPartialError, match=r"9 faults .* and 4 more"):
        load_dataset("manifest", folder)


def test_files_that_are_no_manifest(folder: Path) -> None:
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
    (folder / "broken.parquet").write_bytes(b"PAR1")
    with pytest.raises(DatasetCorruptError, match="Parquet"):
        load_dataset("manifest", folder / "broken.parquet")
