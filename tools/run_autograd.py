"""Runs autograd's own tests and examples on this library; needs a checkout of HIPS/autograd.

    python tools/run_autograd.py tests CHECKOUT [arguments of pytest]
    python tools/run_autograd.py examples CHECKOUT [names]

``import autograd.numpy as np`` gives NumPy itself, ``autograd.scipy`` SciPy itself, ``grad`` and
the other transforms are those of tracejit. What autograd wrote in plain Python over these
(optimizers, ``flatten``, ``fixed_point``, convolution) is the checkout's own code, traced through.
"""

from __future__ import annotations

import builtins
import functools
import importlib.util
import itertools
import os
import subprocess
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.integrate
import scipy.linalg
import scipy.signal
import scipy.special
import scipy.stats

import tracejit as tj
from tracejit import trees
from tracejit.errors import throw
from tracejit.trace.session.tracer import Tracer

#: Seconds that an example runs; one that is still at work then has run.
SECONDS = 60
#: The step of autograd's own differences.
EPS = 1e-6


# -- primitives --------------------------------------------------------------------------------


class Primitive(tj.custom_vjp):  # type: ignore[type-arg]
    """A function with rules as autograd writes them: ``maker(answer, *args)(cotangent)``."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self.makers: Callable[..., Any] | None = None

        def forward(*args: Any) -> Any:
            answer = self(*args)
            return answer, (answer, args)

        def backward(kept: Any, ct: Any) -> Any:
            answer, args = kept
            places = [k for k, x in enumerate(args) if not callable(x) and not fixed(x)]
            assert self.makers is not None
            found = iter(self.makers(places, answer, args, {})(ct))
            return tuple(next(found) if k in places else None for k in range(len(args)))

        super().defvjp(forward, backward)

    def bodies(self, call: Any) -> Any:
        if self.makers is None:
            throw(NotImplementedError(f"{self.__name__} has no rule"))
        return super().bodies(call)

    def defvjp(self, maker: Any, argnum: int = 0) -> None:  # type: ignore[override]
        """The form of old, which autograd warns of."""
        rule(self, argnum, lambda ans, *a: lambda g: maker(g, ans, None, None, *a))

    def defgrad(self, maker: Any, argnum: int = 0) -> None:
        """The form of old."""
        rule(self, argnum, maker)

    def defvjp_is_zero(self, argnums: Iterable[int] = (0,)) -> None:
        """The form of old."""
        for n in argnums:
            rule(self, n, None)


def fixed(x: Any) -> bool:
    """Whether autograd gives an argument no cotangent."""
    return x is None or isinstance(x, str | bool | dict)


RULES: dict[int, dict[int, Any]] = {}


def rule(function: Primitive, argnum: int, maker: Any) -> None:
    table = RULES.setdefault(id(function), {})
    table[argnum] = maker

    def makers(places: Any, answer: Any, args: Any, kwargs: Any) -> Any:
        rules = [table.get(k) for k in places]
        made = [None if r is None else r(answer, *args, **kwargs) for r in rules]
        return lambda ct: [None if m is None else m(ct) for m in made]

    function.makers = makers


def primitive(function: Callable[..., Any]) -> Primitive:
    return function if isinstance(function, Primitive) else Primitive(function)


def defvjp(function: Primitive, *makers: Any, argnums: Iterable[int] | None = None) -> None:
    for n, maker in zip(itertools.count() if argnums is None else argnums, makers, strict=False):
        rule(function, n, maker)


def defvjp_argnums(function: Primitive, maker: Any) -> None:
    function.makers = maker


def defvjp_argnum(function: Primitive, maker: Any) -> None:
    def makers(places: Any, *args: Any) -> Any:
        made = [maker(k, *args) for k in places]
        return lambda ct: [m(ct) for m in made]

    function.makers = makers


def no_tape(*args: Any) -> Any:
    raise NotImplementedError("autograd's own tape of calls has no counterpart here")


def no_jvp(*args: Any, **kwargs: Any) -> None:
    """Rules for forward mode are derived from those for reverse mode, or there are none."""


# -- transforms --------------------------------------------------------------------------------


def of_one_argument(transform: Callable[..., Any]) -> Callable[..., Any]:
    """autograd's way of choosing an argument, or a tuple of some: ``grad(f, 1)(x, y)``."""

    def transformed(function: Any, argnum: Any = 0, *options: Any, **named: Any) -> Any:
        def called(*args: Any, **kwargs: Any) -> Any:
            def of_one(x: Any) -> Any:
                given = list(args)
                if isinstance(argnum, int):
                    given[argnum] = x
                else:
                    for n, part in zip(argnum, x):
                        given[n] = part
                return function(*given, **kwargs)

            one = isinstance(argnum, int)
            at = args[argnum] if one else tuple([args[n] for n in argnum])
            return transform(of_one, at, *options, **named)

        name = getattr(function, "__name__", "[unknown name]")
        called.__name__ = f"{transform.__name__}_of_{name}_wrt_argnum_{argnum}"
        called.__doc__ = f"    {transform.__name__} of function {name} with respect to an argument"
        return called

    transformed.__name__, transformed.__doc__ = transform.__name__, transform.__doc__
    return transformed


