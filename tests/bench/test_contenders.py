from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from mien.artifact import find_model, load_model
from mien.bench.contenders import load_contender, load_contenders
from mien.core.errors import ArtifactError, OptionError, UnknownNameError
from mien.core.labels import CKPLUS7, FER7, FER8, VALENCE3
from tests.bench.parts import GRAY, LABELS, TELLS, adapter, crops, function, linear


def test_a_shipped_model_and_a_file_of_mien(tmp_path: Path) -> None:
    shutil.copy(find_model("default"), tmp_path / "model.onnx")
    shipped, file = load_contenders(["default", tmp_path / "model.onnx"], threads=1)
    assert (shipped.name, file.name) == ("default", load_model("default").card.name)
    assert shipped.parameters == file.parameters == load_model("default").card.parameters
    assert shipped.size_bytes == (tmp_path / "model.onnx").stat().st_size
    assert [shipped.trained(name) for name in ("fer2013", "ferplus", "ckplus", "ckplus+fer2013", "ckplus+jaffe")] == [
        *(True, True, False),
        *(True, False),  # one of those merged
    ]
    assert shipped.tensor(crops(1)).shape == (1, 1, 48, 48)
    assert shipped.input_name is None


def test_an_onnx_file_of_someone_else(tmp_path: Path) -> None:
    linear(tmp_path / "net.onnx")
    (tmp_path / "net.onnx.data").write_bytes(b"12345")
    path = adapter(tmp_path, f'onnx = "net.onnx"\nparameters = 112\ntrained_on = ["fer2013"]\nnote = "n"\n{LABELS}{GRAY}')
    found = load_contender(path, threads=1)
    assert found.size_bytes == (tmp_path / "net.onnx").stat().st_size + 5
    assert (found.name, found.parameters, found.note, found.input_name) == ("other", 112, "n", "x")
    assert found.trained("ferplus")  # other labels for the same pictures
    assert len(found.network.identity.sha256) == 64
    assert found.tensor(crops(2)).shape == (2, 1, 4, 4)


def test_a_function_of_someone_else(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"123")
    known = load_contender(function(tmp_path, "my_known", TELLS, 'weights = ["weights.bin", "mien:assets/portrait.jpg"]\n'))
    assert known.graph is None
    assert known.size_bytes == 3 + Path(str(load_contender.__code__.co_filename)).parents[1].joinpath("assets/portrait.jpg").stat().st_size
    assert known.trained("fer2013") is None
    absent = load_contender(function(tmp_path, "my_absent", TELLS, 'weights = ["weights.bin", "gone.bin"]\n'))
    assert absent.size_bytes is None
    assert load_contender(function(tmp_path, "my_plain", TELLS)).size_bytes is None


def test_names_are_told_apart_and_nothing_is_compared_with_itself(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    paths = [function(tmp_path, "my_one", TELLS, 'name = "same"\n'), function(tmp_path / "a", "my_two", TELLS, 'name = "same"\n')]
    assert [c.name for c in load_contenders(paths)] == [str(path) for path in paths]
    with pytest.raises(OptionError, match="default twice"):
        load_contenders(["default", "default"])
    with pytest.raises(OptionError, match="received none"):
        load_contenders([])


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="default"):
        load_contender("defualt")
    linear(tmp_path / "net.onnx")
    with pytest.raises(ArtifactError, match="has no card"):
        load_contender(tmp_path / "net.onnx")


def test_the_head_of_the_data_sets_own_labels_speaks() -> None:
    """FER+ pictures read as seven classes: what the FER+ head says, not what FER2013's says."""
    contender, pictures = load_contender("default", threads=1), crops(5, side=48)
    model = load_model("default", threads=1)
    read = contender.read(FER8, FER7)
    np.testing.assert_allclose(read.predict(pictures), FER8.project(model.with_labels(FER8).predict(pictures), FER7), atol=1e-6)
    own = contender.read(FER7, FER7)
    np.testing.assert_allclose(own.predict(pictures), model.with_labels(FER7).predict(pictures), atol=1e-6)
    assert contender.mapping(read) == "fer8 read as fer7: contempt dropped"
    assert contender.mapping(own) == "fer7, as they are"
    assert contender.mapping(contender.read(CKPLUS7, CKPLUS7)) == "fer8 read as ckplus7: neutral dropped"


def test_the_mapping_is_told_in_words(tmp_path: Path) -> None:
    theirs = load_contender(function(tmp_path, "my_words", TELLS))
    assert theirs.mapping(theirs.read(FER7, FER7)) == "7 labels of its own read as fer7"
    assert theirs.mapping(theirs.read(FER8, FER8, partial=True)) == "7 labels of its own read as fer8: contempt never said"
    assert theirs.mapping(theirs.read(CKPLUS7, CKPLUS7, partial=True)).endswith("read as ckplus7: neutral dropped; contempt never said")
    assert theirs.mapping(theirs.read(FER7, VALENCE3)).endswith("read as valence3: surprise dropped; negative, positive summed")
