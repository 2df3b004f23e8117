"""What the examples of NumPy's docstrings do not give when compiled, and why.

``REFUSED`` is of NumPy 2.4. `python -m tests.trace.array_api.docstring_table` runs all examples,
prints its rows anew, and writes the counts to docs/coverage.md.
"""

from __future__ import annotations

import multiprocessing
import re
from collections import Counter
from pathlib import Path

from tests.trace.array_api.docstring_examples import docstrings, outcomes

PAGE = Path(__file__).resolve().parents[3] / "docs" / "coverage.md"
FIRST, LAST = "<!-- examples:", "<!-- end of examples -->"

#: Docstrings that are not run: they write and read files, or show what is installed.
NOT_RUN = {
    "np.fromfile", "np.fromregex", "np.genfromtxt", "np.info", "np.load", "np.loadtxt", "np.memmap",
    "np.save", "np.savetxt", "np.savez", "np.savez_compressed", "np.shares_memory",
}  # fmt: skip

_TEXTS = "texts, objects, records, times"
_OBJECTS = "matrices, masked arrays, poly1d, iterators"
_STATE = "settings, warnings, clocks"
_GENERATORS = "generators are made, seeded and spawned outside"
_MEMORY = "memory itself: flags, addresses, bytes, bases"
_NUMERALS = "numbers as text"
_LENGTHS = "lengths that values decide"
_RARE = "rare arguments and names"
#: Reasons, in the order in which they are looked for, and what refusals for them say.
REASONS = {
    _TEXTS: (
        r"dtype (object|<U|\|S|\[|datetime|timedelta)|(object|<U\d+|\|S\d+|\)\]|\]) values are|"
        r"(str|set|tuple) object is not an array|of a structured array is not"
    ),
    _OBJECTS: (
        r"matrix|MaskedArray|recarray|makes matrices|poly1d|another object each time|np\.broadcast "
        r"|nditer|nested_iters|masked_array|\.flat cannot"
    ),
    _STATE: r"seterr|printoptions|setbufsize|np\.errstate|warnings\.(warn|simplefilter)",
    _GENERATORS: r"generator of random numbers|default_rng|spawn|seed|PCG64|\.bytes is",
    _MEMORY: (
        r"\.flags|\.ctypes|strides|isfortran|setflags|getfield|setfield|byteswap|tobytes|resize|"
        r"id needs|shares_memory|writeable=True|of an array cannot be set|another shape of its|"
        r"an array is a view of|ndarray is not supported"
    ),
    _NUMERALS: r"array_repr|array2string|array_str|binary_repr|format_float|hex needs|oct",
    _LENGTHS: (
        r"StructureError|range\(\) whose length|a list is repeated|NumPy asked for the contents|"
        r"an index of a list or tuple needs"
    ),
    _RARE: (
        r"einsum_path|mode=a function|one dimension only|same_value|sorted\(\)|mintypecode|"
        r"numpy\.testing|GenericAlias"
    ),
}


def reason(message: str) -> str | None:
    """Why an example is refused; None for what no row of ``REASONS`` knows."""
    return next((why for why, text in REASONS.items() if re.search(text, message)), None)


_SCRATCH = "NumPy sorts the argument in part as a side effect"
_UNSET = "memory that nothing was written to, or an order that NumPy leaves open"
_ROUNDED = "zeros up to rounding"
_SETTINGS = "compiled code neither warns nor raises for floating-point errors"
#: Examples whose answer is another than NumPy's, as docs/differences.md says.
OPEN = {
    "out = np.empty(15, dtype=np.double)": _UNSET,
    "np.empty([2, 2])": _UNSET,
    "np.empty([2, 2], dtype=int)": _UNSET,
    "np.empty_like(a)": _UNSET,
    "a = np.empty(2)": _UNSET,
    "np.ndarray(shape=(2,2), dtype=float, order='F')": _UNSET,
    "np.recarray((2,),\ndtype=[('x', int), ('y', float), ('z', int)]) #doctest: +SKIP": _UNSET,
    "np.median(b, axis=1, overwrite_input=True)": _SCRATCH,
    "np.median(b, axis=None, overwrite_input=True)": _SCRATCH,
    "np.nanmedian(b, axis=1, overwrite_input=True)": _SCRATCH,
    "np.nanmedian(b, axis=None, overwrite_input=True)": _SCRATCH,
    "np.percentile(b, 50, axis=1, overwrite_input=True)": _SCRATCH,
    "np.nanpercentile(b, 50, axis=1, overwrite_input=True)": _SCRATCH,
    "np.quantile(b, 0.5, axis=1, overwrite_input=True)": _SCRATCH,
    "np.nanquantile(b, 0.5, axis=1, overwrite_input=True)": _SCRATCH,
    "np.arange(3.) / np.arange(3.)": _SETTINGS,
    "np.array([1, 2, 3]) / 0.0": _SETTINGS,
    "np.int16(32000) * np.int16(3)": _SETTINGS,
    "LA.norm(Q[0, :]), LA.norm(Q[1, :]), np.dot(Q[0, :],Q[1, :])": _ROUNDED,
    "p2 = np.partition(a, (4, 8))": _UNSET,
    "np.fft.fft(np.exp(2j * np.pi * np.arange(8) / 8))": _ROUNDED,
    "c, stats = P.polyfit(x,y,3,full=True)": _ROUNDED,
}

