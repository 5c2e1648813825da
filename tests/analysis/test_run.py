"""`run`: what sinks are told, what is counted, and a run that is broken off."""

from __future__ import annotations

import threading

import pytest

from mien.analysis.analyzer import Analyzer
from mien.analysis.run import Progress, RunSummary, run
from mien.core.errors import DecodeError, InputError, OutputError
from mien.core.types import RGB, Face, FrameResult, SourceInfo
from tests.analysis.parts import ArraySource, ColourModel, FixedDetector, plain


class Diary:
    """Writes down every call; raises OutputError at the `breaks`-th frame."""

    def __init__(self, breaks: int | None = None) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.breaks = breaks
        self.frames = 0

    def begin(self, info: SourceInfo) -> None:
        self.calls.append(("begin", info.source))

    def frame(self, result: FrameResult, image: RGB) -> None:
        self.frames += 1
        if self.frames == self.breaks:
            raise OutputError("disk full")
        self.calls.append(("frame", result.index, image.shape))

    def end(self, error: str | None) -> None:
        self.calls.append(("end", error))

    def close(self, ok: bool) -> None:
        self.calls.append(("close", ok))


@pytest.fixture
def analyzer() -> Analyzer:
    return Analyzer(ColourModel(), FixedDetector())


def three() -> list[ArraySource]:
    return [
        ArraySource("good", [plain(9, 1, 1)]),
        ArraySource("gone", [], error=InputError("no such file")),
        ArraySource("cut", [plain(1, 9, 1), plain(0, 0, 0), plain(1, 1, 9)], "video", DecodeError("cut short"), breaks_at=2),
    ]


def test_sinks_are_told_everything(analyzer: Analyzer) -> None:
    diary, second = Diary(), Diary()
    summary = run(analyzer, three(), [diary, second])
    shape = (40, 60, 3)
    assert diary.calls == [
        *[("begin", "good"), ("frame", 0, shape), ("end", None)],
        *[("begin", "gone"), ("end", "no such file")],
        *[("begin", "cut"), ("frame", 0, shape), ("frame", 1, shape), ("end", "cut short")],
        ("close", True),
    ]
    assert second.calls == diary.calls
    assert summary == RunSummary(sources=3, frames=3, faces=2, errors=2)


def test_nothing_to_do(analyzer: Analyzer) -> None:
    diary = Diary()
    assert run(analyzer, [], [diary]) == RunSummary()
    assert diary.calls == [("close", True)]


def test_progress(analyzer: Analyzer) -> None:
    seen: list[Progress] = []
    run(analyzer, three(), on_progress=seen.append)
    assert [(p.source, p.frames_done, p.expected_frames) for p in seen] == [
        *[("good", 0, 1), ("good", 1, 1), ("good", 1, 1)],
        *[("gone", 0, None), ("gone", 0, None)],
        *[("cut", 0, 3), ("cut", 1, 3), ("cut", 2, 3), ("cut", 2, 3)],
    ]
    assert seen[-1].summary == RunSummary(sources=3, frames=3, faces=2, errors=2)


@pytest.mark.parametrize("culprit", ["sink", "progress"])
def test_a_callback_that_raises_stops_everything(analyzer: Analyzer, culprit: str) -> None:
    def raising(progress: Progress) -> None:
        if progress.frames_done == 3:
            raise OutputError("disk full")

    source = ArraySource("long", [plain(9, 1, 1)] * 500, "video")
    first, second = Diary(), Diary(breaks=3 if culprit == "sink" else None)
    with pytest.raises(OutputError, match="disk full"):
        run(analyzer, [source], [first, second], raising if culprit == "progress" else None)
    assert first.calls[-1] == second.calls[-1] == ("close", False)
    assert not source.is_open
    assert source.read < 20
    assert not [t for t in threading.enumerate() if t.name.startswith("mien-ahead")]


def test_every_sink_is_closed_even_when_closing_one_fails(analyzer: Analyzer) -> None:
    class Stubborn(Diary):
        def close(self, ok: bool) -> None:
            raise OutputError("can't rename")

    diary = Diary()
    with pytest.raises(OutputError, match="can't rename"):
        run(analyzer, three(), [diary, Stubborn()])
    assert diary.calls[-1] == ("close", True)


def test_a_fault_in_the_detector_reaches_the_caller(analyzer: Analyzer) -> None:
    class Faulty(FixedDetector):
        def detect(self, image: RGB, *, moving: bool = False) -> list[Face]:
            raise ZeroDivisionError("fault")

    diary = Diary()
    with pytest.raises(ZeroDivisionError):
        run(Analyzer(ColourModel(), Faulty()), three(), [diary])
    assert diary.calls[-1] == ("close", False)
