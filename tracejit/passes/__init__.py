"""Passes: plain functions ``Function -> Function``, and the lowering ``Function -> Program``."""
