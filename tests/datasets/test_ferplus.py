from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, DatasetPartialError, UnknownNameError
from mien.core.labels import FER8
from mien.datasets import load_dataset
from mien.datasets.ferplus import vote_counts
from mien.datasets.ferplus_votes import majority, peak_votes, soft_votes
from tests.datasets import fakes

# neutral happiness surprise sadness anger disgust fear contempt unknown not-a-face
CASES = [
    ([10, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, [1, 0, 0, 0, 0, 0, 0, 0]),
    ([1, 8, 1, 0, 0, 0, 0, 0, 0, 0], 1, [0, 1, 0, 0, 0, 0, 0, 0]),
    ([4, 0, 0, 4, 1, 1, 0, 0, 0, 0], -1, [0.5, 0, 0, 0.5, 0, 0, 0, 0]),
    ([5, 0, 0, 4, 1, 0, 0, 0, 0, 0], 0, [5 / 9, 0, 0, 4 / 9, 0, 0, 0, 0]),
    ([2, 0, 0, 0, 0, 0, 0, 0, 8, 0], -1, None),
    ([0, 0, 0, 0, 0, 0, 0, 0, 0, 10], -1, None),
    ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], -1, None),
    ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], -1, None),
    ([5, 0, 0, 0, 0, 0, 0, 0, 5, 0], -1, [1, 0, 0, 0, 0, 0, 0, 0]),
]


@pytest.mark.parametrize(("counts", "winner", "shares"), CASES)
def test_majority_and_soft_votes(counts: list[int], winner: int, shares: list[float] | None) -> None:
    assert majority(np.array([counts])).tolist() == [winner]
    votes, kept = soft_votes(np.array([counts]))
    assert (votes.dtype, votes.shape) == (np.float32, (1, 8))
    assert kept.tolist() == [shares is not None]
    assert votes[0] == pytest.approx(shares or [0] * 8)


def test_soft_votes_need_votes() -> None:
    counts = np.array([[2, 2, 0, 0, 0, 0, 0, 0, 6, 0]])
    assert not soft_votes(counts)[1][0]
    assert soft_votes(counts, min_votes=4)[0][0, :2].tolist() == [0.5, 0.5]
    assert not soft_votes(np.zeros((1, 10), int), min_votes=0)[1][0]
    assert soft_votes(np.zeros((0, 10), int))[0].shape == (0, 8)


@pytest.mark.parametrize(
    ("counts", "shares"),
    [
        ([6, 0, 0, 2, 2, 0, 0, 0, 0, 0], [0.6, 0, 0, 0.2, 0.2, 0, 0, 0]),  # 60 % is too little, both at 2 are taken
        ([8, 0, 0, 2, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]),  # 75 % are reached with the first
        ([4, 0, 0, 2, 2, 2, 0, 0, 0, 0], None),  # four peaks
        ([3, 0, 0, 0, 0, 0, 0, 0, 7, 0], None),  # unknown is highest
        ([6, 0, 0, 0, 0, 0, 0, 0, 4, 0], [1, 0, 0, 0, 0, 0, 0, 0]),  # unknown is second: it ends the search and is left out
        ([5, 0, 0, 0, 0, 0, 0, 0, 5, 0], None),  # half is not more than half
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], None),
    ],
)
def test_peak_votes(counts: list[int], shares: list[float] | None) -> None:
    votes, kept = peak_votes(np.array([counts]))
    assert kept.tolist() == [shares is not None]
    assert votes[0] == pytest.approx(shares or [0] * 8)
    assert peak_votes(np.zeros((0, 10), int))[0].shape == (0, 8)


def expected_counts(data: fakes.Fake, labels_from: str) -> np.ndarray:
    counts = data.votes.copy()
    if labels_from == "label.csv":
        counts[[2, 4]] = 0
    return counts


@pytest.mark.parametrize("labels_from", ["label.csv", "fer2013new.csv"])
@pytest.mark.parametrize("inside", ["", "ferplus"])
@pytest.mark.parametrize("write", [fakes.write_parquet, fakes.write_csv, fakes.write_folders, fakes.write_npz])
def test_votes_are_tied_to_the_rows_of_any_layout(write: object, inside: str, labels_from: str, tmp_path: Path) -> None:
    data = fakes.fake()
    write(tmp_path, data)  # type: ignore[operator]
    fakes.write_ferplus(tmp_path / inside, data)
    counts = expected_counts(data, labels_from)
    assert np.array_equal(vote_counts(tmp_path, labels_from=labels_from, verify=False), counts)
    rows = load_dataset("ferplus", tmp_path, labels_from=labels_from, keep="all", verify=False)
    assert rows.labels == FER8
    assert rows.ids.tolist() == list(range(14))
    assert np.array_equal(rows.targets, majority(counts))
    assert np.array_equal(rows.votes, soft_votes(counts)[0])
    kept = load_dataset("ferplus", tmp_path, labels_from=labels_from, soft="peaks", verify=False)
    assert kept.ids.tolist() == np.flatnonzero(majority(counts) >= 0).tolist()
    assert np.array_equal(kept.votes, peak_votes(counts[kept.ids])[0])


