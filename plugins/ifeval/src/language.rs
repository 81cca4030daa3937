//! Tells the language of a text.
//!
//! whatlang knows 71 languages by their script, alphabet and trigrams. Where it is not sure of a text in Latin letters,
//! whichlang, which knows sixteen, errs less on a few words. Both have static tables. Three languages that IFEval and
//! langdetect know and these do not, Swahili among them, are told by their most frequent words.

use whatlang::{Lang, Script};

/// A language that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Language {
    /// ISO 639-1.
    pub(crate) code: &'static str,
}

/// ISO 639-1 codes of what whatlang knows.
const LANGUAGES: &[(&str, Lang)] = &[
    ("af", Lang::Afr),
    ("ak", Lang::Aka),
    ("am", Lang::Amh),
    ("ar", Lang::Ara),
    ("az", Lang::Aze),
    ("be", Lang::Bel),
    ("bg", Lang::Bul),
    ("bn", Lang::Ben),
    ("ca", Lang::Cat),
    ("cs", Lang::Ces),
    ("cy", Lang::Cym),
    ("da", Lang::Dan),
    ("de", Lang::Deu),
    ("el", Lang::Ell),
    ("en", Lang::Eng),
    ("eo", Lang::Epo),
    ("es", Lang::Spa),
    ("et", Lang::Est),
    ("fa", Lang::Pes),
    ("fi", Lang::Fin),
    ("fr", Lang::Fra),
    ("gu", Lang::Guj),
    ("he", Lang::Heb),
    ("hi", Lang::Hin),
    ("hr", Lang::Hrv),
    ("hu", Lang::Hun),
    ("hy", Lang::Hye),
    ("id", Lang::Ind),
    ("it", Lang::Ita),
    ("ja", Lang::Jpn),
    ("jv", Lang::Jav),
    ("ka", Lang::Kat),
    ("km", Lang::Khm),
    ("kn", Lang::Kan),
    ("ko", Lang::Kor),
    ("la", Lang::Lat),
    ("lt", Lang::Lit),
    ("lv", Lang::Lav),
    ("mk", Lang::Mkd),
    ("ml", Lang::Mal),
    ("mr", Lang::Mar),
    ("my", Lang::Mya),
    ("ne", Lang::Nep),
    ("nl", Lang::Nld),
    ("no", Lang::Nob),
    ("or", Lang::Ori),
    ("pa", Lang::Pan),
    ("pl", Lang::Pol),
    ("pt", Lang::Por),
    ("ro", Lang::Ron),
    ("ru", Lang::Rus),
    ("si", Lang::Sin),
    ("sk", Lang::Slk),
    ("sl", Lang::Slv),
    ("sn", Lang::Sna),
    ("sr", Lang::Srp),
    ("sv", Lang::Swe),
    ("ta", Lang::Tam),
    ("te", Lang::Tel),
    ("th", Lang::Tha),
    ("tk", Lang::Tuk),
    ("tl", Lang::Tgl),
    ("tr", Lang::Tur),
    ("uk", Lang::Ukr),
    ("ur", Lang::Urd),
    ("uz", Lang::Uzb),
    ("vi", Lang::Vie),
    ("yi", Lang::Yid),
    ("zh", Lang::Cmn),
    ("zu", Lang::Zul),
];

/// What whatlang does not know: the code and the most frequent words, none of them frequent in another language here.
const BY_WORDS: &[(&str, &[&str])] = &[
    ("so", &["waxaa", "waxay", "iyo", "oo", "uu", "ku", "ka", "ayaa", "ee", "ah", "waa", "inuu", "si"]),
    ("sq", &["dhe", "të", "në", "që", "një", "për", "është", "nga", "si", "me", "së", "dhënë", "janë"]),
    (
        "sw",
        &["na", "ya", "wa", "kwa", "ni", "katika", "za", "la", "cha", "hii", "kama", "kuwa", "hiyo", "yako"],
    ),
];

/// The share of words that has to be frequent words of a language, in percent; in running text it is about 25.
const SHARE: usize = 15;

/// So many characters are read, the first ones, as langdetect does.
const LONGEST: usize = 10_000;

/// Of fewer letters, such as `YES`, no language can be excluded.
const FEWEST_LETTERS: usize = 20;

