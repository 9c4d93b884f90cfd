"""Formulas as people write them: what is read, what is refused with a reason, and what is read but questioned."""

from electrode_bench.data.notation.parser import FormulaError, Reading, amounts_of, is_missing, read

__all__ = ["FormulaError", "Reading", "amounts_of", "is_missing", "read"]
