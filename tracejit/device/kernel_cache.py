"""Kernels kept on disk between processes: PTX by the LLVM text, and machine code by the PTX.

They lie beside the object code of host functions, under the same rules (`object_cache.py`): what is
damaged or from elsewhere is not used. Machine code is for one kind of device and one version of the
driver; where the driver refuses it all the same, it is made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tracejit.codegen_llvm.engine import ObjectCache
from tracejit.codegen_ptx.compile import compile_ptx, made_from
from tracejit.device.driver import CudaError, Driver


class KernelCache:
    """Kernels of one process; ``files``: where they are kept, if anywhere."""

    def __init__(self, files: ObjectCache | None) -> None:
        self.files = files

    def ptx(self, ir: str, architecture: str, opt_level: int) -> str:
        """`compile_ptx`, or what it has made before."""
        key = _key("ptx", *made_from(ir, architecture, opt_level))
        kept = None if self.files is None else self.files.get(key)
        if kept is not None:
            return kept.decode()
        text = compile_ptx(ir, architecture, opt_level)
        if self.files is not None:
            self.files.put(key, text.encode())
        return text

    def load(self, driver: Driver, text: str, names: Sequence[str]) -> tuple[object, list[int]]:
        """The kernels of a PTX text on the current device: what keeps them loaded, and handles.

        CudaError: the driver takes them not.
        """
        key = _key("machine code", driver.kind_of_device(), text)
        kept = None if self.files is None else self.files.get(key)
        if kept is not None:
            try:
                return driver.load(kept, names)
            except CudaError:  # another driver's, whatever the key says
                pass
        code = driver.assemble(text)
        loaded = driver.load(code, names)
        if self.files is not None:
            self.files.put(key, code)
        return loaded


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
