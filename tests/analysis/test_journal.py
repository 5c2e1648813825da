"""Runs that are broken off and go on: the same results to the bit, whatever was written when."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from mien.analysis.analyzer import Analyzer
from mien.analysis.journal import Journal, fingerprint
from mien.analysis.run import run
from mien.analysis.sinks import Collect
from mien.core.errors import InputError, OutputError
from mien.core.types import RGB
from mien.report.values import source_dict
from tests.analysis.parts import COLOURS, ArraySource, ColourModel, FixedDetector

MARKS = np.random.default_rng(0).uniform(160, 330, (5, 2)).astype(np.float32)


class Broken(Exception):
    """The machine went away."""


class Breaking(Collect):
    """Breaks off before the `after`-th frame."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def frame(self, result: object, image: RGB) -> None:
        if self.after == 0:
            raise Broken
        self.after -= 1
        super().frame(result, image)  # type: ignore[arg-type]


def analyzer(every: int = 1) -> Analyzer:
    return Analyzer(ColourModel(), FixedDetector((150.0, 120.0, 350.0, 340.0), landmarks=MARKS), detect_every=every)


@pytest.fixture(scope="module")
def images(portrait: RGB) -> list[RGB]:
    return [np.roll(portrait, (2 * n, 3 * n), (0, 1)) for n in range(9)]


def sources(images: list[RGB]) -> list[ArraySource]:
    return [
        ArraySource("v", images, "video"),
        ArraySource("gone", images, error=InputError("It is gone.")),
        ArraySource("w", images, "video"),
    ]


def told(sink: Collect) -> list[object]:
    return [source_dict(source) for source in sink.sources]


@pytest.mark.parametrize("every", [1, 4])
@pytest.mark.parametrize("after", [0, 1, 5, 9, 10, 17])
def test_a_run_goes_on_where_it_was_broken_off(after: int, every: int, images: list[RGB], tmp_path: Path) -> None:
    whole = Collect()
    run(analyzer(every), sources(images), [whole])
    path = tmp_path / "journal"
    with pytest.raises(Broken):
        run(analyzer(every), sources(images), [Breaking(after)], journal=Journal(path, "a", COLOURS))
    assert path.is_file()
    again, kept, later = Collect(), sources(images), analyzer(every)
    journal = Journal(path, "a", COLOURS)
    taken = sum(begun.frames for begun in journal.begun)
    assert taken >= after - every
    run(later, kept, [again], journal=journal)
    assert told(again) == told(whole)
    assert not path.exists()
    assert later.model.batches.__len__() == 18 - taken  # type: ignore[attr-defined]
    if after > 9:
        assert kept[0].read == 0  # what was finished is not opened again


def test_whatever_bytes_were_written_last_are_no_harm(images: list[RGB], tmp_path: Path) -> None:
    whole, path = Collect(), tmp_path / "journal"
    run(analyzer(3), sources(images), [whole])
    with pytest.raises(Broken):
        run(analyzer(3), sources(images), [Breaking(14)], journal=Journal(path, "a", COLOURS))
    written = path.read_bytes()
    first = written.index(b"\n") + 1
    for end in random.Random(0).sample(range(first, len(written)), 12):
        path.write_bytes(written[:end])
        again = Collect()
        run(analyzer(3), sources(images), [again], journal=Journal(path, "a", COLOURS))
        assert told(again) == told(whole)


def test_a_journal_of_another_run_is_refused_and_kept(images: list[RGB], tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with pytest.raises(Broken):
        run(analyzer(), sources(images), [Breaking(3)], journal=Journal(path, "a", COLOURS))
    before = path.read_bytes()
    with pytest.raises(InputError, match="no journal of this run"):
        Journal(path, "b", COLOURS)
    assert path.read_bytes() == before
    with pytest.raises(InputError, match="The journal holds v in place of other"):
        run(analyzer(), [ArraySource("other", images, "video")], [Collect()], journal=Journal(path, "a", COLOURS))
    (tmp_path / "text").write_text("my notes\n", encoding="utf-8")
    with pytest.raises(InputError, match="no journal of this run"):
        Journal(tmp_path / "text", "a", COLOURS)
    with pytest.raises(OutputError, match="Can't keep a journal in"):
        Journal(tmp_path / "text" / "journal", "a", COLOURS)


def test_a_journal_stays_where_a_result_can_not_be_written(images: list[RGB], tmp_path: Path) -> None:
    class Full(Collect):
        def close(self, ok: bool) -> None:
            raise OutputError("The disk is full.")

    path = tmp_path / "journal"
    with pytest.raises(OutputError, match="full"):
        run(analyzer(), sources(images), [Full()], journal=Journal(path, "a", COLOURS))
    again = Collect()
    run(analyzer(), sources(images), [again], journal=Journal(path, "a", COLOURS))
    assert len(told(again)) == 3


def test_a_file_is_known_by_its_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"a")
    before = fingerprint(str(path))
    path.write_bytes(b"ab")
    assert fingerprint(str(path)) != before
    assert fingerprint("no such*") == ["no such*"]
