"""What is made by Numba's names, in other processes: from a script, with the source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
import numpy as np
from tracejit import numba as nb

@nb.njit("f8(f8)", cache=False)
def clipped(x):
    if x > 0:
        return x
    return 0.0

@nb.vectorize
def larger(a, b):
    return a if a > b else b

@nb.guvectorize(["(f8[:], f8[:])"], "(n)->()")
def total(x, out):
    out[0] = 0
    for v in x:
        if v > 0:
            out[0] += v

@nb.stencil
def jumps(a):
    return a[1] - a[0] if a[1] > a[0] else 0.0

X = np.array([1.0, -2.0, 3.0])
WANT = [2.0, [1.0, 0.5, 3.0], 4.0, [0.0, 5.0, 0.0]]

def found(k):
    return [clipped(2.0), larger(X, 0.5).tolist(), float(total(X)), jumps(X).tolist()]

def spawn():
    import concurrent.futures, multiprocessing
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(found, [0]))[0], [pool.submit(f, x).result() for f, x in CALLS]

def loky():
    import joblib
    run = joblib.Parallel(2, backend="loky")
    return run([joblib.delayed(found)(0)])[0], run(joblib.delayed(f)(x) for f, x in CALLS)

def by_value():
    import cloudpickle
    made = cloudpickle.loads(cloudpickle.dumps([f for f, _ in CALLS]))
    return found(0), [f(x) for f, (_, x) in zip(made, CALLS)]

def dask():
    from dask.distributed import Client
    with Client(n_workers=1, threads_per_worker=1, dashboard_address=None) as client:
        futures = [client.submit(f, x) for f, x in CALLS]
        return client.submit(found, 0).result(), [f.result() for f in futures]

CALLS = [(clipped, 2.0), (total, X), (jumps, X)]
if __name__ == "__main__":
    all_, single = globals()[sys.argv[1]]()
    assert all_ == WANT, all_
    assert [np.asarray(x).tolist() for x in single] == [WANT[0], WANT[2], WANT[3]], single
"""


@pytest.mark.parametrize(
    ("way", "package"),
    [("spawn", ""), ("loky", "joblib"), ("by_value", "cloudpickle"), ("dask", "distributed")],
)
def test_from_a_script(way: str, package: str, tmp_path: Path) -> None:
    if package:
        pytest.importorskip(package)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), way], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-1500:]


SMALL = """
from tracejit import numba as nb
f = nb.vectorize(lambda a: a if a > 0 else -a)
assert f([-1.0, 2.0]).tolist() == [1.0, 2.0]
@nb.njit("f8(f8)")
def g(x):
    return x if x > 0 else -x
assert g(-2) == 2.0
"""


def test_without_a_file(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", SMALL], check=True)
    script = tmp_path / "small.py"
    script.write_text(SMALL)
    with script.open() as file:
        subprocess.run([sys.executable], stdin=file, check=True)
