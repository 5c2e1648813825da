"""The page and the tables of a session: what they say, parsed, self-contained, safe against any name."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mien.core.labels import FER8
from mien.dynamics.session import Answer, Difference, Question, answer
from mien.dynamics.tracks import Settings, dynamics
from mien.evaluation.bootstrap import Interval
from mien.report.session_page import SessionSetting, sentence, write_session_page
from mien.report.session_tables import session_tables, write_session
from mien.report.thumbs import jpeg
from tests.dynamics.test_series import series
from tests.report.parts import MODEL, gray
from tests.report.test_html import EVIL, METRICS, Page

SETTING = SessionSetting(MODEL, "centerface", [("Smoothing", "hann")], METRICS, "mien session a.mp4", {"b.mp4": "It is cut short."})


def asked(person: str, id_: str, phase: str, start_s: float, text: str = "How are you?") -> Question:
    return Question(id_, text, start_s, start_s + 4, phase, person, f"{person}.mp4")


def said(person: str, id_: str, phase: str, first: str, then: str) -> Answer:
    """Two seconds of one expression, two of another."""
    shown = [FER8.index(first)] * 20 + [FER8.index(then)] * 20
    found = dynamics(person, {3: (np.arange(40), series([k / 10 for k in range(40)], shown, "fer8"))}, Settings("none"))
    return answer(asked(person, id_, phase, 0), found, FER8)


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    seen = [
        said(person, id_, phase, "neutral", then)
        for person, before, after in (("Anna", "sadness", "happiness"), ("Ben", "anger", "happiness"))
        for id_ in ("q1", "q2")
        for phase, then in (("pre", before), ("post", after))
    ]
    return [*seen, answer(asked("Cleo", "q1", "", 0), None, FER8)]


@pytest.fixture(scope="module")
def page(answers: list[Answer], tmp_path_factory: pytest.TempPathFactory) -> Page:
    path = tmp_path_factory.mktemp("session") / "s.html"
    write_session_page(path, answers, [("sadness", jpeg(gray()))] + [None] * 8, SETTING)
    return Page(path)


def test_each_person_and_question_is_there_with_what_was_shown(page: Page) -> None:
    text = " ".join(page.text.split())
    for words in ("Anna", "Ben", "Cleo", "How are you?", "The face was not seen.", "It is cut short.", "mien session a.mp4"):
        assert words in text
    assert "sadness after 1.9 s" in text
    assert text.count("happiness") >= 4
    assert len(page.all("div", "answer")) == 9
    assert [attrs["alt"] for attrs in page.all("img", "shot")] == ["sadness"]
    bands = [attrs["aria-label"] for attrs in page.all("svg", "stripe")]
    assert bands[0] == "neutral from 0.0 s, sadness from 1.9 s"
    assert len(bands) == 8
    assert "An expression is not an emotion" in text


def test_before_and_after_are_told_in_words(page: Page) -> None:
    text = " ".join(page.text.split())
    assert "All: valence was 0.77 higher after, over 4 pairs" in text
    assert "Anna: valence was" in text
    assert "Cleo:" not in text
    assert "; valence +0.77." in text


def test_it_refers_to_nothing_outside_and_no_name_is_markup(answers: list[Answer], tmp_path: Path) -> None:
    evil = [
        replace(one, question=replace(one.question, participant=name, id=name, text=name, video=name))
        for one, name in zip(answers, EVIL, strict=False)
    ]
    write_session_page(tmp_path / "s.html", evil, [None] * len(evil), replace(SETTING, errors=dict.fromkeys(EVIL, "no")), EVIL[0])
    page = Page(tmp_path / "s.html")
    for tag, attrs in page.tags:
        assert tag not in ("img", "iframe") or (attrs.get("src") or "").startswith("data:")
        assert not any(name.startswith("on") for name in attrs)
    assert len(page.all("script")) == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "Anna: valence was 0.20 higher after, over 5 pairs (95% interval +0.10 to +0.30): a change that chance"),
        ({"difference": -0.2, "interval": Interval(-0.5, 0.1)}, "0.20 lower after, over 5 pairs (95% interval −0.50 to +0.10): no"),
        ({"interval": None, "pairs": 1}, "over 1 pair: too few for an interval."),
        ({"difference": 0.0, "interval": Interval(-0.1, 0.1)}, "valence was the same after"),
        ({"difference": nan, "pairs": 0}, "Anna: nothing to compare."),
    ],
)
def test_a_difference_as_a_sentence(changes: dict[str, object], told: str) -> None:
    one = Difference("valence_mean", 0.1, 0.3, 0.2, Interval(0.1, 0.3), 5)
    assert told in sentence(replace(one, **changes), "Anna")  # type: ignore[arg-type]


def test_the_tables(answers: list[Answer], tmp_path: Path) -> None:
    tables = session_tables(answers, FER8)
    table = tables["answers"]
    assert table["participant"].tolist() == ["Anna"] * 4 + ["Ben"] * 4 + ["Cleo"]
    assert table["track"].isna().tolist() == [False] * 8 + [True]
    assert table["reaction"].tolist()[:4] == ["sadness", "happiness"] * 2
    found = tables["differences"]
    assert set(found["participant"].dropna()) == {"Anna", "Ben"}
    overall = found[found["participant"].isna()].set_index("figure")
    assert overall["pairs"].to_dict()["valence_mean"] == 4
    assert overall["difference"].to_dict()["happiness"] == pytest.approx(0.5, abs=0.02)
    paths = write_session(tmp_path / "out", answers, FER8)
    assert [path.name for path in paths] == ["answers.csv", "differences.csv"]
    read = pd.read_csv(paths[0], keep_default_na=False, na_values={"track": "", "valence_mean": ""})
    assert (
        read[["participant", "phase", "label"]].to_numpy().tolist()
        == table[["participant", "phase", "label"]].fillna("").to_numpy().tolist()
    )
    assert read["valence_mean"].tolist() == pytest.approx(table["valence_mean"].tolist(), nan_ok=True)
    assert session_tables([], FER8)["answers"].dtypes.to_dict() == table.dtypes.to_dict()
