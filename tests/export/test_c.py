"""Exported code called from C: linked by the C compiler of the machine, and run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.export import programs
from tracejit import jit, value_and_grad

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")

CALLS = r"""
#include "model.h"
#include "picks.h"
#include <stdio.h>

static void told(int code, const tracejit_error *error) {
  char text[100], small[5];
  int length = picks_error_message(error, text, sizeof text);
  picks_error_message(error, small, sizeof small);
  printf("%d|%s|%s|%d|%s|%s\n", code > 0, picks_error_type(code), text, length, small,
         picks_error_place(code));
}

int main(void) {
  double w[3] = {0.1, -0.2, 0.3}, x[6] = {1, 2, 3, 4, 5, 6}, y[2] = {0.5, -0.5};
  double value, slope[3], slope_x[6];
  tracejit_error error;
  printf("%d", (int)gradient(w, 3, x, 2, y, &value, slope, slope_x, &error));
  printf(" %.17g %.17g %.17g %.17g\n", value, slope[0], slope[2], slope_x[5]);
  double *kept;
  int64_t count;
  double back[6], total[1];
  double product;
  printf("%d", (int)grows(x, 6, 3.5, &kept, &count, &product, &total[0], NULL) * 0);
  printf(" %d %.17g %.17g\n", (int)count, kept[0] + kept[count - 1], product);
  tracejit_free(kept);
  told(fails(x, 6, 6, 1.0, back, &error), &error);
  told(fails(x, 6, 0, 0.1, back, &error), &error);
  told(fails(x, -6, 0, 0.1, back, &error), &error);
  told(fails(x, 6, 5, 0.5, back, NULL), &error);
  printf("%g\n", back[0]);
  return 0;
}
"""


def squares(w: Any, x: Any, y: Any) -> Any:
    return np.mean((x @ w - y) ** 2)


def grows(x: Any, limit: Any) -> Any:
    kept = x[np.abs(x) < limit]
    return kept, kept @ kept, kept.sum()


def run(folder: Path, *sources: Path, main: str, compiler: str = "cc") -> list[str]:
    """The lines that a program prints."""
    (folder / "main.c").write_text(main)
    program = folder / "main"
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", f"-I{folder}"]
    command = [compiler, *flags, "-o", program, folder / "main.c", *sources, "-lm"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return subprocess.run([str(program)], capture_output=True, text=True).stdout.splitlines()


def test_objects_are_linked_and_called_from_c(tmp_path: Path) -> None:
    gradient = value_and_grad(squares, (0, 1))
    gradient.export(tmp_path / "model.o", {"gradient": "(f8[k], f8[n, k], f8[n])"})
    jit(grows).export(tmp_path / "grows.o", "(f8[n], f8)")
    both = {"fails": "(f8[n], i8, f8)"}
    jit(programs.fails).export(tmp_path / "picks.o", both)
    files = [tmp_path / name for name in ("model.o", "grows.o", "picks.o", "picks_errors.c")]
    main = CALLS.replace('#include "picks.h"', '#include "picks.h"\n#include "grows.h"')
    lines = run(tmp_path, *files, main=main)

    w, x, y = np.array([0.1, -0.2, 0.3]), np.arange(1.0, 7.0).reshape(2, 3), np.array([0.5, -0.5])
    value, (slope, slope_x) = gradient(w, x, y)
    found = [float(t) for t in lines[0].split()]
    np.testing.assert_allclose(found, [0, value, slope[0], slope[2], slope_x[1, 2]], rtol=1e-12)
    assert lines[1].split() == ["0", "3", "4", "14"]
    outside = "index 6 is out of bounds for axis 0 with size 6"
    line = programs.fails.__code__.co_firstlineno
    assert lines[2:] == [
        f"1|IndexError|{outside}|47|inde|programs.py:{line + 5}",
        f"1|ValueError|k is 0.1, not at least 0.5|26|k is|programs.py:{line + 2}",
        "1|ValueError|n is -6: it is at least 0|25|n is|",
        "0||n is -6: it is at least 0|25|n is|",
        "12",
    ]


def test_a_static_library_holds_all(tmp_path: Path) -> None:
    jit(programs.fixed).export(tmp_path / "libfixed.a", "(f8[5], f8)")
    main = """
    #include "fixed.h"
    #include <stdio.h>
    int main(void) {
      double x[5] = {1, 2, 3, 4, 5}, y[5], top;
      int64_t where;
      printf("%d", (int)fixed(x, 2.0, y, &top, &where, NULL));
      printf(" %.17g %.17g %d %s\\n", y[4], top, (int)where, fixed_error_type(1));
      return 0;
    }
    """
    (line,) = run(tmp_path, tmp_path / "libfixed.a", main=main)
    y, top, where = jit(programs.fixed)(np.arange(1.0, 6.0), 2.0)
    found = line.split()
    assert found[0] == "0"
    np.testing.assert_allclose([float(t) for t in found[1:3]], [y[4], top], rtol=1e-14)
    assert found[3:] == [str(where), "MemoryError"]


BLAS = """
#include "product.h"
#include <stdio.h>
#include <string.h>
%s
int main(void) {
  double a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, 0, 0, 1, 1, 1}, c[4];
  printf("%%d", (int)product(a, 2, 3, b, c, NULL));
  printf(" %%g %%g %%g %%g\\n", c[0], c[1], c[2], c[3]);
  return 0;
}
"""
CBLAS = """
void cblas_dsyrk(void) {}
void cblas_dgemv(void) {}
void cblas_dgemm(int order, int ta, int tb, int m, int n, int k, double alpha, const double *a,
                 int lda, const double *b, int ldb, double beta, double *c, int ldc) {
  (void)a, (void)b, (void)beta;
  printf("gemm %d %d %d %d %d %d %g %d %d %d ", order, ta, tb, m, n, k, alpha, lda, ldb, ldc);
  memset(c, 0, 4 * sizeof *c);
}
"""


def test_a_cblas_is_used_where_the_program_has_one(tmp_path: Path) -> None:
    jit(lambda a, b: a @ b).export(
        tmp_path / "product.o", {"product": "f8[n, m](f8[n, k], f8[k, n])"}
    )
    loops = run(tmp_path, tmp_path / "product.o", main=BLAS % "")
    assert loops == ["0 4 5 10 11"]
    blas = run(tmp_path, tmp_path / "product.o", main=BLAS % CBLAS)
    assert blas == ["gemm 101 111 111 2 2 3 1 3 2 2 0 0 0 0 0"]


def test_what_is_exported_is_always_the_same(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        jit(programs.fails).export(tmp_path / folder / "x.o", "(f8[n], i8, f8)")
    for name in ("x.o", "x.h", "x_errors.c"):
        first, second = ((tmp_path / folder / name).read_bytes() for folder in "ab")
        assert first == second
        assert len(first) > 500
