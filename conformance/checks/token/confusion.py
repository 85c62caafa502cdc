"""A key serves one algorithm."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "token.alg.rs-to-hs.pem",
    needs=[Capability.JWT, Capability.PUBLIC_KEY],
    sources=["RFC8725-3.1", "ASVS-v5.0.0-9.1.2", "RFC8725-2.1", "RFC8725bis-3.1", "RFC7515-10.7", "CWE-327"],
)
async def public_key_pem_is_no_secret(target: Target) -> None:
    """A token signed with HMAC over the public key's PEM is refused.

    The verifier takes whatever key it was given as an HMAC secret because the token says so; a public key is
    public. Each encoding of the key is a secret of its own, so each is tried.

    Remedy: bind each key to one algorithm and one purpose in configuration; never hand a public key to an HMAC
    verifier.
    """
    await target.expect_forgeries_refused()


@check(
    "token.alg.rs-to-hs.pkcs1",
    needs=[Capability.JWT, Capability.PUBLIC_KEY],
    sources=["RFC8725-3.1", "ASVS-v5.0.0-9.1.2", "CWE-327"],
)
async def public_key_pkcs1_is_no_secret(target: Target) -> None:
    """A token signed with HMAC over the public key's PKCS #1 PEM is refused.

    The verifier takes whatever key it was given as an HMAC secret because the token says so; a public key is
    public. Each encoding of the key is a secret of its own, so each is tried.

    Remedy: bind each key to one algorithm and one purpose in configuration; never hand a public key to an HMAC
    verifier.
    """
    await target.expect_forgeries_refused()


@check(
    "token.alg.rs-to-hs.der",
    needs=[Capability.JWT, Capability.PUBLIC_KEY],
    sources=["RFC8725-3.1", "ASVS-v5.0.0-9.1.2", "CWE-327"],
)
async def public_key_der_is_no_secret(target: Target) -> None:
    """A token signed with HMAC over the DER bytes of the public key is refused.

    The verifier takes whatever key it was given as an HMAC secret because the token says so; a public key is
    public. Each encoding of the key is a secret of its own, so each is tried.

    Remedy: bind each key to one algorithm and one purpose in configuration; never hand a public key to an HMAC
    verifier.
    """
    await target.expect_forgeries_refused()


@check(
    "token.alg.rs-to-hs.jwk",
    needs=[Capability.JWT, Capability.PUBLIC_KEY],
    sources=["RFC8725-3.1", "ASVS-v5.0.0-9.1.2", "CWE-327"],
)
async def public_key_jwk_is_no_secret(target: Target) -> None:
    """A token signed with HMAC over the JSON text of the public key is refused.

    The verifier takes whatever key it was given as an HMAC secret because the token says so; a public key is
    public. Each encoding of the key is a secret of its own, so each is tried.

    Remedy: bind each key to one algorithm and one purpose in configuration; never hand a public key to an HMAC
    verifier.
    """
    await target.expect_forgeries_refused()


@check(
    "token.alg.rs-to-hs.ssh",
    needs=[Capability.JWT, Capability.PUBLIC_KEY],
    sources=["RFC8725-3.1", "ASVS-v5.0.0-9.1.2", "CWE-327"],
)
async def public_key_ssh_is_no_secret(target: Target) -> None:
    """A token signed with HMAC over the OpenSSH line of the public key is refused.

    The verifier takes whatever key it was given as an HMAC secret because the token says so; a public key is
    public. Each encoding of the key is a secret of its own, so each is tried.

    Remedy: bind each key to one algorithm and one purpose in configuration; never hand a public key to an HMAC
    verifier.
    """
    await target.expect_forgeries_refused()


@check(
    "token.alg.rs-to-hs.prefix",
    needs=[Capability.JWT, Capability.PUBLIC_KEY],
    sources=["RFC8725-3.1", "ASVS-v5.0.0-9.1.2", "CWE-327"],
)
async def public_key_pem_with_a_prefix_is_no_secret(target: Target) -> None:
    """A token signed with HMAC over the public key's PEM with something before it is refused.

    The verifier takes whatever key it was given as an HMAC secret because the token says so; a public key is
    public. Each encoding of the key is a secret of its own, so each is tried.

    Remedy: bind each key to one algorithm and one purpose in configuration; never hand a public key to an HMAC
    verifier.
    """
    await target.expect_forgeries_refused()


@check(
    "token.alg.es-to-hs",
    needs=[Capability.JWT, Capability.PUBLIC_KEY],
    sources=["RFC8725-3.1", "ASVS-v5.0.0-9.1.2", "CWE-327"],
)
async def elliptic_public_key_is_no_secret(target: Target) -> None:
    """A token signed with HMAC over any encoding of the elliptic public key is refused.

    The public key is public. If the verifier uses it as an HMAC secret, because the token says so, anyone signs
    tokens for anyone.

    Remedy: bind each key to one algorithm and one purpose in configuration; never hand a public key to an HMAC
    verifier.
    """
    await target.expect_forgeries_refused()


@check(
    "token.alg.hs-empty",
    needs=[Capability.JWT],
    sources=["RFC8725-3.5", "RFC8725-3.1", "ASVS-v5.0.0-9.1.2", "CWE-347"],
)
async def empty_secret_is_refused(target: Target) -> None:
    """A token signed with HMAC and an empty or undefined secret is refused.

    A secret that was never configured is an empty text, or the word null.

    Remedy: refuse to start without a secret; give the verifier a fixed list of algorithms; never take the
    algorithm from the token.
    """
    await target.expect_forgeries_refused()


@check(
    "token.alg.hs-unknown-kid",
    needs=[Capability.JWT],
    sources=["RFC8725-3.1", "ASVS-v5.0.0-9.1.3", "CWE-347"],
)
async def unknown_kid_does_not_empty_the_secret(target: Target) -> None:
    """A token with an unknown kid, signed with HMAC and an empty secret, is refused.

    A key look-up that falls back to nothing verifies with nothing.

    Remedy: refuse tokens whose kid is unknown.
    """
    await target.expect_forgeries_refused()


@check(
    "token.alg.es-zero",
    needs=[Capability.JWT],
    sources=["RFC8725-3.4", "ASVS-v5.0.0-9.1.1", "RFC7518-3.4", "CWE-347"],
)
async def zero_ecdsa_signature_is_refused(target: Target) -> None:
    """An ECDSA signature of zeros, or of the group order, is refused.

    With r and s of zero a careless verifier finds every equation true (CVE-2022-21449).

    Remedy: use a library that checks that r and s are between 1 and n - 1.
    """
    await target.expect_forgeries_refused()


@check(
    "token.alg.es-der",
    needs=[Capability.JWT],
    sources=["RFC7518-3.4", "CWE-347"],
)
async def ecdsa_signature_has_one_form(target: Target) -> None:
    """The genuine ECDSA signature in another form, as ASN.1 or with longer numbers, is refused.

    Each form that is read is another text of the same token, which a list of ended tokens does not know, and another
    parser that a stranger reaches.

    Remedy: demand the fixed length of the algorithm before verifying.
    """
    await target.expect_signatures_of_fixed_length()
    await target.expect_forgeries_refused()
