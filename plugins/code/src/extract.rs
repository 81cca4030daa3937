//! Finds the program in a completion.

use std::collections::BTreeSet;

use crate::asserts::defines;
use crate::harness::free_names;
use crate::options::{Block, Language, Options};

/// A fenced block of Markdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fenced {
    /// The language that its first line names, in lower case; empty where it names none.
    pub(crate) tag: String,
    pub(crate) text: String,
}

/// The program of a completion; `None` where there is none.
///
/// Thinking does not count: where there is a `</think>`, only what follows the last one is looked at, and a `<think>`
/// that does not end is no program. A completion without any fence is a program as it is; one with fences, none of
/// which has a fitting tag, has no program. Of several blocks the last is chosen that defines one of the `wanted`
/// names, which the tests call; others show how it is used.
pub(crate) fn program(
    prompt: &str,
    completion: &str,
    wanted: &dyn Fn() -> Vec<String>,
    options: &Options,
) -> Option<String> {
    if options.block == Block::Whole {
        return Some(completion.to_owned());
    }
    let answer = match completion.rsplit_once("</think>") {
        Some((_, answer)) => answer,
        None if completion.trim_start().starts_with("<think>") => return None,
        None => completion,
    };
    // The prompt may have opened the block that the completion closes.
    if let Some(begun) = begun(prompt, answer) {
        return Some(begun.to_owned()).filter(|begun| !begun.trim().is_empty());
    }
    let mut blocks = blocks(answer);
    if blocks.is_empty() {
        return Some(answer.to_owned()).filter(|answer| !answer.trim().is_empty());
    }
    // One that is opened and left, as where the completion was cut.
    if blocks.iter().any(|block| !block.text.trim().is_empty()) {
        blocks.retain(|block| !block.text.trim().is_empty());
    }
    let chosen = choose(blocks, options);
    let text = match options.block {
        Block::First => chosen.into_iter().next()?.text,
        Block::Longest => chosen.into_iter().max_by_key(|block| block.text.len())?.text,
        Block::All if chosen.is_empty() => return None,
        Block::All => chosen.into_iter().map(|block| block.text).collect(),
        Block::Last | Block::Whole => {
            let wanted = if chosen.len() > 1 { wanted() } else { Vec::new() };
            let defining =
                chosen.iter().rposition(|block| wanted.iter().any(|name| defines(&block.text, name)));
            let index = defining.or(chosen.len().checked_sub(1))?;
            spread(&chosen, index, &wanted, options.language)
        }
    };
    Some(text)
}

/// The program in a block, with those around it that bring what it uses, or the tests call, and it does not define:
/// imports, functions, classes and constants. A block that does something besides, such as an example of how it is
/// used, is none of the program, nor is one behind it that defines something anew.
fn spread(blocks: &[Fenced], index: usize, wanted: &[String], language: Language) -> String {
    let mut program = blocks[index].text.clone();
    if language != Language::Python {
        return program;
    }
    let lacks = |program: &str, block: &str| {
        let (used, bound) = (free_names(program), names_bound(program));
        let is_used = |name: &&str| used.contains(*name) || wanted.iter().any(|wanted| wanted == name);
        names_bound(block).iter().any(|name| is_used(name) && !bound.contains(name))
    };
    for Fenced { text, .. } in blocks[..index].iter().rev().take(MOST_PARTS) {
        if only_defines(text) && lacks(&program, text) {
            program = format!("{}\n{program}", text.trim_end());
        }
    }
    for Fenced { text, .. } in blocks[index + 1..].iter().take(MOST_PARTS) {
        if only_defines(text)
            && lacks(&program, text)
            && names_bound(text).is_disjoint(&names_bound(&program))
        {
            program = format!("{}\n{}", program.trim_end(), text);
        }
    }
    program
}

/// Blocks before and behind that of the program which are looked at.
const MOST_PARTS: usize = 16;

/// Whether every line that is not indented starts a definition or an import, or belongs to one.
fn only_defines(text: &str) -> bool {
    const STARTS: [&str; 10] = ["import ", "from ", "def ", "async def ", "class ", "@", "#", ")", "]", "}"];
    text.lines().all(|line| {
        line.trim().is_empty()
            || line.starts_with([' ', '\t'])
            || STARTS.iter().any(|start| line.starts_with(start))
            || is_constant(line)
    })
}

/// Whether a line gives a name a value without calling anything.
fn is_constant(line: &str) -> bool {
    let name = line.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
    let rest = line[name.len()..].trim_start();
    !name.is_empty() && rest.starts_with('=') && !rest.starts_with("==") && !rest.contains('(')
}

