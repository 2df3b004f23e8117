"""Function -> Program: fusion, destinations, loop nests; and Program -> Program."""
