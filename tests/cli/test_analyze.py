from __future__ import annotations

import csv
import json
import re
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from mien.cli.clip import write_clip


def one_line(stderr: str) -> str:
    lines = stderr.strip().splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith("mien: ")
    return lines[0]


def test_a_picture_is_a_row_of_the_table(mien, photo) -> None:
    done = mien("analyze", photo)
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    assert "photo.jpg" in done.stdout
    assert "%" in done.stdout


def test_json_is_the_schema_and_nothing_else(mien, photo) -> None:
    done = mien("analyze", photo, "--json")
    results = json.loads(done.stdout)
    assert results["schema"] == "mien/1"
    assert len(results["sources"][0]["frames"][0]["faces"]) == 1


def test_every_output_is_written(mien, photo, tmp_path) -> None:
    tables = [tmp_path / f"results.{suffix}" for suffix in ("json", "jsonl", "csv", "parquet")]
    outs = [word for table in tables for word in ("--out", table)]
    done = mien("analyze", photo, *outs, "--annotate", tmp_path / "drawn", "--report", tmp_path / "report.html")
    assert done.exit_code == 0, done.output
    written = [*tables, tmp_path / "report.html", tmp_path / "drawn" / "photo.jpg"]
    assert all(path.stat().st_size for path in written)
    assert all(str(path) in done.stdout for path in tables)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("folder", ["photos", "photos/drawn"])
def test_what_is_drawn_into_a_folder_that_is_read_is_no_input(mien, photo, tmp_path, folder) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(photo, photos / "b.jpg")
    for _ in range(2):
        done = mien("analyze", photo, photos, "--annotate", tmp_path / folder, "--json")
        assert [Path(source["source"]).name for source in json.loads(done.stdout)["sources"]] == ["photo.jpg", "b.jpg"]
    drawn = next((tmp_path / folder).glob("photo.jpg"))
    assert len(json.loads(mien("analyze", drawn, "--annotate", tmp_path / folder, "--json").stdout)["sources"]) == 1


def test_a_bad_file_is_a_row_and_the_others_are_finished(mien, photo, tmp_path) -> None:
    fake = tmp_path / "fake.jpg"
    fake.write_text("no picture")
    done = mien("analyze", tmp_path / "missing.jpg", fake, photo, "--out", tmp_path / "results.csv")
    assert done.exit_code == 1
    assert "2 of 3 sources" in one_line(done.stderr)
    assert done.stdout.count("not read") == 2
    assert f"{fake}: " in done.stdout
    rows = list(csv.DictReader((tmp_path / "results.csv").read_text(encoding="utf-8").splitlines()))
    assert [bool(row["error"]) for row in rows] == [True, True, False]
    assert rows[2]["label"]


def test_a_single_bad_file_says_why_on_stderr(mien, tmp_path) -> None:
    done = mien("analyze", tmp_path / "missing.jpg")
    assert done.exit_code == 1
    assert "missing.jpg" in one_line(done.stderr)


def test_json_of_a_bad_file_has_its_error(mien, tmp_path) -> None:
    done = mien("analyze", tmp_path / "missing.jpg", "--json")
    assert done.exit_code == 1
    assert "missing.jpg" in json.loads(done.stdout)["sources"][0]["error"]


@pytest.mark.parametrize(
    ("option", "value", "near"),
    [
        ("--model", "defualt", "default"),
        ("--detector", "centreface", "centerface"),
        ("--labels", "fer9", "fer8"),
        ("--out", "r.jsn", ".json"),
    ],
)
def test_an_unknown_name_lists_the_near_ones(mien, photo, option, value, near) -> None:
    done = mien("analyze", photo, option, value)
    assert done.exit_code == 1
    assert value.removeprefix("r") in one_line(done.stderr)
    assert near in done.stderr


def test_an_output_that_cannot_be_written_is_known_before_the_work(mien, photo, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    done = mien("analyze", photo, "--out", tmp_path / "file" / "results.csv")
    assert done.exit_code == 1
    assert "results.csv" in one_line(done.stderr)
    assert done.stdout == ""


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["photo.jpg", "--every", "0"],
        ["photo.jpg", "--every", "2", "--fps", "5"],
        ["photo.jpg", "--start", "3", "--end", "2"],
        ["photo.jpg", "--abstain-below", "2"],
        ["photo.jpg", "--coverage", "2"],
        ["photo.jpg", "--coverage", "0.9", "--abstain-below", "0.5"],
        ["photo.jpg", "--no-such-option"],
    ],
)
def test_wrong_usage_is_exit_code_2(mien, wrong) -> None:
    done = mien("analyze", *wrong)
    assert done.exit_code == 2
    assert "Error" in done.stderr


def test_an_unsure_face_is_marked(mien, photo) -> None:
    done = mien("analyze", photo, "--abstain-below", "1", "--json")
    assert json.loads(done.stdout)["sources"][0]["frames"][0]["faces"][0]["abstained"] is True
    assert " ?" in mien("analyze", photo, "--abstain-below", "1").stdout


