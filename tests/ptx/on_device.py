"""What a GPU is asked once one is at hand: right answers, bandwidth, what a call costs.

    python -m tests.ptx.on_device [--fake] [--out FILE] [ITEM ...]

Each step is a process of its own that has so many seconds (`STEPS`), under six minutes in all. An
item that ends the process (an error of CUDA stays with its process) is noted, and a new process
goes on with the next. The last line is a JSON object, also in FILE: the items of each step, and as
`left` those that there was no time for. `--fake` does the same on the device of the tests, with
little data: its seconds mean nothing. With ITEMs only those are done. NPBENCH in the environment
names a checkout of NPBench, of which the programs run beside their files for cupy.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.programs import all_programs
from tests.programs.program import assert_same, run
from tests.ptx.device_calls import run_on
from tests.ptx.fake_device import fake_device
from tracejit import jit, trees
from tracejit.bench.npbench import BenchProgram, difference
from tracejit.device_arrays import is_cupy_array, stand_in

Found = dict[str, Any]


class Hardware:
    """The current CUDA device, as the tests see the fake one."""

    little = False

    def put(self, x: np.ndarray) -> Any:
        import cupy

        low, high = np.lib.array_utils.byte_bounds(x) if x.size else (0, 0)
        memory = cupy.cuda.alloc(max(high - low, 1))
        if x.size:
            memory.copy_from_host(ctypes.c_void_p(low), high - low)
        offset = x.__array_interface__["data"][0] - low if x.size else 0
        return cupy.ndarray(x.shape, x.dtype, memory + offset, strides=x.strides)

    def get(self, x: Any) -> np.ndarray:
        import cupy

        cupy.cuda.get_current_stream().synchronize()
        if not x.size:
            return np.empty(x.shape, x.dtype)
        low, high = np.lib.array_utils.byte_bounds(stand_in(x))
        held = np.empty(high - low, np.uint8)
        start = cupy.cuda.UnownedMemory(low, high - low, x)
        cupy.cuda.MemoryPointer(start, 0).copy_to_host(ctypes.c_void_p(held.ctypes.data), held.size)
        return np.ndarray(x.shape, x.dtype, held, x.data.ptr - low, x.strides).copy()

    def seconds(self, call: Callable[[], Any]) -> float:
        """The median time of a call on the device, by its own clock."""
        import cupy

        call()
        spent = []
        for _ in range(7):
            first, last = cupy.cuda.Event(), cupy.cuda.Event()
            first.record()
            call()
            last.record()
            last.synchronize()
            spent.append(cupy.cuda.get_elapsed_time(first, last) * 1e-3)
        return float(np.median(spent))


class Fake:
    """The device of the tests."""

    little = True

    def __init__(self, driver: Any) -> None:
        self.put, self.get, self._finish = driver.put, driver.get, driver.finish

    def seconds(self, call: Callable[[], Any]) -> float:
        start = time.perf_counter()
        call()
        self._finish()
        return time.perf_counter() - start


@contextlib.contextmanager
def device(fake: bool) -> Iterator[Any]:
    if not fake:
        yield Hardware()
        return
    with fake_device() as driver:
        yield Fake(driver)


# -- programs: NumPy's values, mutation, aliases, exceptions ---------------------------------------


def programs() -> list[str]:
    return [p.name for p in all_programs.ALL if p.name != "read_only"]


def program(gpu: Any, name: str) -> Found:
    (whole,) = [p for p in all_programs.ALL if p.name == name]
    want = run(whole.fn, whole.arguments(0))
    arrays = any(isinstance(x, np.ndarray) for x in trees.leaves_of(whole.arguments(0)))
    fast = jit(whole.fn, target=None if arrays else "cuda")
    got = run_on(gpu, fast, whole.arguments(0), want)
    assert_same(got, want, replace(whole, exact=False), "on the device")
    again = run_on(gpu, fast, whole.arguments(0), want)
    assert_same(again, got, whole, "in a second call")
    return {"bits": _bits(got.results), "returned": len(got.results)}


def _bits(results: Sequence[Any]) -> int:
    """A number of all bits, the same on every device that sums as ours do."""
    return zlib.crc32(b"".join(np.asarray(r).tobytes() for r in results if r is not None))


# -- functions: the bits of the CPU ----------------------------------------------------------------

_FUNCTIONS = "exp log sin cos tan tanh sinh cosh arctan arcsinh sqrt cbrt expm1 log1p exp2".split()


def functions() -> list[str]:
    return [f"{name} {dtype}" for name in _FUNCTIONS for dtype in ("f4", "f8")]


def function(gpu: Any, item: str) -> Found:
    name, dtype = item.split()
    edges = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-30, 1e30]
    count = 200 if gpu.little else 1 << 20
    drawn = np.random.default_rng(0).normal(scale=20, size=count)
    x = np.concatenate([edges, drawn]).astype(dtype)
    fast = jit(getattr(np, name))
    with np.errstate(all="ignore"):
        want = fast(x)
    got = gpu.get(fast(gpu.put(x)))
    bits = np.dtype(f"u{got.itemsize}")
    same = (got.view(bits) == want.view(bits)) | (np.isnan(got) & np.isnan(want))
    assert same.all(), f"{(~same).sum()} differ, the first at {x[~same][0]!r}"
    return {"compared": int(x.size)}


# -- bandwidth -------------------------------------------------------------------------------------


def _softmax(x: Any) -> Any:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _layer_norm(x: Any) -> Any:
    away = x - x.mean(axis=1, keepdims=True)
    return away / np.sqrt((away * away).mean(axis=1, keepdims=True) + np.float32(1e-5))


#: A function, the shapes of its arguments (the second for the fake device), arrays moved at least.
_KERNELS: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]], tuple[int, ...], float]] = {
    "copy": (lambda x: x.copy(), [(1 << 26,)], (1000,), 2),
    "axpy": (lambda x, y: np.float32(2) * x + y, [(1 << 26,)] * 2, (1000,), 3),
    "gelu": (
        lambda x: np.float32(0.5) * x * (1 + np.tanh(np.float32(0.8) * (x + x * x * x))),
        [(1 << 26,)],
        (1000,),
        2,
    ),
    "a.T + b": (lambda a, b: a.T + b, [(8192, 8192)] * 2, (33, 33), 3),
    "sum": (lambda x: x.sum(), [(1 << 26,)], (1000,), 1),
    "columns": (lambda x: x.sum(axis=0), [(1_000_000, 32)], (300, 32), 1),
    "rows": (lambda x: x.sum(axis=1), [(32, 1_000_000)], (3, 300), 1),
    "var rows": (lambda x: x.var(axis=1), [(8192, 4096)], (3, 300), 1),
    "softmax": (_softmax, [(8192, 4096)], (3, 300), 2),
    "layer norm": (_layer_norm, [(8192, 4096)], (3, 300), 2),
    "selected": (lambda x: x[x > 0], [(1 << 26,)], (1000,), 1.5),
    "cumsum": (lambda x: np.cumsum(x), [(1 << 26,)], (300,), 2),
    "argmax": (lambda x: x.argmax(), [(1 << 26,)], (300,), 1),
    "cumsum rows": (lambda x: np.cumsum(x, axis=1), [(8192, 4096)], (3, 300), 2),
}


def kernels() -> list[str]:
    return list(_KERNELS)


def kernel(gpu: Any, name: str) -> Found:
    of, shapes, small, moved = _KERNELS[name]
    shapes = [small] * len(shapes) if gpu.little else shapes
    rng = np.random.default_rng(0)
    host = [rng.normal(size=shape).astype("f4") for shape in shapes]
    given = [gpu.put(x) for x in host]
    fast = jit(of)
    got = gpu.get(fast(*given))
    np.testing.assert_allclose(got, of(*host), rtol=1e-3, atol=1e-4)
    spent = gpu.seconds(lambda: fast(*given))
    found = {"seconds": spent, "gigabytes_a_second": moved * host[0].nbytes / spent * 1e-9}
    if not gpu.little:
        with contextlib.suppress(TypeError, ValueError, AttributeError):  # what cupy has not
            found["cupy_seconds"] = gpu.seconds(lambda: of(*given))
    return found


# -- libraries: cuBLAS, cuFFT, cuSOLVER, Thrust ----------------------------------------------------


def _near_identity(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.eye(n) + 0.5 * rng.normal(size=(n, n)) / np.sqrt(n)


def _symmetric(n: int, rng: np.random.Generator) -> np.ndarray:
    a = _near_identity(n, rng)
    return a @ a.T + np.eye(n)


def _drawn(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(n, n))


_Make = Callable[[int, np.random.Generator], np.ndarray]
#: A function of a matrix, and which one; what is compared does not depend on signs of vectors.
_LIBRARIES: dict[str, tuple[Callable[..., Any], _Make]] = {
    "product": (lambda a: a @ a.T, _drawn),
    "products of a stack": (lambda a: np.stack((a, a + 1)) @ a, _drawn),
    "product with a vector": (lambda a: a @ a[0], _drawn),
    "fft": (lambda a: np.fft.fft(a), _drawn),
    "rfft2": (lambda a: np.fft.irfft2(np.fft.rfft2(a)), _drawn),
    "solve": (lambda a: np.linalg.solve(a, a[:, 0]), _near_identity),
    "inv": (lambda a: np.linalg.inv(a), _near_identity),
    "det": (lambda a: np.linalg.slogdet(a)[1], _near_identity),
    "cholesky": (lambda a: np.linalg.cholesky(a), _symmetric),
    "eigvalsh": (lambda a: np.linalg.eigvalsh(a), _symmetric),
    "eigh": (lambda a: _rebuilt(a), _symmetric),
    "qr": (lambda a: np.abs(np.linalg.qr(a)[1]), _near_identity),
    "svd": (lambda a: np.linalg.svd(a, compute_uv=False), _drawn),
    "sort": (lambda a: np.sort(a, axis=1), _drawn),
    "argsort": (lambda a: np.argsort(a, axis=0, kind="stable"), _drawn),
    "unique": (lambda a: np.unique(np.round(a)), _drawn),
}


def _rebuilt(a: Any) -> Any:
    values, vectors = np.linalg.eigh(a)
    return (vectors * values) @ vectors.T


def libraries() -> list[str]:
    return [f"{name} {dtype}" for name in _LIBRARIES for dtype in ("f4", "f8")]


def library(gpu: Any, item: str) -> Found:
    """What a library computes, beside NumPy's; that a matrix that is singular raises as there."""
    name, dtype = item.rsplit(" ", 1)
    of, make = _LIBRARIES[name]
    host = make(12 if gpu.little else 512, np.random.default_rng(0)).astype(dtype)
    given = gpu.put(host)
    fast = jit(lambda a: of(a))
    got, want = gpu.get(fast(given)), of(host)
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    scale = float(np.abs(want).max())
    wrong = float(np.abs(got - want).max()) / scale
    assert wrong < (2e-3 if dtype == "f4" else 1e-9), f"off by {wrong} of the largest"
    if name in ("solve", "inv"):
        try:
            gpu.get(fast(gpu.put(np.zeros_like(host))))
        except np.linalg.LinAlgError:
            pass
        else:
            raise AssertionError("a singular matrix does not raise")
    return {"wrong": wrong, "seconds": gpu.seconds(lambda: fast(given))}


