"""What tests of native code share: each entry in turn."""

from __future__ import annotations

import pytest

from tracejit.python_entry.entry import specialise


@pytest.fixture(params=["native", "portable"])
def make(request):
    """Builds a callable from a core and a signature, by each entry."""

    def build(text, signature, **options):
        made = specialise(text, signature, **options)
        if request.param == "portable":
            return lambda *args: made.portable.call(args)
        if not made.entry_address:
            pytest.skip("portable entry in use")
        return made

    return build
