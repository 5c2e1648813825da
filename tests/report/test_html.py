"""The report: parsed, self-contained, safe against any name, complete, bounded."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core.errors import OutputError, UnknownNameError
from mien.core.labels import FER8, VALENCE3, LabelSet
from mien.core.types import RGB, FrameResult, ModelIdentity, SourceInfo
from mien.report import cards
from mien.report.html import open_report
from tests.report.parts import MODEL, clip, face, gray, missing, still

VOID = {"meta", "link", "img", "br", "input", "hr", "rect", "path", "polyline"}
EVIL = [
    "<script>alert(1)</script>.jpg",
    '"><img src=x onerror=alert(1)>.png',
    "' onmouseover='alert(1)",
    "</style></script>.mp4",
    "a\x00b\x1b.jpg",
    "\u202egpj.exe",
]
METRICS = [
    {
        "dataset": "fer2013",
        "split": split,
        "overall": {"labels": list(FER8), "n": 3589, "accuracy": accuracy, "accuracy_interval": {"low": 0.7, "high": 0.73, "level": 0.95}},
        "clean": {"n": 3301, "accuracy": 0.7},
    }
    for split, accuracy in (("validation", 0.699), ("test", 0.715))
]


class Page(HTMLParser):
    """Tags with their attributes, visible text, scripts and styles; fails on a tag that is not closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text, self.code = "", {"script": [""], "style": [""]}
        self.source = path.read_text("utf-8")
        self.feed(self.source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag in self.code:
            self.code[tag].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.code:
            self.code[self.open[-1]][-1] += data
        else:
            self.text += data

    def all(self, tag: str, name: str = "") -> list[dict[str, str | None]]:
        return [attrs for t, attrs in self.tags if t == tag and name in [*(attrs.get("class") or "").split(), ""]]


def write(path: Path, *results: Any, image: RGB | None = None, model: ModelIdentity = MODEL, **options: Any) -> Page:
    with open_report(path, model, "centerface", **options) as report:
        for source in results:
            report.begin(source.info)
            for frame in source.frames:
                report.frame(frame, gray() if image is None else image)
            report.end(source.error)
    return Page(path)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    results = [
        still("one.jpg", [face(label="happiness")]),
        still("none.jpg"),
        still("many.jpg", [face(seed=n) for n in range(12)]),
        clip("film.mp4", 60),
        clip("cut.mp4", 9, "cut.mp4 is cut short."),
        missing("gone.png"),
    ]
    return write(tmp_path_factory.mktemp("report") / "r.html", *results, metrics=METRICS)


def test_it_refers_to_nothing_outside(page: Page) -> None:
    for tag, attrs in page.tags:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            value = attrs.get(name)
            assert value is None or value.startswith("data:"), (tag, name, value[:80])
    assert not re.search(r"@import|url\(", "".join(page.code["style"]))
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", page.source).replace("http-equiv", "")


def test_only_its_own_script_may_run(page: Page) -> None:
    policy = next(attrs["content"] for attrs in page.all("meta") if attrs.get("http-equiv") == "Content-Security-Policy")
    scripts = [code for code in page.code["script"] if '"use strict"' in code]
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert policy == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]


def test_the_head_says_what_was_used_and_how_much_was_seen(page: Page) -> None:
    for words in ("miennet", "abababababab", "fer8 (8)", "centerface", "3 pictures", "2 videos", "72 frames", "1 error", "2 errors"):
        assert (words in page.text) == (words != "1 error"), words
    faces = 1 + 12 + 2 * 30 + 2 * 4
    assert f"{faces} faces" in page.text


def test_it_warns_and_says_how_well_the_model_was_measured(page: Page) -> None:
    for words in ("An expression is not an emotion", "share of votes", "71.5% right of 3,589", "70.0% to 73.0%", "70.0% of the 3,301"):
        assert words in page.text
    assert "69.9%" not in page.text


