"""What faces showed over time, from results and from a run, as tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mien.analysis.results import Results
from mien.analysis.temporal import FollowTracks
from mien.core.errors import OptionError, OutputError, UnknownNameError
from mien.core.labels import CKPLUS7, FER7, LabelSet
from mien.core.types import Face, FaceResult, FrameResult, ModelIdentity, Prediction, SourceInfo, SourceResult
from mien.dynamics.tracks import Settings

FACE = Face((0.0, 0.0, 9.0, 9.0), 0.9)


def saying(label: str, track: int | None) -> FaceResult:
    scores = np.full(7, 0.05, np.float32)
    scores[FER7.index(label)] = 0.7
    return FaceResult(FACE, Prediction(scores, FER7), track)


def results(frames: list[FrameResult], kind: str = "video") -> Results:
    return Results((SourceResult(SourceInfo("a.mp4", kind), tuple(frames)),), ModelIdentity("m", "0" * 64, FER7), "d")


def talk() -> Results:
    """Ten frames a second for four seconds: one face that smiles from the second on, another one from 1 to 3 s; none at 2 s."""
    frames = []
    for k in range(40):
        faces = [saying("happiness" if k >= 20 else "neutral", 1)] if k != 20 else []
        frames.append(FrameResult(k, k / 10, (*faces, saying("anger", 2)) if 10 <= k < 30 and k != 20 else tuple(faces)))
    return results(frames)


def test_results_have_tables_over_time() -> None:
    found = talk().dynamics(Settings("none", least_s=0.0))
    assert found["scores"]["track"].value_counts().to_dict() == {1: 39, 2: 19}
    cells = ["label", "onset_s", "apex_s", "offset_s", "duration_s", "intensity", "mean_score", "frames"]
    assert found["segments"].query("track == 1")[cells].to_numpy().tolist() == [
        ["neutral", 0, 0.95, 2, 2, 0.7, 0.7, 20],
        ["happiness", 2, 3, 3.9, 1.9, 0.7, 0.7, 19],
    ]
    first, second = found["tracks"].to_dict("records")
    assert (first["track"], first["frames"], first["first_s"], first["last_s"]) == (1, 39, 0, 3.9)
    assert first["share_happiness"] + first["share_neutral"] == pytest.approx(1)
    assert first["switches_per_minute"] == pytest.approx(60 / first["seen_s"], rel=1e-5)
    assert (second["track"], second["share_anger"]) == (2, 1)
    group = found["stability"].query("track.isna()")
    assert group[["start_s", "end_s", "people"]].to_numpy().tolist() == [[0, 30, 2]]


@pytest.mark.parametrize("step_s", [0.5, 1.0, 2.0])
def test_the_figures_do_not_hang_on_how_often_frames_are_looked_at(step_s: float) -> None:
    """A face that is always there and changes each six seconds, for a minute."""
    frames = [FrameResult(k, k * step_s, (saying(("happiness", "neutral")[int(k * step_s) // 6 % 2], 1),)) for k in range(int(60 / step_s))]
    found = results(frames).dynamics(Settings("none"))
    (row,) = found["tracks"].to_dict("records")
    assert len(found["segments"]) == 10
    assert (row["seen_s"], row["switches_per_minute"]) == (60, 9)
    assert row["share_happiness"] == pytest.approx(0.5)


def test_labels_without_neutral_have_a_valence_and_others_an_empty_one() -> None:
    for labels, column, valence in ((CKPLUS7, "happiness", 1), (LabelSet("custom", ("smile", "none")), "smile", np.nan)):
        scores = np.eye(len(labels), dtype=np.float32)[labels.index(column)]
        frames = tuple(FrameResult(k, k / 10, (FaceResult(FACE, Prediction(scores, labels), 1),)) for k in range(20))
        source = SourceResult(SourceInfo("a.mp4", "video"), frames)
        found = Results((source,), ModelIdentity("m", "0" * 64, labels), "d").dynamics()
        (row,) = found["tracks"].to_dict("records")
        assert row[f"share_{column}"] == 1
        assert row["valence_mean"] == pytest.approx(valence, nan_ok=True)
        assert (row["rmssd"] == 0) == (valence == 1)


def test_scores_stand_beside_smoothed_ones() -> None:
    table = talk().dynamics()["scores"]
    assert [*table.to_dict("records")[0].values()][:6] == ["a.mp4", 1, 0, 0, "neutral", 0.7]
    first = table[table["track"] == 1]
    assert (first["smoothed_label"] == first["label"]).mean() > 0.9
    assert 0.06 < first.set_index("frame")["smoothed_happiness"].to_dict()[19] < 0.6
    assert first.filter(like="smoothed_").drop(columns="smoothed_label").sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("weighted", "most"), [(True, 0.02), (False, 0.3)])
def test_rows_count_by_the_quality_of_their_faces(weighted: bool, most: float) -> None:
    """Every second face is a bad one and shows something else."""
    frames = []
    for k in range(40):
        good = k % 2 == 0
        seen = replace(saying("happiness" if good else "anger", 1), quality=1.0 if good else 0.02)
        frames.append(FrameResult(k, k / 10, (seen,)))
    found = results(frames).dynamics(Settings("hann", weighted=weighted))
    assert found["scores"]["quality"].to_list() == [1, 0.02] * 20
    assert found["tracks"]["quality"].item() == pytest.approx(0.51)
    anger = (found["scores"]["smoothed_anger"] - 0.05).iloc[10:30]
    assert most / 3 < anger.mean() < 1.2 * most
    (track,) = found["tracks"].to_dict("records")
    assert (track["valence_mean"] > 0.4) == weighted


def test_a_face_of_unknown_quality_leaves_the_column_empty() -> None:
    assert talk().dynamics()["scores"]["quality"].isna().all()
    assert talk().dynamics()["tracks"]["quality"].isna().all()


def test_what_has_no_time_or_no_track_has_no_rows_and_the_same_columns() -> None:
    still = results([FrameResult(0, None, (saying("anger", None),))], "image").dynamics()
    full = talk().dynamics()
    for name, table in still.items():
        assert len(table) == 0
        assert table.dtypes.to_dict() == full[name].dtypes.to_dict()


def test_a_time_that_does_not_advance_is_left_aside() -> None:
    frames = [FrameResult(k, time_s, (saying("fear", 1),)) for k, time_s in enumerate([0.0, 0.1, 0.1, 0.05, 0.2])]
    assert results(frames).dynamics()["scores"]["frame"].tolist() == [0, 1, 4]


def test_tables_are_written_when_all_is_done_and_not_when_it_broke_off(tmp_path: Path) -> None:
    for ok in (True, False):
        sink = FollowTracks(FER7, folder=tmp_path / str(ok))
        for source in talk().sources:
            sink.begin(source.info)
            for frame in source.frames:
                sink.frame(frame)
            sink.end(None)
        sink.close(ok)
    assert sorted(path.name for path in (tmp_path / "True").iterdir()) == ["scores.csv", "segments.csv", "stability.csv", "tracks.csv"]
    assert list((tmp_path / "False").iterdir()) == []
    read = pd.read_csv(tmp_path / "True" / "segments.csv")
    pd.testing.assert_frame_equal(read, talk().dynamics()["segments"], check_dtype=False)


def test_what_can_not_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Can't write into"):
        FollowTracks(FER7, folder=tmp_path / "file")
    with pytest.raises(UnknownNameError, match="Did you mean hann"):
        Settings("han")
    with pytest.raises(OptionError, match="window_s is above 0 seconds and finite; received 0"):
        Settings(window_s=0)
    with pytest.raises(OptionError, match="window_s is above 0 seconds and finite; received inf"):
        Settings(window_s=float("inf"))
    with pytest.raises(OptionError, match="least_s is 0 seconds or more"):
        Settings(least_s=-1)
