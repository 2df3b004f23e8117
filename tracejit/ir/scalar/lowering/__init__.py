"""Scalar code of the elementwise rows against the abstract emitter.

Each has NumPy's semantics on every dtype that its row takes. Operands of one call share a dtype
unless the row says otherwise; complex scalars are `ComplexPair`s. Overflow, domain and zero checks
are separate primitives.
"""
