"""Calls through the native and the portable entry: guards, slots, results."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tests.python_entry.cores import (
    ADD_ONE,
    ARANGE,
    ARANGE_SIGNATURE,
    C8,
    C16,
    F4,
    F8,
    I8,
    NOTHING,
    STRIDED,
    core,
)
from tracejit import abi
from tracejit.abi import (
    ArrayParam,
    ArrayResult,
    AxisLength,
    BinOp,
    CallSource,
    CellSource,
    Container,
    GlobalSource,
    Hidden,
    IdentityParam,
    IntegerGuard,
    ScalarOf,
    ScalarParam,
    ScalarResult,
    Signature,
    Stride,
    Unflatten,
    WorkAbove,
)
from tracejit.ir.results import (
    ArgOut,
    ArrayOut,
    PythonOut,
    Ref,
    ScalarOut,
    StaticOut,
    ViewOut,
)
from tracejit.python_entry.entry import Miss


def misses(f, *args):
    with pytest.raises(Miss):
        f(*args)
    return True


def test_strided_input_of_any_length(make):
    f = make(ADD_ONE, STRIDED)
    x = np.arange(20.0)
    for view in (x, x[::3], x[::-2], x[:0], x[5:6], x.reshape(4, 5)[:, 2]):
        got = f(view)
        assert got.flags.owndata
        assert got.dtype == F8
        np.testing.assert_array_equal(got, view + 1)


def test_array_guards(make):
    f = make(ADD_ONE, STRIDED)
    x = np.arange(6.0)
    unaligned = np.frombuffer(bytes(49), np.uint8)[1:].view(F8)

    class Sub(np.ndarray):
        pass

    wrong = (x.astype(F4), x.astype(">f8"), x.reshape(2, 3), x.view(Sub), [1.0], 1.0, None)
    assert all(misses(f, value) for value in (*wrong, unaligned))
    assert misses(f)
    assert misses(f, x, x)


def test_dtypes_equal_by_another_name_are_accepted(make):
    f = make(NOTHING, Signature((ArrayParam(I8, (3,)),), (), (ArgOut(0),), 0))
    x = np.zeros(3, np.longlong)
    assert f(x) is x
    tagged = np.zeros(3, np.dtype("i8", metadata={"unit": "m"}))
    assert f(tagged) is tagged
    assert misses(f, np.zeros(3, "u8"))
    assert misses(f, np.zeros(3, ">i8"))


def test_static_extents_strides_and_writability(make):
    f = make(NOTHING, Signature((ArrayParam(F8, (2, 3), (24, 8), writable=True),)))
    x = np.zeros((2, 3))
    assert f(x) is None
    frozen = x.copy()
    frozen.flags.writeable = False
    assert misses(f, frozen)
    assert misses(f, x.T)
    assert misses(f, np.asfortranarray(x))
    assert misses(f, np.zeros((2, 4))[:, :3])
    strided = make(NOTHING, Signature((ArrayParam(F8, (2, 3), (32, 8)),)))
    assert strided(np.zeros((2, 4))[:, :3]) is None
    assert misses(strided, x)
    fortran = make(NOTHING, Signature((ArrayParam(F8, (None, None), "F"),)))
    assert fortran(x.T) is None
    assert misses(fortran, x)


SCALARS = [
    (ScalarParam(I8, "int"), -(2**63), [2**63, True, 1.0, np.int64(1)]),
    (ScalarParam(np.dtype("?"), "bool"), True, [1, np.True_]),
    (ScalarParam(F8, "float"), -0.0, [1, np.float64(1.0)]),
    (ScalarParam(C16, "complex"), 1 - 2j, [1.0, np.complex128(1)]),
    *(
        (ScalarParam(np.dtype(c)), np.dtype(c).type(v), [v, np.longdouble(1)])
        for c, v in (
            ("?", 1), ("i1", -3), ("u1", 250), ("i2", -300), ("u2", 65000), ("i4", -(2**31)),
            ("u4", 2**32 - 1), ("i8", -(2**63)), ("u8", 2**64 - 1), ("f2", -0.1), ("f4", -0.1),
            ("f8", 1e300), ("c8", 1 - 2j), ("c16", -1 + 2j),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("param", "value", "rejected"), SCALARS)
def test_scalars_travel_both_ways_bit_by_bit(make, param, value, rejected):
    n = 2 if param.dtype.kind == "c" else 1
    copy = [
        line
        for k in range(n)
        for line in (f"%c{k} = load i64, ptr %s{k}", f"store i64 %c{k}, ptr %s{n + k}")
    ]
    text = core(*copy, "ret i32 0")
    out = ScalarOut(0) if param.kind is None else PythonOut(0, param.kind)
    f = make(text, Signature((param,), (ScalarResult(param.dtype),), (out,), 0))
    got = f(value)
    assert type(got) is type(value)
    assert np.asarray(got).tobytes() == np.asarray(value).tobytes()
    assert all(misses(f, other) for other in rejected)


def test_result_shapes_from_expressions(make):
    n, m = AxisLength(0, 0), AxisLength(0, 1)
    half = BinOp("floordiv", BinOp("sub", n, 1), 2)
    shape = (BinOp("max", half, 0), BinOp("mod", BinOp("mul", m, 7), 5), BinOp("add", n, m))
    signature = Signature(
        (ArrayParam(F8, (None, None)),), (ArrayResult(F4, shape),), (ArrayOut(0),), 0
    )
    f = make(NOTHING, signature)
    got = f(np.zeros((9, 4)))
    assert got.shape == (4, 3, 13)
    assert got.dtype == F4
    assert got.flags.c_contiguous
    assert f(np.zeros((0, 4))).shape == (0, 3, 4)


def test_guards_on_extents_scalars_and_strides(make):
    signature = Signature(
        (
            ArrayParam(F8, (None,), (None,)),
            ArrayParam(F8, (None,), (None,)),
            ScalarParam(I8, "int"),
        ),
        guards=(
            IntegerGuard("eq", AxisLength(0, 0), AxisLength(1, 0)),
            IntegerGuard("gt", Stride(0, 0), 0),
            IntegerGuard("lt", ScalarOf(2), BinOp("min", AxisLength(0, 0), 5)),
        ),
    )
    f = make(NOTHING, signature)
    x = np.zeros(8)
    assert f(x, x, 4) is None
    assert misses(f, x, x[1:], 4)
    assert misses(f, x[::-1], x, 4)
    assert misses(f, x, x, 5)


def test_aliasing_guards_agree_with_numpy(make):
    two = (ArrayParam(F8, (None,), (None,), writable=True), ArrayParam(F8, (None,), (None,)))
    apart = make(NOTHING, Signature(two, disjoint=((0, 1),)))
    same = make(NOTHING, Signature(two, identical=((0, 1),)))
    x = np.zeros(10)
    views = (x, x[:5], x[5:], x[::-1], x[::2], x[1::2], x[4::-1], x[:0], x[3:3], np.zeros(10))
    for a in views:
        for b in views:
            assert np.may_share_memory(a, b) == _missed(apart, a, b)
    assert same(x, x[:]) is None
    assert misses(same, x, x[::-1])
    assert misses(same, x, x[:9])
    assert misses(same, x, np.zeros(10))


def _missed(f, *args):
    try:
        f(*args)
    except Miss:
        return True
    return False


def test_core_allocated_result_owns_its_memory(make):
    f = make(ARANGE, ARANGE_SIGNATURE)
    for k in (0, 1, 7, 1 << 18):
        got = f(k)
        assert got.base is None
        assert got.flags.num == np.arange(3).flags.num
        np.testing.assert_array_equal(got, np.arange(k))
    got = f(5)
    got.resize(9, refcheck=False)
    np.testing.assert_array_equal(got, [0, 1, 2, 3, 4, 0, 0, 0, 0])
    got.resize(2, refcheck=False)
    np.testing.assert_array_equal(got, [0, 1])
    with pytest.raises(MemoryError):
        f(2**59)


def test_views_have_numpys_base(make):
    part = ("slice", (Ref(0), 1), (1, 1), (Ref(1), Ref(2)))
    text = core("store i64 1, ptr %s2", "store i64 2, ptr %s3", "store i64 3, ptr %s4", "ret i32 0")
    numbers = (ScalarResult(I8),) * 3
    f = make(
        text, Signature((ArrayParam(F8, (None, 4)),), numbers, (ViewOut(ArgOut(0), (part,)),), 0)
    )
    x = np.arange(12.0).reshape(3, 4).copy()
    got = f(x)
    assert got.base is x
    assert got.flags.writeable
    assert not got.flags.owndata
    np.testing.assert_array_equal(got, x[1:, 1:])
    x.flags.writeable = False
    assert not f(x).flags.writeable
    inner = ViewOut(ArrayOut(0), (("slice", (2,), (-1,), (3,)),))
    g = make(
        NOTHING,
        Signature(
            (ArrayParam(F8, (3,)),),
            (ArrayResult(F8, (3,)),),
            (ArrayOut(0), inner),
            Container("tuple", (0, 1)),
        ),
    )
    whole, back = g(np.zeros(3))
    whole[:] = [1, 2, 3]
    assert back.base is whole
    assert list(back) == [3, 2, 1]


def test_structures_arguments_and_constants(make):
    marker = object()
    number = (ScalarResult(I8),)
    outs = (ArgOut(0), StaticOut(marker), PythonOut(0, "int"))
    nested = Container("dict", (0, Container("list", (1, 0)), None, Container("tuple", (2,))),
                       ("a", "b", 3, "d"))  # fmt: skip
    text = core("store i64 7, ptr %s2", "ret i32 0")
    params = (ArrayParam(F8, (None,)),)
    x = np.zeros(3)
    assert list(make(text, Signature(params, number, outs, nested))(x)) == ["a", "b", 3, "d"]
    got = make(text, Signature(params, number, outs, nested))(x)
    assert got["a"] is x
    assert got["b"][0] is marker
    assert got["b"][1] is x
    assert got[3] is None
    assert got["d"] == (7,)
    build = Unflatten(lambda items: ("built", *items))
    assert make(text, Signature(params, number, outs, build))(x) == ("built", x, marker, 7)


def test_failing_unflatten_raises_its_error(make):
    def bad(items):
        raise ZeroDivisionError(len(items))

    f = make(NOTHING, Signature((), (), (StaticOut(1),), Unflatten(bad)))
    with pytest.raises(ZeroDivisionError, match="1"):
        f()


def test_hidden_parameters_are_read_at_each_call(make):
    space = {"g": np.arange(3.0)}
    box = [np.arange(4.0)]

    class Owner:
        value = np.arange(5.0)

    captured = np.arange(6.0)

    def closure():
        return captured

    array = ArrayParam(F8, (None,))
    sources = (
        GlobalSource(space, "g"),
        CallSource(lambda: box[0]),
        CallSource(lambda: Owner.value),
        CellSource(closure.__closure__[0]),
    )
    signature = Signature(
        (), (), tuple(ArgOut(k) for k in range(4)), Container("tuple", (0, 1, 2, 3)),
        hidden=tuple(Hidden(source, array) for source in sources),
    )  # fmt: skip
    f = make(NOTHING, signature)
    assert all(a is b for a, b in zip(f(), (space["g"], box[0], Owner.value, captured)))
    space["g"], box[0], Owner.value, captured = (np.zeros(k) for k in range(1, 5))
    assert [len(a) for a in f()] == [1, 2, 3, 4]
    box[0] = [1]
    assert misses(f)
    box.clear()
    assert misses(f)
    del space["g"]
    assert misses(f)
    space["g"] = held = np.zeros(1)
    before = sys.getrefcount(held)
    assert misses(f)
    assert sys.getrefcount(held) == before


def test_identity_parameter(make):
    option = ("a", 1)
    f = make(NOTHING, Signature((IdentityParam(option),), (), (StaticOut("yes"),), 0))
    assert f(option) == "yes"
    assert misses(f, ("a", 2))


ADD_INTO_LOOP = core("%x = load ptr, ptr %s0", "store double 5.0, ptr %x", "ret i32 0")


@pytest.mark.parametrize("release", [True, WorkAbove(AxisLength(0, 0), 2)])
def test_gil_release_keeps_results_right(make, release):
    signature = Signature((ArrayParam(F8, (None,)),), (), (ArgOut(0),), 0, release_gil=release)
    f = make(ADD_INTO_LOOP, signature)
    for n in (1, 4):
        x = np.zeros(n)
        assert f(x) is x
        assert x[0] == 5


def test_slot_numbers_follow_the_contract():
    signature = Signature(
        (ArrayParam(F8, (None, 3, None), (None, None, 8)), ScalarParam(C8), IdentityParam(None)),
        (ArrayResult(F8, (None, 2)), ScalarResult(C16), ScalarResult(C8), ScalarResult(I8)),
    )
    slots = abi.layout(signature)
    assert slots.params[0] == abi.Slots(0, (1, None, 2), (3, 4, None))
    assert slots.params[1].data == 5
    assert slots.params[2].data is None
    assert slots.results[0] == abi.Slots(7, (8, None))
    assert slots.results[1].data == 9
    assert [at.data for at in slots.results[2:]] == [11, 13]
    assert slots.count == 14