def test_without_metrics_it_says_so(tmp_path: Path) -> None:
    assert "No measurement came with this model." in write(tmp_path / "r.html", still()).text


def test_errors_are_listed_with_their_sources(page: Page) -> None:
    assert "cut.mp4 is cut short." in page.text
    assert "There is no file gone.png." in page.text
    assert "It broke off: cut.mp4 is cut short." in page.text


def test_pictures_show_faces_crops_and_every_score(page: Page) -> None:
    assert len(page.all("img", "scene")) == 3
    assert len(page.all("img", "crop")) == 13
    assert len(page.all("ul", "scores")) == 13
    assert "No face was found." in page.text
    assert "3 more faces" in page.text


def test_a_video_has_a_timeline_a_face_and_a_table(page: Page) -> None:
    assert len(page.all("div", "lane")) == 2 * 3, "a row for each face, and one for the axis"
    assert len(page.all("div", "plot")) == 2 * 4
    assert 3 * len(page.all("svg", "area")) == len(page.all("svg", "ribbon")) == 12
    data = [json.loads(code) for code in page.code["script"] if code.startswith("{")]
    assert [len(reel["tracks"]) for reel in data] == [2, 2]
    track = data[0]["tracks"][0]
    assert track["name"] == "Face #1"
    assert [first for first, _ in track["runs"]] == list(range(1, 60, 2))
    shares = np.frombuffer(base64.b64decode(track["runs"][0][1]), np.uint8)
    np.testing.assert_allclose(shares, clip(frames=2).frames[1].faces[0].prediction.scores * 100, atol=0.51)
    assert len(data[0]["edges"]) == 61
    assert "2 tracked faces" in page.text
    assert "All faces" in page.text


def test_thumbnails_are_jpegs_of_bounded_size(page: Page) -> None:
    for attrs in page.all("img"):
        assert base64.b64decode((attrs["src"] or "").removeprefix("data:image/jpeg;base64,")).startswith(b"\xff\xd8")
    assert all(int(attrs["width"] or 0) <= 640 for attrs in page.all("img", "scene"))


def test_names_are_text_whatever_they_hold(tmp_path: Path) -> None:
    labels = LabelSet("</script>", tuple(f"{name}{number}" for number, name in enumerate(EVIL)))
    model = ModelIdentity(EVIL[0], EVIL[1], labels)
    results = [still(name, [face(labels=labels)]) for name in EVIL] + [missing(name) for name in EVIL]
    info = SourceInfo(EVIL[3], "video", 10, 10)
    with open_report(tmp_path / "r.html", model, EVIL[2], title=EVIL[1]) as report:
        for source in results:
            report.begin(source.info)
            for frame in source.frames:
                report.frame(frame, gray())
            report.end(source.error)
        report.begin(info)
        report.frame(FrameResult(0, 0.0, (face(labels=labels, track=1),)), gray())
        report.end(EVIL[0])
    page = Page(tmp_path / "r.html")
    assert len(page.all("script")) == 2
    assert {name for _, attrs in page.tags for name in attrs if name.startswith("on")} == set()
    assert [attrs for attrs in page.all("img") if not (attrs.get("src") or "").startswith("data:image/jpeg")] == []
    assert EVIL[0] in page.text
    assert EVIL[1] in page.text
    assert "a\ufffdb\ufffd.jpg" in page.text


def test_names_that_are_no_text_are_shown(tmp_path: Path) -> None:
    assert "caf\\udce9.jpg" in write(tmp_path / "r.html", still("caf\udce9.jpg")).text