/// The names that a block imports, defines or assigns to at its outermost level.
fn names_bound(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut names = BTreeSet::new();
    for line in text.lines() {
        let imported = line
            .strip_prefix("import ")
            .or_else(|| line.strip_prefix("from ")?.split_once(" import ").map(|(_, names)| names));
        let defined = ["def ", "async def ", "class "].iter().find_map(|word| line.strip_prefix(word));
        if let Some(imported) = imported {
            for part in imported.split([',', '(', ')', ';']) {
                let name = part.rsplit(" as ").next().unwrap_or(part).trim();
                names.insert(name.split('.').next().unwrap_or(name));
            }
        } else if let Some(defined) = defined {
            names.insert(defined.split(|c| !is_part(c)).next().unwrap_or_default());
        } else {
            let end = line.find(|c| !is_part(c)).unwrap_or(line.len());
            if line[end..].trim_start().starts_with(['=', ':']) {
                names.insert(&line[..end]);
            }
        }
    }
    names.remove("");
    names
}

/// What stands before the fence that closes a block which the prompt opened: its last fence is open, or the
/// completion has one fence, bare, with nothing behind it.
fn begun<'a>(prompt: &str, answer: &'a str) -> Option<&'a str> {
    let fences = |text: &'a str| {
        text.split_inclusive('\n').scan(0, |offset, line| {
            let start = *offset;
            *offset += line.len();
            Some((start, *offset, Fence::of(line)))
        })
    };
    let (start, end, first) = fences(answer).find_map(|(start, end, fence)| Some((start, end, fence?)))?;
    let bare = first.info.is_empty() && !answer[..start].trim().is_empty();
    (bare && (is_open(prompt) || answer[end..].trim().is_empty())).then(|| &answer[..start])
}

/// Whether a text ends within a block that has just begun.
fn is_open(text: &str) -> bool {
    let mut open: Option<Fence<'_>> = None;
    for fence in text.lines().filter_map(Fence::of) {
        match &open {
            Some(opening) if fence.closes(opening) => open = None,
            Some(_) => {}
            None => open = Some(fence),
        }
    }
    open.is_some()
}

/// The blocks in the right language, or else those that name none.
fn choose(blocks: Vec<Fenced>, options: &Options) -> Vec<Fenced> {
    let tags: Vec<&str> = match (&options.fences, options.language) {
        (Some(tags), _) => tags.iter().map(String::as_str).collect(),
        (None, Language::Python) => {
            vec!["python", "py", "python3", "py3", "python-repl", "pycon", "ipython", "ipython3"]
        }
        (None, Language::Javascript) => vec!["javascript", "js", "node"],
    };
    let tagged = |block: &Fenced| !block.tag.is_empty() && tags.contains(&block.tag.as_str());
    if blocks.iter().any(tagged) {
        blocks.into_iter().filter(tagged).collect()
    } else {
        blocks.into_iter().filter(|block| block.tag.is_empty()).collect()
    }
}

