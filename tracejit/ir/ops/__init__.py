"""The op table: importing this package enters every row into ``tracejit.ir.core.TABLE``."""

from tracejit.numpy_names import as_shipped

with as_shipped():
    from tracejit.ir.ops import (  # noqa: F401
        arithmetic,
        bessel,
        bits,
        comparison,
        contraction,
        control,
        create,
        dynamic,
        fourier,
        functions,
        incomplete,
        index_maps,
        linear_algebra,
        masked,
        memory,
        recursion,
        reductions,
        sorting,
        special,
        tables,
        ufunc,
        updates,
    )
