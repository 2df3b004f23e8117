"""LLVM text of the functions that entries call: making and checking Python objects, dispatch.

Compiled once per process (`boxing_symbols` in `callable.py`), on top of `runtime_text`.
References: functions that make an object return a new reference or null with an exception set.
"""

from __future__ import annotations

from tracejit.abi import capi
from tracejit.abi.packing import MANY, MANY_IN_ROWS
from tracejit.codegen_llvm.memory_text import RECYCLE_FROM, RECYCLE_UP_TO
from tracejit.llvm_text.nested import plain
from tracejit.python_entry import (
    callable_text,
    changing_text,
    packing_text,
    parameters_text,
    refilling_text,
    sharing_text,
    unpacking_text,
)

# What an entry returns when its guards fail; no object lives at this address.
MISS = 1

_ARRAYS = """
@PyArray_Type = external global i8
@tj_mem_handler = external global i8
declare ptr @PyArray_NewFromDescr(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)
declare i32 @PyArray_SetBaseObject(ptr, ptr)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare ptr @tj_data_malloc(ptr, i64)
declare void @tj_data_free(ptr, ptr, i64)
declare void @tj_detach(ptr, ptr)

define i1 @tj_same_dtype(ptr %descr, i32 %number, i32 %twin) #0 {
  %nump = getelementptr i8, ptr %descr, i64 DESCR_TYPE_NUM
  %orderp = getelementptr i8, ptr %descr, i64 DESCR_BYTEORDER
  %num = load i32, ptr %nump
  %order = load i8, ptr %orderp
  %one = icmp eq i32 %num, %number
  %good = and i1 (or i1 %one, (icmp eq i32 %num, %twin)), (icmp ne i8 %order, 62)
  ret i1 %good
}

; Bytes of an array, or -1 where the number does not fit.
define internal i64 @tj_bytes(ptr %descr, i32 %nd, ptr %dims) #0 {
entry:
  %size = load i64, ptr %descr[i8 DESCR_ELSIZE]
  %n = zext i32 %nd to i64
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %next ]
  %total = phi i64 [ %size, %entry ], [ %product, %next ]
  br i1 (icmp ult i64 %k, %n), label %step, label %done
step:
  %dim = load i64, ptr %dims[i64 %k]
  %pair = call { i64, i1 } @llvm.smul.with.overflow.i64(i64 %total, i64 %dim)
  %product = extractvalue { i64, i1 } %pair, 0
  %over = extractvalue { i64, i1 } %pair, 1
  %k1 = add i64 %k, 1
  br i1 %over, label %bad, label %next
next:
  br label %head
bad:
  ret i64 -1
done:
  ret i64 %total
}
declare { i64, i1 } @llvm.smul.with.overflow.i64(i64, i64)

; An array over memory of the runtime's allocator, which it then owns; frees it on failure.
define internal ptr @tj_wrap(ptr %data, ptr %descr, i32 %nd, ptr %dims) #0 {
  call void @Py_IncRef(ptr %descr)
  %array = call ptr @PyArray_NewFromDescr(ptr @PyArray_Type, ptr %descr, i32 %nd, ptr %dims,
                                          ptr null, ptr %data, i32 CARRAY, ptr null)
  br i1 (icmp eq ptr %array, null), label %fail, label %good
good:
  %flagsp = getelementptr i8, ptr %array, i64 FLAGS
  %flags = load i32, ptr %flagsp
  %owning = or i32 %flags, OWNDATA
  store i32 %owning, ptr %flagsp
  store ptr @tj_mem_handler, ptr %array[i8 MEM_HANDLER]
  call void @Py_IncRef(ptr @tj_mem_handler)
  ret ptr %array
fail:
  call void @tj_data_free(ptr null, ptr %data, i64 0)
  ret ptr null
}

; A fresh array in C order. Large ones reuse blocks: fresh pages cost a fault each.
define ptr @tj_new_array(ptr %descr, i32 %nd, ptr %dims) #0 {
entry:
  %bytes = call i64 @tj_bytes(ptr %descr, i32 %nd, ptr %dims)
  %large = icmp sge i64 %bytes, RECYCLE_FROM
  br i1 (and i1 %large, (icmp sle i64 %bytes, RECYCLE_UP_TO)), label %take, label %plain
take:
  %data = call ptr @tj_data_malloc(ptr null, i64 %bytes)
  br i1 (icmp eq ptr %data, null), label %plain, label %wrap
wrap:
  %array = call ptr @tj_wrap(ptr %data, ptr %descr, i32 %nd, ptr %dims)
  ret ptr %array
plain:
  call void @Py_IncRef(ptr %descr)
  %numpys = call ptr @PyArray_NewFromDescr(ptr @PyArray_Type, ptr %descr, i32 %nd, ptr %dims,
                                           ptr null, ptr null, i32 0, ptr null)
  ret ptr %numpys
}

; An array over memory that the core allocated: ownership moves from the context to the array.
define ptr @tj_adopt(ptr %ctx, ptr %data, ptr %descr, i32 %nd, ptr %dims) #0 {
  call void @tj_detach(ptr %ctx, ptr %data)
  %array = call ptr @tj_wrap(ptr %data, ptr %descr, i32 %nd, ptr %dims)
  ret ptr %array
}

; A new array whose memory another object keeps. Null, with an exception set, where either fails.
define internal ptr @tj_based(ptr %array, ptr %owner) #0 {
  br i1 (icmp eq ptr %array, null), label %fail, label %based
based:
  call void @Py_IncRef(ptr %owner)
  %status = call i32 @PyArray_SetBaseObject(ptr %array, ptr %owner)
  br i1 (icmp eq i32 %status, 0), label %done, label %drop
drop:
  call void @Py_DecRef(ptr %array)
  br label %fail
done:
  ret ptr %array
fail:
  ret ptr null
}

define ptr @tj_view(ptr %source, ptr %descr, i32 %nd, ptr %dims, ptr %strides, i64 %offset,
                    i1 %writeable) #0 {
  %first = load ptr, ptr %source[i8 DATA]
  %data = getelementptr i8, ptr %first, i64 %offset
  %flags = load i32, ptr %source[i8 FLAGS]
  %mask = select i1 %writeable, i32 WRITEABLE, i32 0
  %write = and i32 %flags, %mask
  call void @Py_IncRef(ptr %descr)
  %array = call ptr @PyArray_NewFromDescr(ptr @PyArray_Type, ptr %descr, i32 %nd, ptr %dims,
                                          ptr %strides, ptr %data, i32 %write, ptr null)
  %based = call ptr @tj_based(ptr %array, ptr %source)
  ret ptr %based
}

; First byte and end of the memory that an array spans; 0 and 0 where it is empty.
define { i64, i64 } @tj_bounds(ptr %array) #0 {
entry:
  %data = load i64, ptr %array[i8 DATA]
  %nd = load i32, ptr %array[i8 NDIM]
  %n = zext i32 %nd to i64
  %dims = load ptr, ptr %array[i8 DIMS]
  %strides = load ptr, ptr %array[i8 STRIDES]
  %descr = load ptr, ptr %array[i8 DESCR]
  %size = load i64, ptr %descr[i8 DESCR_ELSIZE]
  %end = add i64 %data, %size
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %next ]
  %low = phi i64 [ %data, %entry ], [ %low1, %next ]
  %high = phi i64 [ %end, %entry ], [ %high1, %next ]
  br i1 (icmp ult i64 %k, %n), label %step, label %done
step:
  %dim = load i64, ptr %dims[i64 %k]
  br i1 (icmp eq i64 %dim, 0), label %empty, label %next
next:
  %stride = load i64, ptr %strides[i64 %k]
  %last = sub i64 %dim, 1
  %span = mul i64 %last, %stride
  %down = icmp slt i64 %span, 0
  %under = select i1 %down, i64 %span, i64 0
  %over = select i1 %down, i64 0, i64 %span
  %low1 = add i64 %low, %under
  %high1 = add i64 %high, %over
  %k1 = add i64 %k, 1
  br label %head
empty:
  ret { i64, i64 } zeroinitializer
done:
  %a = insertvalue { i64, i64 } poison, i64 %low, 0
  %b = insertvalue { i64, i64 } %a, i64 %high, 1
  ret { i64, i64 } %b
}
"""

