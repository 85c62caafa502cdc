"""The accounts that every reference server starts with."""

from __future__ import annotations

from dataclasses import dataclass, field

from .accounts import Accounts, NameTaken


@dataclass(frozen=True, slots=True)
class Person:
    """A test account with its literal password; nobody else's password looks like this."""

    name: str
    password: str = field(repr=False)
    role: str = ""
    """What the kit may do to it: see ``accounts.*.role`` in the description; empty for an ordinary user."""

    @property
    def email(self) -> str:
        """An address that reaches nobody (RFC 2606)."""
        return f"{self.name}@mail.example"


PEOPLE = (
    Person("alice", "alice-Keeps-9-Blue-Herons"),
    Person("bob", "bob-Plants-7-Quiet-Larches"),
    Person("carol", "carol-Rows-5-Copper-Boats", role="throttle"),
    Person("dave", "dave-Winds-3-Silver-Clocks", role="change-password"),
    Person("admin", "admin-Guards-8-Iron-Gates", role="admin"),
)


def seed(accounts: Accounts) -> None:
    """Register everybody; who exists already, in a store that replicas share, is left alone."""
    for person in PEOPLE:
        if accounts.named(person.name) is None:
            _register(accounts, person)


def described() -> dict[str, dict[str, str]]:
    """The ``accounts`` table of a description."""
    return {
        person.name: {"user": person.name, "password": person.password, "email": person.email}
        | ({"role": person.role} if person.role else {})
        for person in PEOPLE
    }


def _register(accounts: Accounts, person: Person) -> None:
    try:
        accounts.register(person.name, person.password, person.email, "admin" if person.role == "admin" else "user")
    except NameTaken:  # another replica was faster
        return
