"""Our gradients beside GradBench's by hand in C++: `python benchmarks/by_hand.py CHECKOUT`.

CHECKOUT is one of github.com/gradbench/gradbench in which `make -C cpp` has run; `c++` is on the
path. Each eval of its tool `manual` is compiled with the flags that tool has, and called in this
process, in turn with ours, on the same arguments, one thread each. The fastest round of processor
time of a thread counts. Derivatives are compared first.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import bundles
import evals
import gradients
import hand_tracking

from tracejit import jit

ROUNDS = 15
FLAGS = ["-std=c++17", "-O3", "-march=native", "-Wno-unknown-pragmas", "-shared", "-fPIC"]

SOURCE = """
#define main manual_main
#include "{tool}.cpp"
#undef main
#include <cstring>
#include <ctime>
static double now() {{
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}}
static std::vector<double> doubles(const double* x, long n) {{
  return std::vector<double>(x, x + n);
}}
static double* put(double* to, const std::vector<double>& from) {{
  return std::copy(from.begin(), from.end(), to);
}}
extern "C" double run(const double** a, const long* n, double* out, long calls) {{
  {input}
  {function} f(input);
  {output} found;
  double start = now();
  for (long k = 0; k < calls; k++) f.compute(found);
  double seconds = (now() - start) / calls;
  {results}
  return seconds;
}}
"""


@dataclass(frozen=True)
class ByHand:
    """How the C++ of an eval takes the arguments of our row (``a``, of ``n`` numbers each)
    and where it puts derivatives; ``ours``: the same of ours. ``compared``: what of both is."""

    tool: str
    rows: list
    name: str
    input: str
    function: str
    output: str
    results: str
    arguments: object = staticmethod(lambda *args: args)
    ours: object = staticmethod(lambda *found: np.concatenate([np.ravel(x) for x in found]))
    compared: object = staticmethod(lambda slopes: slopes)


def of_mixture(points, alpha, means, logs, below):
    """C++ has the lower triangles column by column."""
    d = points.shape[1]
    rows, columns = np.tril_indices(d, -1)
    return points, alpha, means, logs, below[:, np.lexsort((rows, columns))]


def slopes_of_mixture(alpha, means, logs, below):
    d = means.shape[1]
    rows, columns = np.tril_indices(d, -1)
    parts = alpha, means, logs, below[:, np.lexsort((rows, columns))]
    return np.concatenate([np.ravel(x) for x in parts])


def directions(slopes):
    """C++ divides by the number of points of a centre, which is the second derivative."""
    rows = slopes.reshape(-1, 8)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


VECTOR = "std::vector<double>"
EVALS = [
    ByHand(
        "gmm", evals.GRADIENTS, "eval gmm",
        "gmm::Input input; input.k = n[1]; input.d = n[2] / n[1]; input.n = n[0] / input.d;"
        "input.alpha = doubles(a[1], n[1]); input.mu = doubles(a[2], n[2]);"
        "input.q = doubles(a[3], n[3]); input.l = doubles(a[4], n[4]);"
        "input.x = doubles(a[0], n[0]); input.wishart = {1.0, 0};",
        "Jacobian", "gmm::JacOutput",
        "put(put(put(put(out, found.alpha), found.mu), found.q), found.l);",
        of_mixture, slopes_of_mixture,
    ),
    ByHand(
        "lse", evals.GRADIENTS, "eval lse", "lse::Input input; input.x = doubles(a[0], n[0]);",
        "Gradient", VECTOR, "put(out, found);",
    ),
    ByHand(
        "llsq", evals.GRADIENTS, "eval llsq",
        "llsq::Input input; input.x = doubles(a[0], n[0]); input.n = (size_t)a[1][0];",
        "Gradient", VECTOR, "put(out, found);",
    ),
    ByHand(
        "lstm", evals.GRADIENTS, "eval lstm",
        "lstm::Input input; input.b = n[1] / 3; input.l = n[2] / 2 / input.b;"
        "input.c = n[3] / input.b; input.main_params = doubles(a[0], n[0]);"
        "input.extra_params = doubles(a[1], n[1]); input.state = doubles(a[2], n[2]);"
        "input.sequence = doubles(a[3], n[3]);",
        "Jacobian", VECTOR, "put(out, found);",
    ),
    ByHand(
        "ode", evals.GRADIENTS, "eval ode",
        "ode::Input input; input.x = doubles(a[0], n[0]); input.s = (size_t)a[1][0];",
        "Gradient", VECTOR, "put(out, found);",
    ),
    ByHand(
        "det", evals.GRADIENTS, "eval det",
        "det::Input input; input.A = doubles(a[0], n[0]); input.ell = 5;",
        "Gradient", VECTOR, "put(out, found);",
    ),
    ByHand(
        "kmeans", gradients.GRADIENTS, "k-means",
        "kmeans::Input input; input.d = 8; input.n = n[0] / 8; input.k = n[1] / 8;"
        "input.points = doubles(a[0], n[0]); input.centroids = doubles(a[1], n[1]);",
        "Dir", "kmeans::DirOutput", "put(out, found.dir);", compared=directions,
    ),
    ByHand(
        "ba", bundles.GRADIENTS, "eval ba: Jacobian",
        "ba::Input input; input.n = n[0] / 11; input.m = n[1] / 3; input.p = n[2];"
        "input.cams = doubles(a[0], n[0]); input.X = doubles(a[1], n[1]);"
        "input.w = doubles(a[2], n[2]); input.feats = doubles(a[3], n[3]);"
        "input.obs.resize(n[4]); std::copy(a[4], a[4] + n[4], input.obs.begin());",
        "Jacobian", "ba::JacOutput",
        "out = put(out, found.vals);"
        "out = std::copy(found.cols.begin(), found.cols.end(), out);"
        "std::copy(found.rows.begin(), found.rows.end(), out);",
        lambda *args: (*args[:4], np.stack(args[4:], axis=1)),
    ),
    ByHand(
        "ht", hand_tracking.GRADIENTS, "eval ht: Jacobian",
        "ht::Input input; input.theta = doubles(a[0], n[0]); input.us = doubles(a[1], n[1]);"
        "long bones = n[2], points = n[7] / 3, vertices = n[5] / 4;"
        "auto& model = input.data.model; model.is_mirrored = false;"
        "model.parents = std::vector<int>(a[2], a[2] + bones);"
        "model.bone_names.resize(bones); model.base_relatives.resize(bones);"
        "model.inverse_base_absolutes.resize(bones);"
        "for (long k = 0; k < bones; k++) {"
        "  model.base_relatives[k].resize(4, 4); model.base_relatives[k].set(a[3] + 16 * k);"
        "  model.inverse_base_absolutes[k].resize(4, 4);"
        "  model.inverse_base_absolutes[k].set(a[4] + 16 * k);"
        "}"
        "LightMatrix<double> skin(4, vertices); skin.set(a[5]);"
        "model.base_positions.resize(3, vertices);"
        "for (long k = 0; k < vertices; k++) model.base_positions.set_col(k, skin.get_col(k));"
        "model.weights.resize(bones, vertices); model.weights.set(a[6]);"
        "input.data.points.resize(3, points); input.data.points.set(a[7]);"
        "for (long k = 0; k < points; k++) {"
        "  const double* c = a[8] + 3 * k;"
        "  model.triangles.push_back({{(int)c[0], (int)c[1], (int)c[2]}});"
        "  input.data.correspondences.push_back(k);"
        "}",
        "Jacobian", "ht::JacOutput", "put(out, found.jacobian);",
        lambda *args: tuple(np.asarray(x).swapaxes(-1, -2) if np.ndim(x) > 1 else x for x in args),
    ),
]  # fmt: skip


def compiled(by_hand: ByHand, checkout: Path, folder: Path) -> ctypes.CDLL:
    source, library = folder / f"{by_hand.tool}.cc", folder / f"{by_hand.tool}.so"
    parts = {k: getattr(by_hand, k) for k in ("tool", "input", "function", "output", "results")}
    source.write_text(SOURCE.format(**parts))
    where = [f"-I{checkout / 'cpp'}", f"-I{checkout / 'tools' / 'manual'}"]
    subprocess.run(["c++", *FLAGS, *where, "-o", str(library), str(source)], check=True)
    found = ctypes.CDLL(str(library))
    found.run.restype = ctypes.c_double
    return found


def seconds_of(call, calls: int) -> float:
    start = time.thread_time()
    for _ in range(calls):
        call()
    return (time.thread_time() - start) / calls


def measured(by_hand: ByHand, checkout: Path, folder: Path) -> str:
    row = next(r for r in by_hand.rows if r.name.startswith(by_hand.name))
    args = row.setup(np.random.default_rng(0))
    gradient = jit(row.differentiated())
    found = gradient(*args) if row.derivative else gradient(*args)[1]
    ours = by_hand.ours(*(found if isinstance(found, tuple) else (found,)))
    given = [np.ascontiguousarray(x, float).ravel() for x in by_hand.arguments(*args)]
    pointers = (ctypes.c_void_p * len(given))(*[x.ctypes.data for x in given])
    sizes = (ctypes.c_long * len(given))(*[x.size for x in given])
    theirs = np.zeros(ours.size)
    library = compiled(by_hand, checkout, folder)

    def run(calls: int) -> float:
        out = ctypes.c_void_p(theirs.ctypes.data)
        return library.run(pointers, sizes, out, ctypes.c_long(calls))

    calls = max(1, int(2e-3 / max(run(3), 1e-9)))
    each = max(1, int(2e-3 / max(seconds_of(lambda: gradient(*args), 3), 1e-9)))
    times = [(seconds_of(lambda: gradient(*args), each), run(calls)) for _ in range(ROUNDS)]
    mine, other = (min(column) for column in zip(*times, strict=True))
    x, y = by_hand.compared(theirs), by_hand.compared(ours)
    if not np.allclose(x, y, rtol=1e-6, atol=1e-9 * np.abs(y).max()):
        raise SystemExit(f"{row.name}: {x} is not {y}")
    return f"| {row.name} | {1e6 * mine:.4g} µs | {1e6 * other:.4g} µs | {mine / other:.2f} |"


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    checkout = Path(sys.argv[1])
    print("| program | tracejit | C++ by hand | ratio |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for by_hand in EVALS:
            if len(sys.argv) < 3 or by_hand.tool in sys.argv[2:]:
                print(measured(by_hand, checkout, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