# -- calls -----------------------------------------------------------------------------------------

_CALLS: dict[str, Callable[..., Any]] = {
    "1 launch": lambda x, y, z: x * y + z,
    "2 launches": lambda x, y, z: (x[::2] + y[::2], z * y),
    "100 steps": lambda x, y, z: _steps(x, y),
}


def _steps(x: Any, y: Any) -> Any:
    for _ in range(100):
        x = x + 0.1 * (np.roll(x, 1) - y)
    return x


def calls() -> list[str]:
    return list(_CALLS)


def call(gpu: Any, name: str) -> Found:
    """Seconds that the host is busy with a call, and that a call takes until all is done."""
    given = [gpu.put(np.ones(1000)) for _ in range(3)]
    of, count = _CALLS[name], 2 if gpu.little else 200
    fast = jit(of)
    result = fast(*given)
    start = time.perf_counter()
    for _ in range(count):
        result = fast(*given)
    busy = time.perf_counter() - start
    trees.map_leaves(gpu.get, result)
    return {"host_seconds": busy / count, "seconds": (time.perf_counter() - start) / count}


# -- NPBench ---------------------------------------------------------------------------------------


def _checkout() -> Path | None:
    found = os.environ.get("NPBENCH")
    return Path(found) if found else None


def npbench() -> list[str]:
    checkout = _checkout()
    return sorted(f.stem for f in (checkout / "bench_info").glob("*.json")) if checkout else []