@pytest.fixture(scope="module")
def clip(tmp_path_factory, portrait) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_clip(portrait, path)
    return path


def test_a_video_is_a_row_a_person(mien, clip) -> None:
    done = mien("analyze", clip, "--fps", "2")
    assert done.exit_code == 0, done.output
    row = next(line for line in done.stdout.splitlines() if "clip.mp4" in line)
    assert " 1 " in row
    assert " s " in row


def test_a_part_of_a_video(mien, clip) -> None:
    done = mien("analyze", clip, "--start", "1", "--end", "2", "--every", "3", "--json")
    times = [frame["time_s"] for frame in json.loads(done.stdout)["sources"][0]["frames"]]
    assert len(times) == 5
    assert min(times) >= 1
    assert max(times) < 2


def test_a_folder_without_a_face_says_so(mien, tmp_path, portrait) -> None:
    from PIL import Image

    Image.new("RGB", (64, 64), "gray").save(tmp_path / "gray.png")
    done = mien("analyze", tmp_path)
    assert done.exit_code == 0
    assert "no face found" in done.stdout


def test_a_coverage_that_the_model_has_no_threshold_for(mien, photo) -> None:
    done = mien("analyze", photo, "--coverage", "0.33")
    assert done.exit_code == 1
    assert "no threshold for the coverage 0.33" in one_line(done.stderr)


@pytest.mark.slow
def test_what_faces_showed_over_time_goes_into_a_folder(mien, tmp_path, portrait) -> None:
    write_clip(portrait, tmp_path / "clip.mp4")
    done = mien("analyze", tmp_path / "clip.mp4", "--over-time", tmp_path / "over", "--smooth", "exponential=0.2", "--window", 10)
    assert done.exit_code == 0, done.output
    assert f"Wrote {tmp_path / 'over'}" in done.stdout
    tracks = pd.read_csv(tmp_path / "over" / "tracks.csv")
    assert len(tracks) >= 1
    assert tracks["share_happiness"].max() > 0.5
    for wrong in (["--smooth", "viterbi"], ["--over-time", tmp_path / "over", "--smooth", "hann=wide"]):
        assert mien("analyze", tmp_path / "clip.mp4", *wrong).exit_code == 2
    told = mien("analyze", tmp_path / "clip.mp4", "--over-time", tmp_path / "over", "--smooth", "vitarbi")
    assert (told.exit_code, "viterbi" in told.stderr) == (1, True)


@pytest.mark.parametrize("options", [[], ["--out", "a.csv", "--report", "r.html"], ["--out", "a.csv", "--annotate", "drawn"]])
def test_what_can_not_be_taken_up_is_wrong_usage(mien, photo, options) -> None:
    done = mien("analyze", photo, "--resume", *options)
    assert done.exit_code == 2
    assert "--resume" in done.stderr


def test_a_run_that_ends_leaves_no_journal(mien, photo, tmp_path) -> None:
    assert mien("analyze", photo, "--out", tmp_path / "a.csv", "--resume").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "photo.jpg"]


@pytest.mark.skipif(sys.platform != "linux", reason="a screen can be taken away on Linux alone")
def test_show_without_a_screen_is_one_line_and_writes_nothing(mien, photo, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    done = mien("analyze", photo, "--show", "--out", tmp_path / "a.csv")
    assert done.exit_code == 1
    assert "there is no screen" in one_line(done.stderr)
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.slow
def test_a_live_video_tells_how_many_frames_it_dropped(mien, clip, tmp_path) -> None:
    done = mien("analyze", clip, "--live", "--end", "1.5", "--out", tmp_path / "a.csv")
    assert done.exit_code == 0, done.output
    analysed = {row["frame"] for row in csv.DictReader((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines())}
    told = re.search(r"clip\.mp4: (\d+) frames? (?:was|were) dropped", done.stdout)
    assert len(analysed) + int(told[1] if told else 0) == 23


def test_a_key_ends_the_show_and_the_outputs_are_written(mien, clip, tmp_path, monkeypatch) -> None:
    class Screen:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def show(self, image, *, hold=False):
            return "q"

    monkeypatch.setattr("mien.report.window.Window", Screen)
    done = mien("analyze", clip, "--show", "--out", tmp_path / "a.csv", "--report", tmp_path / "r.html", "--over-time", tmp_path / "over")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "r.html").stat().st_size
    assert (tmp_path / "over" / "tracks.csv").stat().st_size
    assert 1 <= len((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()) - 1 < 10


@pytest.mark.parametrize("option", ["--show", "--live"])
def test_what_is_live_can_not_be_taken_up(mien, photo, option) -> None:
    done = mien("analyze", photo, "--resume", "--out", "a.csv", option)
    assert (done.exit_code, "--resume" in done.stderr) == (2, True)
