from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

import pytest

from mien.core.errors import MissingExtraError, OutputError, TrainingError
from mien.training.logs import EVENTS, LOG, EventLog, read_log
from mien.training.recipe import Recipe
from mien.training.run import train

HISTORY = [{"epoch": epoch, "size": 24, "learning_rate": 0.1, "loss": 2.0 / epoch, "seconds": 10.0} for epoch in (1, 2, 3)]


def events(folder: Path) -> list[Any]:
    """The events that the file holds, by TFRecord's frame; the checksums are held against the bytes."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c

    data, found = (folder / EVENTS).read_bytes(), []
    while data:
        (length, check), body = struct.unpack("<QI", data[:12]), data[12:]
        assert check == masked_crc32c(data[:8])
        assert struct.unpack("<I", body[length : length + 4]) == (masked_crc32c(body[:length]),)
        found.append(Event.FromString(body[:length]))
        data = body[length + 4 :]
    return found


def scalars(folder: Path) -> dict[int, dict[str, float]]:
    """Step → tag → value; a step that is there twice fails."""
    rows = [(event.step, {value.tag: value.simple_value for value in event.summary.value}) for event in events(folder)[1:]]
    assert len({step for step, _ in rows}) == len(rows)
    return dict(rows)


def test_the_events_are_the_history(tmp_path: Path) -> None:
    log = EventLog(tmp_path, HISTORY[:2])
    log.add(HISTORY[2])
    first, *rows = events(tmp_path)
    assert first.file_version == "brain.Event:2"
    assert {step: row["loss"] for step, row in scalars(tmp_path).items()} == pytest.approx({1: 2.0, 2: 1.0, 3: 2 / 3})
    assert set(scalars(tmp_path)[1]) == {"size", "learning_rate", "loss", "seconds"}
    assert rows[1].wall_time - rows[0].wall_time == pytest.approx(10.0)


def test_a_reader_that_is_watching_reads_on_where_it_was(tmp_path: Path) -> None:
    EventLog(tmp_path, HISTORY)
    length = (tmp_path / EVENTS).stat().st_size
    log = EventLog(tmp_path, HISTORY[:2])  # an epoch that no checkpoint kept is gone
    assert list(scalars(tmp_path)) == [1, 2]
    log.add(HISTORY[2])
    assert (tmp_path / EVENTS).stat().st_size == length


def test_a_resumed_run_goes_on_without_doubling_steps(recipe: Recipe, small_data: Path, tmp_path: Path) -> None:
    train(recipe, small_data, tmp_path, stop_after=1)
    assert not (tmp_path / EVENTS).exists()
    train(recipe, small_data, tmp_path, resume=True, tensorboard=True, stop_after=2)
    run = train(recipe, small_data, tmp_path, resume=True, tensorboard=True, stop_after=2)
    found = scalars(tmp_path)
    assert list(found) == [1, 2]
    for row in run.history:
        assert found[row["epoch"]] == pytest.approx({key: value for key, value in row.items() if key != "epoch"})
    assert {"accuracy_fer7", "log_loss_fer8", "score"} <= set(found[1])
    assert read_log(tmp_path) == run.history


def test_what_can_not_be_written_or_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match="leave --tensorboard out"):
        EventLog(tmp_path / "nowhere")
    with pytest.raises(TrainingError, match="can't be read"):
        read_log(tmp_path)
    (tmp_path / LOG).write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(TrainingError, match="--resume"):
        read_log(tmp_path)
    monkeypatch.setitem(sys.modules, "tensorboardX.proto.event_pb2", None)
    monkeypatch.setitem(sys.modules, "tensorboardX.record_writer", None)
    with pytest.raises(MissingExtraError, match=r"mien\[train\]"):
        EventLog(tmp_path)
