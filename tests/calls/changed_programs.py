"""Programs, each with a change of its text (old, new) after which it answers something else."""

from __future__ import annotations

PROGRAMS: dict[str, tuple[str, str, str]] = {
    "own code": (
        "2.0",
        "3.0",
        """
@jit
def f(x): return x * 2.0
""",
    ),
    "a constant inside": (
        "1.0",
        "4.0",
        """
@jit
def f(x):
    g = lambda y: y + 1.0
    return g(x)
""",
    ),
    "a helper": (
        "1.0",
        "4.0",
        """
def h(x): return x + 1.0
@jit
def f(x): return h(x)
""",
    ),
    "a helper of a helper": (
        "1.0",
        "4.0",
        """
def g(x): return x + 1.0
def h(x): return g(x)
@jit
def f(x): return h(x)
""",
    ),
    "a default": (
        "=1.0",
        "=4.0",
        """
def h(x, p=1.0): return x + p
@jit
def f(x): return h(x)
""",
    ),
    "a keyword default": (
        "=1.0",
        "=4.0",
        """
def h(x, *, p=1.0): return x + p
@jit
def f(x): return h(x)
""",
    ),
    "an own default": (
        "(1.0",
        "(5.0",
        """
@jit
def f(x, p=(1.0, 2.0)): return x + p[0]
""",
    ),
    "a global number": (
        "K = 1.0",
        "K = 4.0",
        """
K = 1.0
@jit
def f(x): return x + K
""",
    ),
    "a global int": (
        "1000",
        "2000",
        """
K = 1000
@jit
def f(x): return x + K
""",
    ),
    "a global text": (
        "'a'\n",
        "'b'\n",
        """
K = 'a'
@jit
def f(x): return x if K == 'a' else -x
""",
    ),
    "a global array": (
        "(3)",
        "(4)",
        """
K = np.ones(3)
@jit
def f(x): return x + K.sum()
""",
    ),
    "a global tuple": (
        "2.0",
        "5.0",
        """
K = (1, 2.0)
@jit
def f(x): return x + K[1]
""",
    ),
    "a global list, looped over": (
        "2.0]",
        "5.0]",
        """
K = [1.0, 2.0]
@jit
def f(x):
    for k in K: x = x + k
    return x
""",
    ),
    "a global dict": (
        "2.0",
        "5.0",
        """
K = {'a': 2.0}
@jit
def f(x): return x + K['a']
""",
    ),
    "which function a name is": (
        "= g",
        "= h",
        """
def g(x): return x
def h(x): return -x
K = g
@jit
def f(x): return K(x)
""",
    ),
    "a name that was not there": (
        "#",
        "MISSING = 5.0",
        """
@jit
def f(x):
    try: return x + MISSING
    except NameError: return x
#
""",
    ),
    "a method": (
        "2.0",
        "3.0",
        """
class A:
    def m(self, x): return x * 2.0
a = A()
@jit
def f(x): return a.m(x)
""",
    ),
    "a method of an argument": (
        "2.0",
        "3.0",
        """
class A:
    def m(self, x): return x * 2.0
@jit
def g(a, x): return a.m(x)
def f(x): return g(A(), x)
f.stats = g.stats
""",
    ),
    "a method of a base class": (
        "2.0",
        "3.0",
        """
class B:
    def m(self, x): return x * 2.0
class A(B): pass
@jit
def g(a, x): return a.m(x)
def f(x): return g(A(), x)
f.stats = g.stats
""",
    ),
    "a method that overrides": (
        "    pass",
        "    def m(self, x): return x * 9.0",
        """
class B:
    def m(self, x): return x * 2.0
class A(B):
    pass
@jit
def g(a, x): return a.m(x)
def f(x): return g(A(), x)
f.stats = g.stats
""",
    ),
    "a property": (
        "2.0",
        "3.0",
        """
class A:
    @property
    def p(self): return 2.0
@jit
def g(a, x): return a.p * x
def f(x): return g(A(), x)
f.stats = g.stats
""",
    ),
    "an attribute of a class": (
        "2.0",
        "3.0",
        """
class A:
    k = 2.0
@jit
def f(x): return A.k * x
""",
    ),
    "an attribute of an object": (
        "2.0",
        "3.0",
        """
class A: pass
a = A()
a.k = 2.0
@jit
def f(x): return a.k * x
""",
    ),
    "a dataclass's default": (
        "2.0",
        "3.0",
        """
@dataclass
class A:
    k: float = 2.0
a = A()
@jit
def f(x): return a.k * x
""",
    ),
    "a closure's number": (
        "make(2.0)",
        "make(3.0)",
        """
def make(k):
    @jit
    def f(x): return k * x
    return f
f = make(2.0)
""",
    ),
    "a closure's function": (
        "2.0",
        "3.0",
        """
def make(g):
    @jit
    def f(x): return g(x)
    return f
f = make(lambda x: x * 2.0)
""",
    ),
    "a decorator": (
        "1.0",
        "4.0",
        """
def d(g):
    @functools.wraps(g)
    def w(x): return g(x) + 1.0
    return w
@d
def h(x): return x
@jit
def f(x): return h(x)
""",
    ),
    "what a decorator is around": (
        "2.0",
        "4.0",
        """
def d(g):
    @functools.wraps(g)
    def w(x): return g(x) + 1.0
    return w
@d
def h(x): return x * 2.0
@jit
def f(x): return h(x)
""",
    ),
    "a partial function": (
        "2.0",
        "3.0",
        """
def h(k, x): return k * x
p = functools.partial(h, 2.0)
@jit
def f(x): return p(x)
""",
    ),
    "another jitted function": (
        "2.0",
        "3.0",
        """
@jit
def h(x): return x * 2.0
@jit
def f(x): return h(x)
""",
    ),
    "what is differentiated": (
        "2.0",
        "3.0",
        """
def h(x): return (x ** 2.0).sum()
f = jit(grad(h))
""",
    ),
    "a helper of what is differentiated": (
        "2.0",
        "3.0",
        """
def g(x): return x ** 2.0
def h(x): return g(x).sum()
both = value_and_grad(h)
@jit
def f(x): return both(x)[1]
""",
    ),
    "a static argument": (
        "2.0",
        "3.0",
        """
def h(x): return x * 2.0
@jit(static_argnums=1)
def g(x, how): return how(x)
def f(x): return g(x, h)
f.stats = g.stats
""",
    ),
    "what is printed": (
        "one",
        "two",
        """
import contextlib, io
@jit
def g(x): return print("one", x.sum())
def f(x):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        g(x)
    return [ord(c) for c in out.getvalue()]
f.stats = g.stats
""",
    ),
    "a draw": (
        "1.0",
        "2.0",
        """
@jit
def g(r, x): return x + r.normal(1.0)
def f(x): return g(np.random.default_rng(3), x)
f.stats = g.stats
""",
    ),
    "a function under the name of a library's": (
        "1.0",
        "4.0",
        """
@functools.wraps(np.sum)
def h(x): return x + 1.0
@jit
def f(x): return h(x)
""",
    ),
    "lines that moved": (
        "#",
        "#\n\n",
        """
#
@jit
def f(x):
    return x[7]
""",
    ),
    "a partial method": (
        "2.0",
        "3.0",
        """
class A:
    def m(self, k, x): return k * x
    p = functools.partialmethod(m, 2.0)
a = A()
@jit
def f(x): return a.p(x)
""",
    ),
    "a value of a library's class": (
        "1, 2",
        "1, 3",
        """
import fractions
K = fractions.Fraction(1, 2)
@jit
def f(x): return x * float(K)
""",
    ),
    "an attribute before a method": (
        "#",
        "a.m = lambda x: x * 9.0",
        """
class A:
    def m(self, x): return x
a = A()
#
@jit
def f(x): return a.m(x)
""",
    ),
    "a function in an object": (
        "math.sin",
        "math.cos",
        """
import math, types
A = types.SimpleNamespace(k=math.sin)
@jit
def f(x): return x * A.k(1.0)
""",
    ),
    "a static tuple": (
        "(2, 1.5)",
        "(3, 1.5)",
        """
@jit(static_argnums=1)
def g(x, how): return x * how[0]
def f(x): return g(x, (2, 1.5))
f.stats = g.stats
""",
    ),
}
