"""The tensor IR: extents, types, functions, the op table, and what reads and checks them."""
