"""Three-valued conditions: what a rule file says, compiled once into functions that yield a verdict with its evidence.

The logic is strong Kleene. A leaf is true or false only where every value that what could not be read might have
would make it so; more knowledge therefore never turns a decided verdict. Words and operators are Azure Policy's.
"""

from auditor.rules.conditions.compiler import Compiled, CompiledRule, Compiler, ConditionError
from auditor.rules.conditions.operators import compare, identity, plain
from auditor.rules.conditions.verdict import Proof, Stack, Test, Verdict

__all__ = [
    "Compiled",
    "CompiledRule",
    "Compiler",
    "ConditionError",
    "Proof",
    "Stack",
    "Test",
    "Verdict",
    "compare",
    "identity",
    "plain",
]
