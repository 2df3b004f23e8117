"""LLVM text of what exported code does besides computing: memory from malloc, given back by name.

The functions that link blocks into a call's context are those of a process with Python
(`codegen_llvm/memory_text.py`); the blocks are the C library's. ``tracejit_free`` is for results
that the caller gets. Nobody presses Ctrl-C: loops ask nobody.
"""

from __future__ import annotations

import re

from tracejit.codegen_llvm.memory_text import owned_text

# Headers as in `memory_text`: previous, next, capacity in bytes, what malloc returned.
_HEAP = """
declare ptr @malloc(SIZE)
declare void @free(ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

define internal void @tj_note_peak(i64 %live) #0 {
  ret void
}

define internal ptr @tj_data_malloc(ptr %unused, i64 %bytes) #0 {
  %insane = icmp ugt i64 %bytes, MOST
  br i1 %insane, label %fail, label %sane
sane:
  %wanted = add i64 %bytes, 128
  WANTED
  %base = call ptr @malloc(SIZE %total)
  %null = icmp eq ptr %base, null
  br i1 %null, label %fail, label %got
got:
  %b = ptrtoint ptr %base to i64
  %up = add i64 %b, 127
  %at = and i64 %up, -64
  %data = inttoptr i64 %at to ptr
  %sizep = getelementptr i8, ptr %data, i64 -48
  %basep = getelementptr i8, ptr %data, i64 -40
  store i64 %bytes, ptr %sizep
  store ptr %base, ptr %basep
  ret ptr %data
fail:
  ret ptr null
}

define internal ptr @tj_data_calloc(ptr %unused, i64 %count, i64 %size) #0 {
  %bytes = mul i64 %count, %size
  %data = call ptr @tj_data_malloc(ptr null, i64 %bytes)
  %null = icmp eq ptr %data, null
  br i1 %null, label %done, label %clear
clear:
  call void @llvm.memset.p0.i64(ptr %data, i8 0, i64 %bytes, i1 false)
  br label %done
done:
  ret ptr %data
}

define internal ptr @tj_data_realloc(ptr %unused, ptr %data, i64 %bytes) #0 {
entry:
  %new = call ptr @tj_data_malloc(ptr null, i64 %bytes)
  %failed = icmp eq ptr %new, null
  %first = icmp eq ptr %data, null
  %done = or i1 %failed, %first
  br i1 %done, label %out, label %copy
copy:
  %sizep = getelementptr i8, ptr %data, i64 -48
  %size = load i64, ptr %sizep
  %less = icmp ult i64 %size, %bytes
  %common = select i1 %less, i64 %size, i64 %bytes
  call void @llvm.memcpy.p0.p0.i64(ptr %new, ptr %data, i64 %common, i1 false)
  call void @tracejit_free(ptr %data)
  br label %out
out:
  ret ptr %new
}

define internal void @tj_data_free(ptr %unused, ptr %data, i64 %ignored) #0 {
  call void @tracejit_free(ptr %data)
  ret void
}

define weak void @tracejit_free(ptr %data) #0 {
  %null = icmp eq ptr %data, null
  br i1 %null, label %done, label %drop
drop:
  %basep = getelementptr i8, ptr %data, i64 -40
  %base = load ptr, ptr %basep
  call void @free(ptr %base)
  br label %done
done:
  ret void
}
"""

# Threads of small systems have 128 KB of stack.
POLL = """
define internal i32 @tj_poll(ptr %ctx) alwaysinline #0 {
  ret i32 0
}

define internal i64 @tj_stack_limit(i64 %here) alwaysinline #0 {
  %limit = sub i64 %here, 65536
  ret i64 %limit
}
"""


def heap_text(pointer_bits: int) -> str:
    """What cores allocate by, on a machine with pointers of so many bits."""
    wide = pointer_bits == 64
    pieces = {
        "SIZE": "i64" if wide else "i32",
        "MOST": str(2 ** (pointer_bits - 1) - 256),
        "WANTED": "%total = add i64 %wanted, 0" if wide else "%total = trunc i64 %wanted to i32",
    }
    text = _HEAP
    for name, piece in pieces.items():
        text = text.replace(name, piece)
    inner = re.sub(r"^define (?=\w+ @tj_)", "define internal ", owned_text(), flags=re.MULTILINE)
    return text + inner


def without_declared(core: str, runtime: str) -> str:
    """The text of a core without declarations of what the runtime defines or declares."""
    there = {*re.findall(r"^(?:define|declare) [^@]*@([\w.]+)", runtime, re.MULTILINE)}
    lines = core.split("\n")
    found = (re.match(r"declare [^@]*@([\w.]+)", line) for line in lines)
    kept = zip(lines, found, strict=True)
    return "\n".join(line for line, f in kept if f is None or f.group(1) not in there)
