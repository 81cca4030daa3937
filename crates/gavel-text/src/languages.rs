//! How German, French, Spanish, Russian, Chinese and Japanese deny an answer, take it back, or correct it.
//!
//! Closed lists of what these languages say; English has its grammar in `disowned`, `withdrawn` and `correction`.

/// What follows an answer and takes it back: in its clause, or as the next sentence. In lower case.
const WITHDRAWALS: [&str; 102] = [
    // German
    "das ist falsch",
    "das war falsch",
    "das stimmt nicht",
    "stimmt nicht",
    "doch nicht",
    "quatsch",
    "nur spaß",
    "nur ein scherz",
    "kleiner scherz",
    "das war ein scherz",
    "war nur spaß",
    "ich nehme das zurück",
    "ich habe mich geirrt",
    "aber das stimmt nicht",
    "aber das ist falsch",
    "was falsch ist",
    "was nicht stimmt",
    "ist falsch",
    "reingelegt",
    "april, april",
    "glaubt niemand",
    // French
    "c'est faux",
    "c'est incorrect",
    "ce n'est pas vrai",
    "ce n'est pas correct",
    "ce qui est faux",
    "mais c'est faux",
    "je plaisante",
    "je rigole",
    "c'est une blague",
    "c'était une blague",
    "je me suis trompé",
    "je retire",
    "poisson d'avril",
    "est fausse",
    "est faux",
    // Spanish
    "eso es incorrecto",
    "eso es falso",
    "eso no es cierto",
    "esto es falso",
    "lo cual es falso",
    "lo que es falso",
    "pero es falso",
    "es broma",
    "era broma",
    "es una broma",
    "mentira",
    "me equivoqué",
    "está mal",
    "retiro lo dicho",
    "no es cierto",
    "es incorrecta",
    "es falsa",
    // Russian
    "шутка",
    "шучу",
    "это шутка",
    "это неверно",
    "это неправда",
    "это неправильно",
    "это не так",
    "неверно",
    "неправда",
    "я ошибся",
    "я ошиблась",
    "беру свои слова",
    "хотя нет",
    "что неверно",
    "с первым апреля",
    // Chinese
    "开玩笑",
    "開玩笑",
    "不对",
    "不對",
    "这是错",
    "這是錯",
    "错了",
    "錯了",
    "我说错",
    "撤回",
    "骗你",
    "騙你",
    "才怪",
    "这个答案不正确",
    "这个答案是错",
    "是错误的",
    "是錯誤的",
    "吗",
    "嗎",
    // Japanese
    "冗談",
    "間違い",
    "嘘です",
    "うそです",
    "違います",
    "違う",
    "撤回",
    "以外",
    "というのは誤り",
    "というのは嘘",
    "と思ったが",
    "だと思ったが",
    "と思いましたが",
    "だと思いましたが",
    "ではない",
];

/// Words that lead to another answer, behind which it stands. In lower case.
const CORRECTORS: [&str; 79] = [
    // German
    "nein",
    "korrektur",
    "vielmehr",
    "genauer gesagt",
    "besser gesagt",
    "ich meine",
    "ich meinte",
    "moment",
    "warte",
    "quatsch",
    "entschuldigung",
    "eigentlich ist es",
    "eigentlich",
    "oder doch",
    "oder",
    "es ist",
    // French
    "non",
    "plutôt",
    "ou plutôt",
    "correction",
    "pardon",
    "désolé",
    "en fait c'est",
    "en fait",
    "enfin",
    "je veux dire",
    "je voulais dire",
    "attendez",
    "attends",
    "ou",
    "c'est",
    // Spanish
    "no",
    "mejor dicho",
    "más bien",
    "corrección",
    "perdón",
    "en realidad es",
    "en realidad",
    "quiero decir",
    "quise decir",
    "espera",
    "o",
    "es",
    // Russian
    "нет",
    "точнее",
    "вернее",
    "исправление",
    "на самом деле",
    "стоп",
    "хотя",
    "извините",
    "или",
    "а именно",
    "правильный ответ",
    // Chinese
    "不",
    "更正",
    "修正",
    "其实是",
    "其實是",
    "其实",
    "应该是",
    "應該是",
    "应为",
    "等等",
    "不对",
    "错了",
    "或者",
    "或",
    "也可能是",
    "是",
    // Japanese
    "いや",
    "いいえ",
    "訂正",
    "やっぱり",
    "やはり",
    "すみません",
    "正しくは",
    "または",
    "もしくは",
];

