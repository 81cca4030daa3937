//! The 25 kinds of instructions, and how a task's identifiers and arguments name them.
//!
//! After Zhou and others, "Instruction-Following Evaluation for Large Language Models", 2023 (arXiv 2311.07911).

use gavel_plugin::Error;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::language::Language;

/// One instruction with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Instruction {
    Existence { keywords: Vec<String> },
    Frequency { keyword: String, bound: Bound },
    ForbiddenWords { words: Vec<String> },
    LetterFrequency { letter: char, bound: Bound },
    ResponseLanguage { language: Language },
    NumberParagraphs { count: usize },
    NumberWords { bound: Bound },
    NumberSentences { bound: Bound },
    NthParagraphFirstWord { paragraphs: usize, nth: usize, word: String },
    NumberPlaceholders { least: usize },
    Postscript { marker: String },
    NumberBulletLists { count: usize },
    ConstrainedResponse,
    NumberHighlightedSections { least: usize },
    MultipleSections { splitter: String, least: usize },
    JsonFormat,
    Title,
    TwoResponses,
    RepeatPrompt { prompt: String },
    EndChecker { phrase: String },
    CapitalWordFrequency { bound: Bound },
    EnglishCapital,
    EnglishLowercase,
    NoComma,
    Quotation,
}

/// How a count stands to its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) relation: Relation,
    pub(crate) threshold: usize,
}

/// The two relations of IFEval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Relation {
    #[serde(rename = "less than")]
    LessThan,
    #[serde(rename = "at least")]
    AtLeast,
}

/// The arguments of an instruction; each kind reads its own, whatever else is there.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Kwargs {
    keywords: Option<Vec<String>>,
    keyword: Option<String>,
    frequency: Option<Count>,
    relation: Option<Relation>,
    forbidden_words: Option<Vec<String>>,
    letter: Option<String>,
    let_frequency: Option<Count>,
    let_relation: Option<Relation>,
    language: Option<String>,
    num_paragraphs: Option<Count>,
    num_words: Option<Count>,
    num_sentences: Option<Count>,
    nth_paragraph: Option<Count>,
    first_word: Option<String>,
    num_placeholders: Option<Count>,
    postscript_marker: Option<String>,
    num_bullets: Option<Count>,
    num_highlights: Option<Count>,
    section_spliter: Option<String>,
    num_sections: Option<Count>,
    prompt_to_repeat: Option<String>,
    end_phrase: Option<String>,
    capital_frequency: Option<Count>,
    capital_relation: Option<Relation>,
}

/// Why there is no instruction.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoInstruction {
    /// No kind has this identifier.
    Unknown { id: String },
    /// An argument is missing, or is not what the kind needs.
    Argument { id: String, name: &'static str, wants: &'static str },
}

impl NoInstruction {
    /// The error for the instruction with this index in the task.
    pub(crate) fn at(self, index: usize) -> Error {
        Error::InvalidTask(match self {
            Self::Unknown { id } => {
                format!("instruction_id_list[{index}]: {id} is none of IFEval's 25 kinds")
            }
            Self::Argument { id, name, wants } => format!("kwargs[{index}]: {id} needs `{name}`: {wants}"),
        })
    }
}