/// The fenced blocks of a text, in order. One that is not closed reaches to the end: the completion was cut.
///
/// Like CommonMark, but a fence may be indented as far as it likes, since models indent whole lists of steps. One that
/// is indented by four more than its block is no end of it where another follows that is not: a docstring has it.
pub(crate) fn blocks(text: &str) -> Vec<Fenced> {
    let mut blocks = Vec::new();
    let mut open: Option<(Fence<'_>, Fenced)> = None;
    let mut rest = text;
    for line in text.split_inclusive('\n') {
        rest = &rest[line.len()..];
        let fence = Fence::of(line);
        match (&mut open, fence) {
            (None, Some(fence)) => {
                let block = Fenced { tag: tag(fence.info), text: String::new() };
                open = Some((fence, block));
            }
            (Some((opening, _)), Some(fence))
                if fence.closes(opening) && !(fence.is_deep(opening) && is_closed_later(rest, opening)) =>
            {
                blocks.extend(open.take().map(finished));
            }
            (Some((opening, block)), _) => block.text.push_str(without_indent(line, opening.indent)),
            (None, None) => {}
        }
    }
    if let Some((opening, mut block)) = open {
        cut_at_inner_fence(&mut block, &opening);
        blocks.push(finished((opening, block)));
    }
    blocks
}

/// Whether the first fence that is not indented deep into a block is one that ends it.
fn is_closed_later(rest: &str, opening: &Fence<'_>) -> bool {
    let mut fences = rest.lines().filter_map(Fence::of);
    fences.find(|fence| !fence.is_deep(opening)).is_some_and(|fence| fence.closes(opening))
}

/// A block that was not closed on a line of its own may be at the end of one: `print(1)` and three backticks.
fn cut_at_inner_fence(block: &mut Fenced, opening: &Fence<'_>) {
    let fence: String = std::iter::repeat_n(opening.mark, opening.length).collect();
    let mut end = 0;
    for line in block.text.split_inclusive('\n') {
        if let Some(code) = line.trim_end().strip_suffix(&fence) {
            block.text.truncate(end + code.len());
            return;
        }
        end += line.len();
    }
}

/// The code of an interactive session: what stands behind its prompts.
fn without_prompts(session: &str) -> Option<String> {
    let first = session.lines().find(|line| !line.trim().is_empty())?;
    if !first.starts_with(">>> ") {
        return None;
    }
    let typed = session.lines().filter_map(|line| match line.get(..4) {
        Some(">>> " | "... ") => Some(&line[4..]),
        _ => matches!(line.trim_end(), ">>>" | "...").then_some(""),
    });
    Some(typed.map(|line| format!("{line}\n")).collect())
}

/// A block with nothing in it may have its code on the line of its fence.
fn finished((opening, mut block): (Fence<'_>, Fenced)) -> Fenced {
    if let Some(code) = without_prompts(&block.text) {
        block.text = code;
    }
    let code = opening.info.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim());
    let attributes = code.starts_with('{') || code.contains('=') && !code.contains([' ', '(']);
    if block.text.trim().is_empty() && !code.is_empty() && !attributes {
        block.text = format!("{code}\n");
    }
    block
}

/// A line of three or more backticks or tildes.
struct Fence<'a> {
    indent: usize,
    mark: char,
    length: usize,
    info: &'a str,
}

impl<'a> Fence<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let start = line.trim_start_matches([' ', '\t']);
        let mark = start.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let info = start.trim_start_matches(mark);
        let length = start.len() - info.len();
        let info = info.trim();
        // Backticks within the line are code in a sentence.
        let fence = length >= 3 && !(mark == '`' && info.contains('`'));
        fence.then_some(Self { indent: line.len() - start.len(), mark, length, info })
    }

    /// Whether it is indented so far that it is text of a block rather than its end.
    fn is_deep(&self, opening: &Self) -> bool {
        self.indent >= opening.indent + 4
    }

    fn closes(&self, opening: &Self) -> bool {
        self.mark == opening.mark && self.length >= opening.length && self.info.is_empty()
    }
}

/// The first word of an info string, without the attributes that some renderers write.
fn tag(info: &str) -> String {
    let word = info.trim_start_matches(['{', '.', ' ']);
    let end = word.find(|c: char| !(c.is_alphanumeric() || "+#-_".contains(c))).unwrap_or(word.len());
    word[..end].to_ascii_lowercase()
}

