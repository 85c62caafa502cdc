"""Offline guessing of HMAC secrets (RFC 8725 section 3.5): published defaults and examples, no request sent."""

from __future__ import annotations

import base64
import binascii
import functools
import hmac
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from conformance.attacks.jwt import HMAC_DIGESTS, Token

SUFFIXES = ("", "secret", "-secret", "_secret", "secretkey", "-secret-key", "key", "-key", "-jwt", "jwt", "123", "1234")


@functools.cache
def published_secrets() -> tuple[str, ...]:
    """The bundled list, most common first; a line of ``secrets.txt`` is one secret, ``# `` begins a comment."""
    text = Path(__file__).with_name("secrets.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("# "))


def derived_words(token: Token, *names: str) -> tuple[str, ...]:
    """Words made of the token's issuer and audience and further names (host, product), with usual suffixes."""
    claimed = (token.claims.get("iss"), token.claims.get("aud"))
    texts = [text for text in (*names, *claimed) if isinstance(text, str)]
    stems = [stem for text in texts for stem in (text, *re.split(r"[^A-Za-z0-9]+", text)) if 2 <= len(stem) <= 64]
    unique = dict.fromkeys(itertools.chain.from_iterable((stem, stem.lower(), stem.upper()) for stem in stems))
    return tuple(stem + suffix for stem in unique for suffix in SUFFIXES)


def guess_secret(token: Token, words: Iterable[str] | None = None) -> bytes | None:
    """The secret that signs the token, if it is empty or one of the words; None otherwise or for no HMAC.

    Each word is tried as it stands, base64-decoded and hex-decoded. Without words the bundled list is tried.
    About 350 000 guesses a second.
    """
    digest = HMAC_DIGESTS.get(token.alg)
    if digest is None:
        return None
    data = token.raw.rpartition(".")[0].encode()
    for word in itertools.chain(("",), published_secrets() if words is None else words):
        for secret in readings(word):
            if hmac.digest(secret, data, digest) == token.signature:
                return secret
    return None


def readings(word: str) -> Iterator[bytes]:
    """The byte strings that a word may stand for."""
    yield word.encode("utf-8", "surrogatepass")
    text = word.rstrip("=").translate(str.maketrans("-_", "+/"))
    if re.fullmatch(r"[A-Za-z0-9+/]{2,}", text) and len(text) % 4 != 1:
        yield base64.b64decode(text + "=" * (-len(text) % 4))
    if len(word) >= 2 and len(word) % 2 == 0 and re.fullmatch(r"[0-9a-fA-F]+", word):
        yield binascii.unhexlify(word)