_CONTAINERS = """
declare ptr @PyTuple_New(i64)
declare i32 @PyTuple_SetItem(ptr, i64, ptr)
declare ptr @PyList_New(i64)
declare i32 @PyList_SetItem(ptr, i64, ptr)
declare ptr @PyDict_New()
declare i32 @PyDict_SetItem(ptr, ptr, ptr)

define void @tj_decref_all(ptr %items, i64 %n) #0 {
entry:
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %body ]
  br i1 (icmp ult i64 %k, %n), label %body, label %done
body:
  %o = load ptr, ptr %items[ptr %k]
  call void @Py_DecRef(ptr %o)
  %k1 = add i64 %k, 1
  br label %head
done:
  ret void
}

; What a function makes of an object, which is dropped; the object itself where there is none.
define ptr @tj_built(ptr %build, ptr %o) #0 {
  br i1 (icmp eq ptr %build, null), label %as_is, label %call
as_is:
  ret ptr %o
call:
  %args = alloca ptr
  store ptr %o, ptr %args
  %made = call ptr @PyObject_Vectorcall(ptr %build, ptr %args, i64 1, ptr null)
  call void @Py_DecRef(ptr %o)
  ret ptr %made
}

; A tuple as one of a class of named tuples, by `tuple.__new__`. Consumes it; null stays null.
define ptr @tj_named(ptr %new, ptr %class, ptr %made) #0 {
entry:
  %args = alloca [2 x ptr]
  br i1 (icmp eq ptr %made, null), label %failed, label %call
call:
  store ptr %class, ptr %args
  store ptr %made, ptr %args[i64 1]
  %named = call ptr @PyObject_Vectorcall(ptr %new, ptr %args, i64 2, ptr null)
  call void @Py_DecRef(ptr %made)
  ret ptr %named
failed:
  ret ptr null
}

; The keys of a record: `object.__new__`, its class, the names of its attributes.
define internal ptr @tj_bare_object(ptr %keys) #0 {
  %new = load ptr, ptr %keys
  %class = getelementptr i64, ptr %keys, i64 1
  %made = call ptr @PyObject_Vectorcall(ptr %new, ptr %class, i64 1, ptr null)
  ret ptr %made
}

define internal i1 @tj_complete(ptr %items, i64 %n) #0 {
entry:
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %body ]
  br i1 (icmp ult i64 %k, %n), label %body, label %yes
body:
  %o = load ptr, ptr %items[ptr %k]
  %k1 = add i64 %k, 1
  br i1 (icmp eq ptr %o, null), label %no, label %head
yes:
  ret i1 true
no:
  ret i1 false
}
""" + "".join(
    f"""
; Consumes the items, also when it fails; a null item is a failure that happened before.
define ptr @tj_{kind}(ptr %keys, ptr %items, i64 %n) #0 {{
entry:
  %whole = call i1 @tj_complete(ptr %items, i64 %n)
  br i1 %whole, label %make, label %fail
make:
  %made = call ptr {new}
  br i1 (icmp eq ptr %made, null), label %fail, label %head
head:
  %k = phi i64 [ 0, %make ], [ %k1, %next ]
  br i1 (icmp ult i64 %k, %n), label %body, label %good
body:
  %o = load ptr, ptr %items[ptr %k]
  {put}
  %k1 = add i64 %k, 1
  br i1 (icmp eq i32 %status, 0), label %next, label %drop
next:
  br label %head
good:
  call void @tj_decref_all(ptr %items, i64 %n)
  ret ptr %made
drop:
  call void @Py_DecRef(ptr %made)
  br label %fail
fail:
  call void @tj_decref_all(ptr %items, i64 %n)
  ret ptr null
}}
"""
    for kind, new, put in (
        (
            "tuple",
            "@PyTuple_New(i64 %n)",
            (
                "call void @Py_IncRef(ptr %o)\n"
                "  %status = call i32 @PyTuple_SetItem(ptr %made, i64 %k, ptr %o)"
            ),
        ),
        (
            "list",
            "@PyList_New(i64 %n)",
            (
                "call void @Py_IncRef(ptr %o)\n"
                "  %status = call i32 @PyList_SetItem(ptr %made, i64 %k, ptr %o)"
            ),
        ),
        (
            "dict",
            "@PyDict_New()",
            (
                "%keyp = getelementptr ptr, ptr %keys, i64 %k\n"
                "  %key = load ptr, ptr %keyp\n"
                "  %status = call i32 @PyDict_SetItem(ptr %made, ptr %key, ptr %o)"
            ),
        ),
        (
            "record",
            "@tj_bare_object(ptr %keys)",
            (
                "%place = add i64 %k, 2\n"
                "  %keyp = getelementptr ptr, ptr %keys, i64 %place\n"
                "  %key = load ptr, ptr %keyp\n"
                "  %status = call i32 @PyObject_GenericSetAttr(ptr %made, ptr %key, ptr %o)"
            ),
        ),
    )
)

