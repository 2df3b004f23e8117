"""Draws of NumPy's generators by NumPy's own C functions, from the state of the very object.

What a method checks before it draws is checked here; where a check fails, Python calls the method,
which raises NumPy's error or draws. So is what is not in the tables: all draw from one stream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracejit.abi import generators
from tracejit.codegen_llvm.distributions import CONDITIONS, Distribution, Param, distribution_of
from tracejit.codegen_llvm.holding_text import RECORD
from tracejit.codegen_llvm.legacy_draws_text import legacy_text
from tracejit.codegen_llvm.lower_memory import load_scalar, store_scalar
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim, product
from tracejit.ir.interpret.attempt import Attempt
from tracejit.ir.interpret.draws import HostDraw, HostMake
from tracejit.ir.scalar.emit import BOOL, F32, F64, I64
from tracejit.ir.types import BufferType
from tracejit.llvm_text.emit import Reg, llvm_type
from tracejit.llvm_text.lower_function import FunctionText, Pointer

Call = Callable[[FunctionText], None]
#: Draws into the destination of a method's result, or gives the scalar that it is.
Drawing = Callable[[FunctionText, Pointer], Any]
_BYTE = np.dtype(np.uint8)


@dataclass(frozen=True)
class Draw:
    """A draw as an instruction has it: the method, its arguments by name, the operands, results."""

    of: HostDraw
    given: Mapping[str, Any]
    source: Value | None
    result: Value
    failed: Sequence[Value]

    @property
    def sized(self) -> bool:
        return isinstance(self.result.type, BufferType)

    @property
    def count(self) -> Dim:
        """How many numbers are drawn."""
        return product(self.result.shape) if self.sized else 1


def _draw_of(function: object, operands: Sequence[Value], results: Sequence[Value]) -> Draw | None:
    attempted = isinstance(function, Attempt)
    called = function.function if isinstance(function, Attempt) else function
    if not isinstance(called, HostDraw) or called.of is None or len(results) != 1 + 2 * attempted:
        return None
    source = operands[0] if called.held is None and called.made is None else None
    named = operands[source is not None :]
    given = {**dict(called.options), **dict(zip(called.named, named, strict=False))}
    given.pop("size", None)
    return Draw(called, given, source, results[0], results[1:])


def native_draw(
    function: object, operands: Sequence[Value], results: Sequence[Value], host: Call
) -> Call | None:
    """What draws natively, with ``host`` where NumPy must; None where it always must."""
    if isinstance(function, HostMake):
        return lambda f: _make(f, function, results[0], host)
    found = _planned(function, operands, results)
    if found is None:
        return None
    draw, plan = found
    return lambda f: _Emission(f, draw, plan, host).run()


def draws_natively(function: object, operands: Sequence[Value], results: Sequence[Value]) -> bool:
    """Whether there is native code for a draw."""
    return _planned(function, operands, results) is not None


def _planned(
    function: object, operands: Sequence[Value], results: Sequence[Value]
) -> tuple[Draw, Plan] | None:
    draw = _draw_of(function, operands, results)
    if draw is None or not _sizes_known(draw.result) or _offset(draw) is None:
        return None
    plan = _plan(draw)
    return None if plan is None else (draw, plan)


def _offset(draw: Draw) -> int | None:
    """Bytes from the generator to the interface of its bit generator."""
    known = draw.of.of in (np.random.Generator, np.random.RandomState)
    return generators.interface_offset(draw.of.of) if known and draw.of.of else None


def _sizes_known(result: Value) -> bool:
    """Whether the result lies in C order, and no extent is known to be negative."""
    if not isinstance(result.type, BufferType):
        return True
    step: Dim = result.dtype.itemsize
    for extent, stride in zip(result.shape[::-1], result.type.strides[::-1], strict=True):
        if stride != step or (isinstance(extent, int) and extent < 0):
            return False
        step = step * extent
    return True


@dataclass(frozen=True)
class Plan:
    """``prepare`` emits the conditions and gives what draws; ``aug``: from the `aug_bitgen_t`."""

    prepare: Callable[[FunctionText, Draw, list[Reg]], Drawing]
    aug: bool = False


# -- around a draw -----------------------------------------------------------------------------


class _Emission:
    """The code of one draw: conditions, the native draw or else the host's, and where they meet."""

    def __init__(self, f: FunctionText, draw: Draw, plan: Plan, host: Call) -> None:
        self.f = f
        self.draw = draw
        self.plan = plan
        self.host = host

    def run(self) -> None:
        f, draw = self.f, self.draw
        conditions: list[Reg] = []
        drawing = self.plan.prepare(f, draw, conditions)
        if draw.sized:
            conditions += [
                f.e.icmp("ge", f.dim(d), f.const(0))
                for d in draw.result.shape
                if not isinstance(d, int)
            ]
        source = self._source(conditions)
        slow = f.e.fresh_label("by_host")
        if conditions:
            fast, ok = f.e.fresh_label("native"), conditions[0]
            for c in conditions[1:]:
                ok = f.e.iand(ok, c)
            f.e.line(f"br {ok}, label %{fast}, label %{slow}, !prof !{_likely(f)}")
            f.e.label(fast)
        if draw.of.made is None:
            self._hold(source)
        at = generators.gauss_offset() if self.plan.aug else _offset(draw)
        assert at is not None
        value = drawing(f, f.at(source, at))
        if conditions:
            self._join(slow, value)
        else:
            self._bind(value, f.const(0))

    def _bind(self, value: Any, nothing: Reg) -> None:
        if not self.draw.sized:
            self.f.env[self.draw.result] = value
        self.f.bind(self.draw.failed, [nothing for _ in self.draw.failed])

    def _join(self, slow: str, value: Any) -> None:
        """The host's way, and what holds after either."""
        f, draw = self.f, self.draw
        after, fast = f.e.fresh_label("drawn"), f.e.block
        f.e.line(f"br label %{after}")
        f.e.label(slow)
        self.host(f)
        scalars = [*([] if draw.sized else [draw.result]), *draw.failed]
        theirs = [f.env[v] for v in scalars]
        ours = [*([] if draw.sized else [value]), *(f.const(0) for _ in draw.failed)]
        end = f.e.block
        f.e.line(f"br label %{after}")
        f.e.label(after)
        for v, a, b in zip(scalars, ours, theirs, strict=True):
            text = f"phi {a.type} [ {a.text}, %{fast} ], [ {b.text}, %{end} ]"
            f.env[v] = f.e.op(a.dtype, text)

    def _source(self, conditions: list[Reg]) -> Pointer:
        """The generator: an operand, an object outside, or what a slot of the core owns."""
        f, draw = self.f, self.draw
        name = f.e.fresh()
        if draw.source is not None:
            f.e.line(f"{name} = inttoptr {f.scalar(draw.source)} to ptr")
            return Pointer(name)
        if draw.of.made is None:
            return Pointer(_symbol(f, draw.of.held))
        f.e.line(f"{name} = load ptr, {_slot(f, draw.of.made)}")
        conditions.append(f.e.op(BOOL, f"icmp ne ptr {name}, null"))
        return Pointer(name)

    def _hold(self, source: Pointer) -> None:
        """The lock of the bit generator, unless the core holds it."""
        f = self.f
        record = _record(f, source)
        seen, held = f.e.fresh(), f.e.fresh()
        take, go_on = f.e.fresh_label("take_lock"), f.e.fresh_label("locked")
        f.e.line(f"{seen} = load ptr, {record}")
        f.e.line(f"{held} = icmp eq ptr {seen}, {source.text}")
        f.e.line(f"br i1 {held}, label %{go_on}, label %{take}, !prof !{_likely(f)}")
        f.e.label(take)
        f.module.declare("declare i32 @tj_hold(ptr, ptr, ptr)")
        f.call_status(f"@tj_hold(ptr %ctx, {record}, {source})")
        f.e.line(f"br label %{go_on}")
        f.e.label(go_on)


