"""What tells how a function was compiled, where its time goes, and what went wrong in it.

Nothing here is imported before it is asked for. What is found here changes no result.
"""
