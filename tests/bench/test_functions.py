from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from mien.bench.description import read_description
from mien.bench.functions import Function, weight_file
from mien.core.errors import ArtifactError, InputError, MissingExtraError
from tests.bench.parts import LABELS, adapter, crops, function


@pytest.fixture(autouse=True)
def path_is_left_as_it_was():
    before = list(sys.path)
    yield
    assert sys.path == before


def load(path: Path, threads: int | None = 1) -> Function:
    return Function(read_description(path), threads)


def test_a_module_beside_the_adapter_and_one_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    assert load(function(tmp_path, "my_beside", "return crops + 1"))(crops()).dtype == np.uint8
    (tmp_path / "here" / "my_cwd.py").write_text("def scores(crops):\n    return len(crops)\n")
    monkeypatch.chdir(tmp_path / "here")
    assert int(load(adapter(tmp_path, f'callable = "my_cwd:scores"\n{LABELS}'))(crops())) == 9


def test_a_module_in_a_package_that_imports_its_neighbour_when_called(tmp_path: Path) -> None:
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "__init__.py").touch()
    (tmp_path / "my_helper.py").write_text("ONE = 1\n")
    (tmp_path / "my_package" / "face.py").write_text("def scores(crops):\n    from my_helper import ONE\n    return [ONE] * len(crops)\n")
    assert load(adapter(tmp_path, f'callable = "my_package.face:scores"\n{LABELS}'))(crops()).tolist() == [1] * 9


def test_threads_are_told_to_a_function_that_asks(tmp_path: Path) -> None:
    (tmp_path / "my_threads.py").write_text("def scores(crops, threads=None):\n    return [threads] * len(crops)\n")
    path = adapter(tmp_path, f'callable = "my_threads:scores"\n{LABELS}')
    assert load(path, threads=3)(crops()).tolist() == [3] * 9


def test_what_it_prints_stays_off_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load(function(tmp_path, "my_talker", "print('hello'); return crops"))(crops())
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "hello\n")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("return 1 / 0", r"the call of my_broken:scores failed \(ZeroDivisionError: division by zero\)"),
        ("raise SystemExit(3)", r"SystemExit: 3"),
        ("return [[1, 2], [3]]", "ValueError"),
    ],
)
def test_an_error_in_it_names_the_adapter(tmp_path: Path, body: str, says: str) -> None:
    run = load(function(tmp_path, "my_broken", body))
    with pytest.raises(ArtifactError, match=f"my_broken.toml: .*{says}"):
        run(crops())


def test_an_error_of_our_own_passes(tmp_path: Path) -> None:
    run = load(function(tmp_path, "my_own", "from mien.core.errors import InputError; raise InputError('told')"))
    with pytest.raises(InputError, match=r"^told$"):
        run(crops())


def test_a_module_that_fails_on_import_or_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "my_syntax.py").write_text("def scores(crops:\n")
    with pytest.raises(ArtifactError, match=r"the import of my_syntax:scores failed \(SyntaxError"):
        load(adapter(tmp_path, f'callable = "my_syntax:scores"\n{LABELS}'))
    with pytest.raises(ArtifactError, match="no module 'my_nothing' in"):
        load(adapter(tmp_path, f'callable = "my_nothing:scores"\n{LABELS}'))


@pytest.mark.parametrize("where", ["import my_missing_package\n", ""])
def test_a_package_that_is_not_installed_comes_with_its_command(tmp_path: Path, where: str) -> None:
    (tmp_path / "my_peer.py").write_text(f"{where}def scores(crops):\n    import my_missing_package\n")
    path = adapter(tmp_path, f'name = "Peer"\ncallable = "my_peer:scores"\ninstall = "pip install peer"\n{LABELS}')
    with pytest.raises(MissingExtraError, match=r"Peer needs the package 'my_missing_package', .*Install it with: pip install peer"):
        load(path)(crops())


def test_a_function_that_is_not_there(tmp_path: Path) -> None:
    function(tmp_path, "my_module", "return crops")
    with pytest.raises(ArtifactError, match="holds no function 'scorez'; it holds scores"):
        load(adapter(tmp_path, f'callable = "my_module:scorez"\n{LABELS}'))


def test_two_modules_of_one_name_are_not_taken_for_each_other(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    load(function(tmp_path / "a", "my_same", "return crops"))
    with pytest.raises(ArtifactError, match="Give the adapter's module a name of its own"):
        load(function(tmp_path / "b", "my_same", "return crops"))


def test_a_builtin_has_no_signature(tmp_path: Path) -> None:
    assert load(adapter(tmp_path, f'callable = "builtins:dict"\n{LABELS}')) is not None


def test_weight_files_are_found_beside_the_adapter_and_inside_packages(tmp_path: Path) -> None:
    (tmp_path / "net.bin").write_bytes(b"1234")
    assert weight_file("net.bin", tmp_path) == tmp_path / "net.bin"
    assert weight_file("mien:assets/portrait.jpg", tmp_path).name == "portrait.jpg"
    assert [weight_file(text, tmp_path) for text in ("absent.bin", "mien:absent", "no_such_package:x")] == [None] * 3