/// Takes away as much white space as stood before the opening fence.
fn without_indent(line: &str, indent: usize) -> &str {
    let blank = line.bytes().take(indent).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &line[blank..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extracted(completion: &str) -> Option<String> {
        program("", completion, &Vec::new, &Options::default())
    }

    #[test]
    fn the_last_block_in_the_language_is_the_program() {
        let completion =
            "First:\n```python\na = 1\n```\nBetter:\n```Python3\na = 2\n```\nIt prints\n```text\n2\n```\n";
        assert_eq!(extracted(completion).as_deref(), Some("a = 2\n"));
        assert_eq!(extracted("```\na\n```\n```\nb\n```").as_deref(), Some("b\n"));
        assert_eq!(extracted("```cpp\nint a;\n```"), None);
        assert_eq!(extracted("a = 1").as_deref(), Some("a = 1"));
        assert_eq!(extracted(" \n"), None);
    }

    #[test]
    fn options_choose_another_block() {
        let completion = "```py\nlonger = 1\n```\n```py\nb\n```";
        let with =
            |block| program("", completion, &Vec::new, &Options { block, ..Options::default() }).unwrap();
        assert_eq!(with(Block::First), "longer = 1\n");
        assert_eq!(with(Block::Longest), "longer = 1\n");
        assert_eq!(with(Block::All), "longer = 1\nb\n");
        assert_eq!(with(Block::Whole), completion);
        let fences = Options { fences: Some(vec!["sage".to_owned()]), ..Options::default() };
        assert_eq!(
            program("", "```sage\na\n```\n```python\nb\n```", &Vec::new, &fences).as_deref(),
            Some("a\n")
        );
    }

    #[test]
    fn thinking_is_no_answer() {
        let completion = "<think>\n```python\nwrong\n```\n</think>\n```python\nright\n```";
        assert_eq!(extracted(completion).as_deref(), Some("right\n"));
        assert_eq!(extracted("<think>```python\nwrong\n```</think>\n"), None);
    }

    #[test]
    fn a_fence_is_closed_by_its_like_or_by_the_end() {
        assert_eq!(extracted("````python\n```\na\n```\n````").as_deref(), Some("```\na\n```\n"));
        assert_eq!(extracted("~~~python\n```\n~~~").as_deref(), Some("```\n"));
        assert_eq!(extracted("```python\na = 1\nb =").as_deref(), Some("a = 1\nb ="));
        assert_eq!(
            extracted("1. So:\n     ```python\n     if a:\n         b\n     ```").as_deref(),
            Some("if a:\n    b\n")
        );
    }

    #[test]
    fn a_block_may_begin_in_the_prompt() {
        let extracted = |prompt, completion| program(prompt, completion, &Vec::new, &Options::default());
        assert_eq!(extracted("Go:\n```python\n", "a\n```\nSo it is.\n").as_deref(), Some("a\n"));
        assert_eq!(extracted("", "a\n```\n").as_deref(), Some("a\n"));
        assert_eq!(extracted("", "a\n```").as_deref(), Some("a\n"));
        assert_eq!(extracted("```py\nx\n```\n", "So:\n```\nb\n```\n").as_deref(), Some("b\n"));
        assert_eq!(extracted("", "So:\n```\nb\n").as_deref(), Some("b\n"));
        assert_eq!(extracted("```python\n", "```python\nb\n```\n").as_deref(), Some("b\n"));
    }

    #[test]
    fn a_block_that_shows_how_it_is_used_is_not_the_program() {
        let completion = "```python\ndef add(a): pass\n```\nUse:\n```python\nprint(add(1))\n```\n";
        let chosen = |wanted: &[&str]| {
            let wanted = || -> Vec<String> { wanted.iter().map(ToString::to_string).collect() };
            program("", completion, &wanted, &Options::default()).unwrap()
        };
        assert_eq!(chosen(&["add"]), "def add(a): pass\n");
        // A program that reads and prints is spread over both.
        assert_eq!(chosen(&[]), "def add(a): pass\nprint(add(1))\n");
    }

    #[test]
    fn a_program_may_be_spread_over_blocks() {
        let of = |blocks: &[&str]| {
            let blocks: String =
                blocks.iter().map(|block| format!("So:\n```python\n{block}\n```\n")).collect();
            program("", &blocks, &|| vec!["f".to_owned()], &Options::default()).unwrap()
        };
        assert_eq!(
            of(&["import math", "def f(x):\n    return math.sqrt(x)"]),
            "import math\ndef f(x):\n    return math.sqrt(x)\n"
        );
        assert_eq!(
            of(&["from a import (b as c, d)", "def g(): pass", "def f(): return c(g)"]),
            "from a import (b as c, d)\ndef g(): pass\ndef f(): return c(g)\n"
        );
        assert_eq!(
            of(&["def g(): return h()", "def h(): pass", "def f(): return g()", "print(f())"]),
            "def g(): return h()\ndef f(): return g()\n"
        );
        for first in ["def f(): pass", "def g(): pass\nprint(g())", "def h(): pass", "g = 1", "h = g()"] {
            assert_eq!(of(&[first, "def f(): return g\ng = 2"]), "def f(): return g\ng = 2\n", "{first}");
        }
    }

    #[test]
    fn odd_blocks_are_read() {
        assert_eq!(extracted("```python\na\n```\n```python\n").as_deref(), Some("a\n"));
        assert_eq!(extracted("```python print(1)\n```").as_deref(), Some("print(1)\n"));
        assert_eq!(extracted("```python title=\"a.py\"\nb\n```").as_deref(), Some("b\n"));
        assert_eq!(extracted("```python-repl\na\n```").as_deref(), Some("a\n"));
        assert_eq!(extracted("```python\nprint(1)```\nIt prints 1.").as_deref(), Some("print(1)"));
        assert_eq!(
            extracted("```pycon\n>>> def f():\n...     return 1\n...\n>>> f()\n1\n```").as_deref(),
            Some("def f():\n    return 1\n\nf()\n")
        );
    }

    #[test]
    fn hostile_fences_end() {
        for completion in ["`".repeat(100_000), "```\n".repeat(50_000), "```\u{301}\n```\u{301}".to_owned()] {
            _ = extracted(&completion);
        }
    }
}
