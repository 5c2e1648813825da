from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, DatasetError, DatasetPartialError, UnknownNameError
from mien.datasets import load_dataset
from tests.datasets import fakes

LAYOUTS: dict[str, Callable[[Path, fakes.Fake], None]] = {
    "parquet": fakes.write_parquet,
    "csv": fakes.write_csv,
    "icml": lambda folder, data: fakes.write_csv(folder, data, "icml_face_data.csv"),
    "npz": fakes.write_npz,
    "folders": fakes.write_folders,
}
EXPRESSIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")


@pytest.mark.parametrize("inside", ["", "fer2013"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_rows(layout: str, inside: str, tmp_path: Path) -> None:
    data, folder = fakes.fake(), tmp_path / inside
    folder.mkdir(exist_ok=True)
    LAYOUTS[layout](folder, data)
    read = load_dataset("fer2013", tmp_path, verify=False)
    assert [read.labels[t] for t in read.targets] == [EXPRESSIONS[code] for code in data.codes]
    assert read.split.tolist() == ["train"] * 7 + ["validation"] * 3 + ["test"] * 4
    assert read.ids.tolist() == list(range(14))
    tolerance = 6 if layout == "folders" else 0
    assert np.abs(read.images.astype(int) - data.images).max() <= tolerance


def test_a_constant_image_is_read(tmp_path: Path) -> None:
    data = fakes.fake()
    data.images[3] = 0
    fakes.write_parquet(tmp_path, data)
    assert np.array_equal(load_dataset("fer2013", tmp_path, verify=False).images, data.images)


def test_files_numbered_otherwise_keep_their_names_as_ids(tmp_path: Path) -> None:
    fakes.write_folders(tmp_path, fakes.fake(), numbers=[3908, 17, 9, 5, 21, 44, 8, 61, 70, 2, 33, 12, 90, 1])
    read = load_dataset("fer2013", tmp_path, verify=False)
    assert read.ids[:2].tolist() == ["train/Training_5.jpg", "train/Training_8.jpg"]
    assert [read.labels[t] for t in read.targets[:2]] == ["happiness", "neutral"]
    assert read.split.tolist() == ["train"] * 7 + ["validation"] * 3 + ["test"] * 4


def test_test_files_that_do_not_tell_their_split_are_not_guessed(tmp_path: Path) -> None:
    fakes.write_folders(tmp_path, fakes.fake())
    file = next((tmp_path / "test").rglob("*.jpg"))
    file.rename(file.with_name("im1.jpg"))
    with pytest.raises(DatasetPartialError, match="PublicTest or PrivateTest"):
        load_dataset("fer2013", tmp_path, verify=False)


def test_a_folder_that_is_no_expression_is_named(tmp_path: Path) -> None:
    fakes.write_folders(tmp_path, fakes.fake())
    (tmp_path / "train" / "happy").rename(tmp_path / "train" / "hapy")
    with pytest.raises(UnknownNameError, match=r"'hapy'\. Did you mean happy"):
        load_dataset("fer2013", tmp_path, verify=False)


def test_a_missing_folder_shifts_no_label(tmp_path: Path) -> None:
    data = fakes.fake()
    only = [i for i, code in enumerate(data.codes) if code != 1]
    fakes.write_folders(tmp_path, fakes.Fake(data.images[only], data.codes[only], tuple(data.usage[i] for i in only), data.votes[only]))
    read = load_dataset("fer2013", tmp_path, verify=False)
    assert [read.labels[t] for t in read.targets] == [EXPRESSIONS[data.codes[i]] for i in only]


def test_absent_partial_and_corrupt_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DatasetAbsentError, match="No FER2013 in"):
        load_dataset("fer2013", tmp_path / "nowhere")
    fakes.write_parquet(tmp_path, fakes.fake())
    with pytest.raises(DatasetPartialError, match="7 of 28,709 Training"):
        load_dataset("fer2013", tmp_path)
    (tmp_path / "fer2013.parquet").write_bytes(b"PAR1 no table")
    with pytest.raises(DatasetCorruptError, match="Parquet"):
        load_dataset("fer2013", tmp_path)


def test_empty_folders_hold_nothing(tmp_path: Path) -> None:
    (tmp_path / "train" / "happy").mkdir(parents=True)
    with pytest.raises(DatasetAbsentError, match="No pictures"):
        load_dataset("fer2013", tmp_path)


def test_more_images_than_published_are_refused(tmp_path: Path) -> None:
    n = 3_590
    pixels, usage = np.zeros((n, 48, 48), np.uint8), np.full(n, "PublicTest")
    np.savez_compressed(tmp_path / "fer2013.npz", pixels=pixels, emotion=np.zeros(n, int), usage=usage)
    with pytest.raises(DatasetCorruptError, match="3,590 of 3,589 PublicTest"):
        load_dataset("fer2013", tmp_path)


def _table(folder: Path, **columns: list[object]) -> None:
    pq.write_table(pa.table({**columns, "usage": ["Training"]}), folder / "fer2013.parquet")


def _break_line(text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "fer2013.csv").write_text(f"emotion,pixels,Usage\n{text}\n")


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (_break_line(f"3,{'7 ' * 2303},Training"), "Line 2 .* 2303 pixels"),
        (_break_line(f"3,{'256 ' * 2304},Training"), "Line 2"),
        (_break_line(f"3,{'a ' * 2304},Training"), "Line 2"),
        (_break_line(f"x,{'7 ' * 2304},Training"), "Line 2"),
        (_break_line("3"), "Line 2"),
        (_break_line(f"7,{'7 ' * 2304},Training"), "Row 0 .* code 7"),
        (_break_line(f"3,{'7 ' * 2304},Testing"), "usage 'Testing'"),
        (lambda folder: (folder / "fer2013.csv").write_text("emotion,Usage\n"), "pixels missing"),
        (lambda folder: (folder / "fer2013.csv").write_text(""), "columns none"),
        (lambda folder: (folder / "fer2013.npz").write_bytes(b"PK"), "npz"),
        (lambda folder: np.savez(folder / "fer2013.npz", pixels=np.zeros((2, 48, 48)), emotion=[0, 1], usage=["Training"] * 2), "float64"),
        (lambda folder: fakes.write_parquet(folder, replace(fakes.fake(), images=np.zeros((14, 40, 40), np.uint8))), "row 0 .* is 40×40"),
        (lambda folder: (folder / "fer2013.csv").write_bytes(b"emotion,pixels,Usage\n\xff"), "Line 2"),
        (lambda folder: _table(folder, image=[None], emotion=[0]), "row 0 .* no readable picture"),
        (lambda folder: _table(folder, image=[b""], emotion=["happy"]), "wrong kind"),
        (lambda folder: _table(folder, image=[b""]), "emotion missing"),
    ],
)
def test_broken_files_are_named(write: Callable[[Path], object], words: str, tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(DatasetCorruptError, match=words):
        load_dataset("fer2013", tmp_path, verify=False)


def test_a_picture_cut_short_is_named(tmp_path: Path) -> None:
    fakes.write_folders(tmp_path, fakes.fake())
    file = next((tmp_path / "test").rglob("*.jpg"))
    file.write_bytes(file.read_bytes()[:-400])
    with pytest.raises(DatasetError, match=f"{file.name}.*no readable picture"):
        load_dataset("fer2013", tmp_path, verify=False)


def test_a_row_cut_short_is_named(tmp_path: Path) -> None:
    image = fakes.encoded(fakes.fake().images[0], "WEBP", lossless=True)
    _table(tmp_path, image=[image[: len(image) // 2]], emotion=[0])
    with pytest.raises(DatasetCorruptError, match=r"row 0 .* no readable picture"):
        load_dataset("fer2013", tmp_path, verify=False)


def test_a_file_is_decoded_once_until_it_changes(tmp_path: Path) -> None:
    fakes.write_parquet(tmp_path, fakes.fake(0))
    first = load_dataset("fer2013", tmp_path, verify=False)
    assert load_dataset("fer2013", tmp_path, verify=False).images is first.images
    assert not first.images.flags.writeable
    fakes.write_parquet(tmp_path, fakes.fake(1))
    assert np.array_equal(load_dataset("fer2013", tmp_path, verify=False).images, fakes.fake(1).images)


@pytest.mark.slow
def test_the_published_set(data_dir: Path) -> None:
    read = load_dataset("fer2013", data_dir)
    counts = {name: int((read.targets == i).sum()) for i, name in enumerate(read.labels)}
    assert counts == {"neutral": 6198, "happiness": 8989, "surprise": 4002, "sadness": 6077, "anger": 4953, "disgust": 547, "fear": 5121}
    assert [len(read.subset(s)) for s in ("train", "public", "private")] == [28_709, 3_589, 3_589]
    assert read.ids.tolist() == list(range(35_887))