def make_vjp(function: Any, x: Any) -> Any:
    value, pullback = tj.vjp(function, x)
    return lambda ct: pullback(ct)[0], value


def make_jvp(function: Any, x: Any) -> Any:
    return lambda v: tj.jvp(function, (x,), (v,))


def elementwise_grad(function: Any, x: Any) -> Any:
    value, pullback = tj.vjp(function, x)
    return pullback(np.ones_like(value))[0]


def deriv(function: Any, x: Any) -> Any:
    return tj.jvp(function, (x,), (np.ones_like(x),))[1]


def grad(function: Any, x: Any) -> Any:
    """
    Returns a function which computes the gradient of `fun` by one argument.
    """
    return tj.grad(one_number(function))(x)


def one_number(function: Any) -> Any:
    """autograd takes an array of one element for a number."""

    def number(x: Any) -> Any:
        value = function(x)
        if np.size(value) != 1:
            raise TypeError("grad is of functions with one number as their result")
        return np.reshape(value, ()) if np.ndim(value) else value

    return number


def value_and_grad(function: Any, x: Any) -> Any:
    return tj.value_and_grad(one_number(function))(x)


def grad_and_aux(function: Any, x: Any) -> Any:
    return tj.grad(function, has_aux=True)(x)


def jacobian(function: Any, x: Any) -> Any:
    return tj.jacobian(function)(x)


def hessian(function: Any, x: Any) -> Any:
    return tj.hessian(function)(x)


def make_hvp(function: Any, x: Any) -> Any:
    return make_vjp(tj.grad(one_number(function)), x)


def holomorphic_grad(function: Any, x: Any) -> Any:
    return tj.grad(lambda z: np.real(function(z)))(x)


def make_jvp_reversemode(function: Any, x: Any) -> Any:
    return lambda v: tj.jvp(function, (x,), (v,))[1]


def check_grads(function: Any, x: Any, modes: Any = None, order: int = 2) -> None:
    tj.check_grads(function, (x,), order=order, modes=modes or ("fwd", "rev"), eps=EPS)


def hessian_tensor_product(function: Any, argnum: int = 0) -> Any:
    def product(*args: Any, **kwargs: Any) -> Any:
        *args_, v = args
        before, x, after = args_[:argnum], args_[argnum], args_[argnum + 1 :]

        def number(y: Any) -> Any:
            """What ``flatten_func`` gives is an array of one."""
            return np.reshape(function(*before, y, *after, **kwargs), ())

        return tj.hvp(number, (x,), (v,))[0]

    return product


def tensor_jacobian_product(function: Any, argnum: int = 0) -> Any:
    def product(*args: Any, **kwargs: Any) -> Any:
        *args_, v = args
        before, x, after = args_[:argnum], args_[argnum], args_[argnum + 1 :]

        def against(y: Any) -> Any:
            return np.tensordot(v, function(*before, y, *after, **kwargs), axes=np.ndim(v))

        return tj.jacobian(against)(x)

    return product


def make_ggnvp(f: Any, g: Any = lambda x: 0.5 * np.sum(x**2, axis=-1), f_argnum: int = 0) -> Any:
    def maker(*args: Any) -> Any:
        before, x, after = args[:f_argnum], args[f_argnum], args[f_argnum + 1 :]

        def inner(y: Any) -> Any:
            return f(*before, y, *after)

        value, pullback = tj.vjp(inner, x)

        def product(v: Any) -> Any:
            moved = tj.jvp(inner, (x,), (v,))[1]
            return pullback(tj.hvp(g, (value,), (moved,))[0])[0]

        return product

    return maker


