"""Reports that leave the house: the target's host names are masked like secrets, everywhere."""

from __future__ import annotations

from urllib.parse import urlsplit

from conformance.errors import UsageError
from conformance.masking import SHORTEST
from conformance.target.system import System

LABEL = "host of the target"


def hide_hosts(system: System) -> None:
    """From now on every report of the system shows a label for its hosts: of the target, its public URL, its replicas.

    Raises:
        UsageError: a host is so short that masking it would take ordinary words with it.
    """
    description = system.description
    for url in dict.fromkeys((description.base_url, description.origin, *description.replicas)):
        host = urlsplit(url).hostname or ""
        if len(host) < SHORTEST:
            raise UsageError(
                f"--share: the host {host!r} is too short to be told from ordinary words in the reports: reach the "
                "target by a longer name or by its address"
            )
        # A host is written in any case.
        for spelling in dict.fromkeys((host, host.title(), host.upper())):
            system.secrets.learn(spelling, LABEL)
