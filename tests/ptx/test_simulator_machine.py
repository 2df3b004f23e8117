"""The simulator's memory, control flow and warps on hand-written PTX, and the faults it catches."""

from __future__ import annotations

import numpy as np
import pytest

from tests.ptx.harness import kernel, run, same
from tests.ptx.simulator import Device, PtxError, launch


def test_vectors_packing_and_narrow_memory() -> None:
    device = Device()
    x = device.put(np.arange(8, dtype=np.float32))
    y = device.put(np.zeros(8, np.float32))
    body = (
        "ld.global.v4.f32 {%f0, %f1, %f2, %f3}, [%a0+16]; "
        "st.global.v4.b32 [%a1], {%f3, %f2, %f1, %f0}; "
        "ld.global.nc.v2.b64 {%d0, %d1}, [%a0]; mov.b64 {%r0, _}, %d0; "
        "mov.b64 %d2, {%r0, %r0}; st.global.b64 [%a1+16], %d2; "
        "st.global.u8 [%a1+24], 200; ld.global.s8 %r1, [%a1+24]; "
        "st.global.b32 [%a1+28], %r1;"
    )
    launch(device, kernel(body), None, 1, 1, [x, y])
    got = device.get(y, 8, np.float32)
    assert got[:6].tolist() == [7, 6, 5, 4, 0, 0]
    assert got.view(np.int32)[7] == -56


def test_grid_in_three_dimensions() -> None:
    device = Device()
    out = device.empty(2 * 3 * 2 * 4 * 2 * 2, "u4")
    body = """
    mov.u32 %r0, %ctaid.z; mov.u32 %r1, %nctaid.y; mov.u32 %r2, %ctaid.y;
    mad.lo.u32 %r0, %r0, %r1, %r2;
    mov.u32 %r1, %nctaid.x; mov.u32 %r2, %ctaid.x; mad.lo.u32 %r0, %r0, %r1, %r2;
    mov.u32 %r1, %ntid.z; mov.u32 %r2, %tid.z; mad.lo.u32 %r0, %r0, %r1, %r2;
    mov.u32 %r1, %ntid.y; mov.u32 %r2, %tid.y; mad.lo.u32 %r0, %r0, %r1, %r2;
    mov.u32 %r1, %ntid.x; mov.u32 %r2, %tid.x; mad.lo.u32 %r0, %r0, %r1, %r2;
    mad.wide.u32 %d0, %r0, 4, %a0; st.global.u32 [%d0], %r0;"""
    launch(device, kernel(body, 1), "k", (2, 3, 2), (4, 2, 2), [out])
    assert device.get(out, 192, "u4").tolist() == list(range(192))


def test_loops_tables_and_reconvergence() -> None:
    body = """
    mov.u32 y, 0; mov.s32 %r0, x0;
    LOOP: setp.le.s32 %p0, %r0, 0; @%p0 bra DONE;
    add.u32 y, y, %r0; sub.s32 %r0, %r0, 1; bra.uni LOOP;
    DONE: activemask.b32 %r1; setp.ne.u32 %p1, %r1, 31; @%p1 trap;
    min.u32 %r2, x0, 2;
    T: .branchtargets A, B, C;
    brx.idx %r2, T;
    A: add.u32 y, y, 100; bra END;
    B: add.u32 y, y, 200; bra END;
    C: add.u32 y, y, 300;
    END:"""
    x = np.array([0, 1, 2, 3, 4], np.int32)
    same(run(body, x, out="u4"), np.array([100, 201, 303, 306, 310], np.uint32))


SHARED = ".shared .align 8 .b8 buf[1024];"