/// What ends a clause before an answer and denies it. In lower case.
const DENIALS: [&str; 50] = [
    // German
    "ist nicht",
    "nicht",
    "keinesfalls",
    "keineswegs",
    "niemals",
    "alles andere als",
    "alles außer",
    "niemand glaubt, die antwort ist",
    // French
    "n'est pas",
    "pas",
    "jamais",
    "tout sauf",
    "ne saurait être",
    "mauvaise réponse est",
    // Spanish
    "no es",
    "jamás es",
    "nunca es",
    "cualquiera menos",
    "todo menos",
    "incorrecta es",
    "respuesta falsa es",
    // Russian
    "не",
    "кроме",
    "отнюдь не",
    "неправильный ответ",
    "неверный ответ",
    // Chinese
    "不是",
    "不一定是",
    "未必是",
    "不见得是",
    "不一定",
    "nunca é",
    "jamais é",
    "nu este",
    "并非",
    "並非",
    "绝不是",
    "絕不是",
    "除了",
    "没有人认为答案是",
    "沒有人認為答案是",
    "错误答案是",
    "錯誤答案是",
    "错误的答案是",
    "错误答案为",
    // Japanese
    "誤った答えは",
    "間違った答えは",
    "誤答は",
    "不正解は",
    "答えとして誤っているのは",
];

/// What a sentence before an announced answer says that nobody holds.
const NOBODY: [&str; 7] =
    ["niemand glaubt", "personne ne", "nadie cree", "никто не", "没有人", "沒有人", "誰も"];

/// Whether the clause or the sentence that a text starts with takes back what stands before it.
pub(crate) fn is_withdrawn(sentence: &str) -> bool {
    let sentence = sentence.trim_start_matches(|c: char| !c.is_alphanumeric());
    WITHDRAWALS.iter().any(|it| begins(sentence, it))
}

/// A word that leads to another answer, and what stands behind it.
pub(crate) fn corrector(text: &str) -> Option<(&'static str, &str)> {
    let longest = CORRECTORS.iter().filter(|it| begins(text, it)).max_by_key(|it| it.len());
    longest.map(|it| (*it, behind(text, it)))
}

/// Whether a clause that ends before an answer denies it.
pub(crate) fn is_denied(clause: &str) -> bool {
    /// The longest denial is shorter, in bytes.
    const LONGEST: usize = 50;
    let clause = clause.trim_end_matches(|c: char| !c.is_alphanumeric());
    let clause = crate::end_of(clause, LONGEST);
    DENIALS.iter().any(|it| ends(clause, it))
}

/// Whether a sentence that ends before an answer says that nobody holds it to be one.
pub(crate) fn is_held_by_nobody(sentence: &str) -> bool {
    let sentence = sentence.trim_start();
    NOBODY.iter().any(|it| begins(sentence, it))
}

/// Whether a text begins with a list's entry as words, whatever the case. Scripts without spaces have no words.
fn begins(text: &str, entry: &str) -> bool {
    // Most entries start with another letter, which is told by a byte.
    let Some(first) = text.bytes().next() else { return false };
    if first.is_ascii() && entry.as_bytes().first() != Some(&first.to_ascii_lowercase()) {
        return false;
    }
    let mut characters = text.chars();
    entry.chars().all(|wanted| characters.next().is_some_and(|found| is_same(found, wanted)))
        && (is_unspaced(entry) || !characters.as_str().starts_with(char::is_alphanumeric))
}

/// As [`begins`], for what a text ends with.
fn ends(text: &str, entry: &str) -> bool {
    let Some(last) = text.bytes().next_back() else { return false };
    if last.is_ascii() && entry.as_bytes().last() != Some(&last.to_ascii_lowercase()) {
        return false;
    }
    let mut characters = text.chars();
    entry.chars().rev().all(|wanted| characters.next_back().is_some_and(|found| is_same(found, wanted)))
        && (is_unspaced(entry) || !characters.as_str().ends_with(char::is_alphanumeric))
}

/// Whether a character is the one that a list has, in whatever case.
fn is_same(found: char, wanted: char) -> bool {
    found == wanted
        || found == '’' && wanted == '\''
        || !found.is_ascii() && found.to_lowercase().eq([wanted])
        || found.to_ascii_lowercase() == wanted
}

fn behind<'t>(text: &'t str, entry: &str) -> &'t str {
    let mut characters = text.chars();
    for _ in entry.chars() {
        characters.next();
    }
    characters.as_str()
}

/// Whether an entry is of Chinese or Japanese.
fn is_unspaced(entry: &str) -> bool {
    entry.chars().all(|c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}'))
}
