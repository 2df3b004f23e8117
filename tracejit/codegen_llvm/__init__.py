"""From a Program to native code that Python calls: LLVM text, the engine, entries, the runtime."""