def _likely(f: FunctionText) -> int:
    """The number of metadata that says that a branch goes its first way."""
    line = '!{!"branch_weights", i32 2000, i32 1}'
    known = [k for k, text in enumerate(f.module.metadata) if text.endswith(line)]
    if not known:
        known = [len(f.module.metadata)]
        f.module.metadata.append(f"!{known[0]} = {line}")
    return known[0]


def _symbol(f: FunctionText, held: object) -> str:
    """An object outside, which a row of the host table keeps alive."""
    for name, address in f.module.symbols.items():
        if name.startswith("generator.") and address == id(held):
            return f"@{name}"
    name = f"generator.{sum(s.startswith('generator.') for s in f.module.symbols)}"
    f.module.symbols[name] = id(held)
    f.module.tables[f"@{name}"] = f"@{name} = external global i8"
    return f"@{name}"


def _record(f: FunctionText, source: Pointer) -> Pointer:
    """The core's record for a generator (`holding_text`)."""

    def new() -> Pointer:
        record = f.stack(RECORD)
        f.entry.append(f"  store {RECORD} zeroinitializer, {record}")
        return record

    f.module.declare("declare void @tj_release_held(ptr)")
    f.leaves("call void @tj_release_held(ptr %ctx)")
    return f.kept(source.text, new)


