"""The documents say what is so: their commands run, their names exist."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mien.cli import app
from mien.cli.clip import write_clip
from mien.core.labels import LABEL_SETS
from mien.datasets import DATASETS
from mien.faces import DETECTORS
from mien.report.tables import SUFFIXES

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "benchmarks").rglob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", README, re.S) for line in block.splitlines() if line.startswith("mien ")]
COMMANDS.remove("mien demo")  # tests/cli/test_demo.py runs it
COMMANDS_NAMED = ("analyze", "demo", "train", "evaluate", "bench", "explain", "session", "export", "doctor", "data audit", "data verify")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.S)


@pytest.fixture(scope="module")
def desk(tmp_path_factory, portrait_path, portrait) -> Path:
    """A folder with what the README's commands read."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copy(portrait_path, folder / "photo.jpg")
    (folder / "photos").mkdir()
    shutil.copy(portrait_path, folder / "photos" / "one.jpg")
    write_clip(portrait, folder / "clip.mp4")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_readme_run(command: str, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    done = CliRunner().invoke(app, shlex.split(command)[1:])
    assert done.exit_code == int("missing" in command), done.output
    assert done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("code", EXAMPLES, ids=[f"example-{number}" for number in range(len(EXAMPLES))])
def test_the_python_of_the_readme_runs(code: str, desk: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=desk, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize(("row", "registry"), [("detectors", DETECTORS), ("label sets", LABEL_SETS), ("data sets", DATASETS)])
def test_the_names_of_the_readme_are_those_of_the_registry(row: str, registry: dict[str, object]) -> None:
    line = next(line for line in README.splitlines() if line.startswith(f"| {row} |"))
    assert set(re.findall(r"`(\w+)`", line)) == set(registry)


def test_the_table_of_models_says_what_the_cards_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a change of a model: python benchmarks/cards.py."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    cards, documents = (importlib.import_module(name) for name in ("cards", "documents"))
    assert documents.part(ROOT / "README.md", "models") == cards.section()


@cache
def options_of(command: str) -> str:
    return " ".join(CliRunner().invoke(app, [*command.split(), "--help"]).stdout.split())


def test_the_names_in_the_help_exist() -> None:
    text = options_of("analyze")
    assert set(_listed(text, "finds the faces: ")) == set(DETECTORS)
    assert set(_listed(text, "of the scores: ")) <= set(LABEL_SETS)
    assert tuple("." + name for name in _listed(text, "the results: ")) == SUFFIXES


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_options_named_in_the_documents_exist(document: Path) -> None:
    scripts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks").glob("*.py"))
    known = scripts + "".join(options_of(command) for command in COMMANDS_NAMED)
    text = re.sub(r"torchrun .* -m mien", "mien", document.read_text(encoding="utf-8"))  # the launcher's own options are not ours
    named = re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)
    assert not {option for option in named if option not in known}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_links_of_the_documents_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8"))
    assert not [link for link in links if not link.startswith("http") and not (document.parent / link).exists()]


def test_the_make_targets_named_in_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.M))
    assert named <= targets


def _listed(text: str, after: str) -> list[str]:
    """The names of "a, b or c." that follow `after`."""
    listing = re.split(r"[;.] |\.$|\[", text.split(after, 1)[1], maxsplit=1)[0]
    return [name.strip(" .") for name in re.split(r", | or ", listing)]