def test_shared_memory_barrier_and_local_depot() -> None:
    device = Device()
    out = device.empty(3 * 64, "u4")
    body = f"""{SHARED} .local .align 8 .b8 depot[16];
    mov.u32 %r0, %tid.x; mov.u32 %r1, %ctaid.x; mov.u64 %d0, buf; mad.wide.u32 %d1, %r0, 4, %d0;
    mad.lo.u32 %r2, %r1, 1000, %r0; st.shared.u32 [%d1], %r2;
    mov.u64 %d2, depot; cvta.local.u64 %d3, %d2; st.u32 [%d3+4], %r2; ld.local.u32 %r5, [%d2+4];
    setp.ne.u32 %p0, %r5, %r2; @%p0 trap;
    bar.sync 0;
    sub.u32 %r3, 63, %r0; mad.wide.u32 %d1, %r3, 4, %d0; cvta.shared.u64 %d1, %d1;
    ld.u32 %r4, [%d1];
    mad.lo.u32 %r6, %r1, 64, %r0; mad.wide.u32 %d4, %r6, 4, %a0; st.global.u32 [%d4], %r4;"""
    launch(device, kernel(body, 1), "k", 3, 64, [out])
    expected = np.array([[1000 * b + 63 - t for t in range(64)] for b in range(3)])
    assert (device.get(out, (3, 64), "u4") == expected).all()


def test_module_variables_and_dynamic_shared() -> None:
    extra = (
        ".const .align 4 .b8 tbl[12] = {1, 0, 0, 0, 2, 0, 0, 0, 253};\n"
        ".global .align 8 .f64 g[2] = {0d4000000000000000, 0dC000000000000000};\n"
        ".extern .shared .align 16 .b8 dyn[];"
    )
    device = Device()
    out = device.empty(4, "f8")
    body = """mov.u64 %d0, tbl; ld.const.u32 %r0, [%d0+8]; ld.global.f64 %g0, [g+8];
    mov.u64 %d1, dyn;
    st.shared.u32 [%d1+60], %r0; ld.shared.u32 %r1, [%d1+60]; cvt.rn.f64.u32 %g1, %r1;
    add.rn.f64 %g1, %g1, %g0; st.global.f64 [%a0], %g1;"""
    launch(device, kernel(body, 1, extra), "k", 1, 1, [out], dynamic_shared=64)
    assert device.get(out, 4, "f8")[0] == 251.0
    with pytest.raises(PtxError, match="out-of-bounds shared"):
        launch(device, kernel(body, 1, extra), "k", 1, 1, [out], dynamic_shared=32)


def test_atomics_count_and_return_old_values() -> None:
    device = Device()
    total = device.put(np.array([0, 5, 0, 0], np.uint32))
    real = device.put(np.zeros(1, np.float32))
    old = device.empty(96, "u4")
    body = """mov.u32 %r0, %tid.x; atom.global.add.u32 %r1, [%a0], 1;
    red.relaxed.gpu.global.max.u32 [%a0+4], %r0;
    atom.global.cas.b32 %r2, [%a0+8], 0, 77; atom.global.exch.b32 %r3, [%a0+12], %r0;
    atom.global.add.f32 %f0, [%a1], 0f3F000000;
    mad.wide.u32 %d0, %r0, 4, %a2; st.global.u32 [%d0], %r1;"""
    launch(device, kernel(body, 3), "k", 1, 96, [total, real, old])
    assert device.get(total, 4, "u4").tolist() == [96, 95, 77, 95]
    assert device.get(real, 1, "f4")[0] == 48
    assert sorted(device.get(old, 96, "u4")) == list(range(96))


@pytest.mark.parametrize(
    ("mode", "step", "bound", "source"),
    [
        ("bfly", 5, 31, lambda i: i ^ 5),
        ("down", 3, 31, lambda i: i + 3 if i + 3 < 32 else i),
        ("up", 3, 0, lambda i: i - 3 if i >= 3 else i),
        ("idx", 7, 31, lambda i: 7),
        ("down", 1, 0x181F, lambda i: i + 1 if i % 8 < 7 else i),
    ],
)
def test_shuffles(mode: str, step: int, bound: int, source) -> None:
    x = np.arange(64, dtype=np.uint32) * 10
    got = run(f"shfl.sync.{mode}.b32 y|%p0, x0, {step}, {bound}, -1;", x, out="u4")
    expected = [10 * (w * 32 + source(i)) for w in range(2) for i in range(32)]
    assert got.tolist() == expected


