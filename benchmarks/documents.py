"""Documents that commands write: whole ones, tables, and parts between the lines <!-- name --> and <!-- /name --> of others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from mien.core.errors import OptionError
from mien.core.files import write_text


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(title: str, command: str, *parts: str) -> str:
    """A document: its title, the command that writes it, and its parts."""
    return "\n\n".join([f"# {title}", f"```\n{command}\n```", *(one.strip() for one in parts)]) + "\n"


def part(path: Path, name: str) -> str:
    """What stands between the marks of `name` in a document. Raises OptionError where they are not there."""
    return _divided(path, name)[1].strip()


def into(path: Path, name: str, text: str) -> Path:
    """Put `text` between the marks of `name` in a document, in place of what was there. Raises OptionError as `part` does."""
    before, _, after = _divided(path, name)
    write_text(path, f"{before}\n\n{text.strip()}\n\n{after}")
    return path


def _divided(path: Path, name: str) -> tuple[str, str, str]:
    """The document up to the first mark, with it; what stands between; and the rest from the last mark on."""
    marks = (f"<!-- {name} -->", f"<!-- /{name} -->")
    whole = path.read_text(encoding="utf-8")
    first, last = (whole.find(mark) for mark in marks)
    if first < 0 or last < first:
        raise OptionError(f"{path} has no lines {' and '.join(marks)} to put the text between. Write them where it belongs.")
    start = first + len(marks[0])
    return whole[:start], whole[start:last], whole[last:]