# -- modules -----------------------------------------------------------------------------------


def module(name: str, **members: Any) -> types.ModuleType:
    """A module ``autograd.…`` of these members."""
    made = sys.modules.setdefault(name, types.ModuleType(name))
    made.__dict__.update(members)
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, made)
    return made


def alias(name: str, target: Any) -> None:
    sys.modules[name] = target
    parent, _, last = name.rpartition(".")
    if parent != "autograd.numpy":
        setattr(sys.modules[parent], last, target)


def install(checkout: Path) -> None:
    """Make ``autograd`` importable."""
    source = str(checkout / "autograd")
    root = module("autograd", __path__=[source])
    alias("autograd.numpy", np)
    for name in ("random", "linalg", "fft"):
        alias(f"autograd.numpy.{name}", getattr(np, name))
    nary = {
        f.__name__: of_one_argument(f)
        for f in (
            grad, value_and_grad, grad_and_aux, elementwise_grad, deriv, jacobian, hessian,
            holomorphic_grad, make_vjp, make_jvp, make_hvp, make_jvp_reversemode,
        )
    }  # fmt: skip
    root.__dict__.update(
        nary,
        primitive=primitive,
        checkpoint=tj.checkpoint,
        hessian_tensor_product=hessian_tensor_product,
        hessian_vector_product=hessian_tensor_product,
        tensor_jacobian_product=tensor_jacobian_product,
        vector_jacobian_product=tensor_jacobian_product,
        make_ggnvp=make_ggnvp,
        grad_named=lambda f, name: tj.grad(f, argnames=name),
    )
    for name in ("tuple", "list", "dict", "isinstance", "type"):
        setattr(root, name, getattr(builtins, name))
    kinds = {k: getattr(builtins, k) for k in ("tuple", "list", "dict", "isinstance", "type")}
    module("autograd.builtins", **kinds)
    rules = {
        "defvjp": defvjp, "defvjp_argnums": defvjp_argnums, "defvjp_argnum": defvjp_argnum,
        "defjvp": no_jvp, "defjvp_argnum": no_jvp, "defjvp_argnums": no_jvp, "def_linear": no_jvp,
        "primitive": primitive, "notrace_primitive": lambda f: f,
    }  # fmt: skip
    spaces = {"VSpace": VSpace, "vspace": VSpace}
    tracer = {"primitive": primitive, "notrace_primitive": lambda f: f, "Node": object}
    module("autograd.tracer", **tracer, trace=no_tape, isbox=lambda x: isinstance(x, Tracer))
    module(
        "autograd.core",
        **rules,
        **spaces,
        make_vjp=make_vjp,
        make_jvp=make_jvp,
        primitive_vjps=RULES,
    )
    module("autograd.extend", **rules, **spaces)
    module(
        "autograd.test_util",
        check_grads=of_one_argument(check_grads),
        combo_check=combo_check,
        check_equivalent=check_equivalent,
        scalar_close=lambda a, b: abs(a - b) < 1e-6 or abs(a - b) / abs(a + b) < 1e-6,
    )
    scipy_modules(checkout)


def combo_check(function: Any, *options: Any, **named: Any) -> Any:
    """All combinations of the arguments given."""
    check = sys.modules["autograd.test_util"].check_grads(function, *options, **named)

    def checked(*args: Any, **kwargs: Any) -> None:
        pairs = [[(k, x) for x in xs] for k, xs in kwargs.items()]
        for chosen in itertools.product(*args):
            for others in itertools.product(*pairs):
                check(*chosen, **dict(others))

    return checked


def check_equivalent(x: Any, y: Any) -> None:
    """Two values of the same kind, shape and dtype, equal up to rounding."""
    vspace = sys.modules["autograd.core"].vspace
    assert vspace(x) == vspace(y), (vspace(x), vspace(y))
    space = vspace(x)
    along = space.randn()
    a, b = space.inner_prod(along, x), space.inner_prod(along, y)
    assert sys.modules["autograd.test_util"].scalar_close(a, b), (x, y)


# -- vector spaces -----------------------------------------------------------------------------


