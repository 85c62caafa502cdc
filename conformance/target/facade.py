"""`target` as a check sees it: parties, expectations, time. No plumbing reaches the checks past this page."""

from __future__ import annotations

from conformance.target.asserting import Asserting
from conformance.target.binding import Binding
from conformance.target.cast import cookies_set_at_login, repeated_secret
from conformance.target.client_abuse import ClientAbuse
from conformance.target.code_races import CodeRaces
from conformance.target.contents import Contents
from conformance.target.cookie_parsing import CookieParsing
from conformance.target.cookie_size import CookieSize
from conformance.target.dpop_nonces import Nonces
from conformance.target.form_tokens import FormTokens
from conformance.target.hygiene import Malformed
from conformance.target.ids import HostileIds
from conformance.target.issued_tokens import IssuedTokens
from conformance.target.joint_writes import JointWrites
from conformance.target.key_sizes import KeySizes
from conformance.target.known_windows import KnownWindows
from conformance.target.leaving import Leaving
from conformance.target.leftovers import Leftovers
from conformance.target.living import Living
from conformance.target.logbook import Logbook
from conformance.target.minting import Minting
from conformance.target.party import Carrier, Party
from conformance.target.pushing import Pushing
from conformance.target.recovery import Recovering
from conformance.target.renewal_forged import RenewalForgeries
from conformance.target.rights import Rights
from conformance.target.samples import Sampling
from conformance.target.siege import Besieging
from conformance.target.signing_out import SigningOut
from conformance.target.tokening import Tokening
from conformance.target.tour import Touring
from conformance.target.transport import Transport

__all__ = ["Carrier", "Party", "Target", "cookies_set_at_login", "repeated_secret"]


class Target(
    Recovering, Rights, Logbook, Binding, KeySizes, CookieSize, RenewalForgeries, ClientAbuse, KnownWindows, Contents,
    Asserting, IssuedTokens, Pushing, SigningOut, CodeRaces, Nonces, Tokening, Minting, Sampling, HostileIds,
    CookieParsing, FormTokens, Transport, Leftovers, JointWrites, Besieging, Malformed, Touring, Living, Leaving,
):  # fmt: skip
    """One check's view of the target, with a record of its own."""
