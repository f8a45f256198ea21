"""Index advice: candidates, what-if prices, a chosen set with its proof.

Knows prices only by `dbtune.pricing.PricingEngine`.
"""

from dbtune.advisor.advise import advise
from dbtune.advisor.options import AdvisorOptions

__all__ = ["AdvisorOptions", "advise"]
