"""What a library computes in a process with Python, as plain loops over NumPy arrays.

Each function has the operands, attributes and results of the row of its name in ``ir/ops``. It is
compiled like a program: so it uses only what needs no library itself. It keeps within its arrays,
whatever they hold.
"""
