"""What a version assumes of values that decide dtypes, site by site."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from tracejit.records import dataclass


@dataclass(frozen=True)
class AssumptionSite:
    """A place where values decide what the code behind it is.

    ``what`` holds there or not; ``instead``: how to write it so that both do. ``before``: how many
    such places come before it.
    """

    what: str
    instead: str
    filename: str
    line: int
    before: int


class AssumptionFailed(Exception):  # noqa: N818  (the call begins again, nothing failed)
    """A run found something else at a site than its version assumes."""

    def __init__(self, site: AssumptionSite, found: bool) -> None:
        super().__init__(f"{site.filename}:{site.line}: {site.what}: {found}")
        self.site = site
        self.found = found


@dataclass(frozen=True)
class AssumptionSet:
    """What a version assumes: ``known`` of some sites, ``default`` of others.

    With no default a run ends at the first site that is not known, and says what it found there.
    """

    default: bool | None = True
    known: frozenset[tuple[AssumptionSite, bool]] = frozenset()

    @classmethod
    def of(cls, default: bool | None, known: Mapping[AssumptionSite, bool]) -> AssumptionSet:
        """Equal where the versions are."""
        return cls(default, frozenset((s, v) for s, v in known.items() if v is not default))

    def at(self, site: AssumptionSite) -> bool | None:
        """What is assumed at a site."""
        return dict(self.known).get(site, self.default)


@dataclass
class TraceAssumptions:
    """What a trace assumes, and the sites that it met, in order."""

    assumed: AssumptionSet = field(default_factory=AssumptionSet)
    sites: dict[AssumptionSite, bool | None] = field(default_factory=dict)

    def at(self, site: AssumptionSite) -> bool | None:
        """What is assumed at a site that the trace meets now."""
        self.sites[site] = self.assumed.at(site)
        return self.sites[site]

    def corrected(self, site: AssumptionSite, found: bool) -> AssumptionSet:
        """What to assume after a run that was wrong about one site, and right about those before.

        Sites of which nothing is known are taken to be as this one.
        """
        known = dict(self.assumed.known)
        default = self.assumed.default
        if site not in known and default is not None:
            default = found
            known |= {s: v for s, v in self._until(site) if v is not None}
        return AssumptionSet.of(default, {**known, site: found})

    def _until(self, site: AssumptionSite) -> Iterable[tuple[AssumptionSite, bool | None]]:
        for s, v in self.sites.items():
            if s == site:
                return
            yield s, v
