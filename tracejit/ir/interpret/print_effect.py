"""What the ``print`` primitive shows, for every way of running it."""

from __future__ import annotations

import string
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

#: The name in ``sys`` of the file that texts go to. Another one may be asked for.
STDOUT = "stdout"
#: A text, where it goes, and whether that is flushed.
_Shown: TypeAlias = tuple[str, str, bool]


class _KeptBack(threading.local):
    """What a thread has printed and not shown; None where it is shown at once."""

    waiting: list[_Shown] | None = None


_LOCAL = _KeptBack()

#: How a text that compiled code knows by number is shown, in a replacement field.
MESSAGE = "message"
#: The same, as ``repr`` shows it.
QUOTED = "quoted"
_OF_MESSAGE, _OF_QUOTED = f":{MESSAGE}}}", f":{QUOTED}}}"
#: Texts by their numbers, which count from 1.
_NUMBER_OF: dict[str, int] = {}
_TEXT_OF: dict[int, str] = {}
_LOCK = threading.Lock()


def number_of(text: str) -> int:
    """A number that stands for a text while compiled code runs."""
    with _LOCK:
        number = _NUMBER_OF.setdefault(text, len(_NUMBER_OF) + 1)
        _TEXT_OF[number] = text
    return number


class _Formatter(string.Formatter):
    def format_field(self, value: Any, spec: str) -> str:
        if spec in (MESSAGE, QUOTED):
            text = _TEXT_OF.get(int(value), "")
            return repr(text) if spec == QUOTED else text
        shown: str = super().format_field(value, spec)
        return shown


def formatted(template: str, values: Sequence[Any]) -> str:
    """``template.format(*values)``, where numbers may stand for texts."""
    if template == "{0!s}":
        return str(values[0])
    if _OF_MESSAGE not in template and _OF_QUOTED not in template:
        return template.format(*values)
    return _Formatter().vformat(template, values, {})


def print_values(attrs: Mapping[str, Any], values: Sequence[Any]) -> None:
    """Python's ``print`` of the attribute ``parts``, each None replaced by the next of the values.

    ``formats`` says how values are shown, as after the name in a replacement field (``":.3f"``,
    ``"!r"``); without it as ``str`` shows them.
    """
    formats = attrs.get("formats") or ("!s",) * len(values)
    shown: Iterator[str] = (
        formatted(f"{{0{how}}}", [value]) for value, how in zip(values, formats, strict=True)
    )
    parts = [next(shown) if part is None else str(part) for part in attrs["parts"]]
    text = attrs.get("sep", " ").join(parts) + attrs.get("end", "\n")
    _show(text, attrs.get("file", STDOUT), attrs.get("flush", False))


def printer(attrs: Mapping[str, Any]) -> Callable[..., None]:
    """``print_values`` of Python's numbers, by one template for the line: see ``is_of_numbers``."""
    formats = iter(attrs.get("formats") or ("!s",) * attrs["parts"].count(None))
    fields = [
        "{" + next(formats).replace("!s", "") + "}" if part is None else _as_it_is(str(part))
        for part in attrs["parts"]
    ]
    line = _as_it_is(attrs.get("sep", " ")).join(fields) + _as_it_is(attrs.get("end", "\n"))
    made, file, flush = line.format, attrs.get("file", STDOUT), attrs.get("flush", False)

    def shown(*values: float) -> None:
        _show(made(*values), file, flush)

    return shown


def is_of_numbers(attrs: Mapping[str, Any]) -> bool:
    """Whether numbers of Python's are shown as NumPy's of 64 bits are."""
    formats = attrs.get("formats") or ()
    special = (_OF_MESSAGE, _OF_QUOTED)
    return all(how in ("", "!s") or (how[0] == ":" and how + "}" not in special) for how in formats)


def _as_it_is(text: str) -> str:
    """A text as a template has it."""
    return text.replace("{", "{{").replace("}", "}}")


def _show(text: str, file: str, flush: bool) -> None:
    """A text goes to where ``sys`` has a file of this name now, in one piece; later, where what a
    thread prints is kept back."""
    waiting = _LOCAL.waiting
    if waiting is not None:
        waiting.append((text, file, flush))
        return
    to = getattr(sys, file, None) if file != STDOUT else None
    try:
        to = sys.stdout if to is None else to
    except AttributeError:
        raise RuntimeError("lost sys.stdout") from None
    if to is None:
        return
    to.write(text)
    if flush:
        to.flush()


@contextmanager
def kept_back(wanted: bool, unless: type[BaseException]) -> Iterator[None]:
    """If ``wanted``, what this thread prints inside is shown at the end, not after ``unless``."""
    if not wanted:
        yield
        return
    outer = _LOCAL.waiting
    texts: list[_Shown] = []
    _LOCAL.waiting = texts
    try:
        yield
    except unless:
        texts.clear()
        raise
    finally:
        _LOCAL.waiting = outer
        if outer is not None:
            outer.extend(texts)
        else:
            for shown in texts:
                _show(*shown)
