from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, LabelError, UnknownNameError
from mien.core.labels import FER7, FER8, VALENCE3
from mien.datasets import Dataset, load_dataset
from mien.datasets.base import split_name
from mien.datasets.verify import readable


def small(n: int = 6) -> Dataset:
    return Dataset(
        name="small",
        labels=FER7,
        images=np.arange(n * 4, dtype=np.uint8).reshape(n, 2, 2),
        targets=np.arange(n, dtype=np.int64) % 7,
        split=np.array(["train", "validation", "test"] * (n // 3), str),
        ids=np.arange(n),
        votes=np.eye(7, dtype=np.float32)[np.arange(n) % 7],
    )


def test_subset_and_take_keep_the_columns_together() -> None:
    data = small()
    test = data.subset("private")
    assert test.ids.tolist() == [2, 5]
    assert np.array_equal(test.images, data.images[[2, 5]])
    assert np.array_equal(test.votes, data.votes[[2, 5]])
    assert data.take(np.array([3, 0])).targets.tolist() == [3, 0]
    assert len(small(0)) == 0
    assert len(data.take(data.targets > 6)) == 0


@pytest.mark.parametrize(
    ("received", "split"),
    [("train", "train"), ("Training", "train"), ("public", "validation"), ("val", "validation"), ("PrivateTest", "test"), ("test", "test")],
)
def test_split_names(received: str, split: str) -> None:
    assert split_name(received) == split


def test_unknown_split_names_the_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean private"):
        small().subset("privat")


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"images": np.zeros((6, 2, 2), np.float32)}, DatasetCorruptError, "uint8"),
        ({"images": np.zeros((6, 2, 2, 4), np.uint8)}, DatasetCorruptError, r"\(6, 2, 2, 4\)"),
        ({"targets": np.zeros(5, np.int64)}, DatasetCorruptError, "targets 5"),
        ({"votes": np.zeros((6, 8), np.float32)}, DatasetCorruptError, r"\(6, 8\)"),
        ({"targets": np.full(6, 7)}, LabelError, "0 to 6"),
        ({"targets": np.full(6, -2)}, LabelError, "from -2"),
        ({"split": np.array(["dev"] * 6)}, DatasetCorruptError, "dev"),
    ],
)
def test_a_data_set_that_contradicts_itself_is_refused(change: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        replace(small(), **change)


def test_unknown_data_sets_and_options_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean fer2013"):
        load_dataset("fer2031", tmp_path)
    with pytest.raises(UnknownNameError, match=r"option of fer2013 'row'.*Did you mean rows"):
        load_dataset("fer2013", tmp_path, row="clean.csv")
    with pytest.raises(UnknownNameError, match=r"option of ferplus 'labels'.*Did you mean labels_from"):
        load_dataset("ferplus", tmp_path, labels="label.csv")


@pytest.mark.parametrize("name", readable())
def test_an_empty_folder_holds_no_data_set(name: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetAbsentError, match="Give"):
        load_dataset(name, tmp_path)


def test_a_data_set_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fer2013.csv").touch()

    def closed(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", closed)
    with pytest.raises(DatasetAbsentError, match=r"fer2013\.csv: Permission denied"):
        load_dataset("fer2013", tmp_path)


def test_relabelling_maps_names_and_counts_what_it_drops() -> None:
    data = small(7 * 3).with_labels(VALENCE3)
    assert data.labels == VALENCE3
    for row, target in enumerate(data.targets.tolist()):
        name = FER7[row % 7]
        wanted = {"neutral": 1, "happiness": 2, "surprise": -1}.get(name, 0)
        assert target == wanted
    assert np.allclose(data.votes.sum(axis=1), data.targets >= 0)
    assert data.notes[-1] == "3 rows of surprise have no place in valence3: 1 of train, 1 of validation, 1 of test."
    assert data.with_labels(VALENCE3) is data
    with pytest.raises(LabelError, match="contempt"):
        small().with_labels(FER8)


def test_metadata_follows_the_rows() -> None:
    data = replace(small(), metadata={"light": np.arange(6.0)}, frames=np.arange(6), sequences=np.array(list("aabbcc")))
    taken = data.take(np.array([5, 1]))
    assert taken.metadata["light"].tolist() == [5.0, 1.0]
    assert taken.sequences.tolist() == ["c", "a"]
    assert taken.frames.tolist() == [5, 1]
    with pytest.raises(DatasetCorruptError, match="light 2"):
        replace(small(), metadata={"light": np.zeros(2)})
