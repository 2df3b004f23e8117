"""LLVM text of `tj_stack_limit`: how far the stack of this thread may be used.

    declare i64 @tj_stack_limit(i64 here)     the lowest address that calls may reach

A quarter of the stack, 256 KB at most, is left to what else runs there. What the main thread's is,
is looked up once: on Linux that reads a file. Where the system cannot say, 32 KB may be used.
"""

from __future__ import annotations

import ctypes
import sys

from tracejit.llvm_text.nested import plain

EXPORTS = ("tj_stack_limit",)

#: Of a stack without bounds.
_MOST = 64 << 20
_UNKNOWN = """
define i64 @tj_stack_limit(i64 %here) #0 {
  %limit = sub i64 %here, 32768
  ret i64 %limit
}
"""

_TEXT = """
@tj_main_stack = internal global [2 x i64] zeroinitializer

define i64 @tj_stack_limit(i64 %here) #0 {
entry:
  %bounds = alloca [2 x i64]
  %main = load i64, ptr @tj_main_stack
  %end = load i64, ptr @tj_main_stack[i64 1]
  br i1 (icmp uge i64 %here, %main), label %above, label %look
above:
  br i1 (icmp ult i64 %here, %end), label %known, label %look
known:
  %kept = call i64 @tj_limit_of(i64 %main, i64 %end, i64 %here)
  ret i64 %kept
look:
  %failed = call i32 @tj_stack_bounds(ptr %bounds)
  br i1 (icmp eq i32 %failed, 0), label %found, label %unknown
unknown:
  %few = sub i64 %here, 32768
  ret i64 %few
found:
  %low = load i64, ptr %bounds
  %high = load i64, ptr %bounds[i64 1]
  %is_main = call i1 @tj_on_main_thread()
  br i1 %is_main, label %keep, label %done
keep:
  store i64 %low, ptr @tj_main_stack
  store i64 %high, ptr @tj_main_stack[i64 1]
  br label %done
done:
  %limit = call i64 @tj_limit_of(i64 %low, i64 %high, i64 %here)
  ret i64 %limit
}

define internal i64 @tj_limit_of(i64 %low, i64 %high, i64 %here) #0 {
  %size = sub i64 %high, %low
  %quarter = lshr i64 %size, 2
  %spare = call i64 @llvm.umin.i64(i64 %quarter, i64 262144)
  %near = add i64 %low, %spare
  %far = sub i64 %here, MOST
  %limit = call i64 @llvm.smax.i64(i64 %near, i64 %far)
  ret i64 %limit
}

declare i64 @llvm.umin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
declare ptr @pthread_self()
"""

_LINUX = """
declare i32 @pthread_getattr_np(ptr, ptr)
declare i32 @pthread_attr_getstack(ptr, ptr, ptr)
declare i32 @pthread_attr_destroy(ptr)
declare i32 @getpid()
declare i32 @gettid()

define internal i1 @tj_on_main_thread() #0 {
  %process = call i32 @getpid()
  %thread = call i32 @gettid()
  %main = icmp eq i32 %process, %thread
  ret i1 %main
}

define internal i32 @tj_stack_bounds(ptr %bounds) #0 {
entry:
  %attr = alloca [32 x i64]
  %size = alloca i64
  %self = call ptr @pthread_self()
  %status = call i32 @pthread_getattr_np(ptr %self, ptr %attr)
  br i1 (icmp eq i32 %status, 0), label %ask, label %fail
ask:
  %bad = call i32 @pthread_attr_getstack(ptr %attr, ptr %bounds, ptr %size)
  %ignored = call i32 @pthread_attr_destroy(ptr %attr)
  %low = load i64, ptr %bounds
  %bytes = load i64, ptr %size
  %high = add i64 %low, %bytes
  store i64 %high, ptr %bounds[i64 1]
  ret i32 %bad
fail:
  ret i32 1
}
"""

_DARWIN = """
declare ptr @pthread_get_stackaddr_np(ptr)
declare i64 @pthread_get_stacksize_np(ptr)
declare i32 @pthread_main_np()

define internal i1 @tj_on_main_thread() #0 {
  %found = call i32 @pthread_main_np()
  %main = icmp ne i32 %found, 0
  ret i1 %main
}

define internal i32 @tj_stack_bounds(ptr %bounds) #0 {
entry:
  %self = call ptr @pthread_self()
  %top = call ptr @pthread_get_stackaddr_np(ptr %self)
  %high = ptrtoint ptr %top to i64
  %size = call i64 @pthread_get_stacksize_np(ptr %self)
  %low = sub i64 %high, %size
  store i64 %low, ptr %bounds
  store i64 %high, ptr %bounds[i64 1]
  ret i32 0
}
"""
_CALLS = {
    "linux": ("pthread_getattr_np", "pthread_attr_getstack", "pthread_attr_destroy", "pthread_self",
              "getpid", "gettid"),
    "darwin": ("pthread_get_stackaddr_np", "pthread_get_stacksize_np", "pthread_main_np",
               "pthread_self"),
}  # fmt: skip


def symbols() -> dict[str, int]:
    """Addresses of the functions of the system that say where a stack is; none where one lacks."""
    process = ctypes.CDLL(None)
    found = {}
    for name in _CALLS.get(sys.platform, ()):
        function = getattr(process, name, None)
        if function is None:
            return {}
        found[name] = ctypes.cast(function, ctypes.c_void_p).value or 0
    return found


def stack_text() -> str:
    """The module's text for this platform."""
    if not symbols():
        return _UNKNOWN
    own = _LINUX if sys.platform == "linux" else _DARWIN
    return plain(_TEXT + own).replace("MOST", str(_MOST))
