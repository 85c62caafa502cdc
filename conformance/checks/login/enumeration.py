"""A failed login does not tell who has an account."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "login.enum.message",
    sources=["ASVS-v5.0.0-6.3.8", "WSTG-IDNT-04", "CSS-authentication", "CWE-204"],
    requests=18,
)
async def answers_do_not_tell_who_has_an_account(target: Target) -> None:
    """A wrong password and an unknown name get the same answer: text, status, headers, cookies, redirect.

    What is new in every answer does not count. A difference must show in every one of several answers, twice.

    Remedy: Answer both with the same words, such as "the name or the password is wrong", from the same line of code.
    """
    target.need_user_names()
    told, _ = await target.difference_told()
    if any(told.values()):
        again, shown = await target.difference_told(samples=2)
        marks = [mark for kind, found in told.items() for mark in found if mark in again[kind]]
        if marks:
            target.violation("both get the same answer", f"only one of them gets {marks[0]}", shown)


@check(
    "login.enum.time",
    sources=["ASVS-v5.0.0-6.3.8", "WSTG-IDNT-04", "CSS-authentication", "CWE-208"],
    logins=6,
    requests=72,
)
async def time_does_not_tell_who_has_an_account(target: Target) -> None:
    """A wrong password and an unknown name are refused in the same time.

    Servers that hash only where there is something to compare with answer unknown names at once.

    Remedy: Hash the password against a constant when the name is unknown, at the same cost.
    """
    target.need_user_names()
    await target.time_told()


@check(
    "login.throttle.account",
    needs=[Capability.THROTTLE_ACCOUNT],
    sources=["ASVS-v5.0.0-6.3.1", "NIST-SP800-63B-4-3.2.2", "WSTG-ATHN-03", "NIST-SP800-63B-4-3.2.2-a", "CWE-307"],
    logins=2,
    requests=40,
)
async def guessing_is_slowed_down(target: Target) -> None:
    """After as many failures as declared, a hundred at most, an account cannot be guessed at any longer.

    It runs on the account with the role throttle alone, which may be locked afterwards.

    Remedy: Count failures for each account name, existing or not, and delay or refuse after a few.
    """
    account = target.system.with_role("throttle") or ""
    await target.expect_throttled(account, target.policy.throttle_failures or 100)
