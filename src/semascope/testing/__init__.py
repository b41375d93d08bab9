"""Do-nothing methods, and what every method guarantees as checks that a plugin can run over its own cards too.

from semascope.testing import contract
for name, check in contract(card).items():
    check(card)     # raises AssertionError that says what is wrong
"""

from semascope.testing.contract import broken, contract
from semascope.testing.nulls import NULL

__all__ = ["NULL", "broken", "contract"]