EXPORTS = (
    "tj_same_dtype", "tj_new_array", "tj_adopt", "tj_view", "tj_bounds", "tj_decref_all",
    "tj_built", "tj_tuple", "tj_list", "tj_dict", "tj_record", "tj_named", *unpacking_text.EXPORTS,
    *changing_text.EXPORTS, *sharing_text.EXPORTS, *callable_text.EXPORTS,
)  # fmt: skip

# For entries.
DECLARATIONS = """
declare i1 @tj_same_dtype(ptr, i32, i32)
declare ptr @tj_new_array(ptr, i32, ptr)
declare ptr @tj_adopt(ptr, ptr, ptr, i32, ptr)
declare ptr @tj_view(ptr, ptr, i32, ptr, ptr, i64, i1)
declare { i64, i64 } @tj_bounds(ptr)
declare void @tj_decref_all(ptr, i64)
declare ptr @tj_built(ptr, ptr)
declare ptr @tj_tuple(ptr, ptr, i64)
declare ptr @tj_list(ptr, ptr, i64)
declare ptr @tj_dict(ptr, ptr, i64)
declare ptr @tj_record(ptr, ptr, i64)
declare ptr @tj_named(ptr, ptr, ptr)
declare i1 @tj_alike(ptr, ptr)
declare i1 @tj_bound_as(ptr, i64, ptr)
declare void @tj_free_all(ptr)
declare void @tj_raise(ptr, ptr)
"""


