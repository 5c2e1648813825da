"""The adapters that are kept for other people's tools: well written, and clear about what is not installed."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from mien.bench.contenders import load_contender
from mien.bench.description import EXPRESSIONS, read_description
from mien.core.errors import MissingExtraError
from tests.bench.parts import adapter

PEERS = Path(__file__).resolve().parents[2] / "benchmarks" / "peers"
ADAPTERS = sorted(PEERS.glob("*.toml"))
PACKAGES = {"fer_tflite": ["fer", "ai_edge_litert"], "deepface": ["deepface"], "pyfeat": ["feat"], "rmn": ["rmn"]}


@pytest.mark.parametrize("path", ADAPTERS, ids=lambda path: path.stem)
def test_what_is_not_installed_comes_with_its_command(path: Path) -> None:
    needs = PACKAGES.get(path.stem)
    described = re.search(r'onnx = "(.*)"', path.read_text(encoding="utf-8"))
    if all(map(importlib.util.find_spec, needs)) if needs else Path(described[1]).expanduser().is_file():
        pytest.skip("it is installed here")
    with pytest.raises(MissingExtraError, match=r"(Install|Get) it with: \S") as caught:
        load_contender(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("path", ADAPTERS, ids=lambda path: path.stem)
def test_every_key_is_known_and_every_fact_told(path: Path, tmp_path: Path) -> None:
    text = re.sub(r'onnx = ".*"', 'onnx = "net.onnx"', path.read_text(encoding="utf-8"))
    (tmp_path / "net.onnx").touch()
    found = read_description(adapter(tmp_path, text, path.stem))
    assert found.install
    assert found.licence
    assert set(found.labels) <= set(EXPRESSIONS)
    if isinstance(found.target, str):
        assert (PEERS / f"{found.target.partition(':')[0]}.py").is_file()


def test_each_adapter_is_in_the_table() -> None:
    table = (PEERS / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(\w+\.toml)`", table)) >= {path.name for path in ADAPTERS}
