from __future__ import annotations

from pathlib import Path

import pytest

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, DatasetPartialError
from mien.datasets import load_dataset
from tests.datasets.fakes_stills import write_jaffe


@pytest.mark.parametrize("place", ["", "jaffe", "jaffedbase"])
def test_names_tell_who_shows_what(place: str, tmp_path: Path) -> None:
    write_jaffe(tmp_path / place)
    read = load_dataset("jaffe", tmp_path, verify=False)
    assert read.images.shape == (28, 32, 32)
    row = read.ids.tolist().index("YM.HA2.22.tiff")
    assert read.labels[read.targets[row]] == "happiness"
    assert read.subjects[row] == "YM"
    assert Path(read.paths[row]) == tmp_path / place / "YM.HA2.22.tiff"
    assert {name: column[row] for name, column in read.metadata.items()} == {"take": 2, "number": 22}
    assert set(read.split) == {"train"}
    assert read.sequences is None
    assert read.notes == ()


def test_the_published_count_is_held(tmp_path: Path) -> None:
    write_jaffe(tmp_path / "few")
    with pytest.raises(DatasetPartialError, match=r"4 of 30 anger.*zenodo.*verify=False"):
        load_dataset("jaffe", tmp_path / "few")
    write_jaffe(tmp_path / "many", subjects=("KA", "KL", "KM", "KR"), takes=8)
    with pytest.raises(DatasetCorruptError, match="32 of 30 anger"):
        load_dataset("jaffe", tmp_path / "many")


def test_ten_subjects_with_the_published_counts_are_whole(tmp_path: Path) -> None:
    write_jaffe(tmp_path, subjects=tuple(f"A{c}" for c in "ABCDEFGHIJ"), takes=3)
    next(iter(tmp_path.glob("AA.DI3.*"))).unlink()
    for i, code in enumerate(("FE", "FE", "HA", "SA")):
        source = next(iter(tmp_path.glob("AB.FE1.*")))
        (tmp_path / f"AB.{code}{4 + i}.{300 + i}.tiff").write_bytes(source.read_bytes())
    read = load_dataset("jaffe", tmp_path, split="test", channels=3)
    assert len(read) == 213
    assert read.images.shape[3] == 3
    assert len(read.subset("test")) == 213


def test_strange_pictures_are_faults(tmp_path: Path) -> None:
    write_jaffe(tmp_path)
    (tmp_path / "portrait.png").write_bytes(b"")
    (tmp_path / "KA.AN1.1.tiff").write_bytes(b"no picture")
    with pytest.raises(DatasetCorruptError, match=r"2 faults.*named like no picture of JAFFE.*KA\.AN1\.1\.tiff"):
        load_dataset("jaffe", tmp_path, verify=False)
    read = load_dataset("jaffe", tmp_path, verify=False, strict=False)
    assert len(read) == 27
    assert len(read.notes) == 2


def test_nothing_is_absence_with_the_steps(tmp_path: Path) -> None:
    with pytest.raises(DatasetAbsentError, match=r"KA\.AN1\.39\.tiff.*To come by it.*mien data fetch jaffe"):
        load_dataset("jaffe", tmp_path)
