"""Every writer, read back; streaming and whole; errors; memory."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from mien.core.errors import OutputError, UnknownNameError
from mien.core.labels import VALENCE3
from mien.core.types import FrameResult, ModelIdentity, SourceInfo, SourceResult
from mien.report.tables import SUFFIXES, columns, open_table, results_dict, rows, source_dict, to_frame, write_table
from mien.report.values import number
from tests.report.parts import MODEL, clip, face, missing, sources, still


def read(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)


def test_json_is_the_schema_and_equals_to_dict(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    write_table(path, sources(), MODEL, "centerface")
    data = json.loads(path.read_text("utf-8"))
    assert data == results_dict(sources(), MODEL, "centerface")
    assert list(data) == ["schema", "model", "detector", "sources"]
    assert data["schema"] == "mien/1"
    assert data["model"] == {"name": "miennet", "sha256": "ab" * 32, "labels": list(MODEL.labels)}
    assert data["detector"] == {"name": "centerface"}
    first = data["sources"][0]
    assert set(first) == {"source", "width", "height", "error", "frames"}
    assert set(first["frames"][0]) == {"index", "time_s", "faces"}
    found = first["frames"][0]["faces"][0]
    assert set(found) == {"track", "box", "detection_score", "landmarks", "label", "confidence", "abstained", "scores"}
    assert list(found["scores"]) == list(MODEL.labels)
    assert np.shape(found["landmarks"]) == (5, 2)
    assert found["box"] == [10, 20, 50, 64.5]
    assert first["frames"][0]["faces"][1]["landmarks"] is None


def test_json_puts_every_frame_on_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    write_table(path, [clip(frames=40)], MODEL, "centerface")
    assert sum(line.startswith('{"index"') for line in path.read_text("utf-8").splitlines()) == 40


def test_jsonl_has_a_line_a_frame_and_one_for_an_error(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write_table(path, sources(), MODEL, "centerface")
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len(lines) == 1 + 1 + 5 + (3 + 1) + 1
    assert all(list(line) == ["source", "error", "frame", "time_s", "faces", "model", "detector"] for line in lines)
    assert [(line["source"], line["error"], line["frame"]) for line in lines[-2:]] == [
        ("cut.mp4", "cut.mp4 is cut short.", None),
        ("c.png", "There is no file c.png.", None),
    ]
    assert lines[0]["faces"] == source_dict(sources()[0])["frames"][0]["faces"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_flat_rows_are_read_back_by_pandas(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"r{suffix}"
    write_table(path, sources(), MODEL, "centerface")
    table, expected = read(path), to_frame(sources(), MODEL)
    assert list(table.columns) == columns(MODEL.labels) == list(expected.columns)
    assert len(table) == 2 + 1 + (2 * 2 + 3) + (2 + 2 + 1) + 1
    assert table["source"].tolist() == expected["source"].tolist()
    assert table["label"].fillna("").tolist() == expected["label"].fillna("").tolist()
    for name in ("x1", "y2", "time_s", "frame", "track", "detection_score", "confidence", "score_happiness", "left_eye_x", "mouth_right_y"):
        np.testing.assert_array_equal(table[name].to_numpy(float, na_value=np.nan), expected[name].to_numpy(float, na_value=np.nan))
    assert table["error"].dropna().tolist() == ["cut.mp4 is cut short.", "There is no file c.png."]
    assert table["abstained"].dropna().astype(bool).tolist().count(True) == 1


def test_rows_of_the_kinds_of_source() -> None:
    """A face a row, a frame without faces one, a source with an error one after its frames, nothing found at all one."""
    table = [
        (still(faces=[face(), face()]), [(0, 0), (0, 1)], None),
        (still(), [(0, None)], None),
        (clip(frames=3, error="cut"), [(0, None), (1, 0), (1, 1), (2, None), (None, None)], "cut"),
        (missing(), [(None, None)], "There is no file c.png."),
        (SourceResult(SourceInfo("live", "camera")), [(None, None)], None),
    ]
    for source, expected, error in table:
        found = list(rows(source))
        assert [(row.get("frame"), row.get("face")) for row in found] == expected
        assert found[-1].get("error") == error


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_streaming_equals_writing_at_once(tmp_path: Path, suffix: str) -> None:
    whole, streamed = tmp_path / f"whole{suffix}", tmp_path / f"streamed{suffix}"
    write_table(whole, sources(), MODEL, "centerface")
    table = open_table(streamed, MODEL, "centerface")
    for source in sources():
        table.begin(source.info)
        for frame in source.frames:
            table.frame(frame, np.zeros((4, 4, 3), np.uint8))
        table.end(source.error)
    table.close(True)
    table.close(False)
    assert whole.read_bytes() == streamed.read_bytes()


def test_parquet_has_one_schema_whatever_was_found(tmp_path: Path) -> None:
    full, empty = tmp_path / "full.parquet", tmp_path / "empty.parquet"
    write_table(full, sources(), MODEL, "centerface")
    write_table(empty, [missing()], MODEL, "centerface")
    assert pq.read_schema(full).equals(pq.read_schema(empty), check_metadata=True)
    assert json.loads(pq.read_schema(full).metadata[b"mien"])["detector"] == {"name": "centerface"}


def test_parquet_is_written_in_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.report.tables.ROW_GROUP", 10)
    path = tmp_path / "r.parquet"
    write_table(path, [clip(frames=40)], MODEL, "centerface")
    assert pq.ParquetFile(path).num_row_groups > 3
    assert len(read(path)) == 60


def test_frame_types_do_not_depend_on_what_was_found() -> None:
    assert to_frame(sources(), MODEL).dtypes.tolist() == to_frame([missing()], MODEL).dtypes.tolist() == to_frame([], MODEL).dtypes.tolist()


def test_labels_name_the_score_columns(tmp_path: Path) -> None:
    model = ModelIdentity("m", "0" * 64, VALENCE3)
    path = tmp_path / "r.csv"
    write_table(path, [still(faces=[face(labels=VALENCE3)])], model, "whole")
    table = read(path)
    assert [name for name in table.columns if name.startswith("score_")] == ["score_negative", "score_neutral", "score_positive"]
    assert table.filter(like="score_").to_numpy().sum() == pytest.approx(1, abs=1e-5)


def test_numbers_have_six_significant_digits() -> None:
    assert [number(value) for value in (0.123456789, 1234.56789, 1.23456789e-9, 0.0, float("nan"), float("inf"))] == [
        0.123457,
        1234.57,
        1.23457e-9,
        0.0,
        None,
        None,
    ]
    assert source_dict(SourceResult(SourceInfo("v", "video"), (FrameResult(0, 3600.0333333333),)))["frames"][0]["time_s"] == 3600.033333


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_name_of_any_bytes_is_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"r{suffix}"
    write_table(path, [still("caf\udce9.jpg")], MODEL, "centerface")
    assert b"caf" in path.read_bytes()
    path.read_bytes() if suffix == ".parquet" else path.read_text("utf-8")


@pytest.mark.parametrize(("name", "near"), [("r.xlsx", ""), ("r.jso", "Did you mean"), ("r", "")])
def test_an_unknown_suffix_names_the_allowed(tmp_path: Path, name: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match=r"Known: \.csv, \.json, \.jsonl, \.parquet") as caught:
        open_table(tmp_path / name, MODEL, "centerface")
    assert near in str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_unwritable_place_is_refused_at_opening(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "file" / f"r{suffix}", tmp_path):
        path = target if target != tmp_path else tmp_path / f"folder{suffix}"
        if target == tmp_path:
            path.mkdir()
        with pytest.raises(OutputError, match="Can't write"):
            open_table(path, MODEL, "centerface")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failure_in_the_middle_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"r{suffix}"
    path.write_text("old")

    def fail() -> None:
        with open_table(path, MODEL, "centerface") as table:
            table.begin(clip().info)
            table.frame(clip().frames[1])
            raise FileNotFoundError("something of the caller's")

    with pytest.raises(FileNotFoundError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_memory_does_not_grow_with_the_video(tmp_path: Path, suffix: str) -> None:
    few, many = (80, 240) if suffix == ".parquet" else (3, 12)  # more than one row group, and three times as many
    frames = clip(frames=40).frames

    def peak(rounds: int) -> int:
        with open_table(tmp_path / f"r{suffix}", MODEL, "centerface") as table:
            table.begin(clip().info)
            for frame in frames:
                table.frame(frame)
            tracemalloc.start()
            for frame in frames * rounds:
                table.frame(frame)
            table.end(None)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    assert peak(many) < 1.1 * peak(few) + 20_000