def _slot(f: FunctionText, made: object) -> Pointer:
    """The core's place for a generator that the program makes on some line, and its reference."""

    def new() -> Pointer:
        slot = f.stack("ptr")
        f.entry.append(f"  store ptr null, {slot}")
        f.module.declare("declare void @tj_keep(ptr, ptr, ptr)")
        f.leaves(f"call void @tj_keep(ptr %ctx, {slot}, ptr null)")
        return slot

    return f.kept(made, new)


def _make(f: FunctionText, make: HostMake, result: Value, host: Call) -> None:
    """The host makes the generator; the core owns a reference until the line runs again."""
    host(f)
    slot, name = _slot(f, make.made), f.e.fresh()
    f.e.line(f"{name} = inttoptr {f.scalar(result)} to ptr")
    f.e.line(f"call void @tj_keep(ptr %ctx, {slot}, ptr {name})")


# -- arguments ---------------------------------------------------------------------------------

_FLOAT = {"f8": F64, "f4": F32}


def _number(f: FunctionText, given: Any, kind: str) -> Reg:
    """An argument as the C function takes it."""
    if not isinstance(given, Value):
        return f.const(int(given)) if kind == "i8" else f.e.const(float(given), _FLOAT[kind])
    scalar = f.scalar(given)
    if kind == "i8":
        return f.e.int_cast(scalar, I64)
    if scalar.dtype.kind == "f":
        return f.e.float_cast(scalar, _FLOAT[kind])
    return f.e.float_cast(f.e.int_to_float(scalar, F64), _FLOAT[kind])


def _is_number(given: Any, kind: str) -> bool:
    """Whether an argument is a scalar that converts as NumPy would convert it."""
    if isinstance(given, Value):
        if isinstance(given.type, BufferType):
            return False
        exact = given.dtype.kind in "bi" or (given.dtype.kind == "u" and given.dtype.itemsize < 8)
        return exact or (kind != "i8" and given.dtype.kind in "uf")
    if type(given) is float:
        return kind != "i8"
    return type(given) in (bool, int) and -(2**63) <= given < 2**63


def _allows(f: FunctionText, param: Param, x: Reg) -> list[Reg]:
    value = f.e.int_to_float(x, F64) if x.dtype.kind == "i" else f.e.float_cast(x, F64)
    found = []
    for test, bound in CONDITIONS[param.allowed]:
        if test == "sign":
            found.append(f.e.icmp("ge", f.e.bitcast(value, I64), f.const(0)))
        else:
            found.append(f.e.fcmp(test, value, f.e.const(bound, F64)))
    return found


# -- plans -------------------------------------------------------------------------------------


def _plan(draw: Draw) -> Plan | None:
    method = draw.of.method
    special = _SPECIAL.get(method)
    if special is not None:
        return special(draw)
    given = {k: v for k, v in draw.given.items() if k not in ("dtype", "method")}
    if not np.dtype(draw.given.get("dtype", np.float64)).isnative:
        return None
    assert draw.of.of is not None
    row = distribution_of(draw.of.of, method, draw.result.dtype.str[1:], dict(draw.of.options))
    if row is None or row.result != draw.result.dtype.str[1:]:
        return None
    if not set(given) <= {p.name for p in row.params} or not _callable(row):
        return None
    for p in row.params:
        if not _is_number(given.get(p.name, p.default), p.dtype):
            return None
    return Plan(lambda f, d, conditions: _distribution(f, d, row, given, conditions), row.legacy)


def _callable(row: Distribution) -> bool:
    if not row.legacy:
        return generators.distribution(row.function) is not None
    if generators.gauss_offset() is None:
        return False
    return all(generators.legacy_function(n) is not None for n in legacy_text(row.function)[1])


