"""What of Python's library, of NumPy and of SciPy may run while tracing.

Tracing runs the program's Python once, so only what depends on its arguments alone, and changes
nothing else, may run then. ``PURE`` lists it; what is not listed is refused (see ``refusals``), for
nobody can know of a function in C what it does.
"""

from __future__ import annotations

import functools
import inspect
import sys
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final

from tracejit.trace.session.plain import module_of

#: Module: the names that are pure, or "*" and those that are not. A name of a class stands for its
#: methods. Modules are named without a leading underscore, and stand for those inside of them.
PURE: Final = {
    # Python's language and numbers
    "builtins": "* -open -input -print -exec -eval -globals -locals -vars -dir -breakpoint "
    "-__import__",
    "types": "*",
    "typing": "*",
    "typing_extensions": "*",
    "abc": "*",
    "enum": "*",
    "numbers": "*",
    "math": "*",
    "cmath": "*",
    "decimal": "* -getcontext -setcontext -localcontext",
    "fractions": "*",
    "statistics": "* -NormalDist.samples",
    # Functions, containers, iteration
    "operator": "*",
    "functools": "*",
    "itertools": "*",
    "collections": "*",
    "copy": "*",
    "copyreg": "*",
    "heapq": "*",
    "bisect": "*",
    "array": "* -array.fromfile -array.tofile",
    "queue": "* -SimpleQueue",
    "graphlib": "*",
    "dataclasses": "*",
    "contextlib": "nullcontext closing suppress contextmanager ContextDecorator "
    "AbstractContextManager "
    "_GeneratorContextManager",
    "inspect": "* -stack -currentframe -trace -getsource -getsourcelines -getsourcefile -getfile",
    # Texts and bytes
    "string": "*",
    "re": "*",
    "sre": "*",
    "textwrap": "*",
    "unicodedata": "*",
    "difflib": "*",
    "reprlib": "*",
    "pprint": "pformat",
    "struct": "*",
    "binascii": "*",
    "base64": "*",
    "codecs": "* -open -EncodedFile",
    "hashlib": "* -file_digest -update",
    "md5": "* -update",
    "sha1": "* -update",
    "sha2": "* -update",
    "sha3": "* -update",
    "blake2": "* -update",
    "zlib": "* -Compress -Decompress",
    "json": "* -dump -load",
    "io": "StringIO BytesIO",
    "ast": "literal_eval",
    "uuid": "UUID uuid3 uuid5",
    # Dates and paths as values: what does not ask for the time or look at a disk
    "datetime": "* -now -utcnow -today -fromtimestamp -astimezone -timestamp",
    "calendar": "* -setfirstweekday -prmonth -prcal -prweek -pryear",
    "posixpath": "join basename dirname split splitext splitdrive splitroot normpath normcase "
    "isabs commonpath",
    "ntpath": "join basename dirname split splitext splitdrive splitroot normpath normcase "
    "isabs commonpath",
    "genericpath": "commonprefix",
    "posix": "fspath",
    "os": "fspath fsencode fsdecode",
    "pathlib": "PurePathBase PathBase "
    "PurePath PurePosixPath PureWindowsPath Path PosixPath WindowsPath "
    "-absolute -chmod -cwd -exists -expanduser -glob -group -hardlink_to -home "
    "-is_block_device -is_char_device -is_dir -is_fifo -is_file -is_junction -is_mount "
    "-is_socket -is_symlink -iterdir -lchmod -link_to -lstat -mkdir -open -owner -read_bytes "
    "-read_text -readlink -rename -replace -resolve -rglob -rmdir -samefile -stat -symlink_to "
    "-touch -unlink -walk -write_bytes -write_text -copy -copy_into -move -move_into",
    # What is the same in all of a process
    "platform": "*",
    "sys": "intern getsizeof",
    # No warnings are given by compiled code, so how they are shown is all one
    "warnings": "catch_warnings simplefilter filterwarnings resetwarnings",
    "numpy": "* -load -loadtxt -genfromtxt -fromfile -fromregex -memmap -save -savez "
    "-savez_compressed -savetxt -DataSource -open_memmap -tofile -dump -seterr -geterr -errstate "
    "-seterrcall -geterrcall -setbufsize -getbufsize -set_printoptions -get_printoptions "
    "-printoptions -show_config -show_runtime -info",
    "numpy.random": "",
    "numpy.testing": "",
    "numpy.f2py": "",
    "scipy": "",
    "scipy.constants": "*",
    "scipy.fft": "* -set_workers -set_global_backend -set_backend -register_backend",
    "scipy.fftpack": "*",
    "scipy.integrate": "*",
    "scipy.interpolate": "*",
    "scipy.linalg": "*",
    "scipy.linalg.interpolative": "",
    "scipy.ndimage": "*",
    "scipy.optimize": "*",
    "scipy.signal": "*",
    "scipy.sparse": "*",
    "scipy.spatial": "*",
    "scipy.special": "* -seterr -errstate",
    "scipy.stats": "* -rvs",
    "ml_dtypes": "*",
    "optree": "*",
    "tracejit": "*",
}

