"""What calls leave behind: references, memory, threads, forks. Then chains of entries."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import tracemalloc
import weakref
from dataclasses import replace

import numpy as np
import pytest

from tests.python_entry.cores import (
    ADD_ONE,
    ARANGE,
    ARANGE_SIGNATURE,
    F8,
    NOTHING,
    STRIDED,
    core,
    new_callable,
)
from tracejit.abi import (
    ArrayParam,
    ArrayResult,
    AxisLength,
    Container,
    GlobalSource,
    Hidden,
    Signature,
)
from tracejit.ir.results import ArgOut, ArrayOut
from tracejit.llvm_text import tables
from tracejit.python_entry import entry
from tracejit.python_entry.entry import Miss, specialise

NATIVE = pytest.mark.skipif(not entry.uses_native_entry(), reason="portable entry in use")


def test_no_reference_and_no_memory_is_leaked(make):
    x = np.arange(50.0)
    table = tables.ErrorTable([tables.ErrorSite(ValueError, "no")])
    fail = core("%o = call ptr @tj_alloc(ptr %ctx, i64 5000)", "store i64 1, ptr %ctx", "ret i32 1")
    space = {"g": x}
    result = ArrayResult(F8, (AxisLength(0, 0),))
    hidden = (Hidden(GlobalSource(space, "g"), ArrayParam(F8, (50,))),)
    calls = [
        make(ADD_ONE, STRIDED),
        make(fail, Signature((ArrayParam(F8, (None,)),), (result,), (ArrayOut(0),), 0, hidden),
             errors=table),
        make(NOTHING, Signature((ArrayParam(F8, (None,)),), (result,),
                                (ArrayOut(0), ArgOut(0)), Container("list", (0, 1, 1)), hidden)),
        make(NOTHING, Signature((ArrayParam(F8, (4,)),), hidden=hidden)),
    ]  # fmt: skip

    def run(times):
        for _ in range(times):
            for f in calls:
                try:
                    f(x)
                except (ValueError, Miss):
                    continue

    run(20)
    watched = (x, np.dtype("f8"), table)
    gc.collect()
    before = [sys.getrefcount(o) for o in watched]
    tracemalloc.start()
    run(50)
    gc.collect()
    first = tracemalloc.get_traced_memory()[0]
    run(500)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - first
    tracemalloc.stop()
    assert [sys.getrefcount(o) for o in watched] == before
    assert grown < 4000


def _resident_kib():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
def test_native_allocations_are_freed_after_success_and_failure(make):
    table = tables.ErrorTable([tables.ErrorSite(ValueError, "no")])
    lines = [f"%o{k} = call ptr @tj_alloc_zero(ptr %ctx, i64 300000)" for k in range(4)]
    lines += [f"call void @llvm.memset.p0.i64(ptr %o{k}, i8 1, i64 300000, i1 0)" for k in range(4)]
    lines += ["call void @tj_free(ptr %ctx, ptr %o1)"]
    lines += ["%big = call ptr @tj_realloc(ptr %ctx, ptr %o2, i64 600000)"]
    declare = "\ndeclare void @llvm.memset.p0.i64(ptr, i8, i64, i1)"
    fails = core(*lines, "store i64 1, ptr %ctx", "ret i32 1") + declare
    works = core(*lines, "ret i32 0") + declare
    f, g = make(fails, Signature(()), errors=table), make(works, Signature(()))

    def run(times):
        for _ in range(times):
            g()
            with pytest.raises(ValueError):
                f()

    run(30)
    before = _resident_kib()
    run(200)
    assert _resident_kib() - before < 20_000


def test_large_results_are_recycled_but_never_shared(make):
    signature = Signature(
        (ArrayParam(F8, (None,), (None,)),),
        (ArrayResult(F8, (AxisLength(0, 0),)),),
        (ArrayOut(0),),
        0,
    )
    f = make(ADD_ONE, signature)
    x = np.arange(float(1 << 18))
    held = []
    for k in range(12):
        held.append(f(x + k))
        f(x)
        if k % 3 == 2:
            held.pop(0)
    starts = [h[0] for h in held]
    assert starts == sorted(set(starts))
    for h in held:
        np.testing.assert_array_equal(h - h[0], x)


def test_threads_call_at_once(make):
    f = make(ADD_ONE, replace(STRIDED, release_gil=True))
    wrong = []

    def work(seed):
        x = np.arange(300.0) + seed
        for _ in range(300):
            if not np.array_equal(f(x), x + 1):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_calls_and_compiles(make):
    f = make(ADD_ONE, STRIDED)
    child = os.fork()
    if child == 0:
        again = specialise(ADD_ONE.replace("1.0", "2.0"), STRIDED)
        good = f(np.zeros(3))[0] == 1 and again(np.zeros(3))[0] == 2
        os._exit(0 if good else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_chain_of_specialisations_then_miss():
    arrays = specialise(ADD_ONE, STRIDED)
    numbers = specialise(ARANGE, ARANGE_SIGNATURE)
    f = new_callable(arrays, numbers)
    np.testing.assert_array_equal(f(np.zeros(2)), [1, 1])
    np.testing.assert_array_equal(f(3), [0, 1, 2])
    assert f("x") == ("miss", ("x",), {})
    assert f(3, k=1) == ("miss", (3,), {"k": 1})
    entry.set_chain(f, [])
    assert f(3) == ("miss", (3,), {})


def test_the_callable_binds_has_attributes_and_is_collected():
    f = new_callable(describe=lambda self: "described")

    class Owner:
        method = f

    owner = Owner()
    assert owner.method(1) == ("miss", (owner, 1), {})
    bound = owner.method
    assert bound(2) == ("miss", (owner, 2), {})
    assert Owner.method is f
    assert f.describe() == "described"
    f.__wrapped__ = f.itself = f
    assert f.__dict__["itself"] is f
    gone = weakref.ref(f)
    del f, Owner, owner, bound
    gc.collect()
    assert gone() is None


@NATIVE
def test_an_instance_without_its_slow_path_is_a_type_error():
    with pytest.raises(TypeError):
        entry.callable_type("Bare", __name__, {})()()


def test_portable_entry_serves_when_native_is_off():
    program = (
        "import numpy as np, sys; sys.path.insert(0, {here!r})\n"
        "import cores as t\nfrom tracejit.python_entry import entry\n"
        "assert not entry.uses_native_entry()\n"
        "f = t.new_callable(entry.specialise(t.ADD_ONE, t.STRIDED))\n"
        "assert list(f(np.zeros(2))) == [1, 1] and f(1)[0] == 'miss'\n"
        "class O: m = f\n"
        "assert O().m(1)[0] == 'miss'\n"
    ).format(here=os.path.dirname(__file__))
    environment = {**os.environ, "TRACEJIT_PORTABLE_ENTRY": "1"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def test_arrays_outlive_the_interpreter_quietly():
    program = (
        "import numpy as np, sys, builtins; sys.path.insert(0, {here!r})\n"
        "import cores as t\nfrom tracejit.python_entry import entry\n"
        "f = entry.specialise(t.ARANGE, t.ARANGE_SIGNATURE)\n"
        "sys.modules['keep'] = builtins.kept = [f(5), f(1 << 18), f]\n"
    ).format(here=os.path.dirname(__file__))
    subprocess.run([sys.executable, "-c", program], check=True)
