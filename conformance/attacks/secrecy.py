"""Personal data and secrets inside a value, found by published formats with a check of their own.

Claim T7 and the rows `token.secrecy.*`: what is only encoded, anyone can read. Every detector is anchored by a
checksum, a published prefix or a member name, so that random text is not a finding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from conformance.attacks.account_data import Leak, mask
from conformance.attacks.layers import Layer, Number, layers

_Finder = Callable[[Layer, str], Iterator[str]]

_MIN_READABLE: Final = 1e-4
"""Decoded text is searched by pattern when random bytes are readable like it with less than this chance."""

_MEMBER_LIMIT: Final = 300
"""Characters; a longer member is no name, date or address."""

_EMAIL = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9_+-][\w.+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,24}(?![\w-])", re.ASCII
)
_PHONE = re.compile(r"(?<![\w+/=-])\+[1-9]\d{7,14}(?![\w+/=])", re.ASCII)
_PHONE_SPACED = re.compile(r"\+?[\d(][\d ().-]{6,20}\d", re.ASCII)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?![A-Za-z0-9])")
_CARD = re.compile(r"(?<![\w.+/=-])\d(?:[ -]?\d){11,18}(?![\w+/=-])", re.ASCII)
_DATE = re.compile(r"(?:\d{4}|0000)-\d\d-\d\d(?:T.*)?|\d\d[./-]\d\d[./-]\d{4}|\d{8}", re.ASCII)

_IBAN_LENGTHS: Final = {
    15: "NO", 16: "BE", 18: "DK FI FO GL NL", 19: "MK SI", 20: "AT BA EE KZ LT LU XK", 21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS", 23: "AE GI IL IQ TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST", 26: "IS TR", 27: "FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB PL SV", 29: "BR EG PS QA UA",
    30: "JO KW MU", 31: "MT SC", 32: "LC",
}  # fmt: skip
"""Countries by the length of their IBAN, from the registry of ISO 13616."""
_CARDS: Final = (
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"6011|64[4-9]|65"), (16, 19)),
    (re.compile(r"35(?:2[89]|[3-8])"), (16, 19)),
    (re.compile(r"3(?:0[0-5]|[689])"), (14,)),
)
"""Leading digits and lengths of Visa, Mastercard, American Express, Discover, JCB and Diners."""

_PERSONAL_MEMBERS: Final[dict[str, re.Pattern[str]]] = {
    "email": _EMAIL,
    "phone_number": _PHONE_SPACED,
    "phone": _PHONE_SPACED,
    "mobile": _PHONE_SPACED,
    "birthdate": _DATE,
    "birth_date": _DATE,
    "date_of_birth": _DATE,
    "dob": _DATE,
    "birthday": _DATE,
    **dict.fromkeys(
        ("name", "given_name", "family_name", "middle_name", "first_name", "last_name", "full_name", "nickname"),
        re.compile(r"\D*[^\W\d_]\D*", re.DOTALL),
    ),
    **dict.fromkeys(
        ("street_address", "postal_code", "locality", "formatted", "address", "ssn", "tax_id"),
        re.compile(r"(?s).*\w.*"),
    ),
}
"""Members of OpenID Connect Core 5.1, and their usual spellings, with what a real value looks like."""

_CHECKED_BY_DIGIT: Final = frozenset({"iban", "payment card"})
_CARD_MEMBER = re.compile(r"card|(^|_)(pan|cc)($|_)|credit|debit|payment")
_ID_MEMBER = re.compile(
    r"(^|_)(id|sub|jti|sid|oid|uid|tid|aud|azp|iat|exp|nbf|auth_time|ts|time|timestamp|nonce|seq|session|key|hash|token)$"
)
_PLACEHOLDER = re.compile(r"\W*|(?:null|none|true|false|undefined|n/?a|redacted|x+|\*+|masked|hidden)", re.IGNORECASE)

_SECRET_PATTERNS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("password hash", re.compile(r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{22,53}")),
    ("password hash", re.compile(r"\$argon2(?:id|i|d)\$v=\d+\$")),
    ("password hash", re.compile(r"\$(?:scrypt|pbkdf2(?:-sha\d+)?|5|6|y|7|1|apr1)\$[^\s\"']{16,}")),
    (
        "password hash",
        re.compile(r"(?:pbkdf2_sha(?:1|256|512)|scrypt|bcrypt_sha256|pbkdf2:sha\d+|scrypt:\d+)[$:][^\s\"]{20,}"),
    ),
    ("password hash", re.compile(r"\{(?:SSHA|SHA|SMD5|MD5|SSHA256|SSHA512|CRYPT)\}[A-Za-z0-9+/=$.]{16,}")),
    ("private key", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----")),
    ("AWS access key", re.compile(r"(?<![A-Za-z0-9+/_-])(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9+/_=-])")),
    ("Google API key", re.compile(r"(?<![\w-])AIza[\w-]{35}(?![\w-])", re.ASCII)),
    ("Google OAuth token", re.compile(r"(?<![\w-])ya29\.[\w-]{30,}|(?<![\w-])GOCSPX-[\w-]{28}", re.ASCII)),
    ("GitHub token", re.compile(r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60,})", re.ASCII)),
    ("GitLab token", re.compile(r"(?<![\w-])glpat-[\w-]{20}", re.ASCII)),
    ("Slack token", re.compile(r"(?<![\w-])xox[abeoprs]-\d[\w-]{10,}|(?<![\w-])xapp-\d-[\w-]{20,}", re.ASCII)),
    ("Stripe key", re.compile(r"(?<![A-Za-z0-9])(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,}")),
    ("OpenAI or Anthropic key", re.compile(r"(?<![\w-])sk-(?:proj|ant)-[\w-]{20,}", re.ASCII)),
    ("SendGrid key", re.compile(r"(?<![\w-])SG\.[\w-]{22}\.[\w-]{43}", re.ASCII)),
    ("npm or PyPI token", re.compile(r"(?<![\w-])(?:npm_[A-Za-z0-9]{36}|pypi-AgE[\w-]{50,})", re.ASCII)),
    ("one-time password seed", re.compile(r"otpauth://(?:totp|hotp)/[^\s\"]{0,300}secret=", re.IGNORECASE)),
    (
        "password in a URL",
        re.compile(r"[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"]{1,64}:[^\s/@\"]{3,64}@[\w.-]+", re.IGNORECASE),
    ),
)
"""Formats as their makers publish them."""

_SECRET_MEMBER = re.compile(
    r"(?:.*_)?(?:password|passwd|passphrase|pwd|password_hash|pass_hash|secret|client_secret|secret_key|api_?key|private_?key"
    r"|totp(?:_secret|_seed)?|otp_secret|otp_seed|mfa_secret|recovery_codes?|pin|refresh_token|access_key)",
)
_JWK_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


def find_personal_data(value: str, identifier: str = "") -> list[Leak]:
    """Find personal data in every reading of a value; never raises. One leak for each datum.

    `identifier` is what the account is known by: a member such as ``name`` that says no more than that is no find.
    """
    return _scan(value, partial(_personal, identifier=identifier))


def find_secrets(value: str) -> list[Leak]:
    """Find secrets of other systems and password material in every reading of a value; never raises."""
    return _scan(value, _secrets)


def _scan(value: str, finder: Callable[[Layer], Iterator[tuple[str, str]]]) -> list[Leak]:
    found: dict[tuple[str, str], tuple[bool, Leak]] = {}
    for layer in layers(value):
        if not isinstance(layer.data, str) or layer.container:
            continue
        for kind, text in finder(layer):
            key, outside = (kind, text), layer.member is None
            if key not in found or (found[key][0] and not outside):
                found[key] = outside, Leak(kind, layer.where, mask(text))
    return [leak for _, leak in found.values()]


def _member(layer: Layer) -> str:
    """The member name in snake case, so that `givenName` and `given-name` are one."""
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", layer.member or "").lower()
    return re.sub(r"[^a-z0-9]+", "_", name).strip("_")


def _personal(layer: Layer, identifier: str) -> Iterator[tuple[str, str]]:
    text, name = str(layer.data), _member(layer)
    told = text.strip()
    shape = None if told == identifier else _PERSONAL_MEMBERS.get(name)
    if shape and len(told) <= _MEMBER_LIMIT and shape.fullmatch(told) and not _PLACEHOLDER.fullmatch(told):
        yield _PERSONAL_NAMES.get(name, name), text
    if _MIN_READABLE <= layer.chance < 1:
        return
    for kind, pattern, proof in _PERSONAL_PATTERNS:
        if kind in _CHECKED_BY_DIGIT and not _may_hold_numbers(layer, name):
            continue
        yield from ((kind, found[0]) for found in pattern.finditer(text[:65536]) if proof(found[0]))


def _may_hold_numbers(layer: Layer, name: str) -> bool:
    """Whether a number here may be meant as one: one random id in fifty passes for a card, so ids are left out."""
    if layer.member is None:
        return layer.chance < _MIN_READABLE or " " in layer.data
    if isinstance(layer.data, Number):
        return bool(_CARD_MEMBER.search(name))
    return not _ID_MEMBER.search(name)


_PERSONAL_NAMES: Final = {
    "phone": "phone_number",
    "mobile": "phone_number",
    "dob": "birthdate",
    "birthday": "birthdate",
}


def _is_iban(text: str) -> bool:
    """Known country, its length, and the check digits of ISO 13616."""
    plain = text.replace(" ", "")
    if plain[:2] not in _IBAN_LENGTHS.get(len(plain), "").split():
        return False
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    """A known issuer, its length, the check digit, and not one digit alone."""
    digits = re.sub(r"\D", "", text)
    issued = any(prefix.match(digits) and len(digits) in lengths for prefix, lengths in _CARDS)
    return issued and len(set(digits)) > 1 and _luhn(digits)


def _luhn(digits: str) -> bool:
    doubled = (int(d) * (2 if i % 2 else 1) for i, d in enumerate(reversed(digits)))
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0


def _is_phone(text: str) -> bool:
    """More than two different digits: E.164 has no check digit."""
    return len(set(text[1:])) > 2


_PERSONAL_PATTERNS: Final[tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...]] = (
    ("email", _EMAIL, lambda text: ".." not in text),
    ("phone_number", _PHONE, _is_phone),
    ("iban", _IBAN, _is_iban),
    ("payment card", _CARD, _is_card),
)


def _secrets(layer: Layer) -> Iterator[tuple[str, str]]:
    text, name = str(layer.data), _member(layer)
    for kind, pattern in _SECRET_PATTERNS:
        yield from ((kind, found[0]) for found in pattern.finditer(text[:65536]))
    if isinstance(layer.data, Number) or _PLACEHOLDER.fullmatch(text) or layer.member is None:
        return
    if _SECRET_MEMBER.fullmatch(name):
        yield f"member {name}", text
    if "jwk" in layer.path[-1].lower() and layer.member in _JWK_PRIVATE:
        yield "private key", text
