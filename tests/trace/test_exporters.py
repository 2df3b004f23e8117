"""Objects that hold arrays without being plain ones: refused wherever a program keeps them, and
memory maps, which compute as arrays do."""

from __future__ import annotations

import array
import ctypes
import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracejit import FallbackWarning, UnsupportedError, grad, jit, vjp


class Special(np.ndarray):
    """An array of the program's own class."""


class Interface:
    """Has an array, as image libraries do."""

    @property
    def __array_interface__(self) -> Any:
        return np.ones(3).__array_interface__


class Plain:
    """Its instances have an array interface each."""


class Grid:
    """The program's own class in Python, which tells NumPy what its array is."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.values


def interface() -> Plain:
    made: Any = Plain()
    made.__array_interface__ = np.ones(3).__array_interface__
    return made


def lib(name: str) -> Any:
    """A library, or the test is skipped."""
    return pytest.importorskip(name)


#: What makes each object, and the way to pass its array that the message names.
OBJECTS: dict[str, tuple[Callable[[], Any], str]] = {
    "np.matrix": (lambda: np.eye(2).view(np.matrix), "numpy.asarray("),
    "np.ma.array": (lambda: np.ma.array([1.0, 2.0]), ".data and "),
    "np.recarray": (lambda: np.ones(3).view(np.recarray), "numpy.asarray("),
    "np.chararray": (lambda: np.char.array(["a"]), "numpy.asarray("),
    "subclass": (lambda: np.ones(3).view(Special), "numpy.asarray("),
    "array.array": (lambda: array.array("d", [1.0, 2.0]), "which shares its memory"),
    "bytearray": (lambda: bytearray(b"abc"), "which shares its memory"),
    "memoryview": (lambda: memoryview(np.ones(3)), "which shares its memory"),
    "ctypes": (lambda: (ctypes.c_double * 3)(1.0, 2.0, 3.0), "which shares its memory"),
    "mmap": (lambda: mmap.mmap(-1, 16), "which shares its memory"),
    "interface of a class": (Interface, "numpy.asarray("),
    "interface of an object": (interface, "numpy.asarray("),
    "pandas.Series": (lambda: lib("pandas").Series([1.0, 2.0]), ".to_numpy()"),
    "pandas.DataFrame": (lambda: lib("pandas").DataFrame({"a": [1.0]}), "its columns"),
    "pandas.Index": (lambda: lib("pandas").Index([1.0, 2.0]), ".to_numpy()"),
    "polars.Series": (lambda: lib("polars").Series([1.0, 2.0]), ".to_numpy()"),
    "polars.DataFrame": (lambda: lib("polars").DataFrame({"a": [1.0]}), "its columns"),
    "xarray.DataArray": (lambda: lib("xarray").DataArray(np.ones(3)), ".to_numpy()"),
    "xarray.Dataset": (lambda: lib("xarray").Dataset({"a": ("x", [1.0])}), "its variables"),
    "scipy csr": (lambda: lib("scipy.sparse").csr_array(np.eye(2)), ".toarray()"),
    "scipy coo": (lambda: lib("scipy.sparse").coo_matrix(np.eye(2)), ".toarray()"),
    "torch": (lambda: lib("torch").ones(3), ".numpy(), which shares its memory"),
    "jax": (lambda: lib("jax.numpy").ones(3), "numpy.asarray("),
}


class Holder:
    """Keeps it in an attribute."""

    def __init__(self, held: Any) -> None:
        self.held = held

    def total(self, x: Any) -> Any:
        return np.sum(self.held) * x


def as_global(held: Any) -> Any:
    space = {"np": np, "held": held}
    exec("def f(x):\n    return np.sum(held) * x", space)
    return jit(space["f"])(1.0)


def as_default(held: Any) -> Any:
    def f(x: Any, held: Any = held) -> Any:
        return np.sum(held) * x

    return jit(f)(1.0)


def in_loop(held: Any) -> Any:
    found = [held, held]

    def f(x: Any) -> Any:
        for one in found:
            x = x + np.sum(one)
        return x

    return jit(f)(1.0)


def static(held: Any) -> Any:
    return jit(static_argnames="held")(lambda x, held: np.sum(held) * x)(1.0, held)


WAYS: dict[str, Callable[[Any], Any]] = {
    "argument": lambda held: jit(lambda x: np.sum(x))(held),
    "argument that is not used": lambda held: jit(lambda x, y: y)(held, 1.0),
    "keyword": lambda held: jit(lambda *, x: np.sum(x))(x=held),
    "in a list": lambda held: jit(lambda x: np.sum(x[0]))([held]),
    "in a dict": lambda held: jit(lambda x: np.sum(x["a"]))({"a": held}),
    "default": as_default,
    "static argument": static,
    "closure": lambda held: jit(lambda x: np.sum(held) * x)(1.0),
    "global of a function without source": as_global,
    "item of a global list": lambda held: (lambda found: jit(lambda x: found[0])(1.0))([held]),
    "loop over a global list": in_loop,
    "attribute of an argument": lambda held: jit(lambda o, x: o.held.sum() * x)(Holder(held), 1.0),
    "attribute in a method": lambda held: jit(Holder.total)(Holder(held), 1.0),
    "attribute of self": lambda held: jit(Holder(held).total)(1.0),
    "derivative": lambda held: grad(lambda x, y: np.sum(y) * x, argnums=0)(1.0, held),
}


ROWS = [
    (kind, way)
    for kind in OBJECTS
    for k, way in enumerate(WAYS)
    # Objects of one nature go one way through the program: all ways for one of each.
    if kind in ("subclass", "array.array", "pandas.Series", "scipy csr") or k % 5 == len(kind) % 5
]


@pytest.mark.parametrize(("kind", "way"), ROWS)
def test_is_refused_wherever_it_is_kept(kind: str, way: str) -> None:
    make, instead = OBJECTS[kind]
    held = make()
    with pytest.raises(UnsupportedError) as caught:
        WAYS[way](held)
    assert "not a plain numpy.ndarray: pass" in str(caught.value)
    assert instead in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["array.array", "pandas.Series", "np.matrix"])
def test_runs_in_python_where_that_is_allowed(kind: str) -> None:
    held = OBJECTS[kind][0]()

    def f(x: Any) -> Any:
        return np.sum(x) * 2

    g = jit(fallback=True)(f)
    with pytest.warns(FallbackWarning, match="not a plain"):
        assert g(held) == f(held)
    if kind != "np.matrix":
        held[0] = 50.0
    assert g(held) == f(held)


@pytest.mark.parametrize("form", [b"abc", range(3), "abc", (1.0, 2.0), np.dtype("f8"), np.float64])
def test_what_does_not_change_may_be_passed(form: Any) -> None:
    assert jit(lambda form, x: (form, x))(form, 1.0) == (form, 1.0)


def test_arrays_of_objects_found_outside_are_refused() -> None:
    held = np.array([1, None])
    with pytest.raises(UnsupportedError, match="held is an array of objects"):
        jit(lambda x: held.size * x)(1.0)


@pytest.mark.parametrize(
    ("held", "other"),
    [
        (np.array(["a", "b"]), "bb"),
        (np.array([b"a", b"b"]), b"b"),
        (np.array(["2020-01-01", "2020-01-02"], "M8[D]"), "2021-01-01"),
        (np.array([1, 2], "m8[s]"), 3),
    ],
)
def test_texts_and_dates_found_outside_are_not_stale(held: Any, other: Any) -> None:
    def f(x: Any) -> Any:
        return float(str(held.tolist()[0]) != str(held.tolist()[1])) * x

    g = jit(f)
    assert g(1.0) == f(1.0) == 1.0
    held[0] = other
    held[1] = other
    assert g(1.0) == f(1.0) == 0.0


@pytest.mark.parametrize("way", ["argument", "closure", "attribute"])
def test_polynomials_are_not_stale(way: str) -> None:
    p = np.poly1d([1.0, 2.0])
    box = Holder(p)
    f: Any = {
        "argument": lambda p, x: np.polyval(p, x),
        "closure": lambda _, x: np.polyval(p, x) + np.polyder(p)[0],
        "attribute": lambda _, x: np.polyval(box.held, x),
    }[way]
    g = jit(f)
    assert g(p, 3.0) == f(p, 3.0)
    p[0] = 5.0
    assert g(p, 3.0) == f(p, 3.0)
    p.coeffs[0] = 9.0
    assert g(p, 3.0) == f(p, 3.0)
    p[3] = 1.0
    assert g(p, 3.0) == f(p, 3.0)


# Memory maps --------------------------------------------------------------------------------------


@pytest.fixture
def mapped(tmp_path: Path) -> Callable[..., Any]:
    """Makes memory maps of the numbers from 0."""
    made = 0

    def make(*shape: int, dtype: str = "f8", mode: str = "w+") -> Any:
        nonlocal made
        made += 1
        file = tmp_path / f"{made}.bin"
        found = np.memmap(file, dtype, "w+", shape=shape)
        found[...] = np.arange(found.size).reshape(shape)
        return found if mode == "w+" else np.memmap(file, dtype, mode, shape=shape)

    return make


def kinds(x: Any) -> Any:
    return [(type(i), np.asarray(i).tolist()) for i in (x if isinstance(x, tuple) else (x,))]


def changed(x: Any) -> Any:
    x[0] = 7.0
    x += 1
    return x


MAPPED: dict[str, Callable[[Any], Any]] = {
    "itself": lambda x: x,
    "operators": lambda x: (x * 2, -x, x @ x.T, x > 1),
    "reductions": lambda x: (x.sum(), x.sum(axis=0), np.mean(x), x.max(axis=1)),
    "views": lambda x: (x[0], x[:, 1], x.T, x.reshape(-1), x[None], x.real, x[::-1]),
    "elements": lambda x: (x[0, 0], x[x > 1], x[[0]]),
    "asarray": lambda x: np.asarray(x) + 1,
    "a loop": lambda x: sum(float(row.sum()) for row in x),
    "changes": changed,
}


@pytest.mark.parametrize("way", MAPPED)
def test_memory_maps_are_as_in_numpy(way: str, mapped: Callable[..., Any]) -> None:
    mine, theirs = mapped(2, 3), mapped(2, 3)
    f = MAPPED[way]
    assert kinds(jit(f)(mine)) == kinds(f(theirs))
    assert mine.tolist() == theirs.tolist()


def test_what_is_written_to_a_memory_map_is_in_its_file(mapped: Callable[..., Any]) -> None:
    x = mapped(2, 3)
    assert jit(changed)(x) is x
    x.flush()
    want = changed(np.arange(6.0).reshape(2, 3))
    assert np.fromfile(x.filename).tolist() == want.ravel().tolist()


def test_memory_maps_are_one_kind_of_arguments_with_arrays(mapped: Callable[..., Any]) -> None:
    f = jit(lambda x: x + 1)
    for x in (np.ones((2, 3)), mapped(2, 3), mapped(2, 3)):
        f(x)
        x[0] = 5.0
        assert f(x).tolist() == (x + 1).tolist()
    assert f.stats().compilations == 1


def test_a_read_only_map_is_not_written(mapped: Callable[..., Any]) -> None:
    x = mapped(2, 3, mode="r")
    with pytest.raises(ValueError, match="read-only"):
        jit(changed)(x)
    assert jit(lambda x: x.sum())(x) == 15.0


@pytest.mark.parametrize("dtype", ["<f8", ">f8", ">i4", "<f4"])
def test_maps_of_any_byte_order(dtype: str, mapped: Callable[..., Any]) -> None:
    mine, theirs = mapped(2, 3, dtype=dtype), mapped(2, 3, dtype=dtype)
    result = jit(changed)(mine)
    assert result is mine
    assert mine.tolist() == changed(theirs).tolist()


def test_maps_that_overlap(mapped: Callable[..., Any]) -> None:
    def f(x: Any, y: Any) -> Any:
        x[:] = y * 2 + x
        return x, y

    mine, theirs = mapped(6), mapped(6)
    got, want = jit(f)(mine[1:], mine[:-1]), f(theirs[1:], theirs[:-1])
    assert kinds(got) == kinds(want)
    assert mine.tolist() == theirs.tolist()
    assert np.may_share_memory(got[0], mine)


@pytest.mark.parametrize("where", ["closure", "attribute", "item"])
def test_maps_found_outside(where: str, mapped: Callable[..., Any]) -> None:
    held = mapped(2, 3)
    box, items = Holder(held), [held]
    f = {
        "closure": lambda x: (held, held[0], held * x),
        "attribute": lambda x: (box.held, box.held[0], box.held * x),
        "item": lambda x: (items[0], items[0][0], items[0] * x),
    }[where]
    g = jit(f)
    for k in range(3):
        held[0] = k
        got, want = g(2.0), f(2.0)
        assert kinds(got) == kinds(want)
        assert got[0] is held
    assert g.stats().compilations == 1


def test_a_map_found_outside_is_written(mapped: Callable[..., Any]) -> None:
    held = mapped(4)

    def f(x: Any) -> Any:
        held[1] = x
        return held.sum()

    g = jit(f)
    assert g(10.0) == 15.0
    assert held.tolist() == [0.0, 10.0, 2.0, 3.0]


def test_a_map_found_outside_that_overlaps_an_argument(mapped: Callable[..., Any]) -> None:
    held = mapped(4)

    def f(x: Any) -> Any:
        held[1:] = x[:-1] * 2
        return held

    with pytest.warns(FallbackWarning, match="a memory map in a global overlaps"):
        assert jit(f)(held) is held
    assert held.tolist() == [0.0, 0.0, 2.0, 4.0]


def test_derivatives_by_memory_maps(mapped: Callable[..., Any]) -> None:
    x = mapped(3)
    assert grad(lambda x: (x * x).sum())(x).tolist() == [0.0, 2.0, 4.0]
    _, pull = vjp(lambda x: x * x, x)
    x[...] = 9.0
    assert pull(np.ones(3))[0].tolist() == [0.0, 2.0, 4.0]


# The program's own classes ------------------------------------------------------------------------


def test_the_array_of_a_class_of_the_program() -> None:
    def f(g: Any, x: Any) -> Any:
        return np.sum(g) * x + np.asarray(g)[0]

    grid = Grid(np.arange(3.0))
    g = jit(f)
    for values in (np.arange(3.0), np.ones(3)):
        grid.values = values
        assert g(grid, 2.0) == f(grid, 2.0)
        values[0] = 9.0
        assert g(grid, 2.0) == f(grid, 2.0)
    assert g.stats().compilations == 1
