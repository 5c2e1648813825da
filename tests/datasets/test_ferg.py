from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, DatasetPartialError, OptionError
from mien.datasets import load_dataset
from tests.datasets.fakes_stills import CHARACTERS, write_ferg


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_ferg(tmp_path / "FERG_DB_256")
    return tmp_path / "FERG_DB_256"


def test_characters_are_the_subjects(root: Path) -> None:
    for place in (root, root.parent):
        read = load_dataset("ferg", place, verify=False)
        assert read.images.shape == (84, 24, 24, 3)
        assert sorted(set(read.subjects)) == sorted(CHARACTERS)
        assert np.bincount(read.targets).tolist() == [12] * 7
        row = read.ids.tolist().index("mery/mery_joy/mery_joy_2.png")
        assert (read.labels[read.targets[row]], read.subjects[row], read.metadata["number"][row]) == ("happiness", "mery", 2)
        assert Path(read.paths[row]).is_file()


def test_what_is_missing_is_named(root: Path) -> None:
    with pytest.raises(DatasetPartialError, match=r"84 of 55,767 pictures.*grail"):
        load_dataset("ferg", root)
    shutil.rmtree(root / "ray")
    shutil.rmtree(root / "aia" / "aia_joy")
    with pytest.raises(DatasetPartialError, match=r"2 faults.*aia_joy is missing.*ray is missing"):
        load_dataset("ferg", root, verify=False)
    assert len(load_dataset("ferg", root, verify=False, strict=False)) == 84 - 14 - 2


def test_what_does_not_belong_there_is_named(root: Path) -> None:
    (root / "aia" / "aia_bored").mkdir()
    (root / "aia" / "aia_tired").mkdir()
    (root / "aia" / "aia_joy" / "mery_joy_1.png").write_bytes(b"")
    with pytest.raises(DatasetCorruptError, match=r"3 faults.*aia_bored is no expression.*aia_tired.*aia_joy_<number>\.png"):
        load_dataset("ferg", root, verify=False)


def test_nothing_is_absence(tmp_path: Path) -> None:
    with pytest.raises(DatasetAbsentError, match=r"FERG_DB_256/<character>.*form"):
        load_dataset("ferg", tmp_path)


def test_a_set_that_would_not_fit_names_the_size_that_does(root: Path) -> None:
    limit = 84 * 20 * 20 * 3 / 2**30
    with pytest.raises(OptionError, match=r"84 pictures would take .* GiB.*crop_size=20 or less"):
        load_dataset("ferg", root, verify=False, memory_gib=limit)
    with pytest.raises(OptionError, match="crop_size=20 or less"):
        load_dataset("ferg", root, verify=False, memory_gib=limit, crop_size=21)
    assert load_dataset("ferg", root, verify=False, memory_gib=limit, crop_size=20).images.shape == (84, 20, 20, 3)
