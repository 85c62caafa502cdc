"""How the Cookie header is read: two session cookies, other names, other spellings."""

from conformance.attacks.cookie_spelling import CASES, VALUES
from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "cookie.parse.duplicate",
    needs=[Capability.COOKIE, Capability.SECOND_ACCOUNT],
    sources=["RFC6265bis-4.2.2", "CSS-session-management", "WSTG-SESS-03", "WSTG-INPV-04", "CWE-694", "CWE-488"],
    logins=2,
    requests=46,
)
async def two_session_cookies_are_one_user_at_most(target: Target) -> None:
    """A request with two session cookies is one of the two users everywhere, or nobody.

    A sibling host can plant a second cookie. If reads take the first and acts the last, the victim looks at one
    account and acts in the other.

    Remedy: Refuse a session cookie that comes twice with different values; at least read it in one place.
    """
    alice, bob = await target.own_login("alice"), await target.own_login("bob")
    for first, second in ((alice, bob), (bob, alice)):
        await target.expect_one_mind(target.with_both(first, second), (alice, bob))
    await target.expect_accepted(alice)
    await target.expect_accepted(bob)


@check(
    "cookie.parse.split-fields",
    needs=[Capability.COOKIE, Capability.SECOND_ACCOUNT],
    sources=["RFC6265bis-4.2.1", "RFC6265bis-4.2.1-a", "CWE-436", "CWE-488"],
)
async def two_cookie_fields_are_one_user_at_most(target: Target) -> None:
    """A request with two Cookie fields, each with a session, is one of the two users everywhere, or nobody.

    HTTP/2 splits the Cookie field, and proxies pass the pieces on. Where one layer reads the first piece and another
    the last, they serve two users in one request.

    Remedy: Join all Cookie fields with a semicolon before anything reads them, and refuse two different sessions.
    """
    alice, bob = await target.shared_login("alice"), await target.shared_login("bob")
    for first, second in ((alice, bob), (bob, alice)):
        await target.expect_one_mind(target.in_two_fields(first, second), (alice, bob))
    await target.expect_accepted(alice)
    await target.expect_accepted(bob)


@check(
    "cookie.parse.name-case",
    needs=[Capability.COOKIE],
    sources=["RFC6265bis-4.1.3", "RFC6265bis-5.4", "CWE-178"],
)
async def cookie_of_another_case_is_no_session(target: Target) -> None:
    """A cookie whose name differs from the session cookie's in case is not read as the session.

    The prefix protects only the name that browsers know. Those of before 2023 compared it letter by letter, and let
    any host plant __HOST- in its place.

    Remedy: Compare names of cookies byte for byte.
    """
    target.need_prefix()
    alice = await target.shared_login("alice")
    await target.expect_all_refused(target.renamed(alice, CASES))


@check(
    "cookie.parse.prefix-spoof",
    needs=[Capability.COOKIE],
    sources=["PICKPROOF-S2", "RFC6265bis-4.1.3", "RFC6265bis-5.4", "CWE-565"],
)
async def lookalike_of_the_prefix_is_no_session(target: Target) -> None:
    """A cookie that browsers see without its prefix is not read as the prefixed session cookie.

    A sibling host or plain http can plant a nameless cookie, one after a comma, or one whose name a parser decodes,
    trims or mends into the real one. The prefix then promises what it does not keep, and sessions can be fixed.

    Remedy: Update the parser of cookies: it must not decode, trim or mend names, and must end a cookie at a semicolon
    alone.
    """
    alice = await target.shared_login("alice")
    target.need_prefix()
    await target.expect_all_refused(target.planted(alice))


@check(
    "cookie.parse.encoding",
    needs=[Capability.COOKIE],
    sources=["CSS-session-management", "CWE-172", "CWE-180"],
)
async def session_id_is_decoded_once_at_most(target: Target) -> None:
    """A session id that is encoded twice, over-long or in look-alike letters is a wrong id.

    What is decoded more often than the filters in front of it decode passes them unseen, and one session has many
    names in logs, caches and lists of the revoked.

    Remedy: Compare the id byte for byte as it came, or after one decoding of percent signs.
    """
    alice = await target.shared_login("alice")
    await target.expect_all_refused(target.spelled(alice, VALUES))


@check(
    "cookie.parse.tossing",
    needs=[Capability.COOKIE, Capability.SECOND_ACCOUNT],
    sources=["RFC6265bis-4.2.2", "RFC6265bis-8.6", "CSS-session-management", "CWE-565", "CWE-384"],
)
async def planted_session_does_not_win(target: Target) -> None:
    """A session of the attacker that a sibling host plants beside the victim's own does not win.

    Browsers send both, in an order that the attacker chooses by the path. The victim goes on in the attacker's
    account, and leaves there what the attacker wants to read.

    Remedy: Name the cookie __Host-something, so that no other host can plant one; refuse two different sessions.
    """
    alice, bob = await target.shared_login("alice"), await target.shared_login("bob")
    await target.expect_not_tossed(alice, bob)


@check(
    "cookie.parse.header-injection",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-1.2.1", "RFC6265bis-4.1.1-c", "WSTG-INPV-15", "CWE-113"],
)
async def text_stays_text_in_set_cookie(target: Target) -> None:
    """Text from a request that is remembered in a cookie adds no attribute, no cookie and no header.

    A name, a language or a way back with a semicolon or a line end in it lets a link plant cookies in the victim's
    browser, the session's among them.

    Remedy: Encode what goes into a cookie, in percent signs or base64, and refuse line ends in header fields.
    """
    await target.expect_nothing_injected()
