"""The layers of the package: imports go down only, and heavy packages stay where they belong."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "mien"
TORCH_ROOMS = {"models", "training"}
GRADIENT_MODULES = {"explain.gradients", "explain.network", "explain.operators"}
CORE_MAY_IMPORT = {"mien", "numpy", "cv2", "PIL"}


def contract(name: str) -> dict[str, list[str]]:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return next(c for c in config["tool"]["importlinter"]["contracts"] if c["name"] == name)


def imported(path: Path) -> set[str]:
    """Modules that a file imports anywhere but under TYPE_CHECKING, as written."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_the_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_room_is_bound_by_the_torch_contract() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    bound = {name.removeprefix("mien.") for name in contract("Torch stays in models and training")["source_modules"]}
    explain = {f"explain.{path.stem}" for path in (PACKAGE / "explain").glob("*.py")} - {"explain.__init__"}
    assert bound == (rooms - TORCH_ROOMS - {"__init__", "explain"}) | (explain - GRADIENT_MODULES)


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").glob("*.py")), ids=lambda path: path.stem)
def test_the_core_stands_on_numpy_and_the_decoders_alone(path: Path) -> None:
    foreign = {name.split(".")[0] for name in imported(path)} - set(sys.stdlib_module_names)
    assert foreign <= CORE_MAY_IMPORT


def test_no_room_enters_through_the_public_door() -> None:
    """`import mien` inside a room would reach every other room and pass every contract."""
    rooms = [path for path in PACKAGE.rglob("*.py") if path.parent not in (PACKAGE / "cli", PACKAGE)]
    guests = [path.relative_to(PACKAGE).as_posix() for path in rooms if "mien" in imported(path)]
    # a run records the version that made it
    assert set(guests) <= {"training/run.py", "training/export.py"}
