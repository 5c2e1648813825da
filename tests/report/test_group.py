"""Who showed what, when, and when they were out of the picture: the ribbons, the table, and both in a real browser."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.core.labels import FER8
from mien.core.types import FrameResult, SourceInfo
from mien.dynamics.tracks import Settings, dynamics
from mien.report.album import MOST
from mien.report.group import absences, moments
from mien.report.html import open_report
from tests.dynamics.test_series import series
from tests.report.parts import MODEL, face, gray
from tests.report.test_html import Page

BROWSER = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
FACES = ((10, 20, 50, 64), (60, 20, 90, 60))
# What a person does is done here by a script in the page; what the page made of it is its title.
DRIVER = """
const out = {}, plots = document.querySelectorAll(".plot"), box = plots[1].getBoundingClientRect();
const go = (type, share, more) => plots[1].dispatchEvent(new PointerEvent(type,
  { clientX: box.left + share * box.width, clientY: box.top + 5, bubbles: true, pointerType: "mouse", button: 0, ...more }));
const tip = () => document.querySelector(".tip");
const axis = () => [...document.querySelector(".axis").children].map((mark) => mark.textContent);
const gone = () => [...document.querySelectorAll(".now")].map((image) => image.classList.contains("gone"));
out.whole = axis();
go("pointermove", 0.1); out.early = [tip().textContent, tip().querySelector("img")?.src.slice(0, 15), gone()];
go("pointermove", 0.5); out.away = [tip().textContent, tip().querySelector("img")?.src ?? null, gone()];
go("pointerleave", 0.5); out.left = tip().hidden;
go("pointerdown", 0.6); go("pointermove", 0.7); go("pointerup", 0.7); out.zoomed = axis();
out.view = plots[1].querySelector("svg").getAttribute("viewBox");
plots[1].dispatchEvent(new MouseEvent("dblclick", { bubbles: true })); out.back = axis();
document.querySelector(".moment").click(); out.moment = document.querySelector(".at").textContent;
document.title = JSON.stringify(out);
"""


def meeting(path: Path, settings: Settings | None = None) -> Path:
    """Two minutes of two people: one is calm and angry once, for two seconds; the other is happy, and away from 0:50 to 1:10."""
    with open_report(path, MODEL, "centerface", settings=settings) as report:
        report.begin(SourceInfo("meeting.mp4", "video", 160, 120))
        for number in range(1200):
            time_s = number / 10
            people = [face(FACES[0], track=1, label="anger" if 30 <= time_s < 32 else "neutral", seed=number)]
            if not 50 <= time_s < 70:
                people.append(face(FACES[1], track=2, label="happiness", seed=number))
            report.frame(FrameResult(number, time_s, tuple(people)), gray(level=number % 200))
        report.end(None)
    return path


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(meeting(tmp_path_factory.mktemp("group") / "r.html"))


def test_the_table_says_who_when_and_when_not(page: Page) -> None:
    text = " ".join(page.text.split())
    table = text[text.index("Out of the picture") : text.index("Emotional stability")]
    first, second = table[table.index("Face #1") :].split("Face #2")
    assert "never over 1 s" in first
    assert re.search(r"0:3[01] anger \d\d%", first)
    assert "neutral 98%, anger 2%" in first
    assert "0:50 to 1:10" in second
    assert "1:40 (83%)" in second
    assert "happiness 100%" in second


def test_the_ribbons_have_a_row_for_each_and_a_gap(page: Page) -> None:
    lanes = page.source.split('<div class="lane">')[1:3]
    happy, ribbon = FER8.index("happiness"), lanes[1].split('class="ribbon"')[1]
    rects = re.findall(r'<rect class="band k(\d)" x="(\d+)" width="(\d+)"', ribbon)
    assert [int(label) for label, _, _ in rects] == [happy, happy]
    (_, left, wide), (_, again, _) = rects
    assert int(left) == 0
    assert int(wide) == pytest.approx(20_000 * 50 / 120, abs=60)
    assert int(again) == pytest.approx(20_000 * 70 / 120, abs=60)
    assert f'class="band k{FER8.index("anger")}"' in lanes[0]
    assert len(page.all("img", "now")) == 2


def test_the_pictures_are_bounded_and_each_has_its_time(page: Page) -> None:
    data = json.loads(next(code for code in page.code["script"] if code.startswith("{")))
    assert [track["name"] for track in data["tracks"]] == ["Face #1", "Face #2"]
    for track in data["tracks"]:
        times = [picture[0] for picture in track["pictures"]]
        assert MOST // 2 < len(times) <= MOST + len(FER8)
        assert times == sorted(times)
        assert all(base64.b64decode(picture[3]).startswith(b"\xff\xd8") for picture in track["pictures"])
    assert not [time_s for time_s in (picture[0] for picture in data["tracks"][1]["pictures"]) if 50 <= time_s < 70]
    assert [picture for picture in data["tracks"][0]["pictures"] if picture[1] == FER8.index("anger")]


def test_the_settings_of_the_tables_are_those_of_the_page(tmp_path: Path) -> None:
    whole = Page(meeting(tmp_path / "a.html", Settings(window_s=500.0)))
    assert whole.all("svg", "course") == [], "there is one window alone"


@pytest.mark.parametrize(
    ("times", "step_s", "ends", "expected"),
    [
        ([0, 0.5, 1.0], 0.5, (0, 1.2), []),
        ([0, 0.5, 3.0], 0.5, (0, 3.2), [(0.5, 3.0)]),
        ([5, 5.5, 6.0], 0.5, (0, 20), [(0, 5), (6, 20)]),
        ([0, 4, 8, 20, 24], 4.0, (0, 28), [(8, 20)]),
        ([0, 4, 8, 20], 0.1, (0, 20), [(0, 4), (4, 8), (8, 20)]),  # seen in a few of the frames that were looked at
        ([7], 0.1, (0, 7.1), [(0, 7)]),
    ],
)
def test_absences(times: list[float], step_s: float, ends: tuple[float, float], expected: list[tuple[float, float]]) -> None:
    assert absences(replace(series(times, [0] * len(times)), step_s=step_s), *ends) == expected


def test_moments_are_the_surest_of_what_was_seen_most() -> None:
    labels = ["neutral"] * 20 + ["anger"] * 10 + ["neutral"] * 10 + ["happiness"] * 20 + ["fear"] + ["neutral"] * 9
    seen = {1: (np.arange(70), series([k / 10 for k in range(70)], [FER8.index(label) for label in labels], "fer8"))}
    found = moments(dynamics("v", seen, Settings("none")).tracks[0])
    assert [label for _, label, _ in found] == ["anger", "happiness"]
    assert [round(time_s) for time_s, _, _ in found] == [2, 5]


@pytest.mark.slow
def test_an_hour_of_five_people_stays_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (90, 160, 3), np.uint8)  # noise: the largest pictures there can be
    crowd = [[face((10 + 30 * n, 20, 34 + 30 * n, 60), track=n, label=label) for n in range(5)] for label in FER8]
    with open_report(tmp_path / "r.html", MODEL, "centerface") as report:
        report.begin(SourceInfo("hour.mp4", "video", 160, 90))
        for number in range(3600):
            report.frame(FrameResult(number, float(number), tuple(crowd[number // 3 % 8])), picture)
        report.end(None)
    assert (tmp_path / "r.html").stat().st_size < 8_000_000


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no browser is installed")
def test_a_browser_shows_the_face_of_the_moment_and_looks_closer(tmp_path: Path) -> None:
    source = meeting(tmp_path / "r.html").read_text("utf-8")
    opened = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", source)  # which keeps any script but the page's own away
    (tmp_path / "driven.html").write_text(opened.replace("</body>", f"<script>{DRIVER}</script></body>"), encoding="utf-8")
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1300,1500", "--dump-dom"]
    done = subprocess.run([*command, (tmp_path / "driven.html").as_uri()], capture_output=True, text=True, timeout=120, check=True)
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.S)
    assert title
    seen = json.loads(title[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
    assert "Face #2, 0:12" in seen["early"][0]
    assert "happiness90%" in seen["early"][0]
    assert seen["early"][1:] == ["data:image/jpeg", [False, False]]
    assert "not in the picture" in seen["away"][0]
    assert seen["away"][1:] == [None, [False, True]]
    assert seen["left"] is True
    assert (seen["whole"][0], seen["whole"][-1]) == ("0:00", "2:00")
    assert (seen["zoomed"][0], seen["zoomed"][-1]) == ("1:12", "1:24")
    assert [float(side) for side in seen["view"].split()[:3]] == pytest.approx([12_000, 0, 2000])
    assert seen["back"] == seen["whole"]
    assert re.fullmatch(r"at 0:3[0-2]", seen["moment"])
