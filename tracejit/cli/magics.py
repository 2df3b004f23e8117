"""``%load_ext tracejit`` in IPython and notebooks: ``%%tracejit`` and ``%timejit``.

``%%tracejit`` compiles the functions that a cell defines. ``%timejit f(x)`` times a call beside the
same call in Python. Nothing of IPython is imported: what a magic needs is on the shell.
"""

from __future__ import annotations

import ast
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.api import jit
from tracejit.bench.timing import SAMPLE_SECONDS, difference
from tracejit.diagnostics.checked_calls import copied, unobserved
from tracejit.dtypes import finfo, is_inexact, is_numeric
from tracejit.records import dataclass

Call = Callable[..., Any]
Arguments = tuple[tuple[Any, ...], dict[str, Any]]
#: The name by which the code of a cell finds what compiles its functions.
_DECORATOR = "_tracejit_of_this_cell"
_FLAGS = ("--explain", "--page")
_ROUNDS = 7
#: A call in Python that takes longer than this, in seconds, is not run again to be timed.
_LONG = 1.0


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext tracejit`` calls."""

    def compile_cell(line: str, cell: str) -> Any:
        return _run_cell(shell, line, cell)

    def compare_call(line: str) -> Any:
        return _compare(shell, line)

    compile_cell.__doc__, compare_call.__doc__ = _run_cell.__doc__, _compare.__doc__
    shell.register_magic_function(compile_cell, magic_kind="cell", magic_name="tracejit")
    shell.register_magic_function(compare_call, magic_kind="line", magic_name="timejit")


def _run_cell(shell: Any, line: str, cell: str) -> Any:
    """Run the cell with every function that it defines at its top compiled by ``jit``.

    ``%%tracejit [--explain] [--page] [options of jit]``, as ``%%tracejit --page shapes="static"``.
    Functions that have decorators already are left alone. ``--explain`` prints what the compiler
    made of those that were called; ``--page`` shows source, IR, kernels and assembly side by side.
    """
    words = line.split()
    flags = {word for word in words if word in _FLAGS}
    options = _options(" ".join(word for word in words if word not in flags), shell.user_ns)
    text = shell.transform_cell(cell)
    file = shell.compile.cache(text, shell.execution_count, raw_code=cell)
    tree = shell.transform_ast(shell.compile.ast_parse(text, filename=file))
    compiled: list[Any] = []

    def keep(function: Call) -> Any:
        made = jit(function, **options)
        compiled.append(made)
        return made

    last = _prepare(tree)
    shell.user_ns[_DECORATOR] = keep
    try:
        exec(shell.compile(tree, file, "exec"), shell.user_ns)
        result = last and eval(shell.compile(last, file, "eval"), shell.user_ns)
    finally:
        del shell.user_ns[_DECORATOR]
    for function in compiled if flags else ():
        _tell(function, flags)
    return result


def _options(text: str, names: dict[str, Any]) -> dict[str, Any]:
    """Options of ``jit``, written as in a call of it or with spaces between."""
    words = ", ".join(word.rstrip(",") for word in text.split())
    try:
        call: Any = ast.parse(f"dict({words})", mode="eval").body
    except SyntaxError:
        call = None
    if call is None or call.args or not all(k.arg for k in call.keywords):
        flags = ", ".join(_FLAGS)
        raise ValueError(
            f"%%tracejit: {text!r} is neither {flags} nor options of jit, such as shapes='static'"
        )
    return {k.arg: eval(_expression(k.value), names) for k in call.keywords}


def _expression(tree: ast.expr) -> Any:
    return compile(ast.fix_missing_locations(ast.Expression(tree)), "<options>", "eval")


def _prepare(tree: ast.Module) -> ast.Expression | None:
    """Decorate the cell's functions; its last expression, taken off, is what the cell shows."""
    for stmt in tree.body:
        if isinstance(stmt, ast.FunctionDef) and not stmt.decorator_list:
            name = ast.copy_location(ast.Name(_DECORATOR, ast.Load()), stmt)
            # On the line of `def`: there a function without decorators begins in its source.
            name.end_lineno, name.end_col_offset = stmt.lineno, stmt.col_offset
            stmt.decorator_list.append(name)
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        return ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
    return None


def _tell(function: Any, flags: set[str]) -> None:
    if not function.signatures:
        print(f"{function.__name__} is not compiled yet: the cell does not call it")
        return
    if "--explain" in flags:
        print("\n".join(function.explain().values()))
    if "--page" in flags:
        from IPython.display import display

        display(function)


