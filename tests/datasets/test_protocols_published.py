from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import DatasetError, OptionError
from mien.core.labels import FER6, FER7, FER8, VALENCE3
from mien.datasets.protocols import PROTOCOLS, make_split
from mien.datasets.sampling import evened, oversample, oversampled_rows
from mien.datasets.twins import exact_twins
from mien.datasets.versions import VERSIONS, drawn
from tests.datasets.people import anonymous, people

SIDES = ("train", "validation", "test")


def numbers(divided) -> list[int]:
    return [int((divided.split == side).sum()) for side in SIDES]


@pytest.mark.parametrize("protocol", [name for name, one in PROTOCOLS.items() if one.leaks])
def test_what_a_paper_lets_leak_is_written_on_the_data(protocol: str) -> None:
    data = people(each=140, twins=60, sequences=True)
    origin = make_split(data, protocol, **({"per_class": (40, 5, 10)} if "balanced" in protocol else {})).apply(data).origin
    assert origin.protocol == protocol
    assert origin.leaks.startswith(PROTOCOLS[protocol].leaks)
    assert " test rows, " in origin.leaks


@pytest.mark.parametrize("protocol", sorted({one.honest for one in PROTOCOLS.values() if one.honest}))
def test_its_honest_counterpart_does_not(protocol: str) -> None:
    data = people((*"abcdefgh", "mery", "ray"), each=70, twins=30, sequences=True)
    for fold in make_split(data, protocol, **({"per_class": (40, 5, 10)} if "balanced" in protocol else {})).folds:
        tested = set(exact_twins(data.images)[fold.side("test")].tolist())
        assert not tested & set(exact_twins(data.images)[fold.side("train")].tolist())
        assert fold.leaks == "" or "balanced" in protocol  # which is of people nobody knows


@pytest.mark.parametrize("protocol", ["deepfer_balanced", "deepfer_balanced_as_published"])
def test_a_balanced_subset(protocol: str) -> None:
    data = anonymous(4_000)
    divided = make_split(data, protocol, per_class=(60, 10, 15)).apply(data)
    assert numbers(divided) == [420, 70, 105]
    assert np.bincount(divided.targets[divided.split == "train"]).tolist() == [60] * 7
    published = dict(zip(data.ids.tolist(), data.split.tolist(), strict=True))
    for id_, side in zip(divided.ids.tolist(), divided.split.tolist(), strict=True):
        assert (published[id_] == "train") == (side != "test")


def test_a_class_that_is_short_gives_what_it_has_without_twins() -> None:
    data = anonymous(700, twins=100)
    fold = make_split(data, "deepfer_balanced", per_class=(30, 5, 3)).folds[0]
    assert fold.leaks == ""
    assert fold.notes[0].startswith("disgust has")
    with pytest.raises(DatasetError, match=r"pictures of disgust; the protocol draws 35 and 3"):
        make_split(data, "deepfer_balanced_as_published", per_class=(30, 5, 3))


def test_jaffe_is_drawn_anew_before_or_after_the_split() -> None:
    data = people(tuple("abcdefghij"), each=21)
    published = make_split(data, "deepfer_jaffe_as_published").apply(data)
    assert numbers(published) == [935, 140, 260]
    assert set(published.ids[published.split == "test"]) & set(published.ids[published.split == "train"])
    honest = make_split(data, "deepfer_jaffe").apply(data)
    train = honest.split == "train"
    assert not set(honest.subjects[train]) & set(honest.subjects[~train])
    assert train.sum() == len(VERSIONS) * len(set(honest.ids[train]))
    original = dict(zip(data.ids, data.images, strict=True))
    assert all((original[id_] == image).all() for id_, image in zip(honest.ids[~train], honest.images[~train], strict=True))
    assert len(np.unique(exact_twins(honest.images[train]))) == train.sum()


def test_ferg_by_character_and_at_random() -> None:
    data = people()
    fold = make_split(data, "deepfer_ferg_characters").folds[0]
    assert set(data.subjects[fold.side("test")]) == {"mery", "ray"}
    assert set(data.subjects[fold.side("validation")]) == {"aia", "bonnie", "jules", "malcolm"}
    assert len(fold.side("validation")) == 21
    assert numbers(make_split(data, "deepfer_ferg_random_as_published").apply(data)) == [137, 25, 48]
    sdl = make_split(data, "sdl_ferg_as_published").apply(data)
    assert len(set(np.bincount(sdl.targets[sdl.split == "test"]).tolist())) == 1