class VSpace:
    """The vector space that a tree of arrays is in: structure, shapes and dtypes."""

    def __init__(self, value: Any) -> None:
        self.leaves, self.tree = trees.flatten(value)
        self.shapes = [np.shape(x) for x in self.leaves]
        self.dtypes = [np.asarray(x).dtype if not isinstance(x, Tracer) else x.dtype
                       for x in self.leaves]  # fmt: skip
        self.iscomplex = any(d.kind == "c" for d in self.dtypes)
        self.shape = self.shapes[0] if len(self.shapes) == 1 else self.shapes
        count = sum(int(np.prod(s)) * (2 if d.kind == "c" else 1) for s, d in self._kinds())
        self.size = count

    def _kinds(self) -> Any:
        return zip(self.shapes, self.dtypes, strict=True)

    def _made(self, make: Callable[..., Any]) -> Any:
        leaves = [make(s, d) for s, d in self._kinds()]
        like = [x if np.ndim(old) else x[()] for x, old in zip(leaves, self.leaves, strict=True)]
        return trees.unflatten(self.tree, like)

    def zeros(self) -> Any:
        return self._made(np.zeros)

    def ones(self) -> Any:
        return self._made(lambda s, d: np.full(s, 1 + 1j if d.kind == "c" else 1, d))

    def randn(self) -> Any:
        def draw(shape: Any, dtype: Any) -> Any:
            real = np.asarray(np.random.randn(*shape))
            imaginary = np.asarray(np.random.randn(*shape))
            return (real + 1j * imaginary if dtype.kind == "c" else real).astype(dtype)

        return self._made(draw)

    def standard_basis(self) -> Any:
        for k, (shape, dtype) in enumerate(self._kinds()):
            for at in np.ndindex(*shape):
                for unit in (1.0, 1.0j) if dtype.kind == "c" else (1.0,):
                    leaves = [np.zeros(s, d) for s, d in self._kinds()]
                    leaves[k][at] = unit
                    yield trees.unflatten(self.tree, leaves)

    def _map(self, f: Callable[..., Any], *values: Any) -> Any:
        each = zip(*(trees.leaves_of(v) for v in values), strict=True)
        return trees.unflatten(self.tree, [f(*parts) for parts in each])

    def add(self, x: Any, y: Any) -> Any:
        return self._map(lambda a, b: a + b, x, y)

    def mut_add(self, x: Any, y: Any) -> Any:
        return y if x is None else self.add(x, y)

    def scalar_mul(self, x: Any, a: Any) -> Any:
        return self._map(lambda v: v * a, x)

    def covector(self, x: Any) -> Any:
        return self._map(np.conj, x)

    def inner_prod(self, x: Any, y: Any) -> Any:
        pairs = zip(trees.leaves_of(x), trees.leaves_of(y), strict=True)
        return sum(np.real(np.sum(np.conj(a) * b)) for a, b in pairs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, VSpace):
            return NotImplemented
        return (self.tree, self.shapes, self.dtypes) == (other.tree, other.shapes, other.dtypes)

    def __repr__(self) -> str:
        return f"VSpace({self.tree}, {self.shapes}, {self.dtypes})"

    __hash__ = None  # type: ignore[assignment]


# -- scipy: what is not compiled, as registered functions ----------------------------------------


def pulled_sylvester(kept: Any, g: Any) -> Any:
    """A X + X B = Q."""
    a, b, x = kept
    of_q = sylvester(a.T, b.T, g)
    return -of_q @ x.T, -x.T @ of_q, of_q


def moved_sylvester(primals: Any, tangents: Any) -> Any:
    (a, b, _), (of_a, of_b, of_q) = primals, tangents
    x = sylvester(*primals)
    return x, sylvester(a, b, of_q - of_a @ x - x @ of_b)


def kept_sylvester(a: Any, b: Any, q: Any) -> Any:
    x = sylvester(a, b, q)
    return x, (a, b, x)


sylvester = tj.register(
    scipy.linalg.solve_sylvester,
    lambda a, b, q: q,
    pure=True,
    jvp=moved_sylvester,
    vjp=(kept_sylvester, pulled_sylvester),
)


def kept_banded(widths: Any, bands: Any, b: Any) -> Any:
    x = solve_banded(widths, bands, b)
    return x, (bands, x)


