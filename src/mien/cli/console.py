"""What the commands share to show things: tables and JSON on stdout, progress on stderr."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import typer

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_WITHOUT_TERMINAL = 200
"""Columns of a table that goes into a file or a pipe; a terminal's own width is used where there is one."""

Advance = Callable[[str, float, float | None], None]
"""Tells a bar where the work is: what is being done, how much of it is done, and how much there is (None: unknown)."""


def stdout() -> Console:
    """The console for results."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=WIDTH_WITHOUT_TERMINAL)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, wide: int | Sequence[int] = 0) -> None:
    """Print rows under their column names; those with a leading ">" are aligned right. Columns `wide` are folded where room is short."""
    from rich import box
    from rich.table import Table

    folded = [wide] if isinstance(wide, int) else wide
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, show_header=any(columns))
    for place, name in enumerate(columns):
        justify: Literal["left", "right"] = "right" if name.startswith(">") else "left"
        table.add_column(name.lstrip(">"), justify=justify, overflow="fold", no_wrap=place not in folded)
    for row in rows:
        table.add_row(*row)
    stdout().print(table)


def show_json(value: Any) -> None:
    """Print a value as indented JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def command_line() -> str:
    """What was typed to start this process, as a shell takes it: a page says so how to make it again."""
    return shlex.join(["mien", *sys.argv[1:]])


@contextmanager
def progress() -> Iterator[Advance]:
    """A progress bar on stderr, gone when the work is done; nothing at all where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(show_speed=True), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, redirect_stdout=False, disable=not console.is_terminal) as bar:
        task = bar.add_task("Starting", total=None)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total)
