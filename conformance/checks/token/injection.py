"""Keys come from configuration, not from the token."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "token.key.jwk",
    needs=[Capability.JWT],
    sources=["ASVS-v5.0.0-9.1.3", "RFC7515-4.1.1", "CWE-347"],
)
async def embedded_key_is_not_trusted(target: Target) -> None:
    """A token signed with a key that it brings along in its header is refused.

    The attacker makes a key pair, signs as anyone, and encloses the public half. A verifier that uses it has
    verified nothing.

    Remedy: take keys from configuration only; ignore jwk, jku, x5u and x5c.
    """
    await target.expect_forgeries_refused()


@check(
    "token.key.jwk-samekid",
    needs=[Capability.JWT],
    sources=["ASVS-v5.0.0-9.1.3", "RFC8725-3.8", "CWE-347"],
)
async def embedded_key_under_a_known_name_is_not_trusted(target: Target) -> None:
    """A token signed with a key that it brings along under the published kid is refused.

    A verifier that knows better than to trust a stranger's key may still take one that has the name of its own, or
    keep it under that name for the tokens of others.

    Remedy: find the key by kid in configuration, and ignore jwk.
    """
    await target.expect_forgeries_refused()


@check(
    "token.key.jwk-oct",
    needs=[Capability.JWT],
    sources=["ASVS-v5.0.0-9.1.3", "RFC8725-3.1", "CWE-347"],
)
async def embedded_secret_is_not_trusted(target: Target) -> None:
    """A token signed with HMAC and a secret that it brings along in its header is refused.

    A secret that stands in the token is none: whoever writes the token chose it.

    Remedy: take keys from configuration only; ignore jwk.
    """
    await target.expect_forgeries_refused()


@check(
    "token.key.x5c",
    needs=[Capability.JWT],
    sources=["ASVS-v5.0.0-9.1.3", "CWE-295"],
)
async def embedded_certificate_is_not_trusted(target: Target) -> None:
    """A token signed with a certificate that it brings along is refused.

    The attacker makes a certificate and signs as anyone. A signature that fits the enclosed key shows nothing about
    who owns it.

    Remedy: validate a chain up to a configured authority, or ignore x5c.
    """
    await target.expect_forgeries_refused()


@check(
    "token.key.jku-callback",
    needs=[Capability.JWT, Capability.LISTENER],
    sources=[
        "ASVS-v5.0.0-9.1.3",
        "RFC8725-3.10",
        "RFC8725-2.9",
        "RFC8725bis-3.10-ssrf",
        "ASVS-v5.0.0-1.3.6",
        "CWE-918",
    ],
)
async def key_address_is_not_fetched(target: Target) -> None:
    """A token cannot make the server fetch keys from an address of its choosing.

    The kit listens at an address of its own. A fetch is a finding even when the token is then refused: the
    server makes requests on a stranger's behalf.

    Remedy: take keys from configuration only; ignore jku.
    """
    forgeries = await target.forged(target.check.id)
    await target.expect_all_refused(forgeries)
    await target.expect_no_fetch()


@check(
    "token.key.jku",
    needs=[Capability.JWT, Capability.LISTENER],
    sources=["ASVS-v5.0.0-9.1.3", "RFC8725-3.10", "RFC8725bis-3.10-ssrf", "CWE-347"],
)
async def key_set_at_an_address_of_the_token_is_not_trusted(target: Target) -> None:
    """A token signed with a key from the address that it names is refused.

    The attacker publishes a key set of their own, names it in jku and signs as anyone.

    Remedy: take keys from configuration only; ignore jku, or demand that it is exactly the one known address.
    """
    await target.expect_forgeries_refused()


@check(
    "token.key.jku-bypass",
    needs=[Capability.JWT, Capability.LISTENER],
    sources=["ASVS-v5.0.0-9.1.3", "RFC8725-3.10", "RFC8725bis-3.10", "RFC8725bis-3.10-ssrf", "CWE-918"],
)
async def disguised_key_address_is_not_fetched(target: Target) -> None:
    """An address that only looks like a trusted one is neither fetched nor trusted.

    A list of allowed places that is compared as a text lets pass what begins with a trusted name, or ends with one;
    the client that fetches reads the address otherwise.

    Remedy: ignore jku, or compare it as a whole with the one known address.
    """
    forgeries = await target.forged(target.check.id)
    await target.expect_all_refused(forgeries)
    await target.expect_no_fetch()


@check(
    "token.key.file-scheme",
    needs=[Capability.JWT],
    sources=["ASVS-v5.0.0-9.1.3", "RFC8725-3.10", "CWE-918"],
)
async def key_set_in_a_data_address_is_not_trusted(target: Target) -> None:
    """A token whose key set stands in the very address that it names, a data URL, is refused.

    Libraries that open any URL open data: and file:, too. A guard against calls to other hosts sees none, and the
    attacker's keys are in the token.

    Remedy: take keys from configuration only; where an address is fetched, allow https alone.
    """
    await target.expect_forgeries_refused()


@check(
    "token.key.x5u",
    needs=[Capability.JWT, Capability.LISTENER],
    sources=["ASVS-v5.0.0-9.1.3", "RFC8725-3.10", "CWE-918"],
)
async def certificate_address_is_not_fetched(target: Target) -> None:
    """A token cannot make the server fetch a certificate from an address of its choosing.

    The server would trust a key that the attacker publishes, and could be made to call hosts inside its own
    network.

    Remedy: take keys from configuration only; ignore x5u.
    """
    forgeries = await target.forged(target.check.id)
    await target.expect_all_refused(forgeries)
    await target.expect_no_fetch()


@check(
    "token.kid.traversal",
    needs=[Capability.JWT],
    sources=["ASVS-v5.0.0-9.1.3", "RFC8725-3.10", "RFC8725bis-3.10", "ASVS-v5.0.0-5.3.2", "CWE-22"],
)
async def kid_is_no_path(target: Target) -> None:
    """A kid that is a path does not choose a file as the key.

    An empty file makes an empty secret, and any static file a known one.

    Remedy: look kid up in a fixed table.
    """
    await target.expect_forgeries_refused()


@check(
    "token.kid.sqli",
    needs=[Capability.JWT],
    sources=["ASVS-v5.0.0-9.1.3", "RFC8725-3.10", "RFC8725-2.9", "RFC8725bis-2.9", "RFC8725bis-3.10", "CWE-89"],
)
async def kid_is_no_query(target: Target) -> None:
    """A kid that is SQL does not choose the key.

    A kid that reaches a query chooses the answer: the attacker has the key be a text they know, and signs with it.

    Remedy: look kid up in a fixed table, or pass it as a bound parameter.
    """
    await target.expect_forgeries_refused()


@check(
    "token.kid.ldap-nosql",
    needs=[Capability.JWT],
    sources=["RFC8725-3.10", "RFC8725-2.9", "RFC8725bis-3.10", "CWE-1321"],
)
async def kid_is_no_member_of_every_object(target: Target) -> None:
    """A kid that is a name which every object has, such as constructor, finds no key.

    In JavaScript each table has entries that nobody put there. Their text is known, and so is a secret made of it.

    Remedy: look kid up in a Map, or in an object without a prototype.
    """
    await target.expect_forgeries_refused()


@check(
    "token.kid.types",
    needs=[Capability.JWT],
    sources=["RFC7515-4.1.4", "CWE-20"],
)
async def kid_of_any_type_is_survived(target: Target) -> None:
    """A kid that is a number, a list, an object or very long is refused, and breaks nothing.

    kid is read before anything is verified, so whatever breaks here can be broken by strangers.

    Remedy: demand that kid is a short text before looking it up.
    """
    await target.expect_forgeries_handled()
