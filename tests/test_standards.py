"""The requirement lists, the profiles and the judgement that rests on them."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from conformance import standards
from conformance.errors import PickproofError
from conformance.standards import Profile, default_profiles, judge, profile, profiles, requirement, requirements

ALL = requirements()
BY_ID = {one.id: one for one in ALL}

# Read off the published file of ASVS 5.0.0, independently of the data under test.
ASVS_LEVELS = {
    "1.2.4": "L1",
    "3.3.1": "L1",
    "3.3.2": "L2",
    "3.3.3": "L2",
    "3.3.4": "L2",
    "3.3.5": "L3",
    "3.4.1": "L1",
    "3.5.1": "L1",
    "3.5.8": "L3",
    "3.7.2": "L2",
    "4.1.3": "L2",
    "6.2.3": "L1",
    "6.3.1": "L1",
    "6.3.8": "L3",
    "7.1.1": "L2",
    "7.2.1": "L1",
    "7.2.3": "L1",
    "7.2.4": "L1",
    "7.3.1": "L2",
    "7.4.1": "L1",
    "7.4.2": "L1",
    "7.4.3": "L2",
    "7.5.3": "L3",
    "8.2.2": "L1",
    "9.1.2": "L1",
    "9.2.1": "L1",
    "9.2.3": "L2",
    "10.3.5": "L3",
    "10.4.5": "L1",
    "10.4.6": "L2",
    "10.4.13": "L3",
    "11.5.1": "L2",
    "12.2.1": "L1",
    "14.2.1": "L1",
    "14.3.2": "L2",
    "16.5.1": "L2",
}


def default(scheme: str) -> list[Profile]:
    return [profile(name) for name in default_profiles(scheme)]


# --- requirements ---------------------------------------------------------------------------------------------


def test_every_id_is_used_once() -> None:
    assert [id for id, times in Counter(one.id for one in ALL).items() if times > 1] == []


@pytest.mark.parametrize("document", standards.documents())
def test_every_row_is_whole(document: str) -> None:
    for one in requirements(document):
        assert one.document == document
        assert one.level in standards.LEVELS, one
        assert one.testable in standards.TESTABLE, one
        assert one.testable == "full" or one.why, f"{one.id} says {one.testable} without a reason"
        assert 1 <= len(one.text.split()) <= 20, f"{one.id} has {len(one.text.split())} words"
        assert not one.text.endswith("."), one.id
        assert one.url.startswith("https://") or document == "pickproof", one.id
        assert "{" not in one.url, one.url


def test_asvs_rows_have_asvs_levels_and_no_other_document_does() -> None:
    assert {one.level for one in requirements("asvs-5.0.0")} == {"L1", "L2", "L3"}
    assert {one.level for one in ALL if one.document != "asvs-5.0.0"} == {"MUST", "SHOULD", "MAY", "INFO"}


def test_what_names_but_does_not_oblige_is_info() -> None:
    for document in ("cwe", "wstg", "owasp-cheat-sheets"):
        assert {one.level for one in requirements(document)} == {"INFO"}


@pytest.mark.parametrize(("section", "level"), ASVS_LEVELS.items())
def test_asvs_levels_are_as_published(section: str, level: str) -> None:
    assert requirement(f"ASVS-v5.0.0-{section}").level == level


@pytest.mark.parametrize(("chapter", "counts"), [("7.", (6, 12, 1)), ("9.", (4, 3, 0)), ("10.", (5, 24, 7))])
def test_asvs_chapters_are_complete(chapter: str, counts: tuple[int, int, int]) -> None:
    levels = Counter(one.level for one in ALL if one.id.startswith(f"ASVS-v5.0.0-{chapter}"))
    assert (levels["L1"], levels["L2"], levels["L3"]) == counts


def test_a_bare_section_is_its_strictest_demand() -> None:
    for one in ALL:
        bare = BY_ID.get(one.id.rpartition("-")[0])
        while bare is not None:
            assert standards.LEVELS.index(bare.level) <= standards.LEVELS.index(one.level), (
                f"{one.id} is above {bare.id}"
            )
            bare = BY_ID.get(bare.id.rpartition("-")[0])


def test_addresses_point_at_the_section() -> None:
    assert requirement("RFC9700-4.14.2-idle").url == "https://www.rfc-editor.org/rfc/rfc9700.html#section-4.14.2"
    assert requirement("CWE-613").url == "https://cwe.mitre.org/data/definitions/613.html"
    assert requirement("ASVS-v5.0.0-10.4.2").url.endswith("0x19-V10-OAuth-and-OIDC.md")
    assert requirement("ASVS-v5.0.0-1.2.4").url.endswith("0x10-V1-Encoding-and-Sanitization.md")


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("ASVS-v5.0.0-7.4.11", "ASVS-v5.0.0-7.4.1"),
        ("ASVS-7.4.1", "ASVS-v5.0.0-7.4.1"),
        ("rfc8725-3.1", "RFC8725-3.1"),
        ("WSTG-SESS-6", "WSTG-SESS-06"),
    ],
)
def test_an_unknown_requirement_names_its_neighbours(wrong: str, meant: str) -> None:
    with pytest.raises(KeyError, match=f"unknown requirement '{wrong}': did you mean .*{meant}"):
        requirement(wrong)


def test_an_unknown_document_lists_those_that_exist() -> None:
    with pytest.raises(KeyError, match=r"asvs-5.0.0, .*wstg"):
        requirements("asvs-4")


# --- profiles -------------------------------------------------------------------------------------------------


def test_profiles_demand_only_what_exists_and_can_be_decided() -> None:
    for one in profiles().values():
        assert one.title
        assert one.note
        assert one.demands
        for id, effect in one.demands.items():
            assert effect in standards.EFFECTS
            assert BY_ID[id].testable != "no", f"{one.name} demands {id}"
            assert BY_ID[id].level not in ("MAY", "INFO"), f"{one.name} demands {id}"


def test_a_should_is_never_a_failure() -> None:
    for one in profiles().values():
        assert [id for id, effect in one.demands.items() if BY_ID[id].level == "SHOULD" and effect == "fail"] == []


def test_asvs_levels_contain_each_other() -> None:
    l1, l2, l3 = (set(profile(f"asvs-5.0.0-auth-l{n}").demands) for n in (1, 2, 3))
    assert l1 < l2 < l3
    assert {BY_ID[id].level for id in l1} == {"L1"}
    assert {BY_ID[id].level for id in l2} == {"L1", "L2"}
    assert "OWASP certifies nobody" in profile("asvs-5.0.0-auth-l1").note


def test_the_scope_of_a_profile_admits_what_requests_cannot_decide() -> None:
    scope = {one.id for one in standards.scope("asvs-5.0.0-auth-l2")}
    assert scope > set(profile("asvs-5.0.0-auth-l2").demands)
    assert "ASVS-v5.0.0-7.1.1" in scope
    assert "ASVS-v5.0.0-6.3.8" not in scope


@pytest.mark.parametrize(
    ("name", "idle", "absolute", "force"),
    [
        ("nist-aal1", None, 30 * 86400, "SHOULD"),
        ("nist-aal2", 3600, 86400, "SHOULD"),
        ("nist-aal3", 900, 12 * 3600, "MUST"),
    ],
)
def test_the_time_limits_of_the_assurance_levels(name: str, idle: int | None, absolute: int, force: str) -> None:
    one = profile(name)
    assert (one.idle_seconds, one.absolute_seconds, one.absolute_force) == (idle, absolute, force)
    assert one.idle_force == ("SHOULD" if idle else "")


def test_an_assurance_level_demands_its_own_limits_only() -> None:
    assert "NIST-SP800-63B-4-2.3.3" in profile("nist-aal3").demands
    assert "NIST-SP800-63B-4-2.3.3" not in profile("nist-aal2").demands
    assert "NIST-SP800-63B-4-5.1-b" in profile("nist-aal1").demands


def test_demands_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        profile("pickproof").demands["PICKPROOF-T8"] = "fail"  # type: ignore[index]


def test_an_unknown_profile_lists_the_valid_names() -> None:
    with pytest.raises(ValueError, match=r"unknown profile 'asvs-l2': one of asvs-5.0.0-auth-l1, .*rfc9700") as caught:
        profile("asvs-l2")
    assert isinstance(caught.value, PickproofError)


@pytest.mark.parametrize("scheme", ["session", "token", "refresh", "oauth", "something-else"])
def test_every_scheme_has_defaults(scheme: str) -> None:
    names = default_profiles(scheme)
    assert {"asvs-5.0.0-auth-l2", "pickproof"} <= set(names)
    assert set(names) <= set(profiles())
    assert len(set(names)) == len(names)


def test_an_unknown_scheme_is_judged_as_a_session_and_as_a_token() -> None:
    assert set(default_profiles("?")) == {*default_profiles("session"), *default_profiles("token")}


# --- judge ----------------------------------------------------------------------------------------------------

L1, L2, L3 = (f"asvs-5.0.0-auth-l{n}" for n in (1, 2, 3))
LOGOUT = ("ASVS-v5.0.0-7.4.1", "WSTG-SESS-06", "CWE-613")
ENUMERATION = ("ASVS-v5.0.0-6.3.8", "WSTG-IDNT-04", "CWE-204")


@pytest.mark.parametrize(
    ("sources", "chosen", "expected"),
    [
        pytest.param(LOGOUT, [L1], ("fail", "L1"), id="demanded by its level"),
        pytest.param(LOGOUT, [L3], ("fail", "L1"), id="demanded by a higher level"),
        pytest.param(LOGOUT, ["rfc8725"], ("advice", "L1"), id="demanded by no chosen profile"),
        pytest.param(LOGOUT, [], ("advice", "L1"), id="no profile at all"),
        pytest.param(ENUMERATION, [L2], ("advice", "L3"), id="enumeration is never in a level 2 grade"),
        pytest.param(ENUMERATION, [L3], ("fail", "L3"), id="enumeration at level 3"),
        pytest.param(["WSTG-SESS-06", "CWE-613"], [L1], ("advice", "INFO"), id="names only"),
        pytest.param([], [L1], ("advice", "INFO"), id="no source"),
        pytest.param(["ACME-1"], [L1], ("advice", "INFO"), id="a source of somebody else"),
        pytest.param(["ACME-1", *LOGOUT], [L1], ("fail", "L1"), id="a source of somebody else beside ours"),
        pytest.param(["RFC8725-3.11"], ["rfc8725"], ("advice", "SHOULD"), id="a should"),
        pytest.param(["RFC8725-3.11", "RFC8725-3.12"], ["rfc8725"], ("fail", "MUST"), id="a must beside a should"),
        pytest.param(["RFC8725-3.1", "ASVS-v5.0.0-9.1.2"], ["rfc8725", L1], ("fail", "L1"), id="the strictest level"),
        pytest.param(["RFC8725bis-3.14"], ["rfc8725"], ("advice", "MUST"), id="a must of a draft"),
        pytest.param(["RFC8725bis-3.14"], ["rfc8725bis"], ("fail", "MUST"), id="the draft chosen"),
        pytest.param(["ASVS-v5.0.0-7.1.1"], [L2], ("advice", "L2"), id="a document, not decided by requests"),
        pytest.param(["RFC6265bis-4.1.1-f"], ["rfc6265bis"], ("advice", "MUST"), id="an override"),
        pytest.param(["RFC6749-4.1.2-reuse"], ["rfc6749"], ("advice", "SHOULD"), id="part of a section"),
        pytest.param(
            ["RFC6749-4.1.2-reuse", "ASVS-v5.0.0-10.4.2"], ["rfc6749", L1], ("fail", "L1"), id="harder elsewhere"
        ),
        pytest.param(["PICKPROOF-T7"], ["pickproof"], ("fail", "MUST"), id="house"),
        pytest.param(["PICKPROOF-T8"], ["pickproof"], ("advice", "SHOULD"), id="size is advice"),
        pytest.param(["NIST-SP800-63B-4-2.3.3"], ["nist-aal3"], ("fail", "MUST"), id="a limit of its level"),
        pytest.param(["NIST-SP800-63B-4-2.2.3-idle"], ["nist-aal2"], ("advice", "SHOULD"), id="a recommended limit"),
    ],
)
def test_judge(sources: list[str], chosen: list[str], expected: tuple[str, str]) -> None:
    assert judge(sources, [profile(name) for name in chosen]) == expected


def test_judge_takes_iterators() -> None:
    assert judge(iter(LOGOUT), iter([profile(L1), profile("pickproof")])) == ("fail", "L1")


@pytest.mark.parametrize("scheme", ["token", "refresh", "oauth"])
def test_the_wording_of_a_refusal_fails_only_under_its_own_profile(scheme: str) -> None:
    challenge = ["RFC6750-3", "RFC6750-3.1-no-token"]
    assert judge(challenge, default(scheme)) == ("advice", "SHOULD")
    assert judge(challenge, [profile("rfc6750")]) == ("fail", "MUST")


@pytest.mark.parametrize("scheme", ["session", "token", "refresh", "oauth"])
def test_login_that_tells_who_exists_is_advice_by_default(scheme: str) -> None:
    assert judge(ENUMERATION, default(scheme)) == ("advice", "L3")


def test_readable_claims_are_graded_by_the_house_profile_only() -> None:
    sources = ["ASVS-v5.0.0-14.2.6", "ASVS-v5.0.0-14.1.1", "RFC7519-12", "CWE-359"]
    assert judge(sources, default("token"))[0] == "advice"
    assert judge([*sources, "PICKPROOF-T7"], default("token")) == ("fail", "MUST")


# --- the kit --------------------------------------------------------------------------------------------------


def test_every_source_that_a_check_names_exists() -> None:
    registry = pytest.importorskip("conformance.registry")
    unknown = []
    for check in registry.catalogue().values():
        for source in check.sources:
            try:
                requirement(source)
            except KeyError as error:
                unknown.append(f"{check.id}: {error.args[0]}")
    assert unknown == []


def test_each_requirement_that_requests_could_decide_has_a_check_or_an_open_entry() -> None:
    registry = pytest.importorskip("conformance.registry")
    cited = {source for check in registry.catalogue().values() for source in check.sources}
    unchecked = {one.id for one in BY_ID.values() if one.testable != "no" and one.id not in cited}
    assert set(standards.open_entries()) == unchecked


def test_importing_reads_nothing() -> None:
    code = "import sys, conformance.standards; print([m for m in ('tomllib', 'difflib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
