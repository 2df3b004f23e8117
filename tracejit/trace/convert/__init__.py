"""Control-flow conversion: a user's function rewritten so that its control flow can be staged.

`convert` rewrites the source of a function once; `bind` gives it operators. `Operators` has plain
Python semantics; a tracer subclasses it. Nothing here knows of traced values.
"""

from tracejit.trace.convert.function import ConvertedFunction, bind, convert, is_converted
from tracejit.trace.convert.jumps import RETURNED
from tracejit.trace.convert.operators import Operators
from tracejit.trace.convert.source import SourceUnavailable
from tracejit.trace.convert.statement_parts import UNDEFINED, Env, Site, Traits, Turns, VarInfo

__all__ = [
    "RETURNED",
    "UNDEFINED",
    "ConvertedFunction",
    "Env",
    "Operators",
    "Site",
    "SourceUnavailable",
    "Traits",
    "Turns",
    "VarInfo",
    "bind",
    "convert",
    "is_converted",
]