def pulled_banded(widths: Any, kept: Any, g: Any) -> Any:
    """The rows of ``bands`` are the diagonals, by column."""
    (bands, x), (low, high), n = kept, widths, len(g)
    dense = np.zeros((n, n))
    for r in range(low + high + 1):
        for c in range(n):
            if 0 <= c + r - high < n:
                dense[c + r - high, c] = bands[r, c]
    of_b = np.linalg.solve(dense.T, g)
    of_bands = np.zeros_like(bands)
    for r in range(low + high + 1):
        for c in range(n):
            if 0 <= c + r - high < n:
                of_bands[r, c] = -of_b[c + r - high] * x[c]
    return of_bands, of_b


solve_banded = tj.register(
    scipy.linalg.solve_banded,
    lambda widths, bands, b: b,
    pure=True,
    vjp=(kept_banded, pulled_banded),
    nondiff_argnums=0,
)


def flat(tree: Any) -> Any:
    return np.concatenate([np.ravel(x) for x in trees.leaves_of(tree)])


def like_flat(tree: Any, line: Any) -> Any:
    leaves, shape = trees.flatten(tree)
    made, at = [], 0
    for x in leaves:
        made.append(np.reshape(line[at : at + np.size(x)], np.shape(x)))
        at += np.size(x)
    return trees.unflatten(shape, made)


def augmented(function: Any, state: Any, t: Any, *args: Any) -> Any:
    """The adjoint equation beside the equation: y, cotangents of y, t and the arguments."""
    count = (len(state) - 1 - sum(np.size(x) for x in trees.leaves_of(args))) // 2
    y, of_y = state[:count], state[count : 2 * count]
    moved, pullback = tj.vjp(function, y, t, *args)
    of_y, of_t, *of_args = pullback(-of_y)
    return np.concatenate([moved, of_y, np.reshape(of_t, (1,)), flat(of_args)])


compiled = tj.jit(augmented)


def adjoint(function: Any, depth: int) -> Any:
    """The equation itself, its adjoint, that of the adjoint, and so on."""
    return adjoint(functools.partial(compiled, function), depth - 1) if depth else function


def solver(depth: int) -> Primitive:
    """``odeint`` of the adjoint equation of that depth of a function."""

    def solved(function: Any, y0: Any, t: Any, args: Any, options: Any) -> Any:
        return scipy.integrate.odeint(adjoint(function, depth), y0, t, tuple(args), **options)

    made = Primitive(
        tj.register(solved, lambda f, y0, t, args, options: np.empty((len(t), len(y0))), pure=True)
    )
    made.makers = functools.partial(odeint_rules, depth)
    return made


def odeint_rules(depth: int, places: Any, path: Any, given: Any, kwargs: Any) -> Any:
    """The adjoint method, from one point of time to the one before."""
    function, _, t, args, options = given
    moved, back_to = adjoint(function, depth), ODE_SOLVERS[depth + 1]

    def pullback(g: Any) -> Any:
        count = path.shape[1]
        of_y, of_start, of_args = g[-1], 0.0, 0.0 * flat(args)
        of_times = np.zeros_like(t)
        for i in range(len(t) - 1, 0, -1):
            of_times[i] = moved(path[i], t[i], *args) @ g[i]
            of_start = of_start - of_times[i]
            state = np.concatenate([path[i], of_y, np.reshape(of_start, (1,)), of_args])
            span = np.stack([t[i], t[i - 1]])
            back = back_to(function, state, span, args, options)[1]
            of_y, of_start = back[count : 2 * count] + g[i - 1], back[2 * count]
            of_args = back[2 * count + 1 :]
        of_times[0] = of_start
        found = {1: of_y, 2: of_times, 3: like_flat(args, of_args)}
        return [found[k] for k in places]

    return pullback


#: By depth: derivatives up to order three.
ODE_SOLVERS = [solver(depth) for depth in range(4)]


def odeint(function: Any, y0: Any, t: Any, args: Any = (), **options: Any) -> Any:
    return ODE_SOLVERS[0](function, y0, t, args, options)