def _function(f: FunctionText, row: Distribution, types: Sequence[str]) -> str:
    """The symbol of a row's function, declared or defined in the module."""
    if row.legacy:
        texts, library = legacy_text(row.function)
        for name in sorted(library):
            _declare_c(f, name)
        f.module.declare("declare double @llvm.sqrt.f64(double)")
        for symbol, text in texts:
            f.module.once(symbol, text)
        return f"@legacy_{row.function}"
    result = "void" if row.fills else llvm_type(np.dtype(row.result))
    return _numpy_function(f, row.function, result, types)


def _declare_c(f: FunctionText, name: str) -> None:
    """A function of the C library under a name that LLVM knows nothing about."""
    params = ", ".join(["double"] * (2 if name == "pow" else 1))
    f.module.declare(f"declare double @tj_c_{name}({params})")
    f.module.symbols[f"tj_c_{name}"] = generators.legacy_function(name) or 0


def _numpy_function(f: FunctionText, name: str, result: str, types: Sequence[str]) -> str:
    f.module.declare(f"declare {result} @{name}({', '.join(types)})")
    f.module.symbols[name] = generators.distribution(name) or 0
    return f"@{name}"


def _distribution(
    f: FunctionText,
    draw: Draw,
    row: Distribution,
    given: Mapping[str, Any],
    conditions: list[Reg],
) -> Drawing:
    numbers = [_number(f, given.get(p.name, p.default), p.dtype) for p in row.params]
    for p, x in zip(row.params, numbers, strict=True):
        conditions += _allows(f, p, x)
    arguments = [*map(str, _together(f, row.extra, numbers, conditions))]
    types = ["ptr", *(a.split(" ")[0] for a in arguments)]
    dtype = np.dtype(row.result)
    if row.fills:
        symbol = _function(f, row, ["ptr", "i64", "ptr"])
        return lambda f, interface: _filled(f, draw, symbol, interface, dtype)
    symbol, kind = _function(f, row, types), llvm_type(dtype)

    def one(f: FunctionText, interface: Pointer) -> Reg:
        return f.e.op(dtype, f"call {kind} {symbol}({', '.join([str(interface), *arguments])})")

    return lambda f, interface: _each(f, draw, lambda: one(f, interface))


def _together(
    f: FunctionText, extra: str, numbers: list[Reg], conditions: list[Reg]
) -> Sequence[Reg | Pointer]:
    """What a row says about all parameters, and its arguments."""
    e = f.e
    if extra == "range":
        low, high = numbers
        wide = e.fsub(high, low)
        conditions.append(e.icmp("ge", e.bitcast(wide, I64), f.const(0)))
        conditions.append(e.fcmp("olt", wide, e.const(np.inf, F64)))
        return [low, wide]
    if extra == "ascending":
        left, mode, right = numbers
        conditions += [e.fcmp("ole", left, mode), e.fcmp("ole", mode, right)]
        conditions.append(e.fcmp("olt", left, right))
    if extra == "enough":
        good, bad, sample = numbers
        conditions.append(e.icmp("ge", f.add(good, bad), sample))
    if extra == "kept":  # what the function remembers of its last parameters: `binomial_t`
        return [*numbers, _binomials(f)]
    return numbers


def _binomials(f: FunctionText) -> Pointer:
    def new() -> Pointer:
        kept = f.stack("[32 x i64]")
        f.entry.append(f"  store [32 x i64] zeroinitializer, {kept}")
        return kept

    return f.kept("binomial_t", new)


def _each(f: FunctionText, draw: Draw, one: Callable[[], Reg]) -> Any:
    """One number, or one after the other into the destination."""
    if not draw.sized:
        return one()
    base, size = f.pointer(draw.result), draw.result.dtype.itemsize

    def body(carried: tuple[Reg, ...]) -> Sequence[Reg]:
        (k,) = carried
        store_scalar(f, f.at(base, f.mul(k, f.const(size))), one())
        return [f.add(k, f.const(1))]

    count = f.dim(draw.count)
    f.e.while_loop([f.const(0)], lambda c: f.e.icmp("lt", c[0], count), body)
    return None


def _filled(
    f: FunctionText,
    draw: Draw,
    symbol: str,
    interface: Pointer,
    dtype: np.dtype[Any],
    before: str = "",
    last: str = "",
) -> Any:
    """A function that fills memory, of one number where the result is a scalar."""
    place = f.pointer(draw.result) if draw.sized else f.stack("i64")
    arguments = [str(interface), *filter(None, [before]), str(f.dim(draw.count))]
    f.e.line(f"call void {symbol}({', '.join([*arguments, *filter(None, [last]), str(place)])})")
    return None if draw.sized else load_scalar(f, place, dtype)


