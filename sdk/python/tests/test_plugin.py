"""The SDK natively: options, verdicts, errors, cases."""

import json
import unittest
from dataclasses import dataclass
from typing import Any, Callable, Literal, Optional

from gavel_plugin import Abstain, InternalError, InvalidOptions, InvalidTask, Submission, Verdict, excerpt, option
from gavel_plugin import cases
from gavel_plugin.options import read, schema
from gavel_plugin.plugin import GroupPlugin, Plugin, plain


@dataclass(frozen=True)
class Options:
    limit: int = option(5, "The most words.", minimum=1)
    unit: Literal["word", "letter"] = "word"
    words: list[str] = option(["a"], minItems=1)
    share: float = 0.5
    strict: bool = False
    note: Optional[str] = None

    def __post_init__(self) -> None:
        if self.strict and self.limit > 100:
            raise ValueError("`limit` is at most 100 where `strict`")


def verify(submission: Submission, options: Options) -> Verdict:
    if submission.completion == "?":
        raise Abstain("a question")
    if submission.completion == "!":
        raise RuntimeError("broken")
    if submission.completion == "column":
        return Verdict(float(submission.require("n")))
    words = len(submission.completion.split())
    return Verdict.right_if(words <= options.limit, f"{words} words", {"words": words})


PLUGIN = Plugin(verify, "words", "0.1.0", "Counts words.", ["words"])


class OptionsTest(unittest.TestCase):
    def refused(self, options: dict) -> str:
        with self.assertRaises(InvalidOptions) as caught:
            read(Options, json.dumps(options))
        return str(caught.exception)

    def test_defaults_hold_where_nothing_is_said(self) -> None:
        self.assertEqual(read(Options, "{}"), Options())

    def test_a_misspelt_option_is_named_with_the_one_that_was_meant(self) -> None:
        self.assertEqual(self.refused({"limt": 3}), "`limt` is not an option; did you mean `limit`?")

    def test_a_wrong_type_names_the_field(self) -> None:
        for options in ({"limit": "3"}, {"limit": 2.5}, {"limit": True}, {"strict": 1}, {"words": "a"}, {"words": [1]}):
            self.assertIn(f"`{next(iter(options))}", self.refused(options))

    def test_limits_and_choices_are_said(self) -> None:
        self.assertEqual(self.refused({"limit": 0}), "`limit` is 0; it must be at least 1")
        self.assertIn("one of `word`, `letter`", self.refused({"unit": "line"}))
        self.assertIn("at least 1 entries", self.refused({"words": []}))

    def test_a_rule_over_several_options_is_an_option_error(self) -> None:
        self.assertIn("`limit` is at most 100", self.refused({"strict": True, "limit": 101}))

    def test_whole_floats_are_integers_and_integers_are_floats(self) -> None:
        self.assertEqual(read(Options, '{"limit": 3.0, "share": 1, "note": null}'), Options(limit=3, share=1.0))

    def test_the_schema_says_what_is_checked(self) -> None:
        document = json.loads(schema(Options))
        self.assertFalse(document["additionalProperties"])
        limit = {"type": "integer", "minimum": 1, "default": 5, "description": "The most words."}
        self.assertEqual(document["properties"]["limit"], limit)
        self.assertEqual(document["properties"]["unit"]["enum"], ["word", "letter"])

    def test_options_that_are_no_object_are_refused(self) -> None:
        for text in ("[]", "3", "{"):
            with self.assertRaises(InvalidOptions):
                read(Options, text)


