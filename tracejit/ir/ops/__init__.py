"""The op table: importing this package enters every row into ``tracejit.ir.core.TABLE``."""

from tracejit.ir.ops import (  # noqa: F401
    contraction,
    control,
    create,
    dynamic,
    elementwise,
    index_maps,
    masked,
    memory,
    reductions,
    updates,
)
