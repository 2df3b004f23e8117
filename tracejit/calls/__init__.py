"""A call from Python: its arguments, the version that takes them, and what follows it."""
