"""One file of a fixed content from the web: found, checked by its SHA-256, fetched only when asked for."""

from __future__ import annotations

import hashlib
import os
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from mien.core.errors import ArtifactError
from mien.core.files import replacing

_TIMEOUT_S = 30


@dataclass(frozen=True)
class PinnedFile:
    """A file's name in the cache, where it is published, its SHA-256 and its size in bytes."""

    name: str
    url: str
    sha256: str
    size: int

    @property
    def path(self) -> Path:
        """Where it lies once it is fetched."""
        return cache_dir() / self.name

    def check(self, data: bytes, origin: str) -> None:
        """Raise ArtifactError unless `data` is the pinned content; `origin` is named in the message."""
        received = hashlib.sha256(data).hexdigest()
        if received != self.sha256:
            raise ArtifactError(
                f"{origin} is not {self.name}: SHA-256 {received[:16]}…, {len(data)} bytes; "
                f"expected {self.sha256[:16]}…, {self.size} bytes. Remove it and fetch it again, or fetch it by hand and give its path."
            )

    def fetch(self) -> Path:
        """Download into the cache, whole and checked or not at all.

        Raises
        ------
        ArtifactError
            The address can't be reached, or sends something else.
        OutputError
            The cache can't be written.
        """
        try:
            with urllib.request.urlopen(self.url, timeout=_TIMEOUT_S) as answer:
                data = answer.read(self.size + 1)
        except (urllib.error.URLError, OSError) as error:
            raise ArtifactError(
                f"Can't fetch {self.name} from {self.url}: {error}. Fetch it on another machine and lay it in {self.path}."
            ) from error
        self.check(data, f"What {self.url} sent")
        with replacing(self.path) as temporary:
            temporary.write_bytes(data)
        return self.path


def cache_dir() -> Path:
    """The folder of fetched files: MIEN_CACHE, or `mien` in the platform's folder for caches."""
    if os.environ.get("MIEN_CACHE"):
        return Path(os.environ["MIEN_CACHE"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "mien" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mien"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mien"
