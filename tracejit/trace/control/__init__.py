"""Branches, loops and `try` of the traced program: attempt, fixpoint, join, emit."""
