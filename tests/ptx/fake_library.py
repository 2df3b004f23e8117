"""cupy's functions on a device that is not there: NumPy's of the same names, on copies.

A call has to fit cupy's own signature. What it reads is what the stream has done; what it gives is
there when the stream has come to it.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tracejit.device.libraries import FOR_ALL, LIBRARY, RealLibrary
from tracejit.device_arrays import is_cupy_array

if TYPE_CHECKING:
    from tests.ptx.fake_device import FakeDriver

#: What may be called: what the table names.
NAMED = {*FOR_ALL, *(path for entry in LIBRARY.values() for path in entry.uses)}


class FakeLibrary:
    """See `tracejit.device.libraries.DeviceLibrary`."""

    def __init__(self, driver: FakeDriver) -> None:
        self.driver = driver
        self._raises = False

    def has(self, path: str) -> bool:
        return path not in self.driver.missing

    def __call__(self, path: str) -> Callable[..., Any]:
        assert path in NAMED, f"{path} is not in the table"
        check = signature_of(path)
        function: Any = np
        for name in path.split("."):
            function = getattr(function, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            check(*args, **kwargs)
            self.driver.library_call(path)
            if path == "copyto":
                return self._copy(*args)
            given = [self.driver.get(x) if is_cupy_array(x) else x for x in args]
            try:
                with np.errstate(all="ignore"):
                    found = function(*given, **kwargs)
            except np.linalg.LinAlgError:
                assert self._raises, f"{path} fails, and nobody would know"
                raise
            results = found if isinstance(found, tuple) else (found,)
            made = tuple(self.driver.put_later(np.asarray(x)) for x in results)
            return made if isinstance(found, tuple) else made[0]

        return call

    def _copy(self, to: Any, value: Any) -> None:
        if is_cupy_array(value):
            value = self.driver.get(value)
        assert np.can_cast(np.asarray(value), to.dtype, "same_kind") or np.isscalar(value)
        self.driver.write_later(to, np.broadcast_to(np.asarray(value, to.dtype), to.shape))

    @contextlib.contextmanager
    def raising(self) -> Iterator[None]:
        self._raises = True
        try:
            yield
        finally:
            self._raises = False

    def number(self, x: Any) -> Any:
        self.driver.library_call("item")
        return self.driver.get(x)[()]


def signature_of(path: str) -> Callable[..., Any]:
    """Raises TypeError for arguments that cupy's function does not take."""
    function = RealLibrary()(path)
    if type(function).__name__ == "ufunc":
        nin = function.nin

        def of_ufunc(*args: Any) -> None:
            if len(args) != nin:
                raise TypeError(f"{path} takes {nin} arguments")

        return of_ufunc
    return inspect.signature(function).bind
