"""Every program in one table."""

from __future__ import annotations

from tests.programs.flows import FLOWS
from tests.programs.language import LANGUAGE
from tests.programs.linear_algebra import LINEAR_ALGEBRA
from tests.programs.loops import LOOPS
from tests.programs.models import MODELS
from tests.programs.networks import NETWORKS
from tests.programs.sequences import SEQUENCES
from tests.programs.small_programs import SMALL_PROGRAMS
from tests.programs.spectra import SPECTRA
from tests.programs.stencils import STENCILS

WHOLE = (
    *LINEAR_ALGEBRA,
    *STENCILS,
    *FLOWS,
    *LOOPS,
    *SPECTRA,
    *SEQUENCES,
    *MODELS,
    *NETWORKS,
    *LANGUAGE,
)
ALL = (*SMALL_PROGRAMS, *WHOLE)
DIFFERENTIABLE = tuple(program for program in ALL if program.argnums)
