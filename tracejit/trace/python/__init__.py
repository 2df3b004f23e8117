"""Python's own names and operators in converted code."""
