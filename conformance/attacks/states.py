"""Values of the state parameter: printable ASCII, as RFC 6749 appendix A.5 allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

ODD = (
    "pickproof", "a b", "a+b", "a%20b", "a%2520b", "a&b=c", "a=b", "a;b", "a#b", "a?b", "a/b", "a\\b", '"', "'", "<s>",
    "{}", "~", "%", "%zz", "&amp;", "null", "0", "true", " lead", "trail ", "x" * 512,
)  # fmt: skip
"""What decoders and template languages trip over, and a long one."""


def states() -> SearchStrategy[str]:
    """The odd ones first, then any text of the grammar."""
    from hypothesis import strategies as st

    printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=64)
    return st.one_of(st.sampled_from(ODD), printable)
