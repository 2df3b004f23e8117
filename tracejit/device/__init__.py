"""Runs a Program on an NVIDIA GPU: the driver, the host function, the entry that calls it."""
