"""The options: Math-Verify's own, by its own names, with its own defaults."""

from dataclasses import dataclass
from typing import Literal

from gavel_plugin import option
from math_verify import (
    ExprExtractionConfig,
    LatexExtractionConfig,
    LatexNormalizationConfig,
    StringExtractionConfig,
)

Target = Literal["latex", "expr", "string"]


@dataclass(frozen=True)
class Options:
    """What a reward file may say."""

    gold_extraction_target: list[Target] = option(
        ["latex", "expr"], "What is looked for in the reference.", minItems=1
    )
    pred_extraction_target: list[Target] = option(
        ["latex", "expr"], "What is looked for in the completion.", minItems=1
    )
    strings: list[str] = option(["A", "B", "C", "D"], "What the target `string` looks for.", minItems=1)
    reference_form: Literal["text", "latex", "boxed"] = option(
        "text", "Whether the reference is read as it is, or put into `$…$` or `\\boxed{…}` first: bare LaTeX needs it."
    )
    boxed_match_priority: int = option(
        50, "When a `\\boxed` answer is looked for: 0 first, 50 after `final answer is`, -1 never.", minimum=-1
    )
    try_extract_without_anchor: bool = option(True, "Whether an answer counts that no phrase announces.")
    extraction_mode: Literal["any_match", "first_match"] = option(
        "any_match", "Whether later matches are tried where the first does not parse."
    )
    fallback_mode: Literal["first_match", "no_fallback"] = option(
        "first_match", "Whether text that does not parse is compared as text."
    )
    precision: int = option(6, "Decimal places that floats are rounded to.", minimum=0, maximum=100)
    numeric_precision: int = option(15, "Digits that expressions are evaluated to.", minimum=1, maximum=1000)
    strict: bool = option(True, "Whether variables must have the same names, and sets differ from tuples.")
    allow_set_relation_comp: bool = option(False, "Whether `1 < x < 2` may stand for the interval `(1, 2)`.")
    basic_latex: bool = option(True, "Whether the completion's LaTeX commands are simplified.")
    units: bool = option(True, "Whether units are removed from the completion's answer.")
    malformed_operators: bool = option(True, "Whether malformed operators, such as `\\frac12`, are mended.")
    nits: bool = option(True, "Whether small flaws of formatting are mended.")
    boxed: Literal["all", "last", "none"] = option("all", "Which boxes of an answer are opened.")
    equations: bool = option(False, "Whether equations are split (deprecated in Math-Verify).")

    def form(self, reference: str) -> str:
        """The reference as Math-Verify reads it."""
        if self.reference_form == "latex":
            return f"${reference}$"
        return f"\\boxed{{{reference}}}" if self.reference_form == "boxed" else reference

    def gold_targets(self) -> list:
        """How the reference is parsed: with the defaults of each target."""
        return self._targets(self.gold_extraction_target, LatexExtractionConfig(), ExprExtractionConfig())

    def pred_targets(self) -> list:
        """How the completion is parsed."""
        anywhere = self.try_extract_without_anchor
        normalization = LatexNormalizationConfig(
            basic_latex=self.basic_latex,
            units=self.units,
            malformed_operators=self.malformed_operators,
            nits=self.nits,
            boxed=self.boxed,
            equations=self.equations,
        )
        latex = LatexExtractionConfig(anywhere, self.boxed_match_priority, normalization)
        return self._targets(self.pred_extraction_target, latex, ExprExtractionConfig(anywhere))

    def _targets(self, names: list, latex: LatexExtractionConfig, expr: ExprExtractionConfig) -> list:
        string = StringExtractionConfig(tuple(self.strings), expr.try_extract_without_anchor)
        by_name = {"latex": latex, "expr": expr, "string": string}
        return [by_name[name] for name in names]