impl Language {
    pub(crate) const ENGLISH: Self = Self { code: "en" };

    /// The language with this ISO 639-1 code; langdetect's `zh-cn` and `zh-tw` are `zh`, `nb` is `no`.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        let code = match code {
            "zh-cn" | "zh-tw" => "zh",
            "nb" => "no",
            code => code,
        };
        let known = LANGUAGES.iter().map(|(code, _)| *code).chain(BY_WORDS.iter().map(|(code, _)| *code));
        known.into_iter().find(|known| *known == code).map(|code| Self { code })
    }

    /// Whether the text is English for all that can be told: nothing tells another language without doubt.
    pub(crate) fn may_be_english(text: &str) -> bool {
        let text = start(text);
        if text.chars().filter(|c| c.is_alphabetic()).count() < FEWEST_LETTERS {
            return true;
        }
        let Some(guess) = whatlang::detect(text) else { return true };
        let doubtful = guess.lang() == Lang::Eng || !guess.is_reliable() || by_whichlang(text) == "en";
        guess.script() == Script::Latin && doubtful && by_frequent_words(text).is_none()
    }

    /// The language that most of the text is in; `None` when there is nothing to tell it from.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let text = start(text);
        let guess = whatlang::detect(text)?;
        let latin = guess.script() == Script::Latin;
        if latin
            && guess.lang() != Lang::Eng
            && let Some(code) = by_frequent_words(text)
        {
            return Some(Self { code });
        }
        if latin && !guess.is_reliable() {
            return Some(Self { code: by_whichlang(text) });
        }
        LANGUAGES.iter().find(|(_, known)| *known == guess.lang()).map(|(code, _)| Self { code })
    }
}

/// The text's first [`LONGEST`] characters.
fn start(text: &str) -> &str {
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end])
}

/// The language whose most frequent words make up enough of the text.
fn by_frequent_words(text: &str) -> Option<&'static str> {
    let words = || text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let total = words().count();
    let is_frequent =
        |frequent: &[&str]| words().filter(|word| frequent.contains(&&*word.to_lowercase())).count();
    let counts = BY_WORDS.iter().map(|(code, frequent)| (*code, is_frequent(frequent)));
    let (code, most) = counts.max_by_key(|(_, count)| *count)?;
    (most * 100 >= total * SHARE).then_some(code)
}

/// The most likely of whichlang's sixteen languages.
fn by_whichlang(text: &str) -> &'static str {
    use whichlang::Lang;
    match whichlang::detect_language(text) {
        Lang::Ara => "ar",
        Lang::Cmn => "zh",
        Lang::Deu => "de",
        Lang::Eng => "en",
        Lang::Fra => "fr",
        Lang::Hin => "hi",
        Lang::Ita => "it",
        Lang::Jpn => "ja",
        Lang::Kor => "ko",
        Lang::Nld => "nl",
        Lang::Por => "pt",
        Lang::Rus => "ru",
        Lang::Spa => "es",
        Lang::Swe => "sv",
        Lang::Tur => "tr",
        Lang::Vie => "vi",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_told() {
        for (text, code) in [
            ("The quick brown fox jumps over the lazy dog near the river bank.", "en"),
            ("THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG NEAR THE RIVER BANK.", "en"),
            ("Der schnelle braune Fuchs springt über den faulen Hund am Flussufer.", "de"),
            ("यह एक परीक्षण वाक्य है जो हिंदी में लिखा गया है।", "hi"),
            ("हे एक चाचणी वाक्य आहे जे मराठीत लिहिले आहे.", "mr"),
            ("Hii ni sentensi ya majaribio kwa lugha ya Kiswahili, na ni nzuri kwa watu wa Kenya.", "sw"),
            ("Kjo është një fjali provë në gjuhën shqipe dhe është shkruar për të testuar.", "sq"),
            ("这是一个测试句子。", "zh"),
        ] {
            assert_eq!(Language::of(text).map(|language| language.code), Some(code), "{text}");
        }
    }

    #[test]
    fn of_digits_nothing_is_told() {
        assert_eq!(Language::of("12345 67"), None);
    }

    #[test]
    fn unknown_codes_are_refused() {
        assert_eq!(Language::from_code("xx"), None);
        assert_eq!(Language::from_code("zh-cn"), Language::from_code("zh"));
    }
}
