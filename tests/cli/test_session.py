"""`mien session` on real videos of the portrait."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from mien.analysis.session import analyze_session
from mien.cli.clip import write_clip
from mien.core.errors import InputError
from mien.dynamics.session import Question


@pytest.fixture(scope="module")
def desk(tmp_path_factory, portrait) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    write_clip(portrait, folder / "anna.mp4")
    rows = ["q1,Well?,0,2,pre,Anna", "q1,Well?,2,4,post,Anna", "q2,And?,0:00,0:01,pre,Anna", "q2,And?,9,12,post,Anna"]
    (folder / "segments.csv").write_text("\n".join(["id,text,start,end,phase,participant", *rows, ""]), encoding="utf-8")
    return folder


@pytest.mark.slow
def test_a_session_ends_with_tables_and_a_page(mien, desk, tmp_path) -> None:
    words = ["session", desk / "anna.mp4", "--segments", desk / "segments.csv", "--fps", 5]
    done = mien(*words, "--out", tmp_path / "out", "--report", tmp_path / "page.html")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("happiness") >= 3
    assert "not seen" in done.stdout
    table = pd.read_csv(tmp_path / "out" / "answers.csv")
    assert table["label"].tolist()[:3] == ["happiness"] * 3
    assert table["track"].isna().tolist() == [False, False, False, True]
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Well?" in page
    assert page.count('class="shot') == 3

    told = json.loads(mien(*words, "--json").stdout)
    assert [row["label"] for row in told["answers"]] == ["happiness"] * 3 + [None]
    assert {row["pairs"] for row in told["differences"] if row["figure"] == "valence_mean"} == {1}


@pytest.mark.slow
def test_a_folder_and_a_pattern_are_the_videos_in_them(mien, desk) -> None:
    alone, folder, pattern = (
        json.loads(mien("session", given, "--segments", desk / "segments.csv", "--fps", 2, "--json").stdout)
        for given in (desk / "anna.mp4", desk, f"{desk}/*.mp4")
    )
    assert alone == folder == pattern
    assert [row["label"] for row in alone["answers"]] == ["happiness"] * 3 + [None]


def test_a_picture_is_no_video(mien, desk, portrait_path) -> None:
    done = mien("session", portrait_path, "--segments", desk / "segments.csv")
    assert done.exit_code == 1
    assert "It is a picture, and a session is of videos." in done.stderr
    folder = mien("session", portrait_path.parent, "--segments", desk / "segments.csv")
    assert (folder.exit_code, "No video in" in folder.stderr) == (1, True)


def test_a_question_on_another_video_is_told() -> None:
    with pytest.raises(InputError, match=r"Questions are on b\.mp4, which is none of the videos a\.mp4"):
        analyze_session(["a.mp4"], [Question("q", "", 0, 1, "", "P", "b.mp4")])


@pytest.mark.slow
def test_a_video_that_can_not_be_read_is_told_and_the_rest_is_finished(mien, desk, tmp_path) -> None:
    text = "id,start,end,video\nq,0,1,anna\nq,0,1,gone\n"
    (tmp_path / "s.csv").write_text(text, encoding="utf-8")
    done = mien("session", desk / "anna.mp4", tmp_path / "gone.mp4", "--segments", tmp_path / "s.csv", "--fps", 2)
    assert done.exit_code == 1
    assert "1 of 2 videos could not be read to their end" in done.stderr
    assert "happiness" in done.stdout


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--every", "2", "--fps", "3"], 2, "not both"),
        (["--smooth", "hann=x"], 2, "are a number"),
        (["--smooth", "han"], 1, "Did you mean hann"),
        (["--report", "page.txt"], 1, ".html"),
        (["--segments", "none.csv"], 1, "no table of segments"),
    ],
)
def test_what_can_not_be_is_told_before_the_work(mien, desk, monkeypatch, options, code, says) -> None:
    monkeypatch.chdir(desk)
    done = mien("session", "anna.mp4", "--segments", "segments.csv", *options)
    assert done.exit_code == code
    assert says in done.stderr
