"""``trace_through``: libraries in Python that compiled code takes as its own.

Functions of other packages are compiled like the program's. Python's standard library and SciPy are
not: what is known of them stands in tables, and the rest runs as it is where no value of the run
goes in.
"""

from __future__ import annotations

import inspect
from types import ModuleType

from tracejit.calls.dispatcher import forget_all
from tracejit.errors import UnsupportedError, throw
from tracejit.trace.session.plain import TRACED_THROUGH, is_traced_through
from tracejit.trace.session.session import active, where
from tracejit.transforms.outermost import outermost

#: Packages of which every name that can be compiled is in a table.
_KNOWN = ("tracejit", "numpy")


@outermost
def trace_through(*modules: ModuleType) -> None:
    """Says that modules of a library are plain Python, to be compiled where a program calls them.

    ``modules`` are modules of Python's standard library or of SciPy, or of NumPy below its top; a
    package stands for all modules in it. Their functions and classes are traced, compiled and
    differentiated like the program's own, so they may be given traced arrays and numbers. What is
    in a table (``scipy.special.erf``) stays what it is there. Functions of other packages are
    traced through without being named.

    It holds for the process and for all functions. Of those that were compiled before, the
    versions are dropped: say it where the module is imported.

    Raises TypeError for what is no module or is not written in Python (``register`` its
    functions), ValueError for ``numpy`` and ``tracejit``, UnsupportedError in compiled code.

        import colorsys

        trace_through(colorsys)
        assert jit(grad(lambda red: colorsys.rgb_to_hls(red, 0.0, 0.0)[1]))(0.5) == 0.5
    """
    if active():
        raise UnsupportedError(
            f"{where()}: trace_through in compiled code would be called once, when compiling; call "
            "it where the module is imported"
        )
    for module in modules:
        _check(module)
    new = {module.__name__ for module in modules if not is_traced_through(module.__name__)}
    if new:
        TRACED_THROUGH.update(new)
        forget_all()


def _check(module: object) -> None:
    if not isinstance(module, ModuleType):
        name = getattr(module, "__qualname__", None) or repr(module)
        throw(TypeError(f"trace_through takes modules, not {type(module).__name__}: {name}"))
    name = module.__name__
    if name in _KNOWN or name.startswith("tracejit."):
        throw(ValueError(f"trace_through: {name} is known, its names are in tables"))
    try:
        source = inspect.getsourcefile(module)
    except TypeError:
        source = None
    if source is None:
        what = "is not written in Python; register its functions"
        throw(TypeError(f"trace_through: {name} {what}"))
