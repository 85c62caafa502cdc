"""What is typed into a login is a name and a password, and nothing else."""

from conformance.attacks.login_fields import Guess, almost, guesses
from conformance.model import Capability
from conformance.registry import check, given
from conformance.target.facade import Target


@check(
    "login.injection",
    sources=["ASVS-v5.0.0-1.2.4", "WSTG-INPV-05", "CWE-89", "CWE-943", "CWE-843"],
    logins=14,
    requests=6,
)
@given(examples=32, typed=guesses)
async def injected_fields_log_nobody_in(target: Target, typed: tuple[Guess, ...]) -> None:
    """A name or a password that is a piece of a query, or no text at all, logs nobody in.

    A login form is open to everybody. Where its fields reach a query as text, an attacker enters without any
    password, often as the first user, an administrator.

    Remedy: Pass both as bound parameters; refuse anything but text before it is looked at.
    """
    for guess in typed:
        await target.expect_kept_out(guess)


@check(
    "login.password.exact",
    sources=["ASVS-v5.0.0-6.2.8", "CWE-521", "CWE-187", "CWE-178"],
    logins=4,
    requests=40,
)
async def almost_the_password_logs_nobody_in(target: Target) -> None:
    """A password that is cut, trimmed or changed in case is a wrong one.

    Each such kindness makes guessing cheaper: without case a letter is half as hard to guess.

    Remedy: Hash the password as it was typed; a hash with a limit of length must refuse longer ones, not cut them.
    """
    password = target.account(target.tried_account).password
    for what, text in almost(password).items():
        await target.expect_kept_out(Guess(password=text), f"the password {what}")
    await target.expect_accepted(await target.own_login(target.tried_account))


@check(
    "login.redirect.open",
    needs=[Capability.RETURN_PARAMETER],
    sources=["ASVS-v5.0.0-3.7.2", "WSTG-CLNT-04", "CWE-601"],
    logins=19,
    requests=0,
)
async def login_leads_nowhere_else(target: Target) -> None:
    """After login the user stays on the target, whatever the return parameter says.

    The link shows the target's own name, so the victim trusts the page to which it leads, which asks for the
    password once more.

    Remedy: Accept a path that begins with one slash and has neither backslash nor control character, or a list.
    """
    parameter = target.system.description.return_parameter or ""
    way = await target.way_on(parameter, "/pickproof-landing")
    for place in target.redirects():
        led, shown = await target.leads_to(parameter, place, way)
        if foreign := target.foreign(led):
            target.violation(f"a login with {parameter}={place!r} stays here", f"Location: {foreign}", shown)
