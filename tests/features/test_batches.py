from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.core.errors import OptionError, OutputError
from mien.features.bag import BagOfWords
from mien.features.batches import FeatureBatches
from mien.features.cache import VectorCache
from mien.features.pictures import mapped
from mien.features.texture import HOG


@pytest.fixture(scope="module")
def bag(faces: NDArray[np.uint8]) -> BagOfWords:
    return BagOfWords(words=12, size=128, n_jobs=2).fit(faces)


def collected(batches: Iterator[object]) -> NDArray[np.float32]:
    """The vectors of an epoch in the order of the rows."""
    parts = list(batches)
    rows, vectors = (np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "vectors"))
    assert sorted(rows) == list(range(len(rows)))
    return vectors[np.argsort(rows)]


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [16, 32, 50, 80])
def test_no_batch_size_order_process_or_cache_changes_a_vector(
    batch_size: int, bag: BagOfWords, faces: NDArray[np.uint8], tmp_path: Path
) -> None:
    many = np.concatenate([faces, faces[:, :, ::-1]])
    expected = bag.transform(many)
    with VectorCache(tmp_path / "vectors.sqlite", bag) as cache:
        for n_jobs, kept in ((None, None), (2, None), (None, cache), (2, cache)):
            batches = FeatureBatches(many, bag, batch_size, shuffle=True, n_jobs=n_jobs, cache=kept)
            assert len(batches) == len(sizes := [len(batch.rows) for batch in batches]) == -(-48 // batch_size)
            assert max(sizes) == min(batch_size, 48)
            np.testing.assert_array_equal(collected(batches.epoch(3)), expected)


def test_pictures_and_vectors_belong_together(faces: NDArray[np.uint8]) -> None:
    for batch in FeatureBatches(faces, HOG(), 7, shuffle=True, seed=5):
        np.testing.assert_array_equal(np.stack(batch.pictures), faces[batch.rows])
        np.testing.assert_array_equal(batch.vectors, HOG().transform(faces[batch.rows]))


def test_each_epoch_has_an_order_that_follows_from_the_seed(faces: NDArray[np.uint8]) -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return [int(row) for batch in FeatureBatches(faces, HOG(), 5, shuffle=True, seed=seed).epoch(epoch) for row in batch.rows]

    assert order(1, 0) == order(1, 0)
    assert len({tuple(order(seed, epoch)) for seed in (1, 2) for epoch in (0, 1)}) == 4
    assert [int(row) for batch in FeatureBatches(faces, HOG(), 5) for row in batch.rows] == list(range(24))


class Pictures:
    """A source that reads on demand, and remembers how far it was read."""

    def __init__(self, images: NDArray[np.uint8]) -> None:
        self.images = images
        self.read = 0

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        self.read += 1
        return self.images[row]


@pytest.mark.slow
@pytest.mark.parametrize(("n_jobs", "ahead"), [(None, 1), (2, 5)])
def test_no_more_is_read_than_the_batches_under_way(n_jobs: int | None, ahead: int, faces: NDArray[np.uint8]) -> None:
    source = Pictures(np.concatenate([faces] * 4))
    batches = iter(FeatureBatches(source, HOG(), 4, n_jobs=n_jobs))  # type: ignore[arg-type]
    for number in range(1, 6):
        next(batches)
        assert source.read <= 4 * (number - 1 + ahead)


def test_a_cache_gives_what_was_put_in_and_to_its_own_feature_alone(faces: NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "new" / "vectors.sqlite"
    vectors = HOG().transform(faces[:1])
    with VectorCache(path, HOG()) as cache:
        assert cache.get(cache.key(faces[0])) is None
        cache.put([(cache.key(faces[0]), vectors[0])])
    with VectorCache(path, HOG()) as again, VectorCache(path, HOG(cell=8)) as other:
        np.testing.assert_array_equal(again.get(again.key(faces[0])), vectors[0])
        assert again.get(again.key(faces[1])) is None
        assert again.get(again.key(faces[0].reshape(24, 96))) is None
        assert other.get(other.key(faces[0])) is None


def test_a_cached_vector_is_not_reckoned_again(faces: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with VectorCache(tmp_path / "v.sqlite", HOG()) as cache:
        first = collected(iter(FeatureBatches(faces, HOG(), 10, cache=cache)))
        monkeypatch.setattr(HOG, "_vector", None)
        np.testing.assert_array_equal(collected(iter(FeatureBatches(faces, HOG(), 7, shuffle=True, cache=cache))), first)


def test_what_is_no_cache_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be read as one" * 40)
    with pytest.raises(OutputError, match=r"Can't keep vectors in .*notes\.txt"):
        VectorCache(tmp_path / "notes.txt", HOG())
    with pytest.raises(OutputError, match="Can't keep vectors"):
        VectorCache(tmp_path / "notes.txt" / "v.sqlite", HOG())


def test_a_batch_has_a_picture_at_least(faces: NDArray[np.uint8]) -> None:
    with pytest.raises(OptionError, match="batch_size is 1 or more; received 0"):
        FeatureBatches(faces, HOG(), 0)


def _fail_at_two(part: int) -> int:
    if part == 2:
        raise ValueError("two")
    return part


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_fault_in_a_process_comes_through(n_jobs: int | None) -> None:
    found = mapped(_fail_at_two, range(9), n_jobs)
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(found)
