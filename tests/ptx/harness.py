"""`kernel` and `run`: hand-written PTX bodies made into launches of the simulator."""

from __future__ import annotations

import numpy as np

from tests.ptx.simulator import Device, launch

HEADER = ".version 7.0\n.target sm_80\n.address_size 64\n"


def kernel(body: str, params: int = 2, extra: str = "") -> str:
    declared = ",\n".join(f".param .u64 p{i}" for i in range(params))
    loads = "".join(f"ld.param.u64 %a{i}, [p{i}];\n" for i in range(params))
    registers = (
        ".reg .pred %p<9>; .reg .b16 %h<9>; .reg .b32 %r<19>; .reg .b64 %d<19>;"
        ".reg .f32 %f<9>; .reg .f64 %g<9>; .reg .b64 %a<9>; .reg .b32 %t<4>; .reg .b64 %o<4>;"
    )
    head = f"{HEADER}{extra}\n.visible .entry k(\n{declared}\n)"
    return f"{head}\n{{\n{registers}\n{loads}{body}\nret;\n}}\n"


def run(body: str, *arrays: np.ndarray, out: str) -> np.ndarray:
    """Lane i computes `body` from element i of each array in x0, x1 ...; it leaves it in y."""
    device = Device()
    count = len(arrays[0])
    lines = ["mov.u32 %t0, %tid.x;", "mov.u64 %o0, 0;"]
    kinds = {1: "b16", 2: "b16", 4: "b32", 8: "b64"}
    for i, array in enumerate(arrays):
        size = array.dtype.itemsize
        lines.append(f".reg .{kinds[size]} x{i};")
        lines.append(f"mad.wide.u32 %o1, %t0, {size}, %a{i};")
        lines.append(f"ld.global.{'u8' if size == 1 else kinds[size]} x{i}, [%o1];")
    dtype = np.dtype(out)
    last = len(arrays)
    lines.append(f".reg .{kinds[dtype.itemsize]} y;")
    lines.append(body)
    lines.append(f"mad.wide.u32 %o1, %t0, {dtype.itemsize}, %a{last};")
    lines.append(f"st.global.b{8 * dtype.itemsize} [%o1], y;")
    addresses = [device.put(array) for array in arrays]
    result = device.empty(count, dtype)
    launch(device, kernel("\n".join(lines), last + 1), "k", 1, count, [*addresses, result])
    return device.get(result, count, dtype)


def same(got: np.ndarray, expected: np.ndarray) -> None:
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)
    if got.dtype.kind == "f":
        keep = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(got[keep]), np.signbit(expected[keep]))