def test_pictures_from_the_folders_of_ferplus(tmp_path: Path) -> None:
    data = fakes.fake()
    fakes.write_ferplus(tmp_path, data, pictures=True)
    rows = load_dataset("ferplus", tmp_path, keep="all")
    named = [i for i in range(14) if i not in (2, 4)]
    assert rows.ids.tolist() == named
    assert np.array_equal(rows.images, data.images[named])
    assert np.array_equal(rows.targets, majority(data.votes[named]))
    (tmp_path / "FER2013Test" / "fer0000012.png").unlink()
    with pytest.raises(DatasetPartialError, match=r"1 of the 12 images .* fer0000012\.png"):
        load_dataset("ferplus", tmp_path)
    assert len(load_dataset("ferplus", tmp_path, keep="all", verify=False)) == 11


def test_the_vote_columns_of_the_table_need_no_other_file(tmp_path: Path) -> None:
    data = fakes.fake()
    fakes.write_parquet(tmp_path, data)
    rows = load_dataset("ferplus", tmp_path, labels_from="fer2013new.csv", keep="all", verify=False)
    assert np.array_equal(rows.targets, majority(data.votes))
    with pytest.raises(DatasetAbsentError, match=r"No FER\+ votes"):
        load_dataset("ferplus", tmp_path, verify=False)


def test_a_partial_set_is_refused_unless_asked_for(tmp_path: Path) -> None:
    fakes.write_parquet(tmp_path, fakes.fake())
    with pytest.raises(DatasetPartialError, match="28,709"):
        load_dataset("ferplus", tmp_path)


@pytest.mark.parametrize("option", [{"keep": "most"}, {"soft": "peak"}, {"labels_from": "labels.csv"}])
def test_option_values_are_checked(option: dict[str, str], tmp_path: Path) -> None:
    fakes.write_parquet(tmp_path, fakes.fake())
    with pytest.raises(UnknownNameError, match="Did you mean"):
        load_dataset("ferplus", tmp_path, verify=False, **option)


def test_pictures_without_row_numbers_can_not_be_tied(tmp_path: Path) -> None:
    fakes.write_folders(tmp_path, fakes.fake(), numbers=list(range(100, 128, 2)))
    fakes.write_ferplus(tmp_path, fakes.fake())
    with pytest.raises(DatasetPartialError, match="carry no row numbers"):
        load_dataset("ferplus", tmp_path, verify=False)


def _rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_broken_vote_files_are_named(tmp_path: Path) -> None:
    def refuses(error: type[Exception], words: str) -> None:
        with pytest.raises(error, match=words):
            load_dataset("ferplus", tmp_path, verify=False)
        fakes.write_ferplus(tmp_path, data)

    data = fakes.fake()
    fakes.write_csv(tmp_path, data)
    fakes.write_ferplus(tmp_path, data)
    rows, labels = tmp_path / "fer2013new.csv", tmp_path / "FER2013Test" / "label.csv"
    _rewrite(rows, "Training", "PublicTest")
    refuses(DatasetCorruptError, "Usage column")
    rows.write_text("".join(rows.read_text().splitlines(keepends=True)[:9]))
    refuses(DatasetPartialError, "8 rows")
    _rewrite(rows, "Training,", "Training,,")
    refuses(DatasetCorruptError, "Line 2 .* 13 fields")
    labels.unlink()
    refuses(DatasetPartialError, r"FER2013Test/label\.csv is missing")
    _rewrite(labels, "fer0000010", "fer9999999")
    refuses(DatasetCorruptError, r"names fer9999999\.png")
    labels.write_text('fer0000010.png,"(0, 0, 48, 48)",a,0,0,0,0,0,0,0,0,0\n')
    refuses(DatasetCorruptError, "no numbers")
    labels.write_bytes(b"\xff")
    refuses(DatasetCorruptError, "UTF-8")
    labels.write_text('fer0000010.png,"(0, 0, 48, 48)",-1,0,0,0,0,0,0,0,0,0\n')
    refuses(DatasetCorruptError, "0 to 255")


@pytest.mark.slow
@pytest.mark.parametrize(("labels_from", "counts"), [("label.csv", [25_045, 3_191, 3_137]), ("fer2013new.csv", [25_060, 3_199, 3_153])])
def test_the_published_counts(labels_from: str, counts: list[int], data_dir: Path) -> None:
    rows = load_dataset("ferplus", data_dir, labels_from=labels_from)
    assert [len(rows.subset(split)) for split in ("train", "validation", "test")] == counts


@pytest.mark.slow
def test_the_published_test_classes(data_dir: Path) -> None:
    test = load_dataset("ferplus", data_dir).subset("test")
    assert np.bincount(test.targets).tolist() == [1083, 892, 394, 382, 269, 16, 86, 15]


@pytest.mark.slow
def test_the_table_and_the_file_hold_the_same_votes(data_dir: Path, tmp_path: Path) -> None:
    from mien.datasets.ferplus_files import find_labels, read_rows

    assert np.array_equal(vote_counts(data_dir, labels_from="fer2013new.csv"), read_rows(find_labels(data_dir)).counts)


def test_both_labellings_are_of_the_same_rows(data_dir: Path) -> None:
    codes, votes = load_dataset("fer2013", data_dir), load_dataset("ferplus", data_dir, keep="all")
    assert np.array_equal(codes.ids, votes.ids)
    kept = votes.targets >= 0
    assert 0.66 < (codes.targets[kept] == votes.targets[kept]).mean() < 0.68
