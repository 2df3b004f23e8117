"""Lists and dicts changed while a branch or loop is traced: put back, joined, or refused."""

from __future__ import annotations

from typing import Any

from tracejit.trace.session import Frame, Session


def touch(session: Session, obj: Any) -> None:
    """A list or dict is about to be changed: each region under way remembers what it held."""
    for frame in session.frames[1:]:
        if id(obj) not in frame.containers:
            frame.containers[id(obj)] = (obj, snapshot(obj))


def snapshot(obj: Any) -> Any:
    """A shallow copy."""
    return dict(obj) if isinstance(obj, dict) else list(obj)


def restore(obj: Any, contents: Any) -> None:
    """Make ``obj`` hold ``contents`` again."""
    if isinstance(obj, dict):
        obj.clear()
        obj.update(contents)
    else:
        obj[:] = contents


def leave(frame: Frame) -> dict[int, tuple[Any, Any]]:
    """Put back what the frame's region changed; what it had made of each container."""
    final = {key: (obj, snapshot(obj)) for key, (obj, _) in frame.containers.items()}
    for obj, before in frame.containers.values():
        restore(obj, before)
    return final
