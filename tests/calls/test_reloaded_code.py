"""Code that is replaced in place is compiled anew. Tools that reload modules do so (IPython's
autoreload, say): functions and classes stay the same objects and get other code."""

from __future__ import annotations

import numpy as np
import pytest

from tracejit import jit


class Reloaded:
    def scale(self, x):
        return x * 2.0

    alias = scale

    @classmethod
    def of_class(cls, x):
        return x * 2.0

    @property
    def number(self):
        return 2.0

    def __call__(self, x):
        return x * 2.0


def reloaded_helper(x, p=2.0):
    return x * p


def by_method(a, x):
    return a.scale(x)


def by_alias(a, x):
    return a.alias(x)


def by_classmethod(a, x):
    return a.of_class(x)


def by_property(a, x):
    return a.number * x


def by_call(a, x):
    return a(x)


def by_new_object(a, x):
    return Reloaded().scale(x)


class Derived(Reloaded):
    def scale(self, x):
        return super().scale(x)


def by_super(a, x):
    return Derived().scale(x)


def by_helper(a, x):
    return reloaded_helper(x)


def _set(name, value):
    return lambda monkeypatch: monkeypatch.setattr(Reloaded, name, value)


def _code_of(function, other):
    return lambda monkeypatch: monkeypatch.setattr(function, "__code__", other.__code__)


RELOADS = {
    "a method": (by_method, _set("scale", lambda self, x: x * 5.0)),
    "a method's code": (by_method, _code_of(Reloaded.scale, lambda self, x: x * 5.0)),
    "a method under another name": (by_alias, _set("alias", lambda self, x: x * 5.0)),
    "a class method": (by_classmethod, _set("of_class", classmethod(lambda cls, x: x * 5.0))),
    "a property": (by_property, _set("number", property(lambda self: 5.0))),
    "a property's code": (by_property, _code_of(Reloaded.number.fget, lambda self: 5.0)),
    "__call__": (by_call, _set("__call__", lambda self, x: x * 5.0)),
    "a method of an object made inside": (by_new_object, _set("scale", lambda self, x: x * 5.0)),
    "the code of one made inside": (
        by_new_object,
        _code_of(Reloaded.scale, lambda self, x: x * 5.0),
    ),
    "a method of a base class": (by_super, _set("scale", lambda self, x: x * 5.0)),
    "a helper's code": (by_helper, _code_of(reloaded_helper, lambda x, p=2.0: x * 5.0)),
    "a helper's defaults": (
        by_helper,
        lambda monkeypatch: monkeypatch.setattr(reloaded_helper, "__defaults__", (5.0,)),
    ),
}


@pytest.mark.parametrize("name", RELOADS)
def test_code_that_is_replaced_in_place_is_compiled_anew(name, monkeypatch):
    function, change = RELOADS[name]
    f, x = jit(function), np.array([1.0, 3.0])
    a = Reloaded()
    assert f(a, x).tolist() == [2.0, 6.0]
    assert f(a, x).tolist() == [2.0, 6.0]
    slow = f.stats().slow_calls
    f(a, x)
    assert f.stats().slow_calls == slow
    with monkeypatch.context() as patch:
        change(patch)
        assert f(a, x).tolist() == function(a, x).tolist() == [5.0, 15.0]
    assert f(a, x).tolist() == [2.0, 6.0]


def test_the_code_of_the_function_itself_is_replaced(monkeypatch):
    def f(x):
        return x + 1.0

    compiled = jit(f)
    assert compiled(2.0) == 3.0
    monkeypatch.setattr(f, "__code__", (lambda x: x + 7.0).__code__)
    assert compiled(2.0) == 9.0