def test_votes_and_warp_reductions() -> None:
    x = np.arange(64, dtype=np.uint32)
    got = run("setp.lt.u32 %p0, x0, 3; vote.sync.ballot.b32 y, %p0, -1;", x, out="u4")
    assert got.tolist() == [7] * 32 + [0] * 32
    got = run(
        "setp.lt.u32 %p0, x0, 32; vote.sync.all.pred %p1, %p0, -1; selp.u32 y, 1, 0, %p1;",
        x,
        out="u4",
    )
    assert got.tolist() == [1] * 32 + [0] * 32
    assert run("redux.sync.add.u32 y, x0, -1;", x, out="u4").tolist() == [496] * 32 + [1520] * 32


BAD = {
    "out-of-bounds global read": "ld.global.u32 %r0, [%a0+64];",
    "out-of-bounds global write": "st.global.u32 [%a0+-4], 1;",
    "misaligned": "ld.global.v2.u32 {%r0, %r1}, [%a0+4];",
    "read and was never written": "add.u32 %r0, %r1, 1;",
    "never written in block 0, thread 1": "mov.u32 %r1, %tid.x; "
    "setp.eq.u32 %p0, %r1, 0; @%p0 mov.u32 %r2, 1; add.u32 %r3, %r2, 1;",
    "shuffle from an inactive lane": "mov.u32 %r0, 1; shfl.sync.idx.b32 %r1, %r0, 9, 31, -1;",
    "member mask leaves it out": "bar.warp.sync 2;",
    "deadlock": "mov.u32 %r0, %tid.x; setp.eq.u32 %p0, %r0, 0; @%p0 bra S; "
    "L: bra.uni L2; S: bar.warp.sync 3; bra.uni E; L2: bar.sync 0; E:",
    "meets different barriers": "mov.u32 %r0, %tid.x; setp.eq.u32 %p0, %r0, 0; "
    "@%p0 bra S; bar.sync 0; bra.uni E; S: bar.sync 0; E:",
    "unknown instruction wgmma": "wgmma.fence.sync.aligned;",
    r"modifier .ftz is not modelled": "add.rn.ftz.f32 %f0, 0f00000000, 0f00000000;",
    "unknown label": "bra NOWHERE;",
    "division by zero": "mov.u32 %r0, 0; div.s32 %r1, 5, %r0;",
    "read-only": "st.global.u32 [%a1], 1;",
    "ld.global.nc": "ld.global.nc.u32 %r0, [%a0]; st.global.u32 [%a0], 1;",
    "trap in block 0": "trap;",
    "cannot hold": "mov.b64 %d0, 1; mov.b64 %r0, %d0;",
    "32 bits, read as": "mov.b32 %r0, 1; mov.b64 %d0, %r0;",
}


@pytest.mark.parametrize("message", BAD)
def test_faults_are_caught(message: str) -> None:
    device = Device()
    x = device.put(np.zeros(16, np.uint32), "x")
    y = device.put(np.zeros(16, np.uint32), "y", writable=False)
    with pytest.raises(PtxError, match=message) as error:
        launch(device, kernel(BAD[message]), "k", 1, 2, [x, y])
    assert "line " in str(error.value) or "deadlock" in str(error.value)


def test_a_loop_without_end_and_bad_launches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.ptx.simulator.MAX_STEPS", 1000)
    with pytest.raises(PtxError, match="did not end"):
        launch(Device(), kernel("L: bra.uni L;", 0), "k", 1, 1, [])
    with pytest.raises(PtxError, match="takes 2 arguments"):
        launch(Device(), kernel(""), "k", 1, 1, [])
    with pytest.raises(PtxError, match="at most 1024"):
        launch(Device(), kernel("", 0), "k", 1, 2048, [])
    with pytest.raises(PtxError, match="calls are not supported"):
        launch(Device(), kernel("call.uni f, ();", 0), "k", 1, 1, [])
