"""Lists, dicts, objects changed while a branch or loop is traced: put back, joined, or refused."""

from __future__ import annotations

from typing import Any

from tracejit.errors import UnsupportedError
from tracejit.trace.session import Frame, Session, where


def touch(session: Session, obj: Any) -> None:
    """A list or dict is about to be changed: each region under way remembers what it held."""
    for frame in session.frames[1:]:
        _remember(frame, obj)


def touch_attributes(session: Session, obj: Any, name: str) -> None:
    """An attribute of an object that was made inside is about to be set or deleted."""
    if id(obj) in session.chosen:
        raise UnsupportedError(
            f"{where()}: attribute {name!r} of an object that a branch may have chosen is set: "
            "whether that changes another object, too, is known at run time only; set it before "
            "the branch, or make a new object"
        )
    # Regions around the one that made an object need not give it back what it held.
    made_in = session.made[id(obj)][1] if id(obj) in session.made else None
    frames = session.frames
    first = frames.index(made_in) + 1 if made_in in frames else 1
    inner = frames[max(first, 1) :]
    if inner and not hasattr(obj, "__dict__"):
        raise UnsupportedError(
            f"{where()}: attribute {name!r} of an object with __slots__ is set in a loop or "
            "branch that is decided at run time; remove __slots__, or use a local variable"
        )
    for frame in inner:
        _remember(frame, vars(obj))


def _remember(frame: Frame, obj: Any) -> None:
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
    for attributes, before in frame.attributes:
        same = attributes.keys() == before.keys() and all(
            attributes[k] is before[k] for k in before
        )
        if not same and id(attributes) not in frame.containers:
            raise UnsupportedError(
                f"{where()}: attributes of an object are set in a loop or branch that is decided "
                "at run time by a method that is not compiled (a generator, __enter__, __exit__, "
                "or one called by a library); set them in an ordinary method"
            )
    final = {key: (obj, snapshot(obj)) for key, (obj, _) in frame.containers.items()}
    for obj, before in frame.containers.values():
        restore(obj, before)
    return final