class DeclarationTest(unittest.TestCase):
    """What an options class says and cannot mean is an error where the plugin is built, not a limit that is never checked."""

    def refused(self, kind: type, declare: Callable[[], Any]) -> str:
        with self.assertRaises(TypeError) as caught:
            schema(dataclass(type("Options", (), {"__annotations__": {"one": kind}, "one": declare()})))
        return str(caught.exception)

    def test_a_misspelt_limit_is_named_with_the_one_that_was_meant(self) -> None:
        self.assertEqual(
            self.refused(float, lambda: option(0.5, minimum=0, maximun=1)),
            "`maximun` limits no option; did you mean `maximum`?",
        )
        self.assertIn("did you mean `minItems`?", self.refused(list[str], lambda: option(["a"], min_items=1)))

    def test_values_that_an_option_may_have_are_its_type(self) -> None:
        for word in ("choices", "enum", "values"):
            said = self.refused(str, lambda: option("ok", help="Which.", **{word: ["ok", "loop"]}))
            self.assertEqual(
                said, f"`{word}` limits no option; say the values that it may have by its type: Literal['ok', 'loop']"
            )

    def test_a_limit_that_is_none_of_json_schemas_lists_those_that_are(self) -> None:
        said = self.refused(int, lambda: option(5, between=3))
        self.assertIn("there are `default`, `help`, `minimum`, `maximum`, `minItems`, `maxItems`", said)

    def test_a_limit_that_the_type_cannot_have_is_refused(self) -> None:
        wrong = [(str, "a", "minimum"), (Literal["a"], "a", "maximum"), (int, 5, "minItems"), (list[int], [5], "minimum")]
        for kind, default, limit in wrong:
            said = self.refused(kind, lambda: option(default, **{limit: 1}))
            self.assertRegex(said, f"`{limit}` is a limit of a (number|list), which the option `one` is not")
        self.assertIn("is no number", self.refused(int, lambda: option(5, minimum="1")))

    def test_a_default_is_held_to_type_and_limits(self) -> None:
        self.assertIn("`one` is 0; it must be at least 1", self.refused(int, lambda: option(0, minimum=1)))
        self.assertIn("must be of the type integer", self.refused(int, lambda: "banana"))
        self.assertIn("one of `a`, `b`", self.refused(Literal["a", "b"], lambda: option("c")))

    def test_every_limit_is_checked_where_an_option_is_given(self) -> None:
        @dataclass(frozen=True)
        class Limited:
            share: float = option(0.5, minimum=0, maximum=1)
            words: list[str] = option(["a"], minItems=1, maxItems=2)
            least: Optional[int] = option(None, minimum=3)

        for options, expected in [
            ({"share": 7}, "`share` is 7; it must be at least 0 and at most 1"),
            ({"words": ["a", "b", "c"]}, "`words` must have at least 1 and at most 2 entries"),
            ({"least": 2}, "`least` is 2; it must be at least 3"),
        ]:
            with self.assertRaises(InvalidOptions) as caught:
                read(Limited, json.dumps(options))
            self.assertEqual(str(caught.exception), expected)
        self.assertEqual(json.loads(schema(Limited))["properties"]["words"]["maxItems"], 2)


class JudgeTest(unittest.TestCase):
    def test_a_verdict(self) -> None:
        verdict = PLUGIN.judge("one two", options_json='{"limit": 1}')
        self.assertEqual((verdict.reward, verdict.reason, verdict.metrics), (0.0, "2 words", {"words": 2}))

    def test_errors_keep_their_kind(self) -> None:
        with self.assertRaises(Abstain):
            PLUGIN.judge("?")
        with self.assertRaisesRegex(InvalidTask, "column `n`"):
            PLUGIN.judge("column")

    def test_what_nobody_expected_is_an_internal_error_that_says_where(self) -> None:
        with self.assertRaisesRegex(InternalError, r"RuntimeError: broken \(test_plugin.py:\d+ in verify\)"):
            PLUGIN.judge("!")

    def test_a_reward_that_is_no_number_is_refused(self) -> None:
        with self.assertRaisesRegex(InternalError, "reward is nan"):
            PLUGIN.judge("column", metadata_json='{"n": NaN}')

    def test_what_is_no_number_and_an_exit_are_named(self) -> None:
        for said, expected in [
            (Verdict("1"), "the reward is '1', not a number"),
            (Verdict(10**5000), "the reward is larger than any float"),
            (None, "returned NoneType"),
        ]:
            with self.assertRaisesRegex(InternalError, expected):
                Plugin(lambda submission: said, "odd", "0.1.0", "Odd.", []).judge("one")

        def leave(submission: Submission) -> Verdict:
            raise SystemExit(2)

        with self.assertRaisesRegex(InternalError, r"sys\.exit\(2\) \(test_plugin.py:\d+ in leave\)"):
            Plugin(leave, "odd", "0.1.0", "Odd.", []).judge("one")

    def test_half_a_surrogate_pair_is_no_text(self) -> None:
        cut = json.loads(r'"so: \ud83d!"')
        self.assertEqual(plain(cut), "so: \ufffd!")
        whole = "so: \U0001f600"
        self.assertEqual(plain(whole), whole)

    def test_a_metric_that_was_not_promised_is_refused(self) -> None:
        plugin = Plugin(verify, "words", "0.1.0", "Counts words.", [])
        with self.assertRaisesRegex(InternalError, "`words`"):
            plugin.judge("one")

    def test_a_missing_reference_is_an_invalid_task(self) -> None:
        with self.assertRaisesRegex(InvalidTask, "`reference` is missing"):
            Submission("x").require_reference()

    def test_excerpts_are_one_line_of_bounded_length(self) -> None:
        self.assertEqual(excerpt("a\nb\x1b[31m"), "a b [31m")
        self.assertEqual(len(excerpt("x" * 1000)), 80)


