"""A session id that is an operator, a key of another kind or an object opens nothing."""

from conformance.attacks.hostile import BRACKETS, KEYS, NOSQL
from conformance.attacks.identifiers import classify
from conformance.attacks.serialised import is_serialised, same_object
from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "session.id.nosqli",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-1.2.4", "CSS-session-management", "CWE-943"],
)
async def session_id_is_no_operator(target: Target) -> None:
    """A session id that is an operator of a document database opens no session.

    Parsers of cookies turn `j:{"$ne":null}`, or a cookie called sid[$ne], into a table. A database that is asked for
    sessions unlike null answers with the first one, somebody's.

    Remedy: Refuse an id that is not text before the database sees it; read session cookies without a parser of JSON.
    """
    await target.reference_sample(target.cookie)
    alice = await target.shared_login("alice")
    await target.expect_all_refused(target.with_operators(alice, NOSQL, BRACKETS))


@check(
    "session.id.keyspace",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-7.2.1", "CSS-session-management", "CWE-639", "CWE-99"],
)
async def session_id_is_no_other_key(target: Target) -> None:
    """A session id that is a pattern, or the key of something else in the store, opens no session.

    Where sessions, users and form tokens share one store and the id is used as the key, user:1 may be read as a
    session; where the store takes patterns, half an id and a star is enough.

    Remedy: Keep sessions under a prefix of their own that the server adds, accept only ids of the alphabet and length
    that you issue, and look them up by equality.
    """
    await target.reference_sample(target.cookie)
    alice = await target.shared_login("alice")
    await target.expect_all_refused(await target.with_keys(alice, KEYS))


@check(
    "session.id.deserialize",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-1.5.2", "CSS-session-management", "CWE-502"],
)
async def session_id_is_no_object(target: Target) -> None:
    """A session id is never rebuilt into an object: pickles, PHP, Java and Ruby objects are wrong ids like any other.

    Such readers run code of the sender's choosing, before anybody is logged in. The objects sent here are harmless
    tables of one word. A cookie that is a serialised object itself is spelled in another way that means the same; one
    that is signed stays safe only as long as its key.

    Remedy: Keep a random id in the cookie; where it must carry data, sign or seal it first, and write it as JSON.
    """
    alice = await target.shared_login("alice")
    for carrier in target.cookies:
        value = alice.secret(carrier)
        if (respelled := same_object(value)) is not None:
            await target.expect_refused(alice.holding(respelled, carrier, f"alice with {carrier} spelled otherwise"))
        if any(map(is_serialised, classify([value]).parts)):
            target.advise(f"{carrier} is no serialised object", "it is one: whoever learns its key runs code here")
    if not await target.is_self_contained(target.cookie):
        await target.expect_no_objects(alice)
