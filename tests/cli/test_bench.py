from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.bench.parts import LABELS, adapter, forgotten, function, linear
from tests.datasets.fakes import fake, write_csv

UNIFORM = "return np.full((len(crops), 7), 1 / 7)"


@pytest.fixture(autouse=True)
def modules_of_one_test_only():
    with forgotten():
        yield


@pytest.fixture
def data(tmp_path) -> Path:
    """FER2013 in small."""
    (tmp_path / "data").mkdir()
    write_csv(tmp_path / "data", fake(), "icml_face_data.csv")
    return tmp_path / "data"


@pytest.fixture
def net(tmp_path) -> Path:
    """An ONNX file of someone else, with its adapter."""
    linear(tmp_path / "net.onnx", shape=("n", 1, 8, 8))
    return adapter(tmp_path, f'name = "net"\nonnx = "net.onnx"\n{LABELS}[input]\nsize = 8\nchannels = 1\nscale = 0.004\n')


@pytest.fixture
def words(data) -> list[object]:
    return ["--dataset", "fer2013", "--data", data, "--option", "verify=false", "--runs", "1"]


def test_the_tables(mien, net, tmp_path, words) -> None:
    theirs = function(tmp_path, "my_cli", UNIFORM, 'licence = "MIT"\nnote = "a note"\n')
    done = mien("bench", "default", net, theirs, *words, "--clean")
    assert done.exit_code == 0, done.output
    for text in ("fer2013 test, fer7", "whose twin is in training", "What they cost", "163 M", "1,098,623", "448 ", "1 thread;"):
        assert text in done.stdout
    assert "Labels of my_cli: fer2013: 7 labels of its own read as fer7." in done.stdout
    assert "my_cli: Licence: MIT" in done.stdout
    assert "my_cli: a note" in done.stdout
    assert not done.stderr


def test_json(mien, net, words) -> None:
    done = mien("bench", "default", net, *words, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [model["name"] for model in found["models"]] == ["default", "net"]
    assert found["models"][0]["cost"]["macs"] == 2 * 81_502_080  # the face and its mirror image
    assert found["results"][1]["against"]["n"] == found["results"][1]["overall"]["n"] == 4


def test_markdown(mien, net, words) -> None:
    done = mien("bench", net, *words, "--markdown")
    assert done.exit_code == 0, done.output
    assert "### fer2013 test, fer7" in done.stdout
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert rows[1] == "| --- | --: | --: | --- | --: | --: |"
    assert all(row.count("|") in (7, 8) for row in rows)
    assert mien("bench", net, *words, "--markdown", "--json").exit_code == 2


def test_several_data_sets_give_a_matrix(mien, net, tmp_path, words) -> None:
    pictures = tmp_path / "data" / "test" / "happy"
    pictures.mkdir(parents=True)
    from PIL import Image

    Image.fromarray(fake().images[0]).save(pictures / "a.png")
    done = mien("bench", "default", net, *words[2:4], "--runs", "0", *words[:2], "--dataset", "folder", "--option", "fer2013.verify=false")
    assert done.exit_code == 0, done.output
    assert "Accuracy of every model on every data set" in done.stdout
    assert re.search(r"default +\d+\.\d\d% \* +\d+\.\d\d%", done.stdout)
    assert "*: the model was trained on the training part" in done.stdout


def test_the_page(mien, net, tmp_path, words) -> None:
    done = mien("bench", "default", net, *words, "--report", tmp_path / "page.html")
    assert done.exit_code == 0, done.output
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Models side by side" in page
    assert "net" in page
    assert "7 labels of its own read as fer7" in page
    assert f"Wrote {tmp_path / 'page.html'}" in done.stdout


def test_a_model_that_fails_on_the_way_is_told_at_the_end(mien, net, tmp_path, words) -> None:
    broken = function(tmp_path, "my_late", "s = np.full((len(crops), 7), 1 / 7); s[2:] *= 2; return s")
    done = mien("bench", net, broken, *words)
    assert done.exit_code == 1
    assert "net" in done.stdout
    assert "–" in next(line for line in done.stdout.splitlines() if line.startswith("my_late"))
    assert re.fullmatch(r"mien: my_late on fer2013: .*my_late\.toml: 2 of 4 rows are no scores.*\n", done.stderr)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("return np.full((len(crops), 7), np.nan)", "hold NaN"),
        ("return np.ones((len(crops), 7))", "sums to 7"),
        ("return np.full((len(crops), 6), 1 / 6)", "7 labels"),
        ("raise KeyError('left')", "KeyError: 'left'"),
    ],
)
def test_what_is_no_answer_is_one_line(mien, tmp_path, words, body, says) -> None:
    done = mien("bench", function(tmp_path, "my_wrong", body), *words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert len(done.stderr.strip().splitlines()) == 1
    assert "my_wrong.toml" in done.stderr
    assert says in done.stderr


@pytest.mark.parametrize(
    ("more", "says", "code"),
    [
        (["default"], "default twice", 1),
        (["nothing.toml"], "no file nothing.toml", 1),
        (["--labels", "fer9"], "Did you mean", 1),
        (["--labels", "fer8"], "contempt", 1),
        (["--split", "tset"], "Did you mean test", 1),
        (["--option", "ferplus.keep=all"], "none of fer2013", 2),
        (["--runs", "-1"], "--runs", 2),
        (["nothing.toml", "--report", "page.png"], "report suffix", 1),
    ],
)
def test_wrong_words(mien, words, more, says, code) -> None:
    done = mien("bench", "default", *words, *more)
    assert done.exit_code == code, done.output
    assert says in done.stderr


@pytest.mark.slow
def test_a_function_in_the_working_folder_is_found(process, data, tmp_path) -> None:
    function(tmp_path, "my_folder", UNIFORM.replace("return", "print('noise'); return"))
    done = process("bench", "my_folder.toml", "--dataset", "fer2013", "--data", data, "--option", "verify=false", "--runs", 0, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["results"][0]["overall"]["n"] == 4
