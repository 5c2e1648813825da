from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import InputError, OptionError, UnknownNameError
from mien.datasets import load_dataset
from mien.datasets.fit import Fit
from tests.datasets.fakes import encoded


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"channels": 2}, InputError, "1 or 3 channels"),
        ({"crop_size": 0}, InputError, "crop_size ≥ 1"),
        ({"crop": "faces"}, UnknownNameError, "Did you mean face"),
        ({"memory_gib": 0}, OptionError, "size above 0"),
        ({"memory_gib": float("nan")}, OptionError, "size above 0"),
    ],
)
def test_values_out_of_range(options: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Fit(**options)


def test_a_face_is_found_and_framed_as_in_use(portrait_path: Path) -> None:
    face = Fit(crop="face").read(portrait_path)
    assert face.shape[0] == face.shape[1] < 512
    assert Fit(48, 1, "face").read(portrait_path).shape == (48, 48)


def test_a_face_is_found_and_cut_by_its_eyes(portrait_path: Path, tmp_path: Path) -> None:
    assert Fit(crop="geometric").read(portrait_path).shape == (150, 100, 3)
    face = Fit(48, 1, "geometric").read(portrait_path)
    assert face.shape == (48, 48)
    assert np.abs(face.astype(int) - Fit(48, 1, "face").read(portrait_path)).mean() > 5
    (tmp_path / "happy").mkdir()
    (tmp_path / "happy" / "portrait.jpg").write_bytes(portrait_path.read_bytes())
    assert load_dataset("folder", tmp_path, crop="geometric").images.shape == (1, 150, 100, 3)


def test_a_picture_without_a_face_is_a_fault(tmp_path: Path, portrait_path: Path) -> None:
    (tmp_path / "happy").mkdir()
    (tmp_path / "happy" / "empty.png").write_bytes(encoded(np.full((64, 64, 3), 128, np.uint8)))
    for crop in ("face", "geometric"):
        with pytest.raises(InputError, match=r"No face was found in .*empty\.png"):
            Fit(crop=crop).read(tmp_path / "happy" / "empty.png")
    (tmp_path / "happy" / "portrait.jpg").write_bytes(portrait_path.read_bytes())
    read = load_dataset("folder", tmp_path, crop="face", crop_size=48, strict=False)
    assert read.ids.tolist() == ["happy/portrait.jpg"]
    assert "No face was found" in read.notes[0]


def test_room_is_refused_when_the_machine_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("mien.datasets.fit.np.empty", full)
    with pytest.raises(OptionError, match="Pass crop_size="):
        Fit(48).need_room(10, (48, 48, 3))
