"""Somebody's Python function: found, imported and called so that whatever goes wrong in it is one line that names the adapter."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.bench.description import Description
from mien.core.errors import ArtifactError, MienError, MissingExtraError


class Function:
    """The function that an adapter names. Its module may lie in the adapter's folder, in the working folder, or be installed.

    A keyword parameter `threads` of the function is given the number of threads (None: its own choice). What it prints goes to stderr.

    Raises
    ------
    ArtifactError
        No such module or function, an import or a call that fails, or a module whose name another adapter's module has taken.
    MissingExtraError
        The module imports a package that is not installed; the message gives the adapter's `install` command.
    """

    def __init__(self, description: Description, threads: int | None) -> None:
        self.description = description
        self._folders = [str(description.file.resolve().parent), str(Path.cwd())]
        name, _, attribute = str(description.target).partition(":")
        with self._told("import"):
            module = importlib.import_module(name)
        self._check_origin(module, name)
        function = getattr(module, attribute, None)
        if not callable(function):
            there = ", ".join(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
            raise ArtifactError(f"{description.file}: {name} holds no function {attribute!r}; it holds {there or 'none'}.")
        self._call: Callable[[NDArray[np.uint8]], Any] = partial(function, threads=threads) if _takes_threads(function) else function

    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[Any]:
        """What the function gives for `crops`."""
        with self._told("call"):
            return np.asarray(self._call(crops))

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """The folders on the path while it runs, its prints off stdout, its errors as one of ours."""
        before = list(sys.path)
        sys.path[:0] = self._folders
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield
        except MienError:
            raise
        except ModuleNotFoundError as error:
            raise self._missing(error) from error
        except (Exception, SystemExit) as error:  # somebody else's code may raise anything
            raise ArtifactError(
                f"{self.description.file}: the {what} of {self.description.target} failed ({type(error).__name__}: {error}). "
                "Correct the function, or set MIEN_DEBUG=1 to see where."
            ) from error
        finally:
            sys.path[:] = before

    def _missing(self, error: ModuleNotFoundError) -> MienError:
        description = self.description
        if description.install:
            return MissingExtraError(
                f"{description.file}: {description.name} needs the package {error.name!r}, which is not installed. "
                f"Install it with: {description.install}"
            )
        return ArtifactError(
            f"{description.file}: there is no module {error.name!r} in {' or '.join(dict.fromkeys(self._folders))}, and none is installed. "
            "Put it there, or install it."
        )

    def _check_origin(self, module: ModuleType, name: str) -> None:
        """Python keeps one module a name: a second adapter's `predict.py` would silently be the first one's."""
        if "." in name:
            return
        spec = PathFinder.find_spec(name, self._folders)
        loaded = getattr(module, "__file__", None)
        if spec is not None and spec.origin and loaded and Path(spec.origin).resolve() != Path(loaded).resolve():
            raise ArtifactError(
                f"{self.description.file}: the module {name!r} is {spec.origin}, but {loaded} of that name is loaded already. "
                "Give the adapter's module a name of its own."
            )


def weight_file(text: str, folder: Path) -> Path | None:
    """The file that an adapter's `weights` name: "package:path" inside an installed package, or a path, from `folder`; None if absent."""
    package, colon, inside = text.partition(":")
    if colon and package.replace(".", "_").isidentifier() and len(package) > 1:
        with contextlib.suppress(ImportError, ValueError):
            spec = importlib.util.find_spec(package)
            places = list(spec.submodule_search_locations or []) if spec else []
            return next((path for place in places if (path := Path(place) / inside).is_file()), None)
        return None
    path = folder / Path(text).expanduser()
    return path if path.is_file() else None


def _takes_threads(function: Callable[..., Any]) -> bool:
    try:
        return "threads" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
