"""Traced values: arrays over storage, NumPy and Python scalars, lists that grow."""
