//! Commands of LaTeX in a text: those that lay out, those with an argument, and what a backslash escapes.

use super::meaning::{Meaning, meaning};
use super::unicode::set_named;
use super::{Kind, Reader};

impl<'a> Reader<'a> {
    /// Reads the command that comes next.
    pub(super) fn command(&mut self) {
        let rest = self.rest();
        let name_length = rest[1..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let name = &rest[1..1 + name_length];
        let after = 1 + name_length;
        if name.is_empty() {
            return self.escape();
        }
        if matches!(name, "left" | "right") && rest[after..].trim_start().starts_with('.') {
            self.at += rest.len() - rest[after..].trim_start().len() + 1;
            return;
        }
        match meaning(name) {
            Some(Meaning::Layout) => self.layout(name, after),
            Some(Meaning::Text) => self.text_argument(after),
            Some(Meaning::Space) => self.space(after),
            Some(Meaning::Operator) => self.operator(after),
            Some(Meaning::IdleArgument) => {
                self.space(after + argument(&rest[after..]).map_or(0, |(_, length)| length));
            }
            Some(Meaning::Blackboard) => self.blackboard(after),
            Some(Meaning::Environment) => self.environment(name, after),
            Some(Meaning::Sign(sign)) => self.sign(after, sign),
            Some(Meaning::Alias(other)) => self.named(after, other),
            None => self.other_command(name, after),
        }
    }

    /// A command that is read under its own name, or one whose name another word was written onto: `\quadx`.
    fn other_command(&mut self, name: &'a str, length: usize) {
        if name == "mu" {
            return self.mu(length);
        }
        // `\not=`
        let denied = self.rest()[length..].trim_start();
        if name == "not" && denied.starts_with('=') {
            let length = self.rest().len() - denied.len() + 1;
            return self.sign(length, '≠');
        }
        match ["qquad", "quad"].iter().find(|space| name.starts_with(**space)) {
            Some(space) => self.space(1 + space.len()),
            None => self.named(length, name),
        }
    }

    /// `\mu`, which is a prefix of the unit that follows, behind a number.
    pub(super) fn mu(&mut self, length: usize) {
        let unit = if self.after_number() { micro(&self.rest()[length..]) } else { None };
        match unit {
            Some((unit, taken)) => {
                self.at += length + taken;
                self.push(Kind::Text(unit));
            }
            None => self.named(length, "mu"),
        }
    }

    /// A command that lays out. In bold or with a hat, i, j and k are unit vectors, and R is the set.
    fn layout(&mut self, name: &str, length: usize) {
        self.at += length;
        let bold = matches!(name, "mathbf" | "boldsymbol" | "bm" | "bold");
        if !bold && !matches!(name, "hat" | "vec") {
            return;
        }
        let Some((inner, length)) = argument(self.rest()) else { return };
        let command = match inner.trim() {
            "i" | "\\imath" => "unit i",
            "j" | "\\jmath" => "unit j",
            "k" => "unit k",
            "R" if bold => "Reals",
            _ => return,
        };
        self.at += length;
        self.push(Kind::Command(command));
    }

    fn named(&mut self, length: usize, name: &'a str) {
        self.at += length;
        self.push(Kind::Command(name));
    }

    /// A backslash before something that is no letter.
    fn escape(&mut self) {
        let rest = self.rest();
        let escaped = rest[1..].chars().next();
        let length = 1 + escaped.map_or(0, char::len_utf8);
        match escaped {
            // A row of its own is another equation; one that goes on with a sign is not.
            Some('\\') if self.aligned > 0 && self.tables == 0 && !starts_command(&rest[2..]) => {
                self.at += length;
                let next = self.rest().trim_start();
                if next.starts_with(['&', '=']) || next.starts_with("\\end") || next.is_empty() {
                    self.spaced = true;
                } else {
                    self.push(Kind::Sign(','));
                }
            }
            // A doubled backslash before a letter is a command that was escaped once too often.
            Some('\\')
                if self.tables == 0
                    && rest[2..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '\\') =>
            {
                self.at += 1;
            }
            // In a matrix two backslashes end a row, but before the name of a command they are one too many.
            Some('\\') if self.tables > 0 && starts_command(&rest[2..]) => self.at += 1,
            Some('\\') if self.tables > 0 => {
                self.at += length;
                let spacing = self.rest().strip_prefix('[').and_then(|rest| rest.split_once(']'));
                if let Some((spacing, _)) = spacing.filter(|(spacing, _)| {
                    ["pt", "em", "ex", "cm", "mm"].iter().any(|it| spacing.ends_with(it))
                }) {
                    self.at += spacing.len() + 2;
                }
                self.push(Kind::Sign('⏎'));
            }
            Some('!') => self.at += length,
            Some('(' | '[') => {
                self.in_text = false;
                self.space(length);
            }
            Some(')' | ']') => {
                self.in_text = self.text.contains("\\(") || self.dollars_delimit;
                self.space(length);
            }
            None => self.at += length,
            Some(',' | ';' | ':' | ' ' | '\\' | '\n' | '>') => self.space(length),
            Some('{') => self.sign(length, '⦃'),
            Some('}') => self.sign(length, '⦄'),
            Some('|') => self.sign(length, '‖'),
            Some('_' | '&' | '#') => self.space(length),
            Some(sign) => self.sign(length, sign),
        }
    }

    /// The argument of `\text`: its braces group, its words are text.
    fn text_argument(&mut self, length: usize) {
        self.at += length;
        let blanks = self.rest().len() - self.rest().trim_start().len();
        if self.rest()[blanks..].starts_with('{') && self.braced_text.is_none() {
            self.at += blanks + 1;
            self.braces += 1;
            self.braced_text = Some(self.braces);
            self.spaced = true;
        }
    }

    fn operator(&mut self, length: usize) {
        self.at += length;
        self.at += usize::from(self.rest().starts_with('*'));
        let Some((name, length)) = argument(self.rest()) else { return };
        self.at += length;
        let name = name.trim();
        let name = name
            .strip_prefix("\\text{")
            .or_else(|| name.strip_prefix("\\mathrm{"))
            .map_or(name, |it| it.trim_end_matches('}'));
        self.push(Kind::Command(name));
    }

    fn blackboard(&mut self, length: usize) {
        self.at += length;
        let rest = self.rest().trim_start();
        let (name, taken) = match argument(rest) {
            Some((name, taken)) => (name, taken),
            None => {
                let length = rest.chars().next().map_or(0, char::len_utf8);
                (&rest[..length], length)
            }
        };
        self.at += self.rest().len() - rest.len() + taken;
        self.push(Kind::Command(set_named(name.trim().chars().next().unwrap_or(' '))));
    }

    fn environment(&mut self, begin_or_end: &str, length: usize) {
        self.at += length;
        let Some((name, length)) = argument(self.rest()) else { return };
        self.at += length;
        let is_table = name.contains("matrix") || matches!(name, "array" | "cases");
        match (begin_or_end, is_table) {
            (_, false) => {
                self.spaced = true;
                if matches!(name, "aligned" | "align" | "align*" | "gathered" | "split") {
                    let opens = begin_or_end == "begin";
                    self.aligned = if opens { self.aligned + 1 } else { self.aligned.saturating_sub(1) };
                }
            }
            ("begin", true) => {
                if name == "array" {
                    self.at += argument(self.rest()).map_or(0, |(_, length)| length);
                }
                self.tables += 1;
                self.push(Kind::Begin(name));
            }
            _ => {
                self.tables = self.tables.saturating_sub(1);
                self.push(Kind::End);
            }
        }
    }
}

/// The unit whose prefix a `\mu` is, given what follows it, and how long that is: `5\,\mu m`, `5\mu\text{m}`.
fn micro(text: &str) -> Option<(&'static str, usize)> {
    const UNITS: [(char, &str); 9] = [
        ('m', "μm"),
        ('g', "μg"),
        ('s', "μs"),
        ('L', "μL"),
        ('l', "μl"),
        ('F', "μF"),
        ('C', "μC"),
        ('A', "μA"),
        ('V', "μV"),
    ];
    let rest = text.trim_start();
    let body = ["\\text{", "\\mathrm{", "\\textrm{"].iter().find_map(|open| rest.strip_prefix(open));
    let letter = body.unwrap_or(rest).chars().next()?;
    let behind = &body.unwrap_or(rest)[letter.len_utf8()..];
    let unit = UNITS.iter().find(|(it, _)| *it == letter)?.1;
    match body {
        Some(_) => behind.strip_prefix('}').map(|behind| (unit, text.len() - behind.len())),
        None => {
            let ends = !behind.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '('));
            ends.then_some((unit, text.len() - behind.len()))
        }
    }
}

/// Whether a text starts with the name of a command that stands in matrices.
fn starts_command(text: &str) -> bool {
    const NAMES: [&str; 28] = [
        "frac", "dfrac", "tfrac", "sqrt", "pi", "cdot", "times", "text", "mathrm", "mathbf", "left", "right",
        "end", "theta", "alpha", "beta", "lambda", "mu", "sigma", "omega", "phi", "infty", "sin", "cos",
        "tan", "ln", "log", "vdots",
    ];
    let name = &text[..text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len())];
    NAMES.contains(&name)
}

/// What stands in the braces that `text` starts with, and how many bytes they take together.
fn argument(text: &str) -> Option<(&str, usize)> {
    let trimmed = text.trim_start();
    let (content, _) = trimmed.strip_prefix('{')?.split_once('}')?;
    // `\operatorname{\text{lcm}}` has one more.
    let nested = usize::from(content.contains('{') && trimmed[content.len() + 2..].starts_with('}'));
    Some((&trimmed[1..1 + content.len() + nested], text.len() - trimmed.len() + content.len() + 2 + nested))
}