#: Parameters by which a function of SciPy takes where it draws from: it draws, then.
_SOURCES: Final = {"rng", "random_state", "seed"}


def is_pure(f: Any) -> bool:
    """Whether calling ``f`` on what is known now gives what every call would, and does no more."""
    module, name = place_of(f)
    rule = _rule_of(module)
    if rule is None or not rule.admits(name) or _draws(module, f):
        return False
    owner = getattr(f, "__self__", None)
    kind = owner if isinstance(owner, type) else type(owner)
    if owner is None or isinstance(owner, ModuleType) or not is_library(module_of(kind)):
        return True
    rule = _rule_of(module_of(kind))  # a method of a pure base may be of something that is not
    return rule is not None and rule.admits(kind.__qualname__)


def is_pure_class(cls: type) -> bool:
    """Whether making an object of a class, by what is not the user's own Python, is pure."""
    by_metaclass: Any = type(cls).__call__
    if isinstance(by_metaclass, FunctionType) and not is_library(module_of(by_metaclass)):
        return True
    for name in ("__new__", "__init__"):
        owner = next(base for base in cls.__mro__ if name in base.__dict__)
        users = isinstance(owner.__dict__[name], FunctionType | staticmethod)
        if owner is not object and not (users and not is_library(module_of(owner))):
            module, _ = place_of(owner)
            rule = _rule_of(module)
            if rule is None or not rule.admits(owner.__qualname__) or _draws(module, owner):
                return False
    return True


def place_of(f: Any) -> tuple[str, str]:
    """The module that has a function, method or class, and its name there with that of its class.

    An object that can be called is its ``__call__``.
    """
    if isinstance(f, MethodType):
        return place_of(f.__func__) if isinstance(f.__func__, FunctionType) else _of_class(f)
    if isinstance(f, type | FunctionType):
        return module_of(f), f.__qualname__
    if hasattr(f, "__objclass__"):
        return module_of(f.__objclass__), f"{f.__objclass__.__qualname__}.{f.__name__}"
    owner = getattr(f, "__self__", None)
    if owner is not None and not isinstance(owner, ModuleType) and hasattr(f, "__name__"):
        return _of_class(f)
    if not isinstance(getattr(f, "__name__", None), str) or not getattr(f, "__module__", None):
        return module_of(type(f)), f"{type(f).__qualname__}.__call__"
    return module_of(f), getattr(f, "__qualname__", f.__name__)


def _of_class(f: Any) -> tuple[str, str]:
    """The place of a bound method: that of the class which has it."""
    owner = f.__self__
    kind = owner if isinstance(owner, type) else type(owner)
    kind = next((base for base in kind.__mro__ if f.__name__ in base.__dict__), kind)
    return module_of(kind), f"{kind.__qualname__}.{f.__name__}"


@functools.cache
def is_library(module: str) -> bool:
    """Whether the module is one of those that ``PURE`` is to say all of."""
    root = module.split(".")[0]
    return root in sys.stdlib_module_names - {"__main__", "test"} or root in PURE


class _Rule:
    """What a line of ``PURE`` says."""

    def __init__(self, line: str) -> None:
        words = line.split()
        self.all = "*" in words
        self.given = {w for w in words if not w.startswith("-")} - {"*"}
        self.without = {w[1:] for w in words if w.startswith("-")}

    def admits(self, name: str) -> bool:
        """A name with those of the classes around it, such as ``date.today``."""
        parts = name.split(".")
        if name in self.without or not self.without.isdisjoint((parts[0], parts[-1])):
            return False
        return self.all or parts[0] in self.given


@functools.cache
def _rule_of(module: str) -> _Rule | None:
    """The rule of a module, or of the innermost package around it that has one."""
    parts = module.split(".")
    parts[0] = parts[0].lstrip("_")
    for k in range(len(parts), 0, -1):
        line = PURE.get(".".join(parts[:k]))
        if line is not None:
            return _Rule(line)
    return None


def _draws(module: str, f: Any) -> bool:
    if not module.startswith("scipy"):
        return False
    try:
        return not _SOURCES.isdisjoint(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        return False
