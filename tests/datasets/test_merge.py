from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien.core.errors import DatasetError, LabelError, OptionError
from mien.core.labels import CKPLUS7, FER7, FER8, VALENCE3, LabelSet
from mien.datasets.base import SplitOrigin
from mien.datasets.merge import merge
from mien.datasets.protocols import make_split
from tests.datasets.people import anonymous, people


def test_two_sets_become_one_by_name() -> None:
    wild, posed = anonymous(100), replace(people(("S005", "S010"), each=14, labels=CKPLUS7, sequences=True), name="posed")
    whole = merge((wild, posed))
    assert whole.labels == FER8
    assert len(whole) == 128
    assert [whole.labels[t] for t in whole.targets[100:]] == [CKPLUS7[t] for t in posed.targets]
    assert whole.ids[0] == "anonymous/0"
    assert whole.subjects[0] == ""
    assert whole.subjects[-1] == "posed/S010"
    assert whole.sequences[-1].startswith("posed/s")
    assert whole.frames[0] == -1
    assert whole.metadata["dataset"].tolist() == ["anonymous"] * 100 + ["posed"] * 28
    assert whole.votes is None
    assert merge((wild, replace(wild, name="again"))).labels == FER7


def test_the_merged_set_of_the_thesis() -> None:
    wild, posed = anonymous(900), replace(people(("S005", "S010", "S011"), each=70, labels=CKPLUS7), name="posed")
    whole = merge((wild, posed), labels="valence3", shares=(0.9, 0.1))
    share = np.mean(whole.metadata["dataset"] == "posed")
    assert share == pytest.approx(0.1, abs=0.005)
    assert whole.labels == VALENCE3
    assert whole.targets.min() == 0
    assert any("surprise, contempt have no place in valence3" in note for note in whole.notes)
    divided = make_split(whole, "thesis_cross").apply(whole)
    assert divided.origin.leaks == ""
    again = merge((wild, posed), labels="valence3", shares=(0.9, 0.1))
    assert again.ids.tolist() == whole.ids.tolist()


def test_votes_and_known_twins_are_kept_where_all_tell() -> None:
    votes = np.eye(7, dtype=np.float32)[anonymous(20).targets]
    one = replace(anonymous(20), votes=votes, twin_in_train=np.arange(20) == 3)
    two = replace(one, name="two", twin_in_train=None, images=anonymous(20, seed=1).images)
    two.images[8] = one.images[0]  # held back there, and trained on here
    whole = merge((one, two), labels="fer7")
    assert np.allclose(whole.votes, np.concatenate([votes, votes]))
    assert np.flatnonzero(whole.twin_in_train).tolist() == [3, 28]


def test_a_twin_in_a_training_row_that_is_left_out_is_still_known() -> None:
    one = anonymous(20)
    targets, images = one.targets.copy(), one.images.copy()
    targets[0], targets[8:10] = FER7.index("surprise"), FER7.index("anger")  # no place in valence3, and one
    images[8] = images[0]
    whole = merge((replace(one, targets=targets, images=images),), labels="valence3")
    assert 0 not in [int(name.rpartition("/")[2]) for name in whole.ids]
    assert whole.ids[whole.twin_in_train].tolist() == ["anonymous/8"]


def test_origins_are_told() -> None:
    one, two = anonymous(20), replace(anonymous(20), name="two", origin=SplitOrigin("stratified", leaks="Much."))
    assert merge((one,)).origin == SplitOrigin()
    assert merge((one, two)).origin == SplitOrigin("merged", leaks="Much.")


def test_what_does_not_fit() -> None:
    data = anonymous(20)
    with pytest.raises(DatasetError, match="different names"):
        merge((data, data))
    with pytest.raises(DatasetError, match="different names; received none"):
        merge(())
    with pytest.raises(DatasetError, match=r"anonymous 8×8, small 4×4.*Load them alike"):
        merge((data, replace(data, name="small", images=data.images[:, :4, :4])))
    with pytest.raises(OptionError, match="2 positive numbers"):
        merge((data, replace(data, name="two")), shares=(0.9, 0.2))
    with pytest.raises(LabelError, match=r"joy .*Give labels"):
        merge((data, replace(data, name="two", labels=LabelSet("own", ("joy", *FER7.names[1:])))))
