"""Object code kept on disk between processes, found by a hash of all that it depends on.

An entry is one file: a magic word, the SHA-256 of its key and content, the content. It is written
beside and renamed into place, so a reader sees a whole file or none, whatever other processes do or
die of. What does not have its own hash is not used, nor is a copy of another entry. Nothing here
raises: a cache that cannot be read or written is a slower first call.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from tracejit.errors import SettingError
from tracejit.records import dataclass

_FAMILY = b"tracejit-object-"  # and the number of the form of entries
_MAGIC = _FAMILY + b"2\n"
_HEAD = len(_MAGIC) + 32
_SUFFIX, _UNFINISHED = ".obj", ".part"
#: Seconds after which a file that was never renamed belongs to a process that died.
_ABANDONED = 3600.0
DEFAULT_LIMIT = 512 << 20


State = Literal["whole", "damaged", "of another version"]


@dataclass(frozen=True)
class CachedFile:
    """One file of the cache: ``used`` is the time (seconds since 1970) of its last hit or write."""

    path: Path
    size: int
    used: float


class DiskCache:
    """Object code in a folder of the user's own, at most about ``limit`` bytes of it.

    The least recently used entries go first. Safe with any number of processes and threads.
    """

    def __init__(self, folder: Path, limit: int = DEFAULT_LIMIT) -> None:
        self.folder = folder
        self.limit = limit
        self.hits = 0
        self.misses = 0
        self._usable: bool | None = None
        self._written = self._random_start()

    def get(self, key: str) -> bytes | None:
        """The object code stored for ``key``, or None."""
        if not self.usable():
            return None
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            self.misses += 1
            return None
        code = checked(key, data)
        if code is None:
            self.misses += 1
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        self.hits += 1
        with contextlib.suppress(OSError):
            os.utime(path)
        return code

    def put(self, key: str, code: bytes) -> None:
        """Store ``code``; a full disk or a folder that cannot be written changes nothing."""
        if not self.usable():
            return
        path = self._path(key)
        data = _MAGIC + _hash(key, code) + code
        unfinished = None
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            handle, unfinished = tempfile.mkstemp(_UNFINISHED, dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(unfinished, path)
        except OSError:
            if unfinished is not None:
                with contextlib.suppress(OSError):
                    os.unlink(unfinished)
            return
        self._written += len(data)
        if self._written > self._most_between:
            self._written = 0
            self.trim()

    @property
    def _most_between(self) -> int:
        """Bytes that are written between two looks at how much is stored."""
        return self.limit // 8

    def _random_start(self) -> int:
        """What counts as written before: so many processes that each write a little look at how
        much is stored as often as one that writes as much as all of them."""
        return int.from_bytes(os.urandom(8), "little") % max(self._most_between, 1)

    def usable(self) -> bool:
        """Whether the folder is there and the user's own; asked once."""
        if self._usable is None:
            self._usable = self._prepared()
        return self._usable

    def entries(self) -> list[CachedFile]:
        """What is stored, the least recently used first."""
        found = [
            CachedFile(path, status.st_size, status.st_mtime)
            for path, status in self._files()
            if path.suffix == _SUFFIX
        ]
        return sorted(found, key=lambda e: (e.used, e.path.name))

    def trim(self, limit: int | None = None) -> int:
        """Remove old entries until at most 7/8 of ``limit`` is left; returns the bytes removed."""
        limit = self.limit if limit is None else limit
        self._remove_abandoned()
        entries = self.entries()
        total, removed = sum(e.size for e in entries), 0
        if total <= limit:
            return 0
        for entry in entries:
            if total - removed <= limit // 8 * 7:
                break
            with contextlib.suppress(OSError):
                entry.path.unlink()
                removed += entry.size
        return removed

    def clear(self) -> int:
        """Remove every entry that can be removed; returns how many those are."""
        removed = 0
        self._remove_abandoned(older=0.0)
        for entry in self.entries():
            with contextlib.suppress(OSError):
                entry.path.unlink()
                removed += 1
        return removed

    def problem(self) -> str:
        """Why what is stored cannot be seen; empty where it can, and where there is no folder."""
        try:
            for folder in self.folder.iterdir():
                if len(folder.name) == 2 and folder.is_dir():
                    os.listdir(folder)
        except FileNotFoundError:
            return ""
        except OSError as error:
            return f"{error.filename} cannot be read: {error.strerror}"
        return ""

    def damaged(self) -> list[Path]:
        """Entries that are not what was written."""
        return [entry.path for entry in self.entries() if self.state(entry) == "damaged"]

    def state(self, entry: CachedFile) -> State:
        """Whether an entry is what was written (or gone since), or of a version of tracejit that
        writes them otherwise, which takes none of this one's."""
        path = entry.path
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return "whole"
        except OSError:
            return "damaged"
        if data.startswith(_FAMILY) and not data.startswith(_MAGIC):
            return "of another version"
        return "damaged" if checked(path.parent.name + path.stem, data) is None else "whole"

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}{_SUFFIX}"

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self.folder.glob("??/*"):
            with contextlib.suppress(OSError):
                yield path, path.lstat()

    def _remove_abandoned(self, older: float = _ABANDONED) -> None:
        now = time.time()
        for path, status in self._files():
            if path.suffix == _UNFINISHED and now - status.st_mtime >= older:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _prepared(self) -> bool:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = self.folder.stat()
        except OSError:
            return False
        if not stat.S_ISDIR(status.st_mode):
            return False
        wrong = _not_ones_own(status)
        if wrong:
            warnings.warn(
                f"tracejit does not use the cache folder {self.folder}: {wrong}; whoever can write "
                "there could run code as you. Set TRACEJIT_CACHE_DIR to a folder of your own, or "
                "to nothing to do without",
                RuntimeWarning,
                stacklevel=2,
            )
        return not wrong


def _not_ones_own(status: os.stat_result) -> str:
    """Why native code from this folder is not trusted; empty if it is."""
    if os.name != "posix":
        return ""
    if status.st_uid != os.geteuid():
        return "it belongs to another user"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"others can write to it (mode {stat.S_IMODE(status.st_mode):o})"
    return ""


def _hash(key: str, code: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\n" + code).digest()


def checked(key: str, data: bytes) -> bytes | None:
    """The object code in a file's content, None if it is not what was written for ``key``."""
    if len(data) <= _HEAD or not data.startswith(_MAGIC):
        return None
    code = data[_HEAD:]
    return code if _hash(key, code) == data[len(_MAGIC) : _HEAD] else None


def default_folder() -> Path | None:
    """Where the cache is: TRACEJIT_CACHE_DIR, or the user's cache folder. None: there is none."""
    asked = os.environ.get("TRACEJIT_CACHE_DIR")
    if asked is not None:
        return Path(asked).expanduser() if asked.strip() else None
    import platformdirs

    return Path(platformdirs.user_cache_dir("tracejit", appauthor=False)) / "objects"


def default_limit() -> int:
    """Bytes that the cache may hold: TRACEJIT_CACHE_SIZE in MiB, 512 without it."""
    asked = os.environ.get("TRACEJIT_CACHE_SIZE", "")
    try:
        return int(float(asked) * (1 << 20)) if asked else DEFAULT_LIMIT
    except ValueError:
        raise SettingError(f"TRACEJIT_CACHE_SIZE is a number of MiB, not {asked!r}") from None


def default_cache() -> DiskCache | None:
    """The cache of this process, or None where it is switched off."""
    folder = default_folder()
    return None if folder is None else DiskCache(folder, default_limit())
