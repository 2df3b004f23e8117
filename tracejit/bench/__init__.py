"""Side-by-side timing of one NumPy function as tracejit, NumPy and other compilers run it.

Rows are data (`Row`), kept outside the package; `python -m tracejit.bench FOLDER` runs them. Here
lives how to time, check and show; nothing here is imported by the compiler.
"""

from tracejit.bench.own import Comparison, compare
from tracejit.bench.rows import Row

__all__ = ["Comparison", "Row", "compare"]
