"""Samples and repeated logins as checks ask for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from conformance.attacks.identifiers import capacity
from conformance.target.cast import Cast, repeated_secret
from conformance.target.party import Carrier, Party
from conformance.target.sampler import Sample

P = ParamSpec("P")
R = TypeVar("R")


class Sampling(Cast):
    """Samples as checks ask for them."""

    async def sampled(self, carrier: Carrier) -> Sample:
        """The run's sample of a credential."""
        return await self.system.sampler.sample(carrier, brief=await self.is_self_contained(carrier))

    async def reference_sample(self, carrier: Carrier) -> Sample:
        """The sample of a credential that refers to the server's data; a signed one carries its data itself.

        Raises:
            NotApplicable: the credential is self-contained (ASVS 7.2.3 binds reference tokens).
        """
        sample = await self.sampled(carrier)
        if await self.is_self_contained(carrier):
            self.not_applicable(f"{carrier} carries its content itself: it is no reference to the server's data")
        return sample

    async def unsealed_sample(self, carrier: Carrier) -> Sample:
        """The sample of a credential whose signature, if it has one, may be a hash without a key.

        Raises:
            NotApplicable: the credential is self-contained, and of a make that is known to sign.
        """
        sample = await self.sampled(carrier)
        return await self.reference_sample(carrier) if sample.kind.certain else sample

    def predictable(self, sample: Sample, expected: str, actual: str, room: float) -> None:
        """An order was found in a sample: a violation, or advice where the id has `room` bits and more besides."""
        shown = f"{actual}, in {sample}"
        if capacity(sample.kind.parts).bits >= room:
            self.advise(expected, f"{shown}; what is left has room for 128 random bits", sample.evidence)
        self.violation(expected, shown, sample.evidence)

    async def logins_at_once(self, account: str, count: int) -> list[Party]:
        """Logins of one account, sent together."""
        return list(await asyncio.gather(*(self.own_login(account) for _ in range(count))))

    def repeated(self, parties: Sequence[Party], carrier: Carrier) -> tuple[Party, Party] | None:
        """The first two parties that were given the same value, or None."""
        return repeated_secret(parties, carrier)

    async def in_worker(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run something that takes the processor for long beside the loop, so that other checks go on."""
        return await asyncio.to_thread(work, *args, **kwargs)
