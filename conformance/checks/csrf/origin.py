"""What another site can send without asking has no effect, whatever the defence is."""

from conformance.attacks.crosssite import (
    FOREIGN,
    JSON_BODIES,
    SILENT,
    Origin,
    by_method,
    forgeries,
    metadata_pages,
    origins,
)
from conformance.model import Capability
from conformance.registry import check, given
from conformance.target.facade import Target


@check(
    "csrf.origin.foreign",
    needs=[Capability.MUTATE, Capability.COOKIE],
    sources=["ASVS-v5.0.0-3.5.1", "CSS-csrf-prevention", "WSTG-SESS-05", "CWE-346", "CWE-352"],
    requests=8,
)
@given(examples=40, origin=origins)
async def foreign_origins_change_nothing(target: Target, origin: Origin) -> None:
    """A change of state that comes from another origin has no effect, however much it looks like the target's own.

    `null` is what a sandboxed frame sends. Attackers register names that begin or end like the target's. The cookie is
    sent along whatever its SameSite is: that some browsers would keep it back does not replace a check by the server.

    Remedy: Compare the whole Origin with a list of your own, character by character; null is nobody's.
    """
    pages = [page for own in target.own_origins if (page := origin.page(own))]
    async with target.csrf_victim() as victim:
        await target.expect_no_effect(forgeries(pages, victim.typical_bodies))


@check(
    "csrf.fetch-metadata",
    needs=[Capability.MUTATE, Capability.COOKIE],
    sources=["ASVS-v5.0.0-3.5.1", "CSS-csrf-prevention", "CWE-352"],
    requests=54,
)
async def fetch_metadata_of_other_sites_change_nothing(target: Target) -> None:
    """A change of state that the browser reports as cross-site or same-site has no effect, nor without a report.

    Browsers without Fetch Metadata still tell the Origin; a defence that looks at the one must fall back to the other.

    Remedy: Accept same-origin; without Sec-Fetch-Site compare Origin; without either refuse.
    """
    async with target.csrf_victim() as victim:
        for own in target.own_origins:
            await target.expect_no_effect(forgeries(metadata_pages(own), victim.typical_bodies))
        await target.advise_no_effect(forgeries([SILENT], victim.typical_bodies))


@check(
    "csrf.content-type",
    needs=[Capability.MUTATE, Capability.COOKIE],
    sources=["ASVS-v5.0.0-3.5.2", "ASVS-v5.0.0-3.5.1", "CSS-csrf-prevention", "CWE-352", "CWE-436"],
)
async def simple_content_types_change_nothing(target: Target) -> None:
    """A change of state that takes JSON has no effect when another site sends it as plain text, as a form, or bare.

    JSON itself needs a preflight, which the target would refuse. The same bytes as text/plain need none.

    Remedy: Answer 415 unless the content type is application/json; that alone is a defence, a lenient parser is none.
    """
    async with target.csrf_victim() as victim:
        if victim.act.kind != "json":
            target.not_applicable("the described change is a form, which needs no preflight: csrf.origin.foreign")
        await target.expect_no_effect(forgeries([FOREIGN], JSON_BODIES))


@check(
    "csrf.method",
    needs=[Capability.MUTATE, Capability.COOKIE],
    sources=[
        "ASVS-v5.0.0-3.5.3",
        "ASVS-v5.0.0-3.5.1",
        "WSTG-SESS-05",
        "RFC9110-9.2.1",
        "WSTG-CONF-06",
        "WSTG-INPV-03",
        "CWE-650",
        "CWE-352",
    ],
)
async def safe_methods_change_nothing(target: Target) -> None:
    """A GET or HEAD with the fields in its address has no effect, nor one that names another method.

    A link or an image is enough to send it, and defences look at POST only.

    Remedy: Route each act to its own method; let no parameter and no header replace the method of a GET.
    """
    async with target.csrf_victim() as victim:
        await target.expect_no_effect(by_method(victim.act.method))