def npbench_program(gpu: Any, name: str) -> Found:
    """A program as it is on arrays of the device, beside NumPy's results and its own cupy file."""
    checkout = _checkout()
    assert checkout is not None
    made = BenchProgram(checkout, name, "S")
    _, want = made.run(made.numpy)
    fast = jit(made.numpy)

    def called(of: Callable[..., Any]) -> list[np.ndarray]:
        given = [
            gpu.put(made.data[a]) if isinstance(made.data[a], np.ndarray) else made.data[a]
            for a in made.about["input_args"]
        ]
        out = of(*given)
        results = [] if out is None else [*out] if isinstance(out, tuple | list) else [out]
        written = made.about.get("output_args", [])
        results += [x for a, x in zip(made.about["input_args"], given) if a in written]
        return [gpu.get(x) if is_cupy_array(x) else np.asarray(x) for x in results]

    problem = difference(called(fast), want)
    assert not problem, problem
    found = {"seconds": gpu.seconds(lambda: called(fast))}
    if not gpu.little:
        theirs = made.theirs("cupy")
        if theirs is not None:
            found["cupy_seconds"] = gpu.seconds(lambda: called(theirs))
    return found


#: A step: how many seconds it has, its items, and what is done for one.
STEPS: dict[str, tuple[float, Callable[[], list[str]], Callable[[Any, str], Found]]] = {
    "kernels": (80, kernels, kernel),
    "functions": (40, functions, function),
    "libraries": (35, libraries, library),
    "calls": (30, calls, call),
    "programs": (120, programs, program),
    "npbench": (50, npbench, npbench_program),
}