# -- integers ----------------------------------------------------------------------------------


def _integers(draw: Draw) -> Plan | None:
    """`Generator.integers` and `RandomState.randint` within bounds that are integers."""
    legacy = draw.of.of is np.random.RandomState
    given, dtype = dict(draw.given), draw.result.dtype
    asked, closed = given.pop("dtype", np.int64), given.pop("endpoint", False)
    if asked is int and legacy:
        asked = np.dtype("long")
    if type(closed) is not bool or np.dtype(asked) != dtype or dtype.kind not in "iub":
        return None
    if given.get("high") is None:
        given = {"low": 0, "high": given.get("low")}
    bounds = [given.get("low"), given.get("high")]
    if not all(_is_number(x, "i8") for x in bounds):
        return None
    name = _fill_name(dtype)
    if generators.distribution(name) is None:
        return None
    return Plan(lambda f, d, c: _bounded(f, d, (bounds[0], bounds[1]), closed, legacy, c))


def _fill_name(dtype: np.dtype[Any]) -> str:
    letter = "bool" if dtype.kind == "b" else f"uint{8 * dtype.itemsize}"
    return f"random_bounded_{letter}_fill"


def _bounded(
    f: FunctionText,
    draw: Draw,
    bounds: tuple[Any, Any],
    closed: bool,
    masked: bool,
    conditions: list[Reg],
) -> Drawing:
    e, dtype = f.e, draw.result.dtype
    low, high = (_number(f, x, "i8") for x in bounds)
    conditions.append(e.icmp("le" if closed else "lt", low, high))
    if not closed:
        high = e.op(I64, f"sub {high}, 1")
    least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if least > -(2**63):
        conditions.append(e.icmp("ge", low, f.const(int(least))))
    if most < 2**63 - 1:
        conditions.append(e.icmp("le", high, f.const(int(most))))
    word = _BYTE if dtype.kind == "b" else np.dtype(f"u{dtype.itemsize}")
    wide = e.int_cast(e.isub(high, low), word)
    kind = f"{llvm_type(word)} zeroext" if word.itemsize < 4 else llvm_type(word)
    before = f"{kind} {e.int_cast(low, word).text}, {kind} {wide.text}"
    types = ["ptr", kind, kind, "i64", "i1 zeroext", "ptr"]
    symbol = _numpy_function(f, _fill_name(dtype), "void", types)
    last = f"i1 zeroext {str(masked).lower()}"
    return lambda f, interface: _filled(f, draw, symbol, interface, dtype, before, last)


def _choice(draw: Draw) -> Plan | None:
    """One of `a` integers, or of the elements of a vector, each as likely as another."""
    given = dict(draw.given)
    of, legacy = given.pop("a", None), draw.of.of is np.random.RandomState
    if given.pop("replace", True) is not True or given.pop("axis", 0) != 0:
        return None
    given.pop("shuffle", None)
    vector = isinstance(of, Value) and isinstance(of.type, BufferType)
    if given or generators.distribution(_fill_name(np.dtype(np.int64))) is None:
        return None
    if vector and of.rank == 1 and of.dtype == draw.result.dtype and of.dtype.kind != "c":
        return Plan(lambda f, d, c: _element(f, d, of, legacy, c))
    if vector or not _is_number(of, "i8") or draw.result.dtype != np.int64:
        return None
    return Plan(lambda f, d, c: _bounded(f, d, (0, of), False, legacy, c))


def _element(
    f: FunctionText, draw: Draw, of: Value, masked: bool, conditions: list[Reg]
) -> Drawing:
    count, word = f.dim(of.shape[0]), "i64"
    conditions.append(f.e.icmp("gt", count, f.const(0)))
    types = ["ptr", word, word, "i64", "i1 zeroext", "ptr"]
    symbol = _numpy_function(f, _fill_name(np.dtype(np.int64)), "void", types)
    last = f.e.isub(count, f.const(1))
    place = f.stack("i64")

    def one(f: FunctionText, interface: Pointer) -> Reg:
        text = f"{interface}, i64 0, {last}, i64 1, i1 zeroext {str(masked).lower()}, {place}"
        f.e.line(f"call void {symbol}({text})")
        at = f.mul(load_scalar(f, place, I64), f.const(of.dtype.itemsize))
        found = load_scalar(f, f.at(f.pointer(of), at), of.dtype)
        assert isinstance(found, Reg)
        return found

    return lambda f, interface: _each(f, draw, lambda: one(f, interface))