@dataclass(frozen=True)
class TimedCall:
    """A call timed in compiled code and in Python: seconds per call, medians of interleaved
    samples. ``first``: seconds of the first compiled call. ``python``: None where there is no
    Python to run, as for a gradient. ``differs``: how the results differ, empty if they agree."""

    call: str
    first: float
    compiled: float
    python: float | None = None
    differs: str = ""

    def __str__(self) -> str:
        head = f"{self.call}\n  tracejit {_time(self.compiled)}   first call {_time(self.first)}"
        if self.python is None:
            return f"{head}\n  a derivative has no form in plain Python to compare with"
        ratio = self.python / self.compiled
        agree = f"but {self.differs}" if self.differs else "the same values"
        return f"{head}\n  Python   {_time(self.python)}   {ratio:.3g} times as long, {agree}"


def _compare(shell: Any, line: str) -> TimedCall | None:
    """Time a call in compiled code beside the same call in Python.

    ``%timejit [-o] f(x, n)``. ``f`` is compiled by ``jit`` if it is not yet. Arguments are copied
    for each call if the function changes them. ``-o`` returns the times instead of printing them.
    """
    words = line.split(maxsplit=1)
    returned = bool(words) and words[0] == "-o"
    text = (words[1] if len(words) > 1 else "") if returned else line.strip()
    function, args = _called(text, shell.user_ns)
    found = compared(text, function, args)
    if returned:
        return found
    print(found)
    return None


def _called(text: str, names: dict[str, Any]) -> tuple[Any, Arguments]:
    """The function and the arguments of a call that is written out."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        tree = None
    if not isinstance(tree, ast.Call):
        raise ValueError(f"%timejit takes a call, such as %timejit f(x), not {text!r}")
    function = eval(_expression(tree.func), names)
    tree.func = ast.Name("_arguments", ast.Load())
    collect = {"_arguments": lambda *args, **kwargs: (args, kwargs)}
    return function, eval(_expression(tree), {**names, **collect})


def compared(text: str, function: Any, args: Arguments) -> TimedCall:
    """Time a call of a function, compiled and not."""
    python = getattr(function, "py_func", function)
    compiled: Any = function if hasattr(function, "inspect_ir") else jit(function)
    first, result, changed = _called_once(compiled, args)
    if hasattr(python, "example"):  # a transform: its call is compiled code itself
        (median,) = _timed([compiled], args, bool(_difference(changed, args)))
        return TimedCall(text, first, median)
    once, expected, own = _called_once(python, args)
    differs = _difference((result, changed), (expected, own))
    writes = bool(_difference(own, args))
    if once > _LONG:
        (median,) = _timed([compiled], args, writes)
        return TimedCall(text, first, median, once, differs)
    median, in_python = _timed([compiled, python], args, writes)
    return TimedCall(text, first, median, in_python, differs)


def _called_once(call: Call, args: Arguments) -> tuple[float, Any, Arguments]:
    """The seconds of a call, its result, and its arguments after it."""
    with unobserved(*args):
        given, named = copied(*args)
        start = time.perf_counter()
        result = call(*given, **named)
        return time.perf_counter() - start, result, (given, named)


def _difference(actual: Any, expected: Any) -> str:
    """How the numbers of two results differ, beyond half of the digits of the narrowest."""
    left, right = ([x for x in trees.leaves_of(t) if _is_numeric(x)] for t in (actual, expected))
    dtypes = [np.asarray(x).dtype for x in right]
    widths = [float(finfo(dtype).eps) for dtype in dtypes if is_inexact(dtype)]
    return difference(left, right, max(widths, default=0.0) ** 0.5)


def _is_numeric(leaf: Any) -> bool:
    array = isinstance(leaf, bool | int | float | complex | np.generic | np.ndarray)
    return array and is_numeric(np.asarray(leaf).dtype)


def _timed(calls: Sequence[Call], args: Arguments, changed: bool) -> list[float]:
    """The median seconds of each, of samples taken in turn."""

    def sample(call: Call, repeat: int) -> float:
        given, named = copied(*args) if changed else args
        start = time.perf_counter()
        for _ in range(repeat):
            call(*given, **named)
        return (time.perf_counter() - start) / repeat

    quickest = [min(sample(call, 1) for _ in range(3)) for call in calls]
    repeats = [1 if changed else max(1, int(SAMPLE_SECONDS / q)) for q in quickest]
    rounds = [[sample(c, n) for c, n in zip(calls, repeats)] for _ in range(_ROUNDS)]
    return [statistics.median(found) for found in zip(*rounds)]


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1.0:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
