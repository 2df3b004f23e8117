"""Compiled functions as files: object code, libraries, a C header, a Python package without LLVM.

``f.export`` (`api.py`) and ``tracejit export`` come here. A function is traced and lowered as for a
call, but once and for types that are written down; nothing of what is made needs Python.
"""
