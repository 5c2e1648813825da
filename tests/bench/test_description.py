from __future__ import annotations

from pathlib import Path

import pytest

from mien.bench.description import read_description
from mien.core.errors import ArtifactError, InputError, MissingExtraError, UnknownNameError
from tests.bench.parts import GRAY, LABELS, adapter, linear

CALL = 'callable = "tool.part:scores"\n'


@pytest.fixture
def onnx(tmp_path: Path) -> str:
    linear(tmp_path / "net.onnx")
    return 'onnx = "net.onnx"\n'


def test_everything_that_can_be_said(tmp_path: Path, onnx: str) -> None:
    text = f"""name = "theirs"
{onnx}labels = ["Angry ", "", "HAPPY", "contempt", ""]
weights = ["net.onnx.data"]
parameters = 112
trained_on = ["fer2013"]
install = "pip install theirs"
licence = "MIT"
note = "told"
[input]
name = "x"
size = 64
channels = 3
layout = "NHWC"
order = "BGR"
scale = 0.5
mean = [1, 2.5, 3]
std = 2
[output]
name = "logits"
kind = "scores"
"""
    found = read_description(adapter(tmp_path, text))
    assert (found.name, found.target, found.kind, found.output) == ("theirs", tmp_path / "net.onnx", "scores", "logits")
    assert (tuple(found.labels), found.columns, found.width) == (("anger", "happiness", "contempt"), (0, 2, 3), 5)
    assert (found.input.size, found.input.layout, found.input.order) == (64, "NHWC", "BGR")
    assert (found.input.mean, found.input.std, found.input.scale) == ((1.0, 2.5, 3.0), (2.0, 2.0, 2.0), 0.5)
    assert (found.parameters, found.trained_on, found.licence, found.note) == (112, ("fer2013",), "MIT", "told")


def test_what_need_not_be_said(tmp_path: Path, onnx: str) -> None:
    net = read_description(adapter(tmp_path, onnx + LABELS + GRAY))
    assert (net.name, net.kind, net.input.mean, net.input.std) == ("other", "logits", (0.0,), (1.0,))
    call = read_description(adapter(tmp_path, CALL + LABELS))
    assert (call.target, call.kind, call.input.size, call.input.channels) == ("tool.part:scores", "scores", None, None)


def test_labels_of_ones_own_are_taken_as_they_are(tmp_path: Path) -> None:
    found = read_description(adapter(tmp_path, f'{CALL}labels = ["Boredom", "joy"]\nown_labels = true\n'))
    assert tuple(found.labels) == ("Boredom", "joy")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("labels = [", "no TOML file"),
        (LABELS, "exactly one of the two keys; received neither"),
        (f'{CALL}onnx = "net.onnx"\n{LABELS}', "received onnx and callable"),
        ('onnx = "nothing.onnx"\n' + LABELS + GRAY, "the path of an ONNX file"),
        ("onnx = 3\n" + LABELS + GRAY, "onnx is text in quotes; received 3"),
        ('onnx = "net.onnx"\n' + LABELS, "size and channels"),
        ('callable = "tool.part"\n' + LABELS, "package.module:function"),
        (CALL, "labels is a list of texts; received nothing"),
        (f'{CALL}labels = "fer7"\n', "labels is a list of texts"),
        (f'{CALL}labels = ["happy", "happiness"]\n', "distinct expressions"),
        (f'{CALL}labels = [""]\n', "distinct expressions"),
        (f"{CALL}{LABELS}[input]\nsize = 10000000\n", "input.size is a whole number up to 4,096"),
        (f"{CALL}{LABELS}own_labels = 1\n", "true or false"),
        (f"{CALL}{LABELS}parameters = -1\n", "at least 0"),
        (f"{CALL}{LABELS}input = 3\n", r"a table \[input\]"),
        (f"{CALL}{LABELS}[input]\nchannels = 2\n", r"1 \(gray\) or 3"),
        (f"{CALL}{LABELS}[input]\nsize = true\n", "input.size is a whole number"),
        (f'{CALL}{LABELS}[input]\norder = "RBG"\n', "'RGB' or 'BGR'; received 'RBG'"),
        (f'{CALL}{LABELS}[output]\nkind = "percent"\n', "'logits' or 'scores'"),
        ('onnx = "net.onnx"\n' + LABELS + GRAY + "std = 0\n", "other than zero"),
        ('onnx = "net.onnx"\n' + LABELS + GRAY + 'mean = ["a"]\n', "finite numbers"),
        ('onnx = "net.onnx"\n' + LABELS + GRAY + "mean = [1, 2, 3]\n", "one number, or 1"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(tmp_path: Path, onnx: str, text: str, says: str) -> None:
    with pytest.raises(ArtifactError, match=says) as caught:
        read_description(adapter(tmp_path, text))
    assert "other.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{CALL}{LABELS}licenze = 'x'\n", "licenze.*Did you mean licence"),
        (f"{CALL}{LABELS}[input]\nchanels = 1\n", "key of input in .*other.toml 'chanels'. Did you mean channels"),
        (f'{CALL}{LABELS}[input]\nlayout = "NCHW"\n', "layout"),
        (f'{CALL}{LABELS}[output]\nname = "x"\n', "Known: kind"),
        (f'{CALL}labels = ["hapy", "sad"]\n', "hapy.*Did you mean happy"),
    ],
)
def test_an_unknown_name_brings_the_near_ones(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UnknownNameError, match=says):
        read_description(adapter(tmp_path, text))


def test_an_absent_model_file_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match="Get it with: pip install theirs"):
        read_description(adapter(tmp_path, f'onnx = "nothing.onnx"\ninstall = "pip install theirs"\n{LABELS}{GRAY}'))


def test_an_absent_adapter(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file .*absent\.toml"):
        read_description(tmp_path / "absent.toml")
