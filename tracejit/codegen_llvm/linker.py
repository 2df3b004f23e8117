"""Loads object code into the process, and unloads it when nobody can call it any more.

A `Linker` links in sessions of LLVM's linker, one after another. Nothing here knows what the code
is or who holds it.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import llvmlite.binding as llvm

from tracejit.records import dataclass

#: Libraries that are linked in one session. Making a session takes 1.6 ms, and what a library
#: leaves behind (9 kB) is freed with its session only.
SESSION = 16

llvm_lock = threading.RLock()
if hasattr(os, "register_at_fork"):
    # A fork waits for what LLVM does in another thread: the child, which has only the thread that
    # forked, finds LLVM between two calls, and llvmlite's own lock free.
    os.register_at_fork(
        before=llvm_lock.acquire,
        after_in_child=llvm_lock.release,
        after_in_parent=llvm_lock.release,
    )


@dataclass(eq=False)
class LinkSession:
    """A session of LLVM's linker: libraries that were linked in it, and those that still are."""

    jit: Any
    used: int = 0
    loaded: int = 0


@dataclass(frozen=True, eq=False)
class Linked:
    """Code in the process: `addresses` by exported name, valid until it is dropped."""

    addresses: Mapping[str, int]
    session: LinkSession
    tracker: Any


class Linker:
    """`linked`: how many libraries were linked; `loaded`: how many of them still are."""

    def __init__(self, new_machine: Callable[[], Any]) -> None:
        self._new_machine = new_machine
        self._session = self._new_session()
        self._dropped: deque[Linked] = deque()
        self.linked, self.loaded = 0, 0

    def _new_session(self) -> LinkSession:
        jit = llvm.create_lljit_compiler(self._new_machine(), use_jit_link=True)
        # Arrays freed at interpreter exit still call our deallocator: only `_unload` disposes.
        jit._owned = True
        return LinkSession(jit)

    def link(self, code: bytes, symbols: Mapping[str, int], exports: tuple[str, ...]) -> Linked:
        """Load object code that calls `symbols`. RuntimeError where a symbol is missing."""
        builder = llvm.JITLibraryBuilder().add_object_img(code).add_current_process()
        for name, address in symbols.items():
            builder.import_symbol(name, address)
        for name in exports:
            builder.export_symbol(name)
        with llvm_lock:
            self._unload()
            if self._session.used >= SESSION:
                full, self._session = self._session, self._new_session()
                self._close_if_empty(full)
            session = self._session
            session.used += 1  # also the name of a library that fails to link stays taken
            tracker = builder.link(session.jit, f"tracejit.{session.used}")
            tracker._owned = True
            session.loaded += 1
            self.linked, self.loaded = self.linked + 1, self.loaded + 1
        return Linked({name: tracker[name] for name in exports}, session, tracker)

    def drop(self, linked: Linked) -> None:
        """Nothing can call this code any more.

        Collection comes at any moment and in any thread: this never waits for LLVM, and what cannot
        be unloaded at once is when the next library is linked.
        """
        self._dropped.append(linked)
        if llvm_lock.acquire(blocking=False):
            try:
                self._unload()
            finally:
                llvm_lock.release()

    def _unload(self) -> None:
        """Unload what was dropped, with the lock held."""
        while self._dropped:
            linked = self._dropped.popleft()
            _dispose(linked.tracker)
            linked.session.loaded -= 1
            self.loaded -= 1
            self._close_if_empty(linked.session)

    def _close_if_empty(self, session: LinkSession) -> None:
        if not session.loaded and session is not self._session:
            _dispose(session.jit)


def _dispose(reference: Any) -> None:
    """Free an object of LLVM's that llvmlite was told to leave alone."""
    reference._owned = False
    reference.close()
