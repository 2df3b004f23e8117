"""Native code that CPython calls, and its twin in plain Python."""