#: The same for examples that other NumPys than that of the table word otherwise.
OPEN_ELSEWHERE = {
    "np.empty([2, 2], dtype=np.int_)": _UNSET,
    "np.ndarray(shape=(2,2), dtype=np.float64, order='F')": _UNSET,
}

#: Of these the answer may be NumPy's all the same.
BY_CHANCE = (_UNSET, _ROUNDED)

#: By docstring: how many of its examples are refused for which reason.
REFUSED: dict[str, dict[str, int]] = {
    "np.all": {_MEMORY: 1},
    "np.any": {_MEMORY: 1},
    "np.array": {_TEXTS: 4, _OBJECTS: 2},
    "np.array2string": {_NUMERALS: 3},
    "np.array_repr": {_NUMERALS: 3, _OBJECTS: 1},
    "np.array_str": {_NUMERALS: 1},
    "np.asanyarray": {_TEXTS: 1},
    "np.asarray": {_TEXTS: 1},
    "np.ascontiguousarray": {_MEMORY: 3},
    "np.asfortranarray": {_MEMORY: 3},
    "np.asmatrix": {_OBJECTS: 1},
    "np.atleast_2d": {_MEMORY: 1},
    "np.atleast_3d": {_MEMORY: 1},
    "np.bitwise_invert": {_NUMERALS: 2},
    "np.bmat": {_OBJECTS: 2},
    "np.broadcast": {_OBJECTS: 1},
    "np.concat": {_OBJECTS: 3},
    "np.copy": {_MEMORY: 2},
    "np.corrcoef": {_GENERATORS: 1},
    "np.datetime_as_string": {_TEXTS: 6},
    "np.datetime_data": {_TEXTS: 1},
    "np.diff": {_TEXTS: 2},
    "np.einsum": {_RARE: 1},
    "np.einsum_path": {_RARE: 2},
    "np.emath.arccos": {_STATE: 1},
    "np.emath.arcsin": {_STATE: 1},
    "np.emath.arctanh": {_STATE: 1},
    "np.emath.log10": {_STATE: 1},
    "np.emath.log2": {_STATE: 1},
    "np.emath.logn": {_STATE: 1},
    "np.emath.power": {_STATE: 1},
    "np.errstate": {_STATE: 2},
    "np.flatiter": {_OBJECTS: 1},
    "np.flip": {_GENERATORS: 1},
    "np.fliplr": {_GENERATORS: 1},
    "np.flipud": {_GENERATORS: 1},
    "np.format_float_scientific": {_NUMERALS: 2},
    "np.frompyfunc": {_NUMERALS: 1, _TEXTS: 1},
    "np.get_printoptions": {_STATE: 1},
    "np.geterr": {_STATE: 1},
    "np.geterrcall": {_STATE: 4},
    "np.histogramdd": {_GENERATORS: 1},
    "np.isfortran": {_MEMORY: 5},
    "np.isin": {_TEXTS: 1},
    "np.isnat": {_TEXTS: 1},
    "np.isreal": {_TEXTS: 6},
    "np.lexsort": {_RARE: 2},
    "np.lib.stride_tricks.sliding_window_view": {_MEMORY: 1},
    "np.linalg.cholesky": {_OBJECTS: 1},
    "np.linalg.eigh": {_OBJECTS: 2},
    "np.linalg.inv": {_OBJECTS: 1},
    "np.linalg.outer": {_TEXTS: 2},
    "np.linalg.pinv": {_GENERATORS: 1},
    "np.linalg.qr": {_GENERATORS: 1},
    "np.linalg.svd": {_GENERATORS: 1},
    "np.linalg.tensorinv": {_GENERATORS: 2},
    "np.linalg.tensorsolve": {_GENERATORS: 1},
    "np.ma": {_LENGTHS: 1, _OBJECTS: 1},
    "np.mean": {_TEXTS: 2},
    "np.mintypecode": {_RARE: 1},
    "np.ndarray": {_MEMORY: 1},
    "np.ndarray.astype": {_RARE: 2},
    "np.ndarray.base": {_MEMORY: 2},
    "np.ndarray.byteswap": {_MEMORY: 2, _TEXTS: 3},
    "np.ndarray.copy": {_MEMORY: 1, _TEXTS: 6},
    "np.ndarray.ctypes": {_MEMORY: 6},
    "np.ndarray.fill": {_TEXTS: 4},
    "np.ndarray.getfield": {_MEMORY: 2},
    "np.ndarray.item": {_TEXTS: 2},
    "np.ndarray.resize": {_MEMORY: 5},
    "np.ndarray.setfield": {_MEMORY: 4},
    "np.ndarray.setflags": {_MEMORY: 4},
    "np.ndarray.shape": {_MEMORY: 1},
    "np.ndarray.sort": {_TEXTS: 2},
    "np.ndarray.strides": {_MEMORY: 2},
    "np.ndarray.tobytes": {_MEMORY: 3},
    "np.ndarray.view": {_TEXTS: 5},
    "np.nditer": {_OBJECTS: 2},
    "np.nested_iters": {_OBJECTS: 1},
    "np.outer": {_TEXTS: 2},
    "np.pad": {_RARE: 2},
    "np.piecewise": {_LENGTHS: 1},
    "np.poly1d": {_OBJECTS: 2},
    "np.polyfit": {_OBJECTS: 2},
    "np.polynomial": {_STATE: 2},
    "np.polynomial.chebyshev.cheb2poly": {_LENGTHS: 2},
    "np.polynomial.chebyshev.chebfromroots": {_LENGTHS: 2},
    "np.polynomial.chebyshev.poly2cheb": {_LENGTHS: 2},
    "np.polynomial.hermite.herm2poly": {_LENGTHS: 1},
    "np.polynomial.hermite.hermdiv": {_LENGTHS: 3},
    "np.polynomial.hermite.hermfit": {_GENERATORS: 1, _STATE: 1},
    "np.polynomial.hermite.hermfromroots": {_LENGTHS: 2},
    "np.polynomial.hermite.hermmul": {_LENGTHS: 1},
    "np.polynomial.hermite.hermpow": {_LENGTHS: 1},
    "np.polynomial.hermite.hermroots": {_LENGTHS: 1},
    "np.polynomial.hermite.poly2herm": {_LENGTHS: 1},
    "np.polynomial.laguerre.lag2poly": {_LENGTHS: 1},
    "np.polynomial.laguerre.lagdiv": {_LENGTHS: 2},
    "np.polynomial.laguerre.lagfit": {_GENERATORS: 1, _STATE: 1},
    "np.polynomial.laguerre.lagfromroots": {_LENGTHS: 2},
    "np.polynomial.laguerre.lagmul": {_LENGTHS: 1},
    "np.polynomial.laguerre.lagpow": {_LENGTHS: 1},
    "np.polynomial.laguerre.lagroots": {_LENGTHS: 1},
    "np.polynomial.laguerre.poly2lag": {_LENGTHS: 1},
    "np.polynomial.legendre.leg2poly": {_LENGTHS: 2},
    "np.polynomial.legendre.legdiv": {_LENGTHS: 2},
    "np.polynomial.legendre.legfromroots": {_LENGTHS: 2},
    "np.polynomial.legendre.legmul": {_LENGTHS: 1},
    "np.polynomial.legendre.poly2leg": {_LENGTHS: 2},
    "np.polynomial.polynomial.polyfit": {_GENERATORS: 1},
    "np.polynomial.polynomial.polyfromroots": {_LENGTHS: 2},
    "np.polynomial.polynomial.polyroots": {_LENGTHS: 3},
    "np.printoptions": {_STATE: 2},
    "np.r_": {_OBJECTS: 1},
    "np.random.Generator.beta": {_GENERATORS: 1},
    "np.random.Generator.binomial": {_GENERATORS: 1},
    "np.random.Generator.bytes": {_GENERATORS: 2},
    "np.random.Generator.chisquare": {_GENERATORS: 1},
    "np.random.Generator.choice": {_GENERATORS: 1, _TEXTS: 1},
    "np.random.Generator.dirichlet": {_GENERATORS: 1},
    "np.random.Generator.exponential": {_GENERATORS: 2},
    "np.random.Generator.f": {_GENERATORS: 1},
    "np.random.Generator.gamma": {_GENERATORS: 1},
    "np.random.Generator.geometric": {_GENERATORS: 1},
    "np.random.Generator.gumbel": {_GENERATORS: 1},
    "np.random.Generator.hypergeometric": {_GENERATORS: 1},
    "np.random.Generator.integers": {_GENERATORS: 1},
    "np.random.Generator.laplace": {_GENERATORS: 1},
    "np.random.Generator.logistic": {_GENERATORS: 1},
    "np.random.Generator.lognormal": {_GENERATORS: 1},
    "np.random.Generator.logseries": {_GENERATORS: 1},
    "np.random.Generator.multinomial": {_GENERATORS: 1},
    "np.random.Generator.multivariate_hypergeometric": {_GENERATORS: 1},
    "np.random.Generator.multivariate_normal": {_GENERATORS: 2},
    "np.random.Generator.negative_binomial": {_GENERATORS: 1},
    "np.random.Generator.noncentral_chisquare": {_GENERATORS: 1},
    "np.random.Generator.noncentral_f": {_GENERATORS: 1},
    "np.random.Generator.normal": {_GENERATORS: 2},
    "np.random.Generator.pareto": {_GENERATORS: 1},
    "np.random.Generator.permutation": {_GENERATORS: 1, _TEXTS: 1},
    "np.random.Generator.permuted": {_GENERATORS: 1},
    "np.random.Generator.poisson": {_GENERATORS: 1},
    "np.random.Generator.power": {_GENERATORS: 1},
    "np.random.Generator.random": {_GENERATORS: 1},
    "np.random.Generator.rayleigh": {_GENERATORS: 1},
    "np.random.Generator.shuffle": {_GENERATORS: 1},
    "np.random.Generator.spawn": {_GENERATORS: 4},
    "np.random.Generator.standard_cauchy": {_GENERATORS: 1},
    "np.random.Generator.standard_exponential": {_GENERATORS: 1},
    "np.random.Generator.standard_gamma": {_GENERATORS: 1},
    "np.random.Generator.standard_normal": {_GENERATORS: 1},
    "np.random.Generator.standard_t": {_GENERATORS: 1},
    "np.random.Generator.triangular": {_GENERATORS: 1},
    "np.random.Generator.uniform": {_GENERATORS: 1},
    "np.random.Generator.vonmises": {_GENERATORS: 1},
    "np.random.Generator.wald": {_GENERATORS: 1},
    "np.random.Generator.weibull": {_GENERATORS: 1},
    "np.random.Generator.zipf": {_GENERATORS: 1},
    "np.recarray": {_TEXTS: 1},
    "np.require": {_MEMORY: 2},
    "np.set_printoptions": {_STATE: 7},
    "np.setbufsize": {_STATE: 1},
    "np.seterr": {_STATE: 5},
    "np.seterrcall": {_STATE: 8},
    "np.sort": {_TEXTS: 3},
    "np.stack": {_GENERATORS: 1},
    "np.tensordot": {_TEXTS: 9},
    "np.trim_zeros": {_RARE: 2},
    "np.typing": {_MEMORY: 1, _RARE: 3},
    "np.unique": {_TEXTS: 5},
}


