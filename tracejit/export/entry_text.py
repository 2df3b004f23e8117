"""LLVM text of the C function around a core: arguments into slots, results out, errors described.

An error is its number in the table of the whole export and eight words for its message
(`errors.py`). Number 1 is that memory ran out.
"""

from __future__ import annotations

from collections.abc import Mapping

from tracejit import abi
from tracejit.dtypes import is_bool, is_complex, part_of
from tracejit.export.interface import Interface, Parameter, Result
from tracejit.llvm_text.emit import llvm_type

NO_MEMORY = 1


def entry_text(
    made: Interface,
    base: int,
    low_errors: Mapping[str, int],
    begin: str | None,
    end: str | None,
) -> str:
    """The function. ``base``: what comes before its first error in the table of all.
    ``low_errors``: the number of the error that says that an extent is too small, by extent.
    ``begin`` and ``end``: what is called for memory, before and after the core."""
    params = ", ".join([*(f"{p.llvm} %{p.name}" for p in made.parameters), "ptr %error"])
    lines = [
        f"define i32 @{made.name}({params}) #0 {{",
        "entry:",
        f"  %.ctx = alloca [{abi.CTX_WORDS} x i64], align 16",
        f"  %.slots = alloca [{max(1, made.slot_count)} x i64], align 16",
        f"  store [{abi.CTX_WORDS} x i64] zeroinitializer, ptr %.ctx",
        *([] if begin is None else [f"  call void @{begin}()"]),
    ]
    for p in made.arguments:
        lines += _stored(p)
    for r in made.results:
        if r.kind == "array":
            lines += _stored(r.parameters[0])
    for p in made.arguments:
        if p.low is not None:
            lines += _guard(p, low_errors[p.name])
    release = [] if end is None else [f"  call void @{end}"]
    lines += [
        "  %.status = call i32 @tj.core(ptr %.ctx, ptr %.slots)",
        "  %.bad = icmp ne i32 %.status, 0",
        "  br i1 %.bad, label %.fail, label %.good",
        ".good:",
        *(line for r in made.results for line in _given(r)),
        *release,
        "  ret i32 0",
        ".fail:",
        *release,
        "  %.id = load i64, ptr %.ctx",
        f"  %.memory = icmp eq i64 %.id, {abi.ERROR_MEMORY}",
        f"  %.own = add i64 %.id, {base}",
        f"  %.which = select i1 %.memory, i64 {NO_MEMORY}, i64 %.own",
        "  %.code = trunc i64 %.which to i32",
        "  %.unasked = icmp eq ptr %error, null",
        "  br i1 %.unasked, label %.done, label %.describe",
        ".describe:",
        "  store i32 %.code, ptr %error",
        "  %.words = getelementptr i8, ptr %error, i64 8",
        "  %.payload = getelementptr i64, ptr %.ctx, i64 1",
        f"  %.all = load [{abi.PAYLOAD_WORDS} x i64], ptr %.payload",
        f"  store [{abi.PAYLOAD_WORDS} x i64] %.all, ptr %.words",
        "  br label %.done",
        ".done:",
        "  ret i32 %.code",
        "}",
        "",
    ]
    return "\n".join(lines)


def _slot(name: str, slot: int) -> str:
    return f"  {name} = getelementptr i64, ptr %.slots, i64 {slot}"


def _stored(p: Parameter) -> list[str]:
    lines = []
    for k, slot in enumerate(p.slots):
        at = f"%.at.{p.name}.{k}"
        lines += [_slot(at, slot), f"  store {p.llvm} %{p.name}, ptr {at}"]
    return lines


def _guard(p: Parameter, error: int) -> list[str]:
    """An extent that is too small is reported as the core reports errors."""
    name = p.name
    return [
        f"  %.low.{name} = icmp slt i64 %{name}, {p.low}",
        f"  br i1 %.low.{name}, label %.small.{name}, label %.enough.{name}",
        f".small.{name}:",
        f"  store i64 {error}, ptr %.ctx",
        f"  %.first.{name} = getelementptr i64, ptr %.ctx, i64 {abi.CTX_PAYLOAD}",
        f"  store i64 %{name}, ptr %.first.{name}",
        "  br label %.fail",
        f".enough.{name}:",
    ]


def _given(r: Result) -> list[str]:
    """A result to where the caller wants it."""
    name = r.parameters[0].name
    if r.kind == "array":
        return []
    if r.kind == "owned":
        lines = [
            _slot(f"%.from.{name}", r.slots[0]),
            f"  %.data.{name} = load ptr, ptr %.from.{name}",
        ]
        lines += [
            f"  call void @tj_detach(ptr %.ctx, ptr %.data.{name})",
            f"  store ptr %.data.{name}, ptr %{name}",
        ]
        for slot, p in zip(r.slots[1:], r.parameters[1:], strict=True):
            lines += [
                _slot(f"%.from.{p.name}", slot),
                f"  %.n.{p.name} = load i64, ptr %.from.{p.name}",
                f"  store i64 %.n.{p.name}, ptr %{p.name}",
            ]
        return lines
    part = part_of(r.dtype) if is_complex(r.dtype) else r.dtype
    kind = "i8" if is_bool(part) else llvm_type(part)
    lines = []
    for k, slot in enumerate(r.slots):
        at, value, to = (f"%.{what}.{name}.{k}" for what in ("from", "value", "to"))
        lines += [
            _slot(at, slot),
            f"  {value} = load {kind}, ptr {at}",
            f"  {to} = getelementptr i8, ptr %{name}, i64 {k * part.itemsize}",
            f"  store {kind} {value}, ptr {to}",
        ]
    return lines
