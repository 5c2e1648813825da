"""Drawn data sets as files that others read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from mien.core.errors import OutputError
from mien.datasets import Dataset, load_dataset
from mien.datasets.avatars import export


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return load_dataset("avatars", tmp_path, n=14, size=16, channels=3, workers=1)


def test_what_is_written_is_read_back(dataset: Dataset, tmp_path: Path) -> None:
    manifest = export(dataset, tmp_path / "out")
    table = pd.read_csv(manifest)
    assert list(table["subject"]) == list(dataset.subjects)  # type: ignore[arg-type]
    assert list(table["intensity"]) == pytest.approx(dataset.metadata["intensity"].tolist())
    again = load_dataset("manifest", manifest)
    assert (again.images == dataset.images).all()
    assert (again.targets == dataset.targets).all()
    assert (again.split == dataset.split).all()
    assert len(load_dataset("folder", tmp_path / "out")) == 14


def test_sequences_keep_their_order(tmp_path: Path) -> None:
    frames = load_dataset("avatars", tmp_path, n=1, size=16, kind="sequences", length=6, labels="ckplus7", workers=1)
    table = pd.read_csv(export(frames, tmp_path / "out"), keep_default_na=False)
    assert list(table["frame"]) == list(range(6))
    assert set(table["sequence"]) == {"sequence-0-00000"}
    bare = table[table["label"] == ""]
    assert len(bare) == (frames.targets < 0).sum() > 0
    assert bare["path"].str.contains("/unlabelled/").all()
    assert (tmp_path / "out" / bare["path"].iloc[0]).is_file()


def test_nothing_is_written_over(dataset: Dataset, tmp_path: Path) -> None:
    export(dataset, tmp_path / "out")
    with pytest.raises(OutputError, match="there already"):
        export(dataset, tmp_path / "out")


@pytest.mark.parametrize(("ids", "words"), [(["../a", "b"], "no file name"), (["a", "a"], "repeat")])
def test_ids_must_be_names_of_files(ids: list[str], words: str, dataset: Dataset, tmp_path: Path) -> None:
    import numpy as np

    two = replace(dataset.take(np.array([0, 7])), ids=np.array(ids))
    with pytest.raises(OutputError, match=words):
        export(two, tmp_path / "out")
