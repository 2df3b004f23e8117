"""vmap means a loop over the examples; jacobians and Hessians are against differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.transforms.programs import PROGRAMS, differences, point
from tracejit import (
    UnsupportedError,
    grad,
    hessian,
    jacfwd,
    jacobian,
    jacrev,
    jit,
    jvp,
    linearize,
    vjp,
    vmap,
)

RNG = np.random.default_rng(5)
BATCH = np.concatenate([point()[None], RNG.normal(size=(4, 3))])
I = np.array([0, 2, 1, 2, 0])


def loop(f: Callable[..., Any], *args: Any) -> Any:
    return np.stack([np.asarray(f(*(a[k].copy() for a in args))) for k in range(len(args[0]))])


@pytest.mark.parametrize("name", PROGRAMS)
def test_vmap_is_a_loop(name: str) -> None:
    f, want = PROGRAMS[name], loop(PROGRAMS[name], BATCH)
    batch = BATCH.copy()
    np.testing.assert_allclose(vmap(f)(batch), want, rtol=1e-13)
    np.testing.assert_allclose(jit(vmap(jit(f)))(batch), want, rtol=1e-13)
    np.testing.assert_array_equal(batch, BATCH)


@pytest.mark.parametrize("name", PROGRAMS)
def test_vmap_and_derivatives_in_each_other(name: str) -> None:
    f = PROGRAMS[name]

    def loss(x: Any) -> Any:
        return np.sum(f(x) ** 2)

    slopes = loop(grad(loss), BATCH)
    v = RNG.normal(size=BATCH.shape)
    ways = {
        "vmap of grad": vmap(grad(loss))(BATCH),
        "grad of vmap": grad(lambda x: np.sum(vmap(loss)(x)))(BATCH),
        "vmap of pullback": vmap(lambda x: vjp(loss, x)[1](1.0)[0])(BATCH),
        "pullback of vmap": vjp(vmap(loss), BATCH)[1](np.ones(5))[0],
    }
    for way, found in ways.items():
        np.testing.assert_allclose(found, slopes, rtol=1e-10, err_msg=way)
    moved = np.sum(slopes * v, axis=1)
    np.testing.assert_allclose(jvp(vmap(loss), (BATCH,), (v,))[1], moved, rtol=1e-9)
    np.testing.assert_allclose(linearize(vmap(loss), BATCH)[1](v), moved, rtol=1e-9)


@pytest.mark.parametrize("name", PROGRAMS)
def test_jacobians_and_hessians(name: str) -> None:
    f, x = PROGRAMS[name], point()

    def loss(x: Any) -> Any:
        return np.sum(f(x) ** 2)

    want = differences(lambda z: f(z.copy()), x)
    np.testing.assert_allclose(jacfwd(f)(x), want, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(jit(jacrev(f))(x), want, rtol=1e-7, atol=1e-8)
    second = differences(grad(loss), x, 1e-5)
    np.testing.assert_allclose(hessian(loss)(x), second, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(jacrev(jacfwd(loss))(x), second, rtol=1e-5, atol=1e-6)
    many = vmap(jacfwd(f))(BATCH)
    np.testing.assert_allclose(many, loop(jacrev(f), BATCH), rtol=1e-9)


def chosen_row(x: Any, i: Any) -> Any:
    return x[i] * 2.0


def written_element(x: Any, i: Any) -> Any:
    x[i] = 7.0
    x[i - 1] += x[i]
    return x


def written_window(x: Any, i: Any) -> Any:
    y = np.zeros(6)
    y[i : i + 3] = x
    y[i : i + 2] += 1.0
    return y


def counted(x: Any, n: Any) -> Any:
    for _ in range(n):
        x = np.sin(x) + 1.0
    return x


def early(x: Any, n: Any) -> Any:
    for k in range(3):
        if x[k] > 0.5 + n:
            return x * k
        x[k] -= 1.0
    return x


def checked(x: Any, n: Any) -> Any:
    return x[n] / x.sum() if n > 0 else x[0]


def of_a_sum(x: Any, n: Any) -> Any:
    m = n + 1
    return np.sum(x[:3] * m), np.where(x > m, x, -x)[::-1]


def dots(x: Any, n: Any) -> Any:
    a = np.outer(x, x + n)
    return a @ x, x @ a, a @ a.T, x @ x, np.einsum("ij,kj->ik", a, np.eye(3))


TWO = [
    chosen_row, written_element, written_window, counted, early, checked, of_a_sum, dots,
]  # fmt: skip


@pytest.mark.parametrize("f", TWO, ids=lambda f: f.__name__)
def test_what_the_examples_decide(f: Callable[..., Any]) -> None:
    for axes, args in (
        ((0, 0), (BATCH, I)),
        ((0, None), (BATCH, 1)),
        ((None, 0), (BATCH[0], I)),
    ):
        got = vmap(f, in_axes=axes)(*args)
        each = [
            f(*(a[k].copy() if x == 0 else np.copy(a)[()] for a, x in zip(args, axes, strict=True)))
            for k in range(5)
        ]
        if not isinstance(each[0], tuple):
            got, each = (got,), [(e,) for e in each]
        for found, *want in zip(got, *each, strict=True):
            np.testing.assert_allclose(found, np.stack(want), rtol=1e-13)


def test_axes() -> None:
    a, b = RNG.normal(size=(3, 5)), RNG.normal(size=(5, 3, 2))
    f = vmap(lambda x, y: (x @ y, x), in_axes=(1, 0), out_axes=(1, -1))
    left, right = f(a, b)
    np.testing.assert_allclose(left, np.einsum("ik,kij->jk", a, b))
    np.testing.assert_array_equal(right, a)
    tree = vmap(lambda p, k: p["w"] * p["b"] + k, in_axes=({"w": 0, "b": None}, None))
    np.testing.assert_allclose(tree({"w": a, "b": 2.0}, 1.0), a * 2.0 + 1.0)
    same, shared = vmap(lambda x: (x, 3.0), out_axes=(0, None))(a)
    np.testing.assert_array_equal(same, a)
    assert shared == 3.0
    np.testing.assert_array_equal(vmap(lambda x: 3)(a), [3, 3, 3])
    np.testing.assert_array_equal(vmap(lambda: 2.0, axis_size=4)(), np.full(4, 2.0))
    np.testing.assert_array_equal(vmap(lambda x, k: x * k)(a, k=np.arange(3.0))[2], a[2] * 2)
    twice = vmap(vmap(lambda x, y: x * y, in_axes=(0, None)), in_axes=(None, 0))
    np.testing.assert_array_equal(
        twice(np.arange(3.0), np.arange(2.0)), np.outer([0, 1], [0, 1, 2])
    )


def test_sizes_vary_and_may_be_none() -> None:
    f = vmap(lambda x: np.cumsum(x) / (1.0 + x[0] ** 2))
    for n in (3, 5, 8, 1, 0):
        x = RNG.normal(size=(n, 4))
        want = np.cumsum(x, axis=1) / (1.0 + x[:, :1] ** 2)
        np.testing.assert_allclose(f(x), want, rtol=1e-14)


def test_sizes_of_two_arguments_vary_together() -> None:
    """Inside of a compiled function, where each is an extent of its own."""
    f = jit(lambda a, b: vmap(grad(lambda x, y: np.hypot(x, y) * y))(a, b))
    for n in (3, 4, 6):
        a, b = np.arange(1.0, n + 1), np.full(n, 2.0)
        np.testing.assert_allclose(f(a, b), a * b / np.hypot(a, b), rtol=1e-14)
    with pytest.raises(ValueError, match="arguments have 3 and 5 examples"):
        f(np.ones(3), np.ones(5))


def test_effects_come_example_by_example(capsys: pytest.CaptureFixture[str]) -> None:
    def shows(x: Any) -> Any:
        print("first", x)
        if x > 1:
            print("large")
        return x + 1

    got = vmap(shows)(np.arange(3.0))
    seen = capsys.readouterr().out
    want = [shows(x) for x in np.arange(3.0)]
    assert seen == capsys.readouterr().out
    np.testing.assert_array_equal(got, want)


def test_exceptions_are_those_of_an_example() -> None:
    with pytest.raises(IndexError, match="index 7"):
        vmap(chosen_row)(BATCH, np.array([0, 1, 7, 0, 0]))

    def refuses(x: Any) -> Any:
        if x < 0:
            raise ValueError(f"negative: {x}")
        return x

    np.testing.assert_array_equal(vmap(refuses)(np.arange(3.0)), np.arange(3.0))
    with pytest.raises(ValueError, match=r"negative: -2\.0"):
        vmap(refuses)(np.array([1.0, -2.0, -3.0]))


def test_arrays_from_outside_are_not_written() -> None:
    outside = np.zeros(3)

    def writes(x: Any) -> Any:
        outside[0] = x.sum()
        return x

    def of_a_local(x: Any) -> Any:
        local = np.zeros(3)

        def inner(v: Any) -> Any:
            local[0] = v.sum()
            return v

        return vmap(inner)(x), local

    for call in (vmap(writes), jit(of_a_local)):
        with pytest.raises(UnsupportedError, match="writes to an array from outside"):
            call(BATCH)
    assert not outside.any()


def test_jacobians_of_structures() -> None:
    def f(p: Any, k: Any) -> Any:
        return {"a": p["w"] * k, "s": np.sum(p["w"]) * p["b"]}, "aux"

    x, p = np.arange(3.0), {"w": np.arange(3.0), "b": 2.0}
    for transform in (jacfwd, jacrev):
        found, aux = transform(f, argnums=(0, 1), has_aux=True)(p, x + 1)
        assert aux == "aux"
        (aw, ab), (sw, sb) = [(found[k][0]["w"], found[k][0]["b"]) for k in "as"]
        np.testing.assert_array_equal(aw, np.diag(x + 1))
        np.testing.assert_array_equal(ab, np.zeros(3))
        np.testing.assert_array_equal(sw, [2.0, 2.0, 2.0])
        assert sb == 3.0
        np.testing.assert_array_equal(found["a"][1], np.diag(x))
    assert jacobian is jacrev
    assert jacrev(lambda x: x.reshape(3, 1) * np.ones((3, 2)))(x).shape == (3, 2, 3)
    assert hessian(lambda x: np.sum(x**3))(np.ones((2, 2))).shape == (2, 2, 2, 2)


def test_holomorphic_jacobians() -> None:
    z = np.array([1 + 2j, 3 - 1j])
    for transform in (jacfwd, jacrev):
        np.testing.assert_allclose(transform(lambda z: z**2, holomorphic=True)(z), np.diag(2 * z))
        with pytest.raises(TypeError, match="holomorphic"):
            transform(lambda z: z**2)(z)
    with pytest.raises(TypeError, match="holomorphic"):
        jacfwd(lambda x: x, holomorphic=True)(z.real)


def test_a_batch_is_also_read_as_a_whole() -> None:
    """The mapped array is captured, or given a second time, not mapped or along another axis."""
    a = np.arange(9.0).reshape(3, 3)
    total = a.sum()

    def everything(a: Any) -> Any:
        return (
            vmap(lambda row: row.sum() + a.sum())(a),
            vmap(lambda row: row + a[0])(a),
            vmap(lambda row, b: row.sum() + b.sum(), in_axes=(0, None))(a, a),
            vmap(lambda row, column: row @ column, in_axes=(0, 1))(a, a),
        )

    want = (a.sum(axis=1) + total, a + a[0], a.sum(axis=1) + total, np.diag(a @ a))
    for found in (everything(a), jit(everything)(a)):
        for got, expected in zip(found, want, strict=True):
            np.testing.assert_allclose(got, expected)


def guarded_element(x: Any, i: Any) -> Any:
    return x[i] * x[i] if i < 3 else 0.0


def guarded_window(x: Any, i: Any) -> Any:
    return np.sum(x[i : i + 2] ** 2) if i < 2 else 0.0


def guarded_place(x: Any, i: Any) -> Any:
    y = x * x
    if i < 3:
        y[i] = x[0]
    return np.sum(y)


@pytest.mark.parametrize("f", [guarded_element, guarded_window, guarded_place])
def test_no_example_reads_what_its_branch_guards(f: Callable[..., Any]) -> None:
    """Where examples take different sides, derivatives of one side are in range on it alone."""
    x, places = np.array([2.0, 3.0, 4.0]), np.array([0, 1, 2, 10**9])
    want = np.stack([grad(f)(x, i) for i in places])
    np.testing.assert_allclose(vmap(grad(f), in_axes=(None, 0))(x, places), want)
    total = grad(lambda x, i: np.sum(vmap(f, in_axes=(None, 0))(x, i)))(x, places)
    np.testing.assert_allclose(total, want.sum(axis=0))


def test_none_among_mapped_leaves_stays_none() -> None:
    def f(p: Any, other: Any) -> Any:
        assert p["none"] is None
        assert other is None
        return {"twice": 2.0 * p["x"], "none": p["none"]}

    found = vmap(f)({"x": np.arange(3.0), "none": None}, None)
    assert found["twice"].tolist() == [0.0, 2.0, 4.0]
    assert found["none"] is None
    with pytest.raises(ValueError, match="no argument is mapped"):
        vmap(lambda x: x)(None)


def test_examples_that_leave_a_while_at_different_times_in_arrays_of_any_size() -> None:
    """The array that the loop carries has a size which the loop carries, too."""

    def doubled(x: Any) -> Any:
        y, count = x.copy(), 0
        while y[0] < 5:
            y = y * 2.0
            y = y[: y.shape[0]]
            count += 1
        return np.sum(y) + count

    x = np.array([[3.0, 1.0, 2.0, 4.0], [1.0, 1.0, 2.0, 3.0]])
    many = jit(vmap(doubled), shapes="dynamic")
    np.testing.assert_array_equal(many(x), [doubled(row) for row in x])
    slopes = jit(vmap(grad(doubled)), shapes="dynamic")
    np.testing.assert_array_equal(slopes(x), [[2.0] * 4, [8.0] * 4])
