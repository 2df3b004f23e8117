"""Addresses and tests as operands of LLVM text."""

from __future__ import annotations

from tracejit.llvm_text.nested import plain


def test_operands_become_lines_of_their_own_in_the_order_of_reading() -> None:
    nested = """
define i64 @f(ptr %table, i64 %n) {
  store i64 %n, ptr %table[i64 2]
  br i1 (and i1 (icmp slt i64 %n, 3), (icmp ne ptr %table, null)), label %a, label %b
a:
  %x = load i64, ptr %table[i8 %n]
"""
    assert (
        plain(nested)
        == """
define i64 @f(ptr %table, i64 %n) {
  %.0 = getelementptr i64, ptr %table, i64 2
  store i64 %n, ptr %.0
  %.1 = icmp slt i64 %n, 3
  %.2 = icmp ne ptr %table, null
  %.3 = and i1 %.1, %.2
  br i1 %.3, label %a, label %b
a:
  %.4 = getelementptr i8, ptr %table, i64 %n
  %x = load i64, ptr %.4
"""
    )


def test_what_llvm_reads_stays() -> None:
    text = """
  %k = phi i64 [ 0, %entry ], [ %k1, %head ]
  ret ptr inttoptr (i64 1 to ptr)
  %room = alloca [4 x ptr]
  switch i64 %kind, label %fail [
  %q = call ptr @f(ptr %a, i64 2)
"""
    assert plain(text) == text
