from __future__ import annotations

import json

import numpy as np
import pytest

from mien.audit import KINDS, SEVERITIES, Audit, Finding
from mien.core.errors import OptionError, UnknownNameError
from mien.datasets import SplitOrigin

ROWS = np.array([1, 2, 3], np.int64)


def made(*findings: Finding) -> Audit:
    return Audit(
        name="four",
        n=4,
        labels=("neutral", "happiness"),
        split_counts={"train": 2, "test": 2},
        origin=SplitOrigin(),
        findings=findings,
        ids=np.array(["a", "b", "c", "d"]),
        split=np.array(["train", "train", "test", "test"]),
        targets=np.array([0, 1, 1, -1]),
        checks=tuple(KINDS),
        threshold=0.95,
    )


def test_an_audit_is_clean_without_leaks_and_faults() -> None:
    note, fault, leak = (Finding("constant", severity, "", ROWS) for severity in ("note", "fault", "leak"))
    assert made().clean
    assert made(note).clean
    assert not made(fault).clean
    assert not made(leak).clean
    assert (made(note, fault, leak).leaks, made(note, fault, leak).faults) == ((leak,), (fault,))
    assert made(note).of("constant") == (note,)
    assert made(note).of("unreadable") == ()


def test_names_that_do_not_exist_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="kind of finding 'twin'"):
        Finding("twin", "leak", "", ROWS)
    with pytest.raises(UnknownNameError, match="severity 'bad'"):
        Finding("constant", "bad", "", ROWS)  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="kind of finding"):
        made().of("near_twin")
    with pytest.raises(OptionError, match="2 scores for 1 groups"):
        Finding("near_twins", "leak", "", ROWS, (ROWS,), scores=(0.9, 0.8))
    assert list(SEVERITIES) == ["leak", "fault", "note"]


def test_the_table_has_a_line_for_each_row_of_a_finding() -> None:
    found = made(
        Finding("near_twins", "leak", "", ROWS, (ROWS[:2],), scores=(0.97,)),
        Finding("class_balance", "note", "", ROWS[:0]),
    )
    table = found.to_df()
    assert table["row"].tolist() == [1, 2, 3, -1]
    assert table["group"].tolist() == [0, 0, -1, -1]
    assert table["id"].tolist() == ["b", "c", "d", ""]
    assert table["split"].tolist() == ["train", "test", "test", ""]
    assert table["label"].tolist() == ["happiness", "happiness", "", ""]
    assert table["score"].dropna().tolist() == [0.97, 0.97]
    assert made().to_df().empty


def test_the_dictionary_is_plain_json() -> None:
    said = made(Finding("near_twins", "leak", "Two.", ROWS, (ROWS[:2],), {"pairs": 1}, (0.971234567,))).to_dict()
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert (said["schema"], said["clean"], said["ids"]) == ("mien-audit/1", False, {"1": "b", "2": "c", "3": "d"})
    assert said["findings"][0]["scores"] == [0.971235]
