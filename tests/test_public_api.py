"""The public names, and what it costs to reach them."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata

import pytest

import mien

NAMES = [
    "Analyzer",
    "Face",
    "Frame",
    "LabelSet",
    "Prediction",
    "Results",
    "__version__",
    "analyze",
    "errors",
    "label_set",
    "load_model",
]
HEAVY = ["PIL", "av", "cv2", "fastparquet", "matplotlib", "onnx", "onnxruntime", "pandas", "pyarrow", "skimage", "scipy"]
NEVER = ["torch", "torchvision", "tensorflow", "sklearn", "lightning_fabric"]


def loaded_after(code: str) -> set[str]:
    """Top-level modules that a fresh process has loaded after `code`."""
    report = f"{code}\nimport sys, json; print(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_public_names_are_these() -> None:
    assert mien.__all__ == NAMES
    assert set(NAMES) <= set(dir(mien))


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(mien, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="analyse"):
        mien.analyse  # noqa: B018


def test_the_version_is_the_distributions() -> None:
    assert metadata.version("mien") == mien.__version__


def test_import_mien_loads_nothing_heavy() -> None:
    assert not loaded_after("import mien").intersection([*HEAVY, *NEVER, "numpy", "typer", "rich"])


def test_help_loads_nothing_heavy() -> None:
    code = "from typer.testing import CliRunner; from mien.cli import app; CliRunner().invoke(app, ['--help'])"
    assert not loaded_after(code).intersection([*HEAVY, *NEVER, "numpy"])


def test_an_analysis_needs_no_torch(portrait_path) -> None:
    code = f"import mien; results = mien.analyze({str(portrait_path)!r}); assert len(results.faces) == 1"
    assert not loaded_after(code).intersection([*NEVER, "fastparquet", "matplotlib", "onnx", "pandas"])
