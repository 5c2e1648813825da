"""The page of explanations: parsed, self-contained, safe against any name, complete, bounded."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core.errors import OutputError, UnknownNameError
from mien.core.types import SourceInfo
from mien.report import explain_page
from mien.report.explain_page import Check, PicturesPage, Setting, write_classes
from mien.report.explain_values import WAYS, ExplainedClass, ExplainedSource
from tests.report.parts import MODEL, gray
from tests.report.test_explain_figures import explained, one_class, one_face
from tests.report.test_html import EVIL, METRICS, Page

SETTING = Setting(
    MODEL,
    {"occlusion": {"window": 8}, "gradcam": {}},
    (("Detector", "centerface"), ("Label", "anger")),
    metrics=METRICS,
    command="mien explain a.jpg",
)
CHECKS = (Check("occlusion", -0.04, 16), Check("gradcam", 0.4, 16), Check("saliency", 0.9, 1))


def source(name: str = "in/a.jpg", faces: int = 1, views: int = 0) -> ExplainedSource:
    shown = tuple(
        replace(one_face(explained(), explained(method="gradcam"), views=views, result=True), name=f"face {n + 1}") for n in range(faces)
    )
    return ExplainedSource(SourceInfo(name, "image", 160, 120), gray(), shown)


def write(path: Path, *sources: ExplainedSource, checks: Any = (), setting: Setting = SETTING) -> Page:
    page = PicturesPage(setting)
    for one in sources:
        page.add(one)
    page.write(path, checks)
    return Page(path)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    folder = tmp_path_factory.mktemp("explain")
    gone = ExplainedSource(SourceInfo("gone.png", "image"), error="There is no file gone.png.")
    return write(folder / "r.html", source(), source("two.jpg", 2, views=1), gone, checks=CHECKS)


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Page:
    path = tmp_path_factory.mktemp("classes") / "r.html"
    shown = [one_class("anger", views=1), one_class("fear", 12, views=1), ExplainedClass("disgust", np.arange(0), 55)]
    write_classes(path, shown, SETTING, "miennet on fer2013, test", CHECKS[:1])
    return Page(path)


def test_it_refers_to_nothing_outside(page: Page, classes: Page) -> None:
    for one in (page, classes):
        for tag, attrs in one.tags:
            for name in ("src", "href", "srcset"):
                value = attrs.get(name)
                assert value is None or value.startswith("data:"), (tag, name, value[:80])
        assert not re.search(r"@import|url\(", "".join(one.code["style"]))
        assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", one.source).replace("http-equiv", "")


def test_every_face_has_its_picture_its_maps_and_its_views(page: Page) -> None:
    named = [attrs["alt"] for attrs in page.all("img")]
    assert named[:6] == ["in/a.jpg", "face 1, the face", "face 1, Occlusion for anger", "", "face 1, Grad-CAM for anger", ""]
    assert "face 2, view 1" in named
    assert len(page.all("table", "places")) == 3
    for words in (
        "2 pictures",
        "3 faces",
        "1 error",
        "There is no file gone.png.",
        "occlusion (window=8), Grad-CAM",
        "score lost where covered",
    ):
        assert words in page.text
    assert page.text.count("shown for anger, 62%") == 3


def test_it_says_how_to_read_it_and_what_it_cannot_say(page: Page) -> None:
    for name in SETTING.methods:
        assert WAYS[name].reading in page.text
        assert WAYS[name].limits in page.text
    assert WAYS["saliency"].reading not in page.text
    assert "not what the face felt" in page.text
    assert "An expression is not an emotion" in page.text


def test_the_checks_say_what_they_mean(page: Page) -> None:
    rows = [check.meaning for check in CHECKS]
    assert len(set(rows)) == 3
    assert all(meaning in page.text for meaning in rows)
    assert "−0.04" in page.text
    assert "16 faces" in page.text


def test_without_checks_there_is_no_chapter_of_them(tmp_path: Path) -> None:
    assert "random weights" not in write(tmp_path / "r.html", source()).text


def test_the_classes_stand_side_by_side_with_their_numbers(classes: Page) -> None:
    assert "n = 3 of 40" in classes.text
    assert "n = 12 of 40" in classes.text
    assert "8 of 12 faces drawn, of 40 in the split" in classes.text
    assert "No face was drawn of: disgust." in classes.text
    assert len(classes.all("div", "averages")) == 3
    assert len(classes.all("div", "examples")) == 2
    assert "share of each face’s largest value" in classes.text


def test_the_classes_have_their_views(classes: Page) -> None:
    named = [attrs["alt"] for attrs in classes.all("img")]
    assert [name for name in named if "mean view" in name] == ["mean view 1 for anger", "mean view 1 for fear"]
    assert sum(name.endswith(", view 1") for name in named) == 3 + 8
    assert "What transformer 1 sees" in classes.text
    assert "From the top: the face, Occlusion, view 1." in classes.text


def test_nothing_drawn_is_still_a_page(tmp_path: Path) -> None:
    write_classes(tmp_path / "r.html", [ExplainedClass("fear", np.arange(0), 0)], SETTING, "none")
    assert "No face was drawn of: fear." in Page(tmp_path / "r.html").text


@pytest.mark.parametrize("name", EVIL)
def test_names_are_text(tmp_path: Path, name: str) -> None:
    setting = Setting(replace(MODEL, name=name), {"occlusion": {"fill": name}}, (("Detector", name),), command=name)
    broken = ExplainedSource(SourceInfo(name, "image"), error=name)
    found = write(tmp_path / "r.html", source(name), broken, setting=setting)
    assert len(found.all("script")) == 1
    assert not [key for _, attrs in found.tags for key in attrs if key.startswith("on")]


def test_only_the_first_faces_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain_page, "MOST_FACES", 3)
    found = write(tmp_path / "r.html", source(faces=2), source("b.jpg", 4), source("c.jpg", 1))
    assert len(found.all("div", "explained")) == 3
    assert "And 3 more faces." in found.text
    assert "The first 3 faces are shown; 4 more faces were explained." in found.text
    assert "c.jpg" not in found.text


def test_a_page_is_html_and_whole_or_not_there(tmp_path: Path) -> None:
    for name in ("r.png", "r"):
        with pytest.raises(UnknownNameError, match="report suffix"):
            write(tmp_path / name, source())
    with pytest.raises(OutputError):
        PicturesPage(SETTING).write(_folder(tmp_path))


def _folder(tmp_path: Path) -> Path:
    (tmp_path / "r.html").mkdir()
    return tmp_path / "r.html"