impl Instruction {
    /// The instruction that `id` names, with its arguments.
    pub(crate) fn new(id: &str, kwargs: Kwargs) -> Result<Self, NoInstruction> {
        let wanted = |name, wants| NoInstruction::Argument { id: id.to_owned(), name, wants };
        let count =
            |value: Option<Count>, name| value.map(|count| count.0).ok_or(wanted(name, "a whole number"));
        let bound = |relation: Option<Relation>, value, (relation_name, name)| {
            Ok(Bound {
                relation: relation.ok_or(wanted(relation_name, "`less than` or `at least`"))?,
                threshold: count(value, name)?,
            })
        };
        let text = |value: Option<String>, name| {
            let value = value.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
            value.ok_or(wanted(name, "a text that is not empty"))
        };
        let texts = |value: Option<Vec<String>>, name| {
            let value = value.filter(|texts| !texts.is_empty() && texts.iter().all(|text| !text.is_empty()));
            value.ok_or(wanted(name, "a list of texts, none of them empty"))
        };
        Ok(match id {
            "keywords:existence" => Self::Existence { keywords: texts(kwargs.keywords, "keywords")? },
            "keywords:frequency" => Self::Frequency {
                keyword: text(kwargs.keyword, "keyword")?,
                bound: bound(kwargs.relation, kwargs.frequency, ("relation", "frequency"))?,
            },
            "keywords:forbidden_words" => {
                Self::ForbiddenWords { words: texts(kwargs.forbidden_words, "forbidden_words")? }
            }
            "keywords:letter_frequency" => Self::LetterFrequency {
                letter: only_char(kwargs.letter.as_deref()).ok_or(wanted("letter", "one character"))?,
                bound: bound(kwargs.let_relation, kwargs.let_frequency, ("let_relation", "let_frequency"))?,
            },
            "language:response_language" => {
                let language = kwargs.language.as_deref().and_then(Language::from_code);
                let wants = "the ISO 639-1 code of a language that can be told, see the README";
                Self::ResponseLanguage { language: language.ok_or(wanted("language", wants))? }
            }
            "length_constraints:number_paragraphs" => {
                Self::NumberParagraphs { count: count(kwargs.num_paragraphs, "num_paragraphs")? }
            }
            "length_constraints:number_words" => Self::NumberWords {
                bound: bound(kwargs.relation, kwargs.num_words, ("relation", "num_words"))?,
            },
            "length_constraints:number_sentences" => Self::NumberSentences {
                bound: bound(kwargs.relation, kwargs.num_sentences, ("relation", "num_sentences"))?,
            },
            "length_constraints:nth_paragraph_first_word" => {
                let paragraphs = count(kwargs.num_paragraphs, "num_paragraphs")?;
                let nth = count(kwargs.nth_paragraph, "nth_paragraph")?;
                if !(1..=paragraphs).contains(&nth) {
                    return Err(wanted("nth_paragraph", "a number from 1 to `num_paragraphs`"));
                }
                let word = text(kwargs.first_word, "first_word")?.to_lowercase();
                Self::NthParagraphFirstWord { paragraphs, nth, word }
            }
            "detectable_content:number_placeholders" => {
                Self::NumberPlaceholders { least: count(kwargs.num_placeholders, "num_placeholders")? }
            }
            "detectable_content:postscript" => {
                Self::Postscript { marker: text(kwargs.postscript_marker, "postscript_marker")? }
            }
            "detectable_format:number_bullet_lists" => {
                Self::NumberBulletLists { count: count(kwargs.num_bullets, "num_bullets")? }
            }
            "detectable_format:constrained_response" => Self::ConstrainedResponse,
            "detectable_format:number_highlighted_sections" => {
                Self::NumberHighlightedSections { least: count(kwargs.num_highlights, "num_highlights")? }
            }
            "detectable_format:multiple_sections" => Self::MultipleSections {
                splitter: text(kwargs.section_spliter, "section_spliter")?,
                least: count(kwargs.num_sections, "num_sections")?,
            },
            "detectable_format:json_format" => Self::JsonFormat,
            "detectable_format:title" => Self::Title,
            "combination:two_responses" => Self::TwoResponses,
            "combination:repeat_prompt" => {
                Self::RepeatPrompt { prompt: text(kwargs.prompt_to_repeat, "prompt_to_repeat")? }
            }
            "startend:end_checker" => Self::EndChecker { phrase: text(kwargs.end_phrase, "end_phrase")? },
            "change_case:capital_word_frequency" => {
                let names = ("capital_relation", "capital_frequency");
                Self::CapitalWordFrequency {
                    bound: bound(kwargs.capital_relation, kwargs.capital_frequency, names)?,
                }
            }
            "change_case:english_capital" => Self::EnglishCapital,
            "change_case:english_lowercase" => Self::EnglishLowercase,
            "punctuation:no_comma" => Self::NoComma,
            "startend:quotation" => Self::Quotation,
            _ => return Err(NoInstruction::Unknown { id: id.to_owned() }),
        })
    }

    /// The identifier of its kind.
    pub(crate) fn id(&self) -> &'static str {
        match self {
            Self::Existence { .. } => "keywords:existence",
            Self::Frequency { .. } => "keywords:frequency",
            Self::ForbiddenWords { .. } => "keywords:forbidden_words",
            Self::LetterFrequency { .. } => "keywords:letter_frequency",
            Self::ResponseLanguage { .. } => "language:response_language",
            Self::NumberParagraphs { .. } => "length_constraints:number_paragraphs",
            Self::NumberWords { .. } => "length_constraints:number_words",
            Self::NumberSentences { .. } => "length_constraints:number_sentences",
            Self::NthParagraphFirstWord { .. } => "length_constraints:nth_paragraph_first_word",
            Self::NumberPlaceholders { .. } => "detectable_content:number_placeholders",
            Self::Postscript { .. } => "detectable_content:postscript",
            Self::NumberBulletLists { .. } => "detectable_format:number_bullet_lists",
            Self::ConstrainedResponse => "detectable_format:constrained_response",
            Self::NumberHighlightedSections { .. } => "detectable_format:number_highlighted_sections",
            Self::MultipleSections { .. } => "detectable_format:multiple_sections",
            Self::JsonFormat => "detectable_format:json_format",
            Self::Title => "detectable_format:title",
            Self::TwoResponses => "combination:two_responses",
            Self::RepeatPrompt { .. } => "combination:repeat_prompt",
            Self::EndChecker { .. } => "startend:end_checker",
            Self::CapitalWordFrequency { .. } => "change_case:capital_word_frequency",
            Self::EnglishCapital => "change_case:english_capital",
            Self::EnglishLowercase => "change_case:english_lowercase",
            Self::NoComma => "punctuation:no_comma",
            Self::Quotation => "startend:quotation",
        }
    }
}

/// The text's one character, in lower case.
fn only_char(text: Option<&str>) -> Option<char> {
    let lower = text?.trim().to_lowercase();
    let mut chars = lower.chars();
    chars.next().filter(|_| chars.next().is_none())
}

/// A whole number that is not negative; `300.0` is one, since data frames turn columns with gaps into floats, and so is
/// `"300"`, as sets of text have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count(usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CountVisitor;

        impl Visitor<'_> for CountVisitor {
            type Value = Count;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a whole number that is not negative")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Count, E> {
                usize::try_from(value)
                    .map(Count)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &self))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Count, E> {
                let number = value.parse::<u32>().ok();
                number
                    .map(|it| Count(it as usize))
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(value), &self))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Count, E> {
                const LARGEST: f64 = 4_294_967_295.0;
                if value.fract() == 0.0 && (0.0..=LARGEST).contains(&value) {
                    Ok(Count(value as usize))
                } else {
                    Err(E::invalid_value(de::Unexpected::Float(value), &self))
                }
            }
        }

        deserializer.deserialize_any(CountVisitor)
    }
}
