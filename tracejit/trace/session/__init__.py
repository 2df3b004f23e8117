"""The trace under way: regions, assumptions, exceptions, what is refused."""
