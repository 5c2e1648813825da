from __future__ import annotations

from pathlib import Path

import pytest

from mien.analysis.questions import read_questions, seconds
from mien.core.errors import DatasetCorruptError, InputError
from mien.dynamics.session import Question

VIDEOS = ["tapes/anna.mp4", "tapes/ben.mp4"]


def written(folder: Path, text: str) -> Path:
    path = folder / "segments.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_with_all_columns(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "id,text,start,end,phase,participant,video,track\n"
        'q1,"How are you, today?",1:05,70.5,Pre,Anna,anna.mp4,\n'
        "q1,How are you?,0:00:10,20,post,,ben,2\n",
    )
    assert read_questions(path, VIDEOS) == [
        Question("q1", "How are you, today?", 65, 70.5, "pre", "Anna", "tapes/anna.mp4"),
        Question("q1", "How are you?", 10, 20, "post", "ben", "tapes/ben.mp4", 2),
    ]


def test_of_one_video_the_three_needed_columns_will_do(tmp_path: Path) -> None:
    assert read_questions(written(tmp_path, "ID,Start,End\n1,0,5\n"), VIDEOS[:1]) == [Question("1", "", 0, 5, "", "anna", "tapes/anna.mp4")]


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("75.5", 75.5), ("90", 90), ("1:15", 75), ("01:00:00.5", 3600.5), ("2:59:59", 10799)]
)
def test_times(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "-1", "1:75", "1:60:00", "1e3", "a", "1:2:3:4", "5 s"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"allowed are seconds such as 75\.5"):
        seconds(text)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (",0,5,,", "row 1 has no id"),
        ("q,5,5,,", "row 1 ends at 5, not after its start at 5"),
        ("q,0,5,during,anna", "row 1 has the phase 'during'; allowed are pre and post"),
        ("q,0,5,,", "row 1 names no video, and there are 2"),
        ("q,0,5,,carl", "row 1 names the video 'carl', which is not one of tapes/anna.mp4, tapes/ben.mp4"),
        ("q,0,x,,anna\nr,x,1,,anna", "row 1 has the time 'x'.*; row 2 has the time"),
        ("q,0,0,,anna\n" * 7, "and 2 more"),
    ],
)
def test_faults_are_told_with_their_rows(rows: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=told):
        read_questions(written(tmp_path, f"id,start,end,phase,video\n{rows}\n"), VIDEOS)


def test_what_is_no_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no table of segments at"):
        read_questions(tmp_path / "none.csv", VIDEOS)
    with pytest.raises(InputError, match="no column start, end; a table of segments has id"):
        read_questions(written(tmp_path, "id,begin\n1,0\n"), VIDEOS)
    with pytest.raises(InputError, match="has no rows"):
        read_questions(written(tmp_path, "id,start,end\n"), VIDEOS)
    with pytest.raises(InputError, match="has the track 'b'"):
        read_questions(written(tmp_path, "id,start,end,track\n1,0,1,b\n"), VIDEOS[:1])
    with pytest.raises(DatasetCorruptError, match="more than once"):
        read_questions(written(tmp_path, "id,id,start,end\n1,1,0,1\n"), VIDEOS)
