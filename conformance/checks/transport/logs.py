"""What the target writes down."""

from conformance.registry import check
from conformance.target.facade import Target


@check(
    "transport.logs.masked",
    sources=["ASVS-v5.0.0-16.2.5", "CWE-532"],
    logins=1,
    requests=5,
)
async def logs_hold_no_credentials(target: Target) -> None:
    """Neither a session, nor a token, nor a password stands in the target's logs.

    Logs are copied, collected and read by many, and kept for years. Whoever reads a credential there has what its owner
    has; nobody notices, since nothing was broken into.

    Remedy: write down a hash of a session's id where lines must be told apart, and of headers and bodies nothing.
    """
    await target.expect_secrets_unlogged()
