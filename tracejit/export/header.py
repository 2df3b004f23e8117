"""The C header of an export."""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.export.c_types import c_type
from tracejit.export.errors import ErrorRow
from tracejit.export.interface import Interface, Result

_SHARED = """\
#ifndef TRACEJIT_EXPORT
#define TRACEJIT_EXPORT
#ifdef __cplusplus
#include <complex>
typedef std::complex<float> tracejit_complex64;
typedef std::complex<double> tracejit_complex128;
#define TRACEJIT_RESTRICT
#else
#define TRACEJIT_RESTRICT restrict
#ifndef __STDC_NO_COMPLEX__
typedef float _Complex tracejit_complex64;
typedef double _Complex tracejit_complex128;
#endif
#endif
/* What failed: a number for the message, and numbers in it. */
typedef struct {
  int32_t code;
  int64_t payload[8];
} tracejit_error;
#endif
"""


def header(stem: str, made: Sequence[Interface], rows: Sequence[ErrorRow], heap: bool) -> str:
    """The header's text. Functions return 0, or the number of an error."""
    guard = f"{stem.upper()}_H"
    free = "/* Gives back an array that a function allocated. */\nvoid tracejit_free(void *data);\n"
    owned = any(r.kind == "owned" for f in made for r in f.results)
    return f"""/* Made by tracejit from NumPy code. Arrays are in C order unless their comment says
   otherwise, and share no memory. A function returns 0, or the number of an error, which it
   describes where `error` points unless that is NULL. */
#ifndef {guard}
#define {guard}
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
{_SHARED}
#ifdef __cplusplus
extern "C" {{
#endif

{chr(10).join(map(_declared, made))}
{free if owned and heap else ""}\
/* The type of an error as Python names it, where it is in the Python source, and its message, as
   snprintf writes it; in {stem}_errors.c. */
const char *{stem}_error_type(int32_t code);
const char *{stem}_error_place(int32_t code);
int {stem}_error_message(const tracejit_error *error, char *text, size_t size);

#ifdef __cplusplus
}}
#endif
#endif
"""


def _declared(f: Interface) -> str:
    params = [p.declaration for p in f.parameters] + ["tracejit_error *error"]
    text = ",\n    ".join(params).replace("*restrict", "*TRACEJIT_RESTRICT")
    return f"{_comment(f)}int32_t {f.name}(\n    {text});\n"


def _comment(f: Interface) -> str:
    lines = [f"{f.name}: {f.function.signature_text()}", *map(_told, f.results)]
    return "/* " + "\n   ".join(line for line in lines if line) + " */\n"


def _told(r: Result) -> str:
    if r.kind == "scalar":
        return ""
    extents = "".join(f"[{_bare(e)}]" for e in r.shape)
    shape = f"{r.name}: {c_type(r.dtype)}{extents}"
    return f"{shape}, allocated, to be given to tracejit_free" if r.kind == "owned" else shape


def _bare(text: str) -> str:
    return text[1:-1] if text.startswith("(") and text.count("(") == 1 else text
