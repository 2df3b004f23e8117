"""The texts that functions were compiled from, as far as they can be had.

Python keeps no text: a file may be edited while functions of it run. So a file's text is kept when
a function of it is given to ``jit``, and travels with functions that are pickled by value. Whether
a text is that of a function is for `trace.convert.source` to find out.
"""

from __future__ import annotations

import ast
import copy
import functools
import linecache
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

#: How many texts are kept of a file, and of a name that says nothing, such as "<dynamic-code>".
_VERSIONS, _UNNAMED = 4, 64
#: Files of which texts are kept: those that came last.
_MOST_FILES = 1024
#: By file: versions of its text, the newest last, each with size and time of the file (or None).
_kept: dict[str, list[tuple[Any, list[str]]]] = {}

#: Trees that were compiled, the newest last.
_trees: list[ast.Module] = []
#: Modules whose compiling is not the program's.
_LIBRARIES = sys.stdlib_module_names | {"_pytest", "tracejit"}
_FUNCTIONS = re.compile(r"\b(def|lambda)\b")


def keep(function: Any) -> None:
    """Remember the text of the file that a function is from."""
    code = getattr(function, "__code__", None)
    if code is None:
        return
    filename = code.co_filename
    stamp = _stamp(filename)
    versions = _kept.get(filename, ())
    if stamp is not None and not (versions and versions[-1][0] == stamp):
        linecache.checkcache(filename)
        add(filename, linecache.getlines(filename, function.__globals__), stamp)


def add(filename: str, lines: Sequence[str], stamp: Any = None) -> None:
    """Remember a text of a file."""
    versions = _kept.setdefault(filename, [])
    if len(_kept) > _MOST_FILES:
        del _kept[next(iter(_kept))]
    if lines and not any(held == lines for _, held in versions):
        versions.append((stamp, list(lines)))
        del versions[: -_UNNAMED if filename.startswith("<") else -_VERSIONS]


def compiled_trees() -> Iterator[ast.Module]:
    """Trees that were compiled, the latest first, where `keep_compiled` was called."""
    yield from reversed(_trees)


@functools.cache
def keep_compiled() -> None:
    """From now on, keep what ``exec`` and ``eval`` compile under names that are no files, and trees
    that are compiled. Python tells of each by an audit event, for the rest of the process."""
    sys.addaudithook(_see)


def _see(event: str, args: tuple[Any, ...]) -> None:
    if event != "compile":
        return
    source, filename = args
    caller = sys._getframe(1).f_globals.get("__name__") or ""
    if caller.split(".")[0] in _LIBRARIES:
        return  # what dataclasses are made of, and what is only parsed
    if isinstance(source, ast.Module):
        _trees.append(copy.deepcopy(source))
        del _trees[:-_UNNAMED]
    elif isinstance(filename, str) and filename.startswith("<"):
        text = source.decode("utf-8", "replace") if isinstance(source, bytes) else source
        if isinstance(text, str) and _FUNCTIONS.search(text):
            add(filename, text.splitlines(keepends=True))


def packed(function: Any) -> tuple[str, tuple[str, ...]]:
    """The file that a function is from and its text, for another process."""
    code = getattr(function, "__code__", None)
    if code is None:
        return "", ()
    return code.co_filename, tuple(known(code.co_filename, function.__globals__))


def unpack(function: Any, file: tuple[str, tuple[str, ...]]) -> None:
    """Remember the text that came with a function. What is pickled by value may not say what file
    it is from; nor do functions that it calls."""
    filename, text = file
    code = getattr(function, "__code__", None)
    if code is not None and text:
        add(code.co_filename, text)
        add(filename, text)
        if code.co_filename != filename:
            function.__code__ = code.replace(co_filename=filename)


def reduced(compiled: Any, rebuild: Callable[..., Any]) -> Any:
    """How a compiled function is pickled: by name where the other process finds it so; else by
    value, with the text of its file, from which ``rebuild(function, options)`` makes it."""
    function = compiled.py_func
    name = name_elsewhere(compiled, function)
    return name or (_rebuilt, (rebuild, function, compiled._options, packed(function)))


def name_elsewhere(made: Any, function: Any) -> str | None:
    """The name of ``function`` where another process finds what was made of it under that."""
    name = getattr(function, "__qualname__", "<")
    module = getattr(function, "__module__", "")
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is made and not (module == "__main__" and _by_cloudpickle()):
        return str(name)
    return None


