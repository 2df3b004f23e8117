"""What both code generators write LLVM text with."""
