"""Scalar code of the primitives, written once for the interpreter, LLVM and PTX."""
