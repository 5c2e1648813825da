from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core.errors import DatasetAbsentError, DatasetError, OptionError, UnknownNameError
from mien.core.labels import FER8, VALENCE3
from mien.datasets import load_dataset
from mien.datasets.merge import merge
from mien.datasets.protocols import make_split
from mien.datasets.verify import readable
from tests.datasets.fakes import fake, write_npz
from tests.datasets.fakes_ckplus import write_ckplus

OWN: dict[str, dict[str, Any]] = {"fer2013": {"verify": False}, "ckplus": {"verify": False, "crop_size": 48, "frames": "all"}}
BOTH: dict[str, Any] = {"datasets": ["fer2013", "ckplus"], "options": OWN}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """FER2013 and CK+ in small, side by side."""
    write_npz(tmp_path, fake())
    write_ckplus(tmp_path)
    return tmp_path


def test_it_is_the_merge_of_its_parts(folder: Path) -> None:
    whole = load_dataset("merged", folder, **BOTH)
    parts = [load_dataset(name, folder, **options) for name, options in OWN.items()]
    same = merge(parts)
    assert (whole.name, whole.labels, whole.notes) == ("fer2013+ckplus", FER8, same.notes)
    assert np.array_equal(whole.images, same.images)
    assert whole.ids.tolist() == same.ids.tolist()
    assert whole.metadata["dataset"].tolist() == ["fer2013"] * 14 + ["ckplus"] * 19


def test_labels_shares_and_seed_reach_the_merge(folder: Path) -> None:
    drawn = [load_dataset("merged", folder, **BOTH, labels="valence3", shares=[0.4, 0.6], seed=seed) for seed in (0, 0, 1)]
    assert drawn[0].labels == VALENCE3
    assert np.mean(drawn[0].metadata["dataset"] == "ckplus") == pytest.approx(0.6, abs=0.03)
    assert load_dataset("merged", folder, **BOTH, labels=["anger", "happiness"]).labels.names == ("anger", "happiness")
    assert drawn[0].ids.tolist() == drawn[1].ids.tolist() != drawn[2].ids.tolist()


def test_people_and_sequences_of_a_part_stay_on_one_side(folder: Path) -> None:
    whole = load_dataset("merged", folder, **BOTH, labels="valence3")
    divided = make_split(whole, "thesis_cross", fractions=(0.6, 0.2, 0.2)).apply(whole)
    sides = {
        subject: set(divided.split[divided.subjects == subject].tolist()) for subject in np.unique(divided.subjects).tolist() if subject
    }
    assert sides
    assert all(len(side) == 1 for side in sides.values())
    assert divided.origin.leaks == ""


def test_rows_of_a_part_or_of_the_whole_are_left_out_by_a_table(folder: Path) -> None:
    (folder / "part.csv").write_text("id,keep\n0,1\n1,1\n2,1\n")
    options = OWN | {"fer2013": OWN["fer2013"] | {"rows": str(folder / "part.csv")}}
    few = load_dataset("merged", folder, datasets=BOTH["datasets"], options=options)
    assert few.ids.tolist()[:3] == ["fer2013/0", "fer2013/1", "fer2013/2"]
    assert len(few) == 3 + 19
    (folder / "whole.csv").write_text("id,keep\nfer2013/0,1\n")
    assert load_dataset("merged", folder, rows=folder / "whole.csv", **BOTH).ids.tolist() == ["fer2013/0"]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"datasets": []}, OptionError, r"two data sets or more; received \[\]\. Give their names"),
        ({"datasets": ["fer2013"]}, OptionError, r"received \['fer2013'\]"),
        ({"datasets": "fer2013"}, OptionError, "datasets of merged takes a list of text; received 'fer2013'"),
        ({"datasets": ["fer2013", "ckpluss"]}, UnknownNameError, r"data set to merge 'ckpluss'. Did you mean ckplus"),
        ({"datasets": ["fer2013", "merged"]}, UnknownNameError, "data set to merge 'merged'"),
        ({"datasets": ["ckplus", "ckplus"], "options": {"ckplus": OWN["ckplus"]}}, DatasetError, "different names"),
        ({"options": {"jaffe": {}}}, UnknownNameError, r"data set of options 'jaffe'.*Known: ckplus, fer2013"),
        ({"options": {"ckplus": "face"}}, OptionError, "options of merged takes a table, each entry a table or null"),
        ({"options": OWN | {"ckplus": {"frame": "all"}}}, UnknownNameError, r"option of ckplus 'frame'.*Did you mean frames"),
        ({"options": OWN | {"ckplus": {"name": "jaffe"}}}, UnknownNameError, "option of ckplus 'name'"),
        ({"options": OWN | {"ckplus": {"crop_size": "big"}}}, OptionError, "crop_size of ckplus takes a whole number"),
        ({"options": OWN | {"ckplus": OWN["ckplus"] | {"crop_size": 24}}}, DatasetError, r"fer2013 48×48, ckplus 24×24.*Load them alike"),
        ({"shares": [0.5, 0.6]}, OptionError, "2 positive numbers that sum to 1"),
        ({"sets": []}, UnknownNameError, r"option of merged 'sets'"),
    ],
)
def test_what_can_not_be_merged_is_told(folder: Path, change: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        load_dataset("merged", folder, **BOTH | change)


def test_a_part_that_is_absent_is_named(tmp_path: Path) -> None:
    write_npz(tmp_path, fake())
    with pytest.raises(DatasetAbsentError, match=r"No ckplus in .*mien data fetch ckplus"):
        load_dataset("merged", tmp_path, **BOTH)
    assert "merged" not in readable()