def test_a_folder_of_thousands_still_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "FULL", 3)
    monkeypatch.setattr(cards, "SMALL", 20)
    monkeypatch.setattr("mien.report.page.FULL", 3)
    monkeypatch.setattr("mien.report.page.SMALL", 20)
    page = write(tmp_path / "r.html", *(still(f"{n}.jpg", [face(seed=n)] * 6) for n in range(25)), image=gray(400, 800))
    assert (
        "The first 3 of 25 pictures are shown with every score, 17 small; 5 after the first 20 are in the totals and tables alone."
        in page.text
    )
    assert len(page.all("img", "scene")) == 20
    assert [int(attrs["width"] or 0) for attrs in page.all("img", "scene")] == [640] * 3 + [240] * 17
    assert "In pictures: 150 faces" in page.text
    assert "2 more faces" in page.text


def test_a_crowd_is_cut_with_a_note(tmp_path: Path) -> None:
    page = write(tmp_path / "r.html", still("crowd.jpg", [face(seed=n) for n in range(70)]))
    assert len(page.all("ul", "scores")) == 60
    assert "10 more are in the totals and in the tables." in page.text


def test_the_size_does_not_grow_with_the_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.report.timeline.BINS", 200)
    monkeypatch.setattr("mien.report.stability._MOST", 200)
    sizes = []
    for frames in (800, 3200):
        result = clip(frames=100)
        with open_report(tmp_path / "r.html", MODEL, "centerface") as report:
            report.begin(result.info)
            for number in range(frames):
                report.frame(FrameResult(number, number / 30, result.frames[number % 100].faces))
            report.end(None)
        sizes.append((tmp_path / "r.html").stat().st_size)
    assert sizes[1] < sizes[0] * 1.2 < 1_000_000


def test_many_faces_in_a_video_are_counted(tmp_path: Path) -> None:
    info = SourceInfo("v", "camera")
    with open_report(tmp_path / "r.html", MODEL, "centerface") as report:
        report.begin(info)
        for number in range(60):
            report.frame(FrameResult(number, number / 10, (face(track=number), face((0, 0, 9, 9)))), gray())
        report.end(None)
    page = Page(tmp_path / "r.html")
    assert len(page.all("div", "plot")) == 2 * 12
    assert "49 more faces seen for less time: see the table." in page.text
    assert "21 more faces" in page.text
    assert "Faces without a track" in page.text


@pytest.mark.parametrize("labels", [VALENCE3, LabelSet("custom", ("only",))], ids=["valence3", "one"])
def test_other_label_sets(tmp_path: Path, labels: LabelSet) -> None:
    model = ModelIdentity("m", "0" * 64, labels)
    page = write(tmp_path / "r.html", still("a.jpg", [face(labels=labels, abstained=True)] * 2), model=model)
    assert f"{labels.name} ({len(labels)})" in page.text
    assert len(page.all("abbr")) == 2


def test_nothing_at_all_is_still_a_page(tmp_path: Path) -> None:
    page = write(tmp_path / "r.html")
    assert "0 faces" in page.text
    for kind in ("video", "image"):
        assert write(tmp_path / "r.html", type(missing())(SourceInfo("x", kind), (), "no")).all("table", "errors")


def test_numbers_alone_without_pictures(tmp_path: Path) -> None:
    with open_report(tmp_path / "r.html", MODEL, "centerface") as report:
        for source in (still("a.jpg", [face()]), clip(frames=9)):
            report.begin(source.info)
            for frame in source.frames:
                report.frame(frame)
            report.end(None)
    page = Page(tmp_path / "r.html")
    assert page.all("img") == []
    assert len(page.all("ul", "scores")) == 1


def test_an_unwritable_place_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Can't write"):
        open_report(tmp_path / "file" / "r.html", MODEL, "centerface")


@pytest.mark.parametrize("name", ["photo.jpg", "report.pdf", "report"])
def test_a_report_never_takes_the_place_of_something_else(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(UnknownNameError, match=r"\.htm, \.html"):
        open_report(tmp_path / name, MODEL, "centerface")
    assert (tmp_path / name).read_text() == "mine"


def test_a_failure_leaves_the_old_report(tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    path.write_text("old")

    def fail() -> None:
        with open_report(path, MODEL, "centerface") as report:
            report.begin(still().info)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
