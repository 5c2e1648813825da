"""Tables of a session.

answers.csv       a row for each row of the session's table: id, text, phase, participant, video, start_s, end_s, track, label, reaction,
                  reaction_s, apex_s, the figures of stability, share_<label>
differences.csv   after less before, of all people (an empty participant) and of each: participant, figure, pre, post, difference, low, high
                  (the ends of the 95 % interval), pairs
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.core.labels import LabelSet
from mien.dynamics.session import Answer, Difference, differences
from mien.report.dynamics_tables import FIGURES, write_frames
from mien.report.values import clean, number, seconds, text

if TYPE_CHECKING:
    import pandas

_ASKED = ("id", "text", "phase", "participant", "video")
_TEXTS = (*_ASKED, "label", "reaction", "figure")


def session_tables(answers: Sequence[Answer], labels: LabelSet) -> dict[str, pandas.DataFrame]:
    """Answers and differences as DataFrames."""
    import pandas

    head = [*_ASKED, "start_s", "end_s", "track", "label", "reaction", "reaction_s", "apex_s"]
    columns = {
        "answers": [*head, *FIGURES, *(f"share_{name}" for name in labels)],
        "differences": ["participant", "figure", "pre", "post", "difference", "low", "high", "pairs"],
    }
    rows = {"answers": [_answer(one) for one in answers], "differences": list(_differences(answers))}
    made = {name: pandas.DataFrame(rows[name], columns=columns[name]) for name in columns}
    return {name: table.astype({column: _dtype(column) for column in table.columns}) for name, table in made.items()}


def write_session(folder: str | Path, answers: Sequence[Answer], labels: LabelSet) -> list[Path]:
    """Write them as CSV into a folder; gives their paths. Raises OutputError."""
    return write_frames(folder, session_tables(answers, labels))


def people(answers: Sequence[Answer]) -> list[str]:
    """The participants, in the order in which the table names them."""
    return list(dict.fromkeys(one.question.participant for one in answers))


def _answer(one: Answer) -> dict[str, Any]:
    asked, said = one.question, one.figures
    return {
        **{name: text(getattr(asked, name)) for name in _ASKED},
        "start_s": seconds(asked.start_s),
        "end_s": seconds(asked.end_s),
        "track": one.track,
        "label": clean(one.label),
        "reaction": clean(one.reaction),
        "reaction_s": number(one.reaction_s),
        "apex_s": number(one.apex_s),
        **{name: number(getattr(said, name)) for name in FIGURES},
        **{f"share_{name}": number(share) for name, share in said.shares.items()},
    }


def _differences(answers: Sequence[Answer]) -> Iterator[dict[str, Any]]:
    for who in (None, *people(answers)):
        for one in differences(answers, who):
            yield {"participant": clean(who), **_difference(one)}


def _difference(one: Difference) -> dict[str, Any]:
    ends = {"low": None, "high": None} if one.interval is None else {"low": number(one.interval.low), "high": number(one.interval.high)}
    means = {name: number(getattr(one, name)) for name in ("pre", "post", "difference")}
    return {"figure": one.figure, **means, **ends, "pairs": one.pairs}


def _dtype(column: str) -> str:
    return "Int64" if column in ("track", "pairs") else "string" if column in _TEXTS else "float64"