def _rebuilt(
    rebuild: Callable[..., Any], function: Any, options: Any, file: tuple[str, tuple[str, ...]]
) -> Any:
    unpack(function, file)
    return rebuild(function, options)


def _by_cloudpickle() -> bool:
    """Whether the pickling under way is cloudpickle's, also a copy that a package has of it: it
    takes the functions of ``__main__`` by value, as another process has another ``__main__``."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if "cloudpickle" in frame.f_globals.get("__name__", "").split("."):
            return True
        frame = frame.f_back
    return False


def texts(filename: str, module_globals: dict[str, Any]) -> Iterator[list[str]]:
    """What may be the text of a file, the likeliest first, as lines with their ends."""
    for _, lines in reversed(_kept.get(filename, [])):
        yield lines
    if _stamp(filename) is None:
        yield linecache.getlines(filename, module_globals)
        yield from _unwritten(filename)
        return
    cached = linecache.cache.get(filename)
    if cached is not None and len(cached) > 1:
        yield list(cached[2])
    linecache.checkcache(filename)
    yield linecache.getlines(filename, module_globals)


def known(filename: str, module_globals: dict[str, Any]) -> list[str]:
    """The likeliest text of a file; no lines where there is none."""
    return next((lines for lines in texts(filename, module_globals) if lines), [])


def may_have_changed(filename: str) -> bool:
    """Whether a file was written since this process began, or when cannot be known."""
    stamp = _stamp(filename)
    return stamp is None or stamp[1] >= _started()


def _stamp(filename: str) -> tuple[int, float] | None:
    try:
        found = os.stat(filename)
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime


def _started() -> float:
    """When the process began, in seconds since 1970; 0 where the system does not tell."""
    try:
        with open("/proc/self/stat") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        with open("/proc/stat") as file:
            booted = next(float(line.split()[1]) for line in file if line.startswith("btime"))
    except (OSError, StopIteration, ValueError):
        return 0.0
    return booted + ticks / os.sysconf("SC_CLK_TCK") - 1.0  # btime is rounded to a second


# Texts that are in no file ------------------------------------------------------------------------


def _unwritten(filename: str) -> Iterator[list[str]]:
    if filename == "<string>":
        yield from _argument()
    if filename == "<stdin>" or filename.startswith("<stdin-"):  # numbered since Python 3.14
        yield from _standard_input()
        yield from _typed()


def _argument() -> Iterator[list[str]]:
    """The argument of ``python -c``."""
    words = iter(sys.orig_argv[1:])
    for word in words:
        if not word.startswith("-") or word.startswith("--"):
            return
        options = word[1:]
        at = next((k for k, letter in enumerate(options) if letter in "cmWX"), None)
        if at is None:
            continue
        value = options[at + 1 :] or next(words, "")
        if options[at] == "c":
            yield value.splitlines(keepends=True)
        if options[at] in "cm":
            return


def _standard_input() -> Iterator[list[str]]:
    """What ``python < file`` reads, which may be read again; ``python -i < file`` counts lines from
    the start of each statement."""
    try:
        found = os.fstat(0)
        if not stat.S_ISREG(found.st_mode):
            return
        text = os.pread(0, found.st_size, 0).decode("utf-8")
    except (OSError, ValueError):
        return
    yield text.splitlines(keepends=True)
    if hasattr(sys, "ps1"):
        yield from _statements(text.splitlines())


def _typed() -> Iterator[list[str]]:
    """Statements typed at a prompt, the latest first, from the history of the line editor."""
    readline: Any = sys.modules.get("readline")
    if readline is None:
        return
    count = readline.get_current_history_length()
    yield from _statements([readline.get_history_item(k) or "" for k in range(1, count + 1)])


def _statements(lines: Sequence[str]) -> Iterator[list[str]]:
    """What may be a statement of a prompt, the latest first."""
    for first in range(len(lines) - 1, -1, -1):
        last = first + 1
        decorated = lines[first].startswith("@")
        while last < len(lines) and (decorated or lines[last][:1].isspace()):
            decorated = lines[last].startswith("@")
            last += 1
        yield [f"{line}\n" for line in lines[first:last]]
