"""``register``: a function of another library or language, with what compiled code has to know.

What it gives back is called like the function. Compiled code calls the function under the GIL, in
order, or where it is pure as an instruction like any other: merged, hoisted and dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, ParamSpec, TypeVar

from tracejit import trees
from tracejit.errors import UnsupportedError, throw
from tracejit.ir.exceptions import ExceptionName
from tracejit.signatures import own_signature
from tracejit.trace.convert import is_converted
from tracejit.trace.session.session import active, current, where
from tracejit.transforms.callbacks import Announced
from tracejit.transforms.custom_calls import Custom, CustomCall, Rule
from tracejit.transforms.outermost import outermost
from tracejit.transforms.python_call import PureCall, held
from tracejit.transforms.rule_bodies import jvp_body, vjp_bodies
from tracejit.transforms.staged import StagedBody

P = ParamSpec("P")
R = TypeVar("R")


class Registered(Custom[P, R], Generic[P, R]):
    """What ``register`` gives: the function, as compiled code calls and differentiates it."""

    def __init__(
        self,
        function: Callable[P, R],
        result: Any,
        *,
        pure: bool,
        jvp: Rule | None,
        vjp: tuple[Rule, Rule] | None,
        batch: Any,
        nondiff_argnums: int | Sequence[int],
    ) -> None:
        super().__init__(function, nondiff_argnums)
        self.result, self.pure, self.batch = result, pure, batch
        self.jvp, self.vjp = jvp, vjp
        has = ("jvp" if jvp else "", "vjp" if vjp else "")
        self.rule = "both" if all(has) else "".join(has)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if active():
            return current().operators.call(self, *args, **kwargs)  # type: ignore[no-any-return]
        args = self._positional(args, kwargs)
        result = self.result(*args) if callable(self.result) else self.result
        announced = Announced("a registered call", args, result)
        return announced.called(self.function).plain(  # type: ignore[no-any-return]
            announced.operands, announced.leaves
        )

    def _positional(self, args: Any, kwargs: Any) -> Any:
        if not kwargs:
            return args
        try:
            bound = own_signature(self.function).bind(*args, **kwargs)
        except ValueError:
            throw(TypeError(f"{self.rule_name} has no signature: pass its arguments by position"))
        bound.apply_defaults()
        if bound.kwargs:
            throw(TypeError(f"{self.rule_name}: keyword-only arguments; pass others by position"))
        return bound.args

    def __traced_call__(self, ops: Any, /, *args: Any, **kwargs: Any) -> Any:
        args = self._positional(args, kwargs)
        if self.rule and ops.session.orders:
            return CustomCall(ops, self, args).emit()
        return self.primal(ops, args)

    def primal(self, ops: Any, args: Sequence[Any]) -> Any:
        """The call of the function itself."""
        if is_converted(self.function):
            raise UnsupportedError(
                f"{where()}: {self.rule_name}, which is defined inside of compiled code: define it "
                "outside, and pass what it needs as arguments"
            )
        result = ops.call(self.result, *args) if callable(self.result) else self.result
        # Of containers the function gets copies, with what is in them now.
        ops.unseen(*(x for x in args if trees.parts_of(x) is not None))
        announced = Announced("a registered call", args, result)
        session = current()
        python = announced.called(self.function)
        # Where the program may catch what it raises, it is called in its place.
        if not self.pure or session.catching:
            return announced.ordered(self.function)
        announced.hand_over(python, pure=True)
        called = PureCall(**vars(python), batch=self.batch)
        b = session.b
        found = b.op(
            "pure_call", *announced.values(), fn=called, types=tuple(announced.types),
            extents=sum(not isinstance(d, int) for t in announced.types for d in t.shape),
        )  # fmt: skip
        *values, ok, number = found
        name = ExceptionName(self.rule_name, held)
        session.emit_check(ok, name, "{0}", number)
        return announced.rebuilt(values)

    def bodies(self, call: CustomCall) -> list[StagedBody]:
        found = [jvp_body(self, call, self.jvp)] if self.jvp else []
        return found + (vjp_bodies(self, call, self.vjp) if self.vjp else [])


@outermost
def register(
    function: Callable[P, R],
    result: Any,
    *,
    pure: bool = False,
    jvp: Callable[..., Any] | None = None,
    vjp: tuple[Callable[..., Any], Callable[..., Any]] | None = None,
    batch: Callable[..., Any] | bool | None = None,
    nondiff_argnums: int | Sequence[int] = (),
) -> Registered[P, R]:
    """A function of another library or language, for compiled code and its transforms.

    ``function`` is called in plain Python, with copies of arrays and numbers. ``result`` says what
    it returns, of which only structure, shapes and dtypes count: a number, an array, containers of
    them, or a function of the arguments that gives one (``np.empty_like``).

    - ``pure=True``: the result depends on the arguments alone, and nothing else happens. Equal
      calls become one, those that a loop repeats leave it, and those whose results nobody needs
      are not made, also if they would raise. Otherwise each call happens once and in order.
    - ``jvp(primals, tangents)`` gives the result and its tangent, as in ``custom_jvp``; ``vjp`` is
      a pair ``(forward, backward)``, as in ``custom_vjp``. With one of them the other mode is
      derived where it can be; with both each mode has its own. Arguments in ``nondiff_argnums``
      are handed to the rules as they are. Without a rule a derivative through it is TypeError.
    - ``batch``: what a pure call under ``vmap`` calls once for all examples. True: ``function``
      itself, with more axes in front (as NumPy's ufuncs and LAPACK take them); a function that is
      given each argument with one axis in front, and gives such results. None: one call each.

    What the function raises is raised. Raises ValueError for a result of another shape, TypeError
    for one of another structure or kind, OverflowError for a number that its dtype cannot hold,
    UnsupportedError for an object that the program makes or changes, or that may change (pure).

        from statistics import NormalDist

        quantile = register(NormalDist().inv_cdf, 0.0, pure=True)
        assert jit(lambda p: 2.0 * quantile(p))(0.5) == 0.0
    """
    what = type(function).__name__
    if not callable(function):
        throw(TypeError(f"register takes a function, not {what}"))
    for name, rule in (("jvp", jvp), *zip(("vjp[0]", "vjp[1]"), vjp or (), strict=False)):
        if rule is not None and not callable(rule):
            throw(TypeError(f"register: {name} is a function, not {type(rule).__name__}"))
    if vjp is not None and len(vjp) != 2:
        throw(TypeError("register: vjp is a pair of functions (forward, backward)"))
    if batch not in (None, True) and not callable(batch):
        throw(TypeError(f"register: batch is a function or True, not {batch!r}"))
    if batch is not None and not pure:
        throw(TypeError("register: calls in order have no batch; a function with pure=True has"))
    return Registered(
        function,
        result,
        pure=pure,
        jvp=jvp,
        vjp=vjp,
        batch=batch,
        nondiff_argnums=nondiff_argnums,
    )