def boxing_text() -> str:
    """The functions' text with the field offsets of `capi` filled in."""
    text = _ARRAYS + _CONTAINERS + parameters_text.TEXT
    text += packing_text.TEXT + unpacking_text.TEXT + refilling_text.text() + changing_text.TEXT
    text = plain(text + sharing_text.TEXT + callable_text.SLOTS)
    values = {
        "RECYCLE_FROM": RECYCLE_FROM,
        "RECYCLE_UP_TO": RECYCLE_UP_TO,
        "DESCR_TYPE_NUM": capi.DESCR_TYPE_NUM,
        "DESCR_BYTEORDER": capi.DESCR_BYTEORDER,
        "DESCR_ELSIZE": capi.DESCR_ELSIZE,
        "CARRAY": capi.C_CONTIGUOUS | capi.ALIGNED | capi.WRITEABLE,
        "MEM_HANDLER": capi.MEM_HANDLER,
        "OWNDATA": capi.OWNDATA,
        "WRITEABLE": capi.WRITEABLE,
        "FLOAT_VALUE": capi.FLOAT_VALUE,
        "LIST_FIRST": capi.LIST_SIZE,
        "LIST_END": capi.LIST_ALLOCATED + 8,
        "FEW_IN_ROWS": MANY_IN_ROWS,
        "FEW": MANY,
        "i64 BASE": f"i64 {capi.BASE}",
        "i64 DATA": f"i64 {capi.DATA}",
        "i64 NDIM": f"i64 {capi.NDIM}",
        "i64 DIMS": f"i64 {capi.DIMS}",
        "i64 STRIDES": f"i64 {capi.STRIDES}",
        "i64 DESCR\n": f"i64 {capi.DESCR}\n",
        "i64 FLAGS": f"i64 {capi.FLAGS}",
    }
    for name, value in values.items():
        text = text.replace(name, str(value))
    return text
