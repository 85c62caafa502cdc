"""A failed login does not tell who has an account."""

from conformance.attacks.login_fields import OVERLONG, WRONG
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "login.enum.message",
    sources=["ASVS-v5.0.0-6.3.8", "WSTG-IDNT-04", "CSS-authentication", "CWE-204"],
    requests=18,
)
async def answers_do_not_tell_who_has_an_account(target: Target) -> None:
    """A wrong password and an unknown name get the same answer: text, status, headers, cookies, redirect.

    What is new in every answer does not count. A difference must show in every one of several answers, twice. Passwords
    longer than common hashes take are tried, too: an error of the hash tells that there was something to compare.

    Remedy: Answer both with the same words, such as "the name or the password is wrong", from the same line of code;
    refuse passwords that the hash does not take before the account is looked up.
    """
    target.need_user_names()
    for wrong, samples in ((WRONG, 3), *((password, 1) for password in OVERLONG)):
        told, _ = await target.difference_told(samples, wrong)
        again, shown = await target.difference_told(2, wrong) if any(told.values()) else (told, ())
        marks = [mark for kind, found in told.items() for mark in found if mark in again[kind]]
        if marks:
            told_most = min(marks, key=lambda mark: (not mark.startswith("the status"), mark))
            target.violation("both get the same answer", f"only one of them gets {told_most}", shown)


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
