"""What a stack costs a month, from what its program registers and a committed price table.

Two recordings and what lies between them::

    from ops.cost import difference, estimate

    before = estimate(old.as_document()["resources"])   # Estimate
    after = estimate(new.as_document()["resources"])
    after.monthly_usd        # Decimal("281.80"), or None where nothing could be priced
    after.lines              # Line(resource, what, quantity, unit, unit_usd, monthly_usd)
    after.as_of              # date of the oldest price
    after.not_priced         # sentences: the sum is a lower bound
    after.not_included       # sentences: what depends on use
    difference(before, after).monthly_usd

Prices are list prices in US dollars, without discounts and free tiers. A price that the table does
not hold is None, never a guess.
"""

from ops.cost.estimate import Difference, Estimate, LineDifference, difference, estimate
from ops.cost.rules import Line

__all__ = ["Difference", "Estimate", "Line", "LineDifference", "difference", "estimate"]
