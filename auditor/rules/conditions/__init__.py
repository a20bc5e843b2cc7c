"""Three-valued conditions: what a rule file states, compiled into functions that return results with evidence.

The logic is strong Kleene. A comparison is true or false only where every possible value of what is unknown gives the
same result, so more knowledge never changes a truth value. Words and operators are those of Azure Policy.
"""

from auditor.rules.conditions.compiler import Compiled, CompiledRule, Compiler
from auditor.rules.conditions.display import plain
from auditor.rules.conditions.errors import ConditionError
from auditor.rules.conditions.operators import compare, identity
from auditor.rules.conditions.result import FALSE, TRUE, LookUp, Result, Stack, Test, unknown_because

__all__ = [
    "FALSE",
    "TRUE",
    "Compiled",
    "CompiledRule",
    "Compiler",
    "ConditionError",
    "LookUp",
    "Result",
    "Stack",
    "Test",
    "compare",
    "identity",
    "plain",
    "unknown_because",
]
