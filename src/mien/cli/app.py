"""The command `mien`: its groups, and what every command does alike – errors, exit codes, `--version`."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mien import __version__
from mien.cli import analyze, bench, data, demo, doctor, evaluate, explain, models, session, train
from mien.core.errors import MienError, MienWarning


class Commands(TyperGroup):
    """What mien raises or warns of on purpose becomes one line on stderr, an error exit code 1; `MIEN_DEBUG=1` shows the whole of it."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            with _warnings_in_a_line():
                result = super().invoke(ctx)
            sys.stdout.flush()  # here a reader that has gone away is still met by the handler of broken pipes
            return result
        except MienError as error:
            if os.environ.get("MIEN_DEBUG"):
                raise
            typer.echo(f"mien: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(1) from error
        except OSError as error:
            if error.errno == errno.EPIPE or os.environ.get("MIEN_DEBUG"):
                raise
            _abandon_stdout()
            what = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
            typer.echo(f"mien: The system refused to read or write ({what}). Make room, or write elsewhere.", err=True)
            raise typer.Exit(1) from error


@contextlib.contextmanager
def _warnings_in_a_line() -> Iterator[None]:
    with warnings.catch_warnings():  # which puts back the filters and what shows them
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, MienWarning) and not os.environ.get("MIEN_DEBUG"):
                typer.echo(f"mien: {' '.join(str(message).split())}", err=True)
            else:
                usual(message, category, *place, **more)

        warnings.simplefilter("always", MienWarning)
        warnings.showwarning = show
        yield


def _abandon_stdout() -> None:
    """Where the disk behind stdout is full, what is still buffered would fail once more as Python ends, with a traceback."""
    with contextlib.suppress(OSError, ValueError):
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, sys.stdout.fileno())
        os.close(sink)


app = typer.Typer(
    name="mien",
    cls=Commands,
    help="Facial expression recognition: look at a face, say what it shows and how sure that is.",
    epilog="Exit codes: 0 done, 1 the work failed (one line on stderr says why), 2 wrong usage.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("analyze")(analyze.analyze)
app.command("demo")(demo.demo)
app.add_typer(models.app, name="models")
app.add_typer(data.app, name="data")
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("bench")(bench.bench)
app.command("explain")(explain.explain)
app.command("session")(session.session)
app.command("export")(models.export)
app.command("doctor")(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mien {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line with the arguments of this process. What stdout or stderr can't encode, such as a name, is spelt out there."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="mien")
