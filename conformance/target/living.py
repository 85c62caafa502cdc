"""Whole lives of credentials, as a check speaks of them."""

from __future__ import annotations

from conformance.attacks.lives import Life
from conformance.errors import Violation
from conformance.target.leaving import Leaving


class Living(Leaving):
    """Verbs about sequences of acts."""

    async def expect_life_as_modelled(self, life: Life) -> None:
        """Nothing that happens in this life contradicts the model.

        What was accepted and must not have been is proof. A first contradiction by refusal counts when it comes twice.

        Raises:
            Inconclusive: it came once, and not again.
        """
        from conformance.lifecycle.world import lead

        try:
            await lead(self, life)  # type: ignore[arg-type]
        except Violation as first:
            shown = self.system.learned.shown_twice
            if first.proven or self.check.id in shown:
                raise
            try:
                await lead(self.branch(), life)  # type: ignore[arg-type]
            except Violation:
                shown.add(self.check.id)
                raise
            self.inconclusive(f"seen once, and not again: {first.finding.actual}", first.finding.evidence)
