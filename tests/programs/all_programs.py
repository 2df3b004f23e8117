"""Every program in one table, and which kinds of program there are."""

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

#: What users write, and the programs that are of that kind.
KINDS = {
    "dense linear algebra by hand": (
        "lu lu_pivoted cholesky gram_schmidt durbin forward_substitution back_substitution thomas "
        "householder conjugate_gradient jacobi_rotations gemm_update checked_inverse"
    ),
    "stencils in one dimension": "heat_1d second_difference burgers multigrid",
    "stencils in two dimensions": "heat_2d seidel wave cavity_pressure",
    "stencils in three dimensions": "heat_3d horizontal_diffusion",
    "alternating directions": "adi deriche_like",
    "finite differences in time": "fdtd_2d",
    "cavity flow": "cavity_flow",
    "channel flow until it converges": "channel_flow",
    "shortest paths": "floyd_warshall dijkstra breadth_first",
    "dynamic programming": "nussinov edit_distance smith_waterman viterbi knapsack",
    "checksums with bit operations": "crc16 crc_table xorshift",
    "Mandelbrot with masks": "mandelbrot_masks",
    "Mandelbrot with shrinking index sets": "mandelbrot_shrinking",
    "Mandelbrot point by point": "escape_time",
    "azimuthal integration by histogram": "azimuthal_by_histogram",
    "azimuthal integration by masks": "azimuthal_by_masks",
    "sparse product": "csr_product csr_from_dense",
    "Fourier transforms by hand": "stockham radix_two dft walsh_hadamard haar",
    "bodies and their energies": "n_body n_body_loops ballistics",
    "contour integrals": "contour_moments contour_count",
    "network layers by loops over slices": "lenet residual_block perceptron_layers conv2d max_pool",
    "softmax": "softmax attention self_attention_step",
    "horizontal diffusion": "horizontal_diffusion",
    "vertical advection": "vertical_advection",
    "k-means": "k_means",
    "particle filters": "particle_filter",
    "runs and groups": "run_lengths run_lengths_loop group_means sorted_groups",
    "image kernels": "blur sobel smooth median_3x3 bilinear equalize otsu label_image",
    "np.add.outer": "floyd_warshall",
    "for row in A": "rows_and_pairs running_norm histogram",
    "enumerate": "rows_and_pairs running_norm binary_search",
    "zip": "rows_and_pairs inside_polygon perceptron",
    "tuples and lists as containers": "containers_inside dense_stack adam narrowing_list",
    "nested functions": "closures lorenz shallow_water",
    "recursion of static depth": "laplace_determinant strassen multigrid radix_two",
    "methods": "polynomials ballistics",
    "dataclasses": "ballistics advance_bodies",
    "default arguments": "ballistics second_difference strassen",
    "lambdas": "activations",
    "comprehensions of static length": "median_3x3 second_difference integral_boxes",
    "global constants and arrays": "ballistics second_difference neighbours",
    "assert": "checked_inverse checked_inverse_asserts",
    "f-strings in error messages": "checked_inverse_raises dispatch_raises",
    "print": "verbose_descent",
}