def _measured(name: str) -> tuple[str, Counter[str], Counter[str | None]]:
    found = list(outcomes(docstrings()[name]))
    refused = Counter(reason(o.why) for o in found if o.kind == "refused")
    for o in found:
        if o.kind == "different" and o.source.strip() not in OPEN:
            print("# different:", name, o.source.strip(), o.why)
        if o.kind == "refused" and reason(o.why) is None:
            print("# refused:", name, o.source.strip(), o.why)
    return name, Counter(o.kind for o in found), refused


def refused_by_reason() -> Counter[str]:
    """How many examples the table refuses for each reason."""
    total: Counter[str] = Counter()
    for row in REFUSED.values():
        total.update(row)
    return total


def page(kinds: Counter[str], refused: Counter[str]) -> str:
    """The rows of docs/coverage.md."""
    several = Counter(OPEN[s] for s in OPEN)
    lines = ["| Examples | |", "|---|---|", f"| {kinds['same']:,} | give NumPy's answer |"]
    lines += [f"| {count} | refused: {why} |" for why, count in refused.most_common()]
    lines.append(f"| {kinds['different']} | another answer: {'; '.join(sorted(several))} |")
    return "\n".join(lines) + "\n"


def _main() -> None:
    total: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with multiprocessing.Pool() as pool:
        names = sorted(set(docstrings()) - NOT_RUN)
        for name, kinds, refused in pool.imap(_measured, names, 8):
            total += kinds
            reasons.update({why or "?": count for why, count in refused.items()})
            if refused:
                print(f"    {name!r}: {dict(refused)},", flush=True)
    text = PAGE.read_text()
    start = text.index("\n", text.index(FIRST)) + 1
    PAGE.write_text(text[:start] + page(total, reasons) + text[text.index(LAST) :])


if __name__ == "__main__":
    _main()
