"""What a compiled function tells about itself: the methods of what ``jit`` returns that show its
versions, stage by stage, and measure them. ``self`` is such a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tracejit.calls.fallback import Refused
from tracejit.calls.versions import Options, Request, Stats, Version


def _versions(self: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Version]:
    if args or kwargs:
        return [self._dispatcher.version_for(*args, **kwargs)]
    found: list[Version] = self._dispatcher.versions()
    return found


def _shown(
    self: Any, args: Sequence[Any], kwargs: dict[str, Any], show: Callable[[Any], Any]
) -> Any:
    from tracejit.calls.signature_strings import describe

    texts = {
        describe(v.args, v.count, v.assumptions.sites): show(v.artefacts)
        for v in _versions(self, args, kwargs)
    }
    return next(iter(texts.values())) if args or kwargs else texts


def inspect_ir(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    """The IR of the version for these arguments; without arguments, of all by signature."""
    return _shown(self, args, kwargs, lambda a: a.ir)


def inspect_program(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    """The lowered Program (host statements and kernels), as ``inspect_ir``."""
    return _shown(self, args, kwargs, lambda a: a.program_text)


def inspect_llvm(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Optimised LLVM IR, as ``inspect_ir``."""
    return _shown(self, args, kwargs, lambda a: a.spec.module.llvm_ir_optimised())


def inspect_asm(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Assembly for this machine, as ``inspect_ir``."""
    return _shown(self, args, kwargs, lambda a: a.spec.module.asm())


def inspect_ptx(self: Any, /, *args: Any, arch: str = "sm_80", **kwargs: Any) -> Any:
    """PTX of the kernels for an NVIDIA architecture, as ``inspect_ir``."""
    from tracejit.codegen_ptx.lower import ptx_module

    math = self._options.math
    return _shown(self, args, kwargs, lambda a: ptx_module(a.program, arch, math=math).text)


def explain(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    """What the compiler made of it, in words, as ``inspect_ir``: kernels, what is fused in them,
    whether they are vector code and why not, calls, and copies of arrays. Of calls that run in
    Python (``fallback``): why, which loops are compiled nevertheless, and why others are not."""
    from tracejit.diagnostics.report import explained
    from tracejit.diagnostics.split_report import explained_in_python

    fallback = self._dispatcher.fallback
    try:
        with fallback.refusing():
            found = _shown(self, args, kwargs, lambda a: explained(a, self.__name__))
    except Refused as refused:
        return explained_in_python(fallback, self.__name__, refused.reason)
    if not (args or kwargs) and fallback.reason is not None:
        found["in Python"] = explained_in_python(fallback, self.__name__, fallback.reason)
    return found


def _pages(self: Any) -> dict[str, Any]:
    """The page of each version, by signature, the newest last."""
    from tracejit.calls.signature_strings import describe
    from tracejit.diagnostics.page import Page

    pages = {}
    for v in self._dispatcher.versions():
        signature = describe(v.args, v.count, v.assumptions.sites)
        pages[signature] = Page(v.artefacts, signature, self.__name__)
    return pages


def show(self: Any, stage: str = "all", path: Any = None) -> Path:
    """An HTML page of the newest version: source, graph, IR, kernels, assembly, side by side.

    ``stage``: ``"all"``, or the one to see beside the source: ``"graph"``, ``"ir"``,
    ``"program"``, ``"assembly"``. ``path``: the file to write; without one it is a temporary file,
    opened in the browser. Returns the path. ValueError where nothing is compiled yet.
    """
    from tracejit.diagnostics.linked import shown
    from tracejit.diagnostics.page import checked_stage

    wanted, pages = checked_stage(stage), list(_pages(self).values())
    if not pages:
        raise ValueError(f"{self.__name__} is not compiled yet: call it once, then show it")
    return shown(pages[-1].html(wanted), self.__name__, path)


def _repr_html(self: Any) -> str | None:
    """What a notebook shows: the page of the newest version, nothing before the first call."""
    from tracejit.diagnostics.linked import framed

    pages = list(_pages(self).values())
    return framed(pages[-1].html(), height=600) if pages else None


def profile(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    """The time of each kernel, call and source line in calls with these arguments, which are
    copied: a table to print, with ``rows`` and ``lines``."""
    from tracejit.diagnostics.profile import profiled

    options = replace(self._options, cache=False, fallback=False, check_nan=False, debug=False)

    def compiled_by(build: Callable[[Request, Options], Version]) -> Any:
        return type(self)(self.py_func, options, None, build)

    return profiled(self.__name__, self, compiled_by, args, kwargs)


def compile_times(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    """The milliseconds of each stage of compiling, as ``inspect_ir``."""
    return _shown(self, args, kwargs, lambda a: dict(a.milliseconds))


def signatures(self: Any) -> list[str]:
    """One description per compiled version."""
    from tracejit.calls.signature_strings import describe

    return [describe(v.args, v.count, v.assumptions.sites) for v in self._dispatcher.versions()]


def stats(self: Any) -> Stats:
    """Compilations, versions, families of arguments and slow calls so far."""
    found: Stats = self._dispatcher.stats()
    return found


def peak_bytes(self: Any, /, *args: Any, **kwargs: Any) -> int:
    """The most memory that a call with these arguments, which are copied, allocates at a time:
    intermediate arrays, tapes of derivatives, results of shapes that are not known before. Not
    counted: results of known shapes, and what LAPACK and Python allocate. Blocks that are used
    again count as they are, up to twice what was asked for."""
    found: int = self._dispatcher.peak_of(self, args, kwargs)
    return found


METHODS: dict[str, Any] = {
    "inspect_ir": inspect_ir,
    "inspect_program": inspect_program,
    "inspect_llvm": inspect_llvm,
    "inspect_asm": inspect_asm,
    "inspect_ptx": inspect_ptx,
    "explain": explain,
    "profile": profile,
    "peak_bytes": peak_bytes,
    "show": show,
    "_repr_html_": _repr_html,
    "compile_times": compile_times,
    "signatures": property(signatures),
    "stats": stats,
}