# -- processes -------------------------------------------------------------------------------------


def work(step: str, fake: bool, items: Sequence[str]) -> None:
    """The child: a line before each item, and one with what was found."""
    _, _, one = STEPS[step]
    with device(fake) as gpu:
        for item in items:
            print(json.dumps({"start": item}), flush=True)
            try:
                found = one(gpu, item)
            except Exception as error:
                found = {"error": f"{type(error).__name__}: {error}"[:400]}
            print(json.dumps({"item": item, **found}), flush=True)
            if "CudaError" in found.get("error", ""):
                return  # the context is of no use any more


def done(step: str, fake: bool, items: Sequence[str], limit: float) -> Found:
    """The parent: what processes found in so many seconds, each going on where one ended."""
    found: dict[str, Found] = {}
    end = time.monotonic() + limit
    left = list(items)
    while left and (seconds := end - time.monotonic()) > 1:
        command = [sys.executable, "-m", "tests.ptx.on_device", "--work", step, *left]
        lines = _lines([*command, *(["--fake"] if fake else [])], seconds)
        begun = [line["start"] for line in lines if "start" in line]
        found |= {line.pop("item"): line for line in lines if "item" in line}
        for item in begun:
            found.setdefault(item, {"error": "the process ended, or there was no more time"})
        if not begun:
            break
        left = [item for item in left if item not in found]
    wrong = [item for item, what in found.items() if "error" in what]
    return {
        "items": found,
        "wrong": wrong,
        "left": left,
        "seconds": limit - (end - time.monotonic()),
    }


def _lines(command: Sequence[str], seconds: float) -> list[Found]:
    try:
        ended = subprocess.run(command, stdout=subprocess.PIPE, timeout=seconds, check=False)
        text = ended.stdout
    except subprocess.TimeoutExpired as late:
        text = late.stdout or b""
    lines = text.decode(errors="replace").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


def main(given: Sequence[str]) -> Found:
    parser = argparse.ArgumentParser(prog="python -m tests.ptx.on_device")
    parser.add_argument("--fake", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--work", choices=STEPS)
    parser.add_argument("items", nargs="*")
    options = parser.parse_args(given)
    if options.work:
        work(options.work, options.fake, options.items)
        return {}
    found: Found = {}
    for step, (limit, items, _) in STEPS.items():
        wanted = [i for i in items() if not options.items or i in options.items]
        if wanted:
            # The device of the tests is a thousand times slower, on a machine that may be busy.
            found[step] = done(step, options.fake, wanted, 4 * limit if options.fake else limit)
            print(f"{step}: {len(found[step]['items'])} done, wrong: {found[step]['wrong']}")
    text = json.dumps(found)
    if options.out:
        options.out.write_text(text)
    print(text)
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