def test_the_counts_of_the_papers() -> None:
    data = anonymous(2_000)
    assert numbers(make_split(data, "deepfer_ferg_random_as_published", counts=(1_000, 300, 600)).apply(data)) == [1_000, 300, 600]
    assert numbers(make_split(data, "sdl_ferg_as_published", counts=(1_200, 500, 210)).apply(data)) == [1_200, 500, 210]
    with pytest.raises(OptionError, match="only validation may be 0"):
        make_split(data, "sdl_ferg_as_published", counts=(0, 1, 1))


def test_sdl_oversamples_after_the_split_or_before() -> None:
    data = anonymous()
    honest, published = (make_split(data, name).apply(data) for name in ("sdl", "sdl_as_published"))
    for divided in (honest, published):
        assert len(set(np.bincount(divided.targets[divided.split == "train"]).tolist())) == 1
    held = honest.split != "train"
    assert not set(honest.ids[held]) & set(honest.ids[~held])
    assert len(set(honest.ids[held].tolist())) == held.sum()
    assert "copies of training rows" in published.origin.leaks


def test_sdl_as_published_without_validation() -> None:
    fold = make_split(anonymous(), "sdl_as_published", fractions=(0.9, 0, 0.1)).folds[0]
    assert set(fold.split.tolist()) == {"train", "test"}
    assert len(fold.side("test")) == pytest.approx(0.1 * len(fold), abs=7)


def test_three_and_six_expressions() -> None:
    data = people(labels=FER8)
    three = make_split(data, "thesis_cross").apply(data)
    assert (three.labels, int(three.targets.min())) == (VALENCE3, 0)
    assert len(three) == int(np.isin(data.targets, [FER8.index(name) for name in FER8 if name not in ("surprise", "contempt")]).sum())
    six = make_split(people(), "cnncraft_six").apply(people())
    assert six.labels == FER6
    assert len(six) == int((people().targets != FER7.index("disgust")).sum())


def test_cnn123_folds_part_what_belongs_together() -> None:
    plan = make_split(people(sequences=True), "cnn123_folds_as_published")
    assert len(plan.folds) == 5
    assert "show a sequence that is also in train and" in plan.folds[0].leaks


def test_oversampling_touches_the_train_side_alone() -> None:
    data = anonymous()
    more = oversample(data, seed=3)
    assert len(set(np.bincount(more.targets[more.split == "train"]).tolist())) == 1
    held = more.split != "train"
    assert more.ids[held].tolist() == data.ids[data.split != "train"].tolist()
    assert np.array_equal(oversampled_rows(data, 3), oversampled_rows(data, 3))
    assert not np.array_equal(oversampled_rows(data, 3), oversampled_rows(data, 4))
    with pytest.raises(DatasetError, match="copies of another row"):
        make_split(more, "stratified")
    with pytest.raises(DatasetError, match="with make_split"):
        oversample(data.subset("test"))
    with pytest.raises(OptionError, match="from 0"):
        oversample(data, seed=-1)


def test_rare_rows_take_turns() -> None:
    targets = np.array([0] * 10 + [1] * 3 + [-1])
    copies = evened(targets, np.random.default_rng(0))
    assert np.bincount(copies, minlength=14).tolist() == [0] * 10 + [int((copies == row).sum()) for row in (10, 11, 12)] + [0]
    assert len(copies) == 7
    assert {2, 3} == {int((copies == row).sum()) for row in (10, 11, 12)}


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 3)])
def test_versions_are_all_different_and_keep_the_shape(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    images = np.repeat(image[None], len(VERSIONS), axis=0)
    made = drawn(images, np.arange(len(VERSIONS)))
    assert made.shape == images.shape
    assert (made[0] == image).all()
    assert (made[1] == image[:, ::-1]).all()
    assert len(np.unique(exact_twins(made))) == len(VERSIONS)
    assert (images == image).all()
    with pytest.raises(OptionError, match="numbered 0 to 7"):
        drawn(images, np.full(len(VERSIONS), 8))
