from __future__ import annotations

import json
from pathlib import Path

import pytest

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, DatasetPartialError, UnknownNameError
from mien.datasets.base import DATASETS
from mien.datasets.terms import TERMS, how_to_get, terms_of
from mien.datasets.verify import Count, find_dataset, readable, verify
from tests.datasets.fakes import fake, write_csv
from tests.datasets.fakes_affectnet import write_arrays, write_tables
from tests.datasets.fakes_ckplus import write_ckplus
from tests.datasets.fakes_stills import write_ferg, write_jaffe, write_rafdb
from tests.datasets.test_folder import picture


def test_every_data_set_has_terms() -> None:
    assert set(TERMS) >= set(DATASETS)
    for name in DATASETS:
        terms = terms_of(name)
        assert terms.steps
        assert terms.layout
        assert json.loads(json.dumps(terms.to_dict()))["title"] == terms.title
        assert bool(terms.source) == (terms.access not in ("own", "made", "parts"))
    with pytest.raises(UnknownNameError, match=r"Did you mean .*jaffe"):
        how_to_get("jafe")


@pytest.mark.parametrize("name", readable())
def test_nothing_is_absent_with_a_remedy(name: str, tmp_path: Path) -> None:
    found = verify(name, tmp_path)
    assert (found.state, found.found, found.counts) == ("absent", 0, ())
    assert find_dataset(name, tmp_path) is None
    with pytest.raises(DatasetAbsentError, match="Give"):
        found.need_whole()


def test_what_has_no_files_of_its_own_is_not_verified() -> None:
    with pytest.raises(UnknownNameError, match="avatars is made when"):
        verify("avatars", ".")
    with pytest.raises(UnknownNameError, match="merged is made of other data sets; verify each"):
        verify("merged", ".")


@pytest.mark.parametrize(
    ("name", "write", "n"),
    [
        ("jaffe", write_jaffe, 28),
        ("ferg", write_ferg, 84),
        ("rafdb", write_rafdb, 14),
        ("ckplus", write_ckplus, 4),
        ("affectnet", write_arrays, 24),
        ("affectnet", write_tables, 16),
    ],
)
def test_a_part_is_counted_against_the_publication(name, write, n, tmp_path: Path) -> None:
    write(tmp_path)
    seen: list[tuple[int, int]] = []
    found = verify(name, tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert (found.state, found.found) == ("partial", n)
    assert seen[-1] == (n, n)
    assert all(count.found <= (count.expected or 0) for count in found.counts if count.expected is not None)
    assert str(find_dataset(name, tmp_path)).startswith(str(tmp_path))
    with pytest.raises(DatasetPartialError, match=rf"{name} is partial: .* of .*Unpack it again"):
        found.need_whole()


def test_broken_pictures_are_told_from_missing_ones(tmp_path: Path) -> None:
    write_rafdb(tmp_path)
    (tmp_path / "Image/aligned/train_00001_aligned.jpg").write_bytes(b"no picture")
    (tmp_path / "Image/aligned/train_00002_aligned.jpg").unlink()
    found = verify("rafdb", tmp_path)
    assert found.state == "corrupt"
    assert "train_00001.jpg" in found.faults[0]
    assert any("train_00002_aligned.jpg is missing" in fault for fault in found.faults)
    assert Count("train", "fear", 0, 281) in found.counts
    with pytest.raises(DatasetCorruptError, match=r"rafdb is corrupt: train_00001.*Found: 1 of 705 train anger, .*Unpack"):
        found.need_whole()
    for path in (tmp_path / "Image/aligned").iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(DatasetCorruptError, match="… and 10 more"):
        verify("rafdb", tmp_path).need_whole()
    quick = verify("rafdb", tmp_path, decode=False)
    assert quick.state == "partial"
    assert json.loads(json.dumps(quick.to_dict()))["state"] == "partial"


def test_more_than_published_is_corrupt(tmp_path: Path) -> None:
    write_jaffe(tmp_path, subjects=("KA", "KL", "KM", "KR"), takes=8)
    assert verify("jaffe", tmp_path).state == "corrupt"


def test_own_pictures_are_whole_when_all_can_be_read(tmp_path: Path) -> None:
    picture(tmp_path / "happy" / "a.png")
    found = verify("folder", tmp_path)
    assert (found.state, found.found, found.remedy) == ("whole", 1, "")
    assert found.counts == (Count("train", "happiness", 1, None),)
    found.need_whole()
    (tmp_path / "sad").mkdir()
    assert verify("folder", tmp_path).state == "corrupt"
    with pytest.raises(UnknownNameError, match=r"option of folder 'label'\. Did you mean labels"):
        verify("folder", tmp_path, label="fer8")


def test_tables_are_counted_by_split_and_class(tmp_path: Path) -> None:
    write_csv(tmp_path, fake())
    found = verify("fer2013", tmp_path)
    assert (found.state, found.found) == ("partial", 14)
    assert Count("train", "disgust", 1, 436) in found.counts
    (tmp_path / "fer2013.csv").write_text("emotion,pixels,Usage\n0,1 2 3,Training\n")
    assert verify("fer2013", tmp_path).state == "corrupt"


def test_a_folder_that_may_not_be_read_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path / "happy" / "a.png")

    def closed(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", closed)
    found = verify("folder", tmp_path)
    assert found.state == "absent"
    assert "Permission denied" in found.faults[0]


@pytest.mark.slow
def test_the_real_tables_are_whole(data_dir: Path) -> None:
    assert verify("fer2013", data_dir).state == "whole"
    for votes, n in (("label.csv", 31_373), ("fer2013new.csv", 31_412)):
        found = verify("ferplus", data_dir, labels_from=votes)
        assert (found.state, found.found) == ("whole", n)