def scipy_modules(checkout: Path) -> None:
    """SciPy's own, but for what autograd's differ in: ``convolve`` with axes, and ``odeint``."""
    module("autograd.scipy")
    for name in ("special", "stats"):
        found = getattr(scipy, name)
        alias(f"autograd.scipy.{name}", found)
    for name in ("norm", "t", "multivariate_normal", "beta", "gamma", "poisson", "chi2"):
        sys.modules[f"autograd.scipy.stats.{name}"] = getattr(scipy.stats, name)
    module("autograd.scipy.integrate", odeint=odeint)
    sys.modules["autograd.scipy.linalg"] = module(
        "autograd.scipy.linalg",
        **{name: getattr(scipy.linalg, name) for name in scipy.linalg.__all__},
    )
    module("autograd.scipy.linalg", solve_sylvester=sylvester, solve_banded=solve_banded)
    signal = load("autograd.scipy.signal", checkout / "autograd" / "scipy" / "signal.py")
    # Axes have to be known: a list of them, not an array.
    numpy = types.SimpleNamespace(argsort=places, pad=np.pad, einsum=np.einsum)
    signal.__dict__.update(as_strided=as_strided, npo=numpy)


def as_strided(x: Any, shape: Any, strides: Any) -> Any:
    """The view with these strides as a copy, which is what a value of a program has.

    Each is a stride of ``x``, which may be flipped: what counts is the axis."""
    axes = [x.strides.index(stride) for stride in strides]
    x = np.ascontiguousarray(x)
    at: Any = 0
    for n, axis in zip(shape, axes, strict=True):
        at = np.expand_dims(at, -1) + np.arange(n) * (x.strides[axis] // x.itemsize)
    return np.ravel(x)[at]


def places(order: list[int]) -> list[int]:
    """Where a permutation has 0, 1, 2 and so on."""
    return [order.index(k) for k in range(len(order))]


def load(name: str, path: Path) -> types.ModuleType:
    """A module of the checkout, under its own name."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    alias(name, made)
    spec.loader.exec_module(made)
    return made


# -- the two commands --------------------------------------------------------------------------


def digits() -> tuple[Any, ...]:
    """Random images in place of a download: what is asked is whether the programs run."""
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (n, 28, 28), dtype=np.uint8) for n in (2000, 500)]
    labels = [rng.integers(0, 10, n, dtype=np.uint8) for n in (2000, 500)]
    return images[0], labels[0], images[1], labels[1]


def one_example(checkout: Path, name: str) -> None:
    """Runs an example in this process."""
    import runpy

    import matplotlib

    matplotlib.use("Agg")
    sys.path.insert(0, str(checkout / "examples"))
    module("data_mnist", mnist=digits)
    runpy.run_path(str(checkout / "examples" / f"{name}.py"), run_name="__main__")


def examples(checkout: Path, names: list[str]) -> int:
    """Runs examples, each in a process of its own; how many failed."""
    found = names or sorted(
        p.stem for p in (checkout / "examples").glob("*.py") if p.stem not in NOT_PROGRAMS
    )
    if not found:
        sys.exit(f"{checkout / 'examples'} has no examples: is it a checkout of HIPS/autograd?")
    failed = 0
    for name in found:
        command = [sys.executable, str(Path(__file__).resolve()), "example", str(checkout), name]
        try:
            with tempfile.TemporaryDirectory() as here:  # some write pictures
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=here
                )
            bad, said = done.returncode, (done.stderr.strip() or "?").splitlines()
        except subprocess.TimeoutExpired:
            bad, said = 0, []
        failed += bool(bad)
        print(f"{name}: {'fails: ' + said[-1] if bad else 'runs'}", flush=True)
    print(f"{len(found) - failed} of {len(found)} examples run")
    return failed


#: What the examples import, and what is about autograd's own tape and not about derivatives.
NOT_PROGRAMS = ("__init__", "data", "data_mnist", "print_trace", "dot_graph")


def main(what: str, checkout: Path, rest: list[str]) -> int:
    if what == "examples":
        return examples(checkout, rest)
    install(checkout)
    if what == "example":
        one_example(checkout, *rest)
        return 0
    import pytest

    os.chdir(checkout)
    options = ["-o", "addopts=", "-o", "required_plugins=", "-p", "no:cacheprovider", "-q"]
    return int(pytest.main([*options, *(rest or ["tests"])]))


if __name__ == "__main__":
    warnings.filterwarnings("ignore", category=FutureWarning)
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    raise SystemExit(main(sys.argv[1], Path(sys.argv[2]).resolve(), sys.argv[3:]))
