from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from mien.analysis.analyzer import Analyzer
from mien.analysis.whole import whole_scores
from mien.core.errors import LabelError
from mien.core.labels import FER7
from mien.core.types import RGB, Face
from mien.datasets import Dataset
from mien.evaluation.run import judge
from tests.analysis.parts import COLOURS, ColourModel, FixedDetector, plain


def data(images: np.ndarray, paths: list[str] | None = None) -> Dataset:
    n = len(images)
    named = None if paths is None else np.array(paths)
    return Dataset("three", COLOURS, images, np.arange(n) % 3, np.array(["test"] * n), np.arange(n), paths=named)


def crops() -> np.ndarray:
    """A red, a green, a blue and a black crop; in the black one nothing is found."""
    return np.stack([plain(200, 0, 0, 60, 60), plain(0, 200, 0, 60, 60), plain(0, 0, 200, 60, 60), plain(0, 0, 0, 60, 60)])


def test_a_face_that_is_not_found_is_a_mistake() -> None:
    dataset = data(crops())
    seen = whole_scores(Analyzer(ColourModel(), FixedDetector()), dataset)
    assert seen.found.tolist() == [True, True, True, False]
    assert seen.scores.dtype == np.float32
    np.testing.assert_allclose(seen.scores, [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1 / 3] * 3], atol=1e-6)
    figures = judge(seen.scores, dataset, "test", missing=~seen.found).overall
    assert (figures.accuracy, figures.n, int(figures.missing.sum())) == (0.75, 4, 1)
    assert seen.notes() == ("4 of 4 rows name no file: the detector looked at their crops.",)


def test_files_are_read_at_their_own_size(tmp_path: Path) -> None:
    class Sizes(FixedDetector):
        seen: ClassVar[list[tuple[int, ...]]] = []

        def detect(self, image: RGB, *, moving: bool = False) -> list[Face]:
            self.seen.append(image.shape)
            return super().detect(image)

    Image.fromarray(plain(200, 0, 0, 90, 140)).save(tmp_path / "a.png")
    seen = whole_scores(Analyzer(ColourModel(), detector := Sizes()), data(crops()[:2], [str(tmp_path / "a.png"), ""]))
    assert detector.seen == [(90, 140, 3), (60, 60, 3)]
    assert seen.from_files == 1
    assert seen.notes() == ("1 of 2 rows name no file: the detector looked at their crops.",)


def test_a_file_that_cannot_be_read_is_a_counted_mistake(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    paths = [str(tmp_path / "broken.png"), str(tmp_path / "gone.png")]
    seen = whole_scores(Analyzer(ColourModel(), FixedDetector()), data(crops()[:2], paths))
    assert not seen.found.any()
    assert len(seen.unreadable) == 2
    assert "2 files could not be read and count as wrong" in seen.notes()[0]
    assert "broken.png" in seen.notes()[0]


def test_the_largest_face_is_the_labelled_one() -> None:
    image = np.concatenate([plain(200, 0, 0, 60, 20), plain(0, 0, 200, 60, 40)], axis=1)
    detector = FixedDetector((2.0, 2.0, 18.0, 18.0), (22.0, 5.0, 58.0, 41.0))
    seen = whole_scores(Analyzer(ColourModel(), detector), data(image[None]))
    assert int(seen.scores[0].argmax()) == 2


def test_gray_crops_rows_and_progress() -> None:
    told: list[tuple[int, int]] = []
    gray = np.full((5, 60, 60), 90, np.uint8)
    seen = whole_scores(
        Analyzer(ColourModel(), FixedDetector()), data(gray), np.array([4, 1]), progress=lambda done, total: told.append((done, total))
    )
    assert seen.scores.shape == (2, 3)
    assert told == [(1, 2), (2, 2)]
    assert whole_scores(Analyzer(ColourModel(), FixedDetector()), data(gray), np.zeros(0, np.int64)).scores.shape == (0, 3)


def test_label_sets_have_to_be_the_same() -> None:
    with pytest.raises(LabelError, match=r"Make it with labels=dataset\.labels"):
        whole_scores(Analyzer(ColourModel(FER7), FixedDetector()), data(crops()))


def test_the_embedded_photo_is_found_and_smiles(portrait_path: Path, portrait: RGB) -> None:
    analyzer = Analyzer("default", threads=1)
    dataset = Dataset(
        "one", analyzer.labels, portrait[None], np.array([analyzer.labels.index("happiness")]), np.array(["test"]), np.arange(1),
        paths=np.array([str(portrait_path)]),
    )  # fmt: skip
    seen = whole_scores(analyzer, dataset)
    assert seen.found.all()
    assert int(seen.scores[0].argmax()) == dataset.targets[0]
    assert seen.notes() == ()
