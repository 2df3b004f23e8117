"""The errors of an export as one table, and the C file that tells them.

Number 0 is none, 1 is that memory ran out; the others are those of each function, in order.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from pathlib import Path

from tracejit.export.c_types import c_text
from tracejit.llvm_text.tables import ErrorSite
from tracejit.records import dataclass
from tracejit.trace.session.assumptions import FailedAssumption


@dataclass(frozen=True)
class ErrorRow:
    """``template``: as ``str.format`` takes it, over the payload; ``kinds``: what that holds."""

    type: str
    template: str
    kinds: tuple[str, ...] = ()
    place: str = ""


NO_MEMORY_ROW = ErrorRow("MemoryError", "")


def row_of(site: ErrorSite) -> ErrorRow:
    """An error of a core."""
    made = site.exception
    at = site.location
    place = "" if at is None else f"{Path(at.filename).name}:{at.line}"
    if isinstance(made, FailedAssumption):
        how = "not so" if made.site and made.found is False else "so"
        text = (
            f"this was exported for other values: {made.site.what} is {how}, which decides a "
            f"dtype; {made.site.instead}"
        )
        return ErrorRow("ValueError", _literal(text), (), place)
    return ErrorRow(str(getattr(made, "__name__", "Exception")), site.message, site.kinds, place)


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


_HELPERS = """
/* The shortest text that is this number, as Python writes it. */
static const char *number(char *text, int64_t bits) {
  double x;
  int digits;
  memcpy(&x, &bits, sizeof x);
  for (digits = 1; digits <= 17; digits++) {
    snprintf(text, 32, "%.*g", digits, x);
    if (strtod(text, NULL) == x) break;
  }
  if (!strpbrk(text, ".eni")) strcat(text, ".0");
  return text;
}
"""


def errors_file(stem: str, rows: Sequence[ErrorRow]) -> str:
    """The C file: the type, the message and the place of an error."""
    floats = any("float" in row.kinds for row in rows)
    types = "".join(f"  {c_text(row.type)},\n" for row in rows)
    places = "".join(f"  {c_text(row.place)},\n" for row in rows)
    cases = "".join(_case(k, row) for k, row in enumerate(rows, 1) if row.template)
    count = len(rows)
    return f"""/* What the errors of {stem} say. Made by tracejit. */
#include "{stem}.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const types[] = {{
  "",
{types}}};

static const char *const places[] = {{
  "",
{places}}};

const char *{stem}_error_type(int32_t code) {{
  return code > 0 && code <= {count} ? types[code] : "";
}}

const char *{stem}_error_place(int32_t code) {{
  return code > 0 && code <= {count} ? places[code] : "";
}}
{_HELPERS if floats else ""}
int {stem}_error_message(const tracejit_error *error, char *text, size_t size) {{
{"  char numbers[8][32];" + chr(10) if floats else ""}\
{"  const int64_t *p = error->payload;" + chr(10) if any(r.kinds for r in rows) else ""}\
  switch (error->code) {{
{cases}  default: return snprintf(text, size, "%s", "");
  }}
}}
"""


def _case(code: int, row: ErrorRow) -> str:
    literal = ""
    given: list[str] = []
    for text, field, spec, _ in string.Formatter().parse(row.template):
        literal += text.replace("%", "%%")
        if field is None:
            continue
        k = int(field) if field else len(given)
        kind = row.kinds[k] if k < len(row.kinds) else "int"
        how, value = _shown(kind, k, spec or "")
        literal += how
        given.append(value)
    arguments = "".join(f", {value}" for value in given)
    return f"  case {code}: return snprintf(text, size, {c_text(literal)}{arguments});\n"


def _shown(kind: str, k: int, spec: str) -> tuple[str, str]:
    """How ``printf`` shows a word of the payload, and the argument that it is given."""
    if kind == "float":
        if re.fullmatch(r"(\.\d+)?[efgEFG]", spec):
            return f"%{spec}", f"strtod(number(numbers[{k}], p[{k}]), NULL)"
        return "%s", f"number(numbers[{k}], p[{k}])"
    if kind == "bool":
        return "%s", f'p[{k}] ? "True" : "False"'
    if kind == "unsigned":
        return "%llu", f"(unsigned long long)p[{k}]"
    return "%lld", f"(long long)p[{k}]"
