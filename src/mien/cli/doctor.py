"""`mien doctor`: what is installed, whether it works, and what to do where it does not."""

from __future__ import annotations

import importlib
import os
import platform
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import typer

from mien import __version__
from mien.cli.console import show_json, show_table
from mien.cli.options import Json
from mien.core.errors import MienError

PORTRAIT = Path(__file__).resolve().parent.parent / "assets" / "portrait.jpg"
IMPORTS = {"opencv-python": "cv2", "pillow": "PIL", "scikit-image": "skimage", "scikit-learn": "sklearn"}
"""Distributions whose module has another name."""


@dataclass(frozen=True)
class Check:
    """One finding: "ok", "broken" (the core does not work), or "absent" (something optional is not there)."""

    name: str
    state: Literal["ok", "broken", "absent"]
    detail: str


def doctor(as_json: Json = False) -> None:
    """Say what is installed and whether it works.

    The exit code is 1 when something of the core is broken.
    """
    checks = list(examine())
    healthy = all(check.state != "broken" for check in checks)
    if as_json:
        show_json({"healthy": healthy, "checks": [asdict(check) for check in checks]})
    else:
        show_table(("Check", "State", "Detail"), [(c.name, c.state, c.detail) for c in checks], wide=2)
    if not healthy:
        raise typer.Exit(1)


def examine() -> Iterator[Check]:
    """Every check in turn; none of them raises."""
    yield Check("mien", "ok", f"{__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    yield from map(_package, _requirements(None))
    yield _runtime()
    yield from _models()
    yield _portrait()
    yield _window()
    yield from _extras()
    yield _data()


def _requirements(extra: str | None) -> list[str]:
    """Distributions that mien declares for that extra (None: the core), read from its own metadata."""
    try:
        declared = metadata.requires("mien") or []
    except metadata.PackageNotFoundError:
        return []
    named = {match[0]: re.search(r"extra == ['\"](\w+)['\"]", line) for line in declared if (match := re.match(r"[\w.-]+", line))}
    chosen = [name for name, marker in named.items() if (marker and marker[1]) == extra]
    return [name for name in chosen if name not in ("mien", "tomli")]


def _package(name: str) -> Check:
    try:
        importlib.import_module(IMPORTS.get(name, name.replace("-", "_")))
    except (ImportError, OSError) as error:
        return Check(name, "broken", f"{error}. Install mien again: pip install --force-reinstall mien")
    return Check(name, "ok", metadata.version(name))


def _runtime() -> Check:
    try:
        import onnxruntime
    except (ImportError, OSError) as error:
        return Check("runtime", "broken", str(error))
    return Check("runtime", "ok", f"{', '.join(onnxruntime.get_available_providers())}; {os.cpu_count()} cores")


def _models() -> Iterator[Check]:
    from mien.artifact import list_models, read_card

    if not list_models():
        yield Check("models", "broken", "No model ships in this installation. Install mien again: pip install --force-reinstall mien")
    for name in list_models():
        try:
            card = read_card(name)
        except MienError as error:
            yield Check(f"model {name}", "broken", str(error))
        else:
            yield Check(f"model {name}", "ok", f"{card.name} {card.version}, weights fit their hash {card.sha256[:12]}…")


def _portrait() -> Check:
    try:
        from mien.analysis.analyzer import Analyzer

        analyzer = Analyzer()
        start = time.perf_counter()
        results = analyzer.analyze(PORTRAIT)
        milliseconds = 1000 * (time.perf_counter() - start)
    except (MienError, ImportError, OSError) as error:
        return Check("self-test", "broken", str(error))
    found = ", ".join(f"{face.prediction.label} {face.prediction.confidence:.0%}" for face in results.faces)
    if len(results.faces) != 1:
        return Check("self-test", "broken", f"The embedded photo shows one face; found {len(results.faces)} ({found}).")
    return Check("self-test", "ok", f"one face, {found}, in {milliseconds:.0f} ms")


def _window() -> Check:
    from mien.report.window import Window

    try:
        with Window():
            return Check("window", "ok", "mien analyze --show can open one")
    except MienError as error:
        return Check("window", "absent", str(error))


def _extras() -> Iterator[Check]:
    try:
        extras = metadata.metadata("mien").get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        extras = []
    for extra in extras:
        missing = [name for name in _requirements(extra) if not _installed(name)]
        if missing:
            yield Check(f"extra {extra}", "absent", f"without {', '.join(missing)}; pip install 'mien[{extra}]'")
        else:
            yield Check(f"extra {extra}", "ok", "installed")


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _data() -> Check:
    folder = os.environ.get("MIEN_DATA")
    if not folder:
        return Check("data sets", "absent", "MIEN_DATA is not set; give --data DIR, or set it to the folder that the data sets lie in")
    if not Path(folder).is_dir():
        return Check("data sets", "absent", f"MIEN_DATA is {folder}, which is no folder")
    return Check("data sets", "ok", folder)