class CasesTest(unittest.TestCase):
    def test_cases_say_what_differs(self) -> None:
        case = {"name": "n", "completion": "one two", "options": {"limit": 1}, "expect": {"reward": 1}}
        self.assertIn("expected the reward 1, found 0.0", cases.check(PLUGIN, case) or "")
        case["expect"] = {"reward": 0, "metrics": {"words": 2}, "reason_contains": "2 words"}
        self.assertIsNone(cases.check(PLUGIN, case))
        case["expect"] = {"status": "abstained"}
        self.assertIn("expected abstained", cases.check(PLUGIN, case) or "")


def together(submissions: list[Submission], options: Options) -> list:
    """How many are the same; `?` has no verdict, `lost` is left out, `!` raises."""
    texts = [submission.completion for submission in submissions]
    if "!" in texts:
        raise InvalidTask("told by one")
    return [Abstain("a question") if text == "?" else Verdict(texts.count(text)) for text in texts if text != "lost"]


GROUP = GroupPlugin(together, "together", "0.1.0", "Counts the same.", [])


class GroupTest(unittest.TestCase):
    def judged(self, *completions: str) -> list:
        return GROUP.judge_group([Submission(text) for text in completions])

    def test_each_completion_has_its_own(self) -> None:
        one, two, three = self.judged("a", "?", "a")
        self.assertEqual((one.reward, three.reward), (2, 2))
        self.assertIsInstance(two, Abstain)
        self.assertEqual(GROUP.judge("a").reward, 1)

    def test_what_none_of_them_has(self) -> None:
        with self.assertRaises(InvalidTask):
            self.judged("a", "!")
        with self.assertRaisesRegex(InternalError, "together gives 1 verdicts for 2 completions"):
            self.judged("a", "lost")
        with self.assertRaises(InvalidOptions):
            GROUP.judge_group([Submission("a")], options_json='{"limit": 0}')

    def test_a_case_has_an_expectation_for_each(self) -> None:
        case = {"name": "x", "completions": ["a", {"completion": "?"}]}
        right = [{"reward": 1}, {"status": "abstained", "reason_contains": "question"}]
        self.assertIsNone(cases.check_group(GROUP, {**case, "expect": right}))
        wrong = cases.check_group(GROUP, {**case, "expect": [{"reward": 0}, right[1]]})
        self.assertIn("completion 1: expected the reward 0", wrong or "")
        self.assertIn("`expect` has 1 entries", cases.check_group(GROUP, {**case, "expect": right[:1]}) or "")
        self.assertIn("judges one at a time", cases.check_group(PLUGIN, {**case, "expect": right}) or "")


if __name__ == "__main__":
    unittest.main()