# -- orders ------------------------------------------------------------------------------------

_SHUFFLE = """
define internal void @shuffle_rows(ptr %interface, ptr %data, i64 %n, i64 %bytes) {
entry:
  br label %head
head:
  %i1 = phi i64 [ %n, %entry ], [ %i, %next ]
  %i = add i64 %i1, -1
  %more = icmp sgt i64 %i, 0
  br i1 %more, label %draw, label %done
draw:
  %j = call i64 @random_interval(ptr %interface, i64 %i)
  %io = mul i64 %i, %bytes
  %jo = mul i64 %j, %bytes
  %ip = getelementptr i8, ptr %data, i64 %io
  %jp = getelementptr i8, ptr %data, i64 %jo
  br label %bytes_of
bytes_of:
  %k = phi i64 [ 0, %draw ], [ %k1, %swap ]
  %left = icmp ult i64 %k, %bytes
  br i1 %left, label %size, label %next
size:
  %rest = sub i64 %bytes, %k
  %ik = getelementptr i8, ptr %ip, i64 %k
  %jk = getelementptr i8, ptr %jp, i64 %k
  %whole = icmp uge i64 %rest, 8
  br i1 %whole, label %word, label %byte
word:
  %a = load i64, ptr %ik, align 1
  %b = load i64, ptr %jk, align 1
  store i64 %b, ptr %ik, align 1
  store i64 %a, ptr %jk, align 1
  br label %swap
byte:
  %c = load i8, ptr %ik
  %d = load i8, ptr %jk
  store i8 %d, ptr %ik
  store i8 %c, ptr %jk
  br label %swap
swap:
  %step = phi i64 [ 8, %word ], [ 1, %byte ]
  %k1 = add i64 %k, %step
  br label %bytes_of
next:
  br label %head
done:
  ret void
}
"""


def _order(draw: Draw) -> Plan | None:
    """`shuffle` along the first axis, and `permutation`: what is drawn is the same."""
    x = draw.given.get("x")
    if set(draw.given) != {"x"} or not draw.sized:
        return None
    array = isinstance(x, Value) and isinstance(x.type, BufferType)
    fits = x.type == draw.result.type if array else _is_number(x, "i8")  # type: ignore[union-attr]
    if not fits or generators.distribution("random_interval") is None:
        return None
    return Plan(lambda f, d, c: _shuffled(f, d, x if array else None, c))


def _shuffled(f: FunctionText, draw: Draw, of: Value | None, conditions: list[Reg]) -> Drawing:
    to = draw.result
    n, total = f.dim(to.shape[0]), f.dim(draw.count)
    conditions.append(f.e.icmp("gt", total, f.const(0)))
    row = f.mul(f.dim(product(to.shape[1:])), f.const(to.dtype.itemsize))
    _numpy_function(f, "random_interval", "i64", ["ptr", "i64"])
    symbol = f.module.once("@shuffle_rows", _SHUFFLE.strip())

    def drawing(f: FunctionText, interface: Pointer) -> None:
        data = f.pointer(to)
        if of is None:
            _counted(f, data, n)
        else:
            f.module.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
            size = f.mul(total, f.const(to.dtype.itemsize))
            f.e.line(f"call void @llvm.memcpy.p0.p0.i64({data}, {f.pointer(of)}, {size}, i1 false)")
        f.e.line(f"call void {symbol}({interface}, {data}, {n}, {row})")

    return drawing


def _counted(f: FunctionText, data: Pointer, n: Reg) -> None:
    """0, 1, 2, …"""

    def body(carried: tuple[Reg, ...]) -> Sequence[Reg]:
        (k,) = carried
        store_scalar(f, f.at(data, f.mul(k, f.const(8))), k)
        return [f.add(k, f.const(1))]

    f.e.while_loop([f.const(0)], lambda c: f.e.icmp("lt", c[0], n), body)


_SPECIAL: dict[str, Callable[[Draw], Plan | None]] = {
    "choice": _choice,
    "integers": _integers,
    "permutation": _order,
    "randint": _integers,
    "shuffle": _order,
}
