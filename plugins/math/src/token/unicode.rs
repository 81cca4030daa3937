//! What characters beyond ASCII stand for.

/// The command for a letter of `\mathbb`.
pub(super) fn set_named(letter: char) -> &'static str {
    match letter {
        'R' => "Reals",
        'Z' => "Integers",
        'N' => "Naturals",
        'Q' => "Rationals",
        'C' => "Complexes",
        'P' => "Pr",
        'E' => "Expectation",
        _ => "blackboard",
    }
}

/// The character of ASCII that a full-width one stands for.
pub(super) fn full_width(c: char) -> Option<char> {
    let code = u32::from(c);
    if (0xff01..=0xff5e).contains(&code) { char::from_u32(code - 0xfee0) } else { None }
}

/// Numerator and denominator of a character like `½`.
pub(super) fn vulgar_fraction(c: char) -> Option<(&'static str, &'static str)> {
    Some(match c {
        '½' => ("1", "2"),
        '⅓' => ("1", "3"),
        '⅔' => ("2", "3"),
        '¼' => ("1", "4"),
        '¾' => ("3", "4"),
        '⅕' => ("1", "5"),
        '⅖' => ("2", "5"),
        '⅗' => ("3", "5"),
        '⅘' => ("4", "5"),
        '⅙' => ("1", "6"),
        '⅚' => ("5", "6"),
        '⅛' => ("1", "8"),
        '⅜' => ("3", "8"),
        '⅝' => ("5", "8"),
        '⅞' => ("7", "8"),
        _ => return None,
    })
}

/// The sign, or the LaTeX command, that a Unicode character stands for.
pub(super) fn unicode_sign(c: char) -> Option<Result<char, &'static str>> {
    Some(match c {
        '−' | '–' | '—' | '‐' | '‑' => Ok('-'),
        '×' | '·' | '⋅' | '∙' | '∗' | '✕' => Ok('*'),
        '÷' | '∕' | '⁄' => Ok('/'),
        '≤' | '⩽' => Ok('≤'),
        '≥' | '⩾' => Ok('≥'),
        '≈' | '≃' | '∼' => Ok('≈'),
        '′' | '’' | '‘' => Ok('\''),
        '″' | '“' | '”' => Ok('"'),
        '∣' => Ok('|'),
        '∥' => Ok('‖'),
        '…' | '⋯' => Ok('…'),
        'º' | '˚' => Ok('°'),
        '⇒' | '⟹' | '→' | '⟶' => Ok('→'),
        '√' => Err("sqrt"),
        '∛' => Err("cbrt"),
        'π' | 'Π' => Err("pi"),
        '∞' => Err("infty"),
        'α' => Err("alpha"),
        'β' => Err("beta"),
        'γ' => Err("gamma"),
        'δ' => Err("delta"),
        'θ' => Err("theta"),
        'λ' => Err("lambda"),
        'μ' | 'µ' => Err("mu"),
        'ρ' => Err("rho"),
        'σ' => Err("sigma"),
        'φ' | 'ϕ' => Err("phi"),
        'ω' => Err("omega"),
        'Δ' | '∆' => Err("Delta"),
        'Σ' | '∑' => Err("sum"),
        '∏' => Err("prod"),
        '∫' => Err("int"),
        '∠' => Err("angle"),
        '⌊' => Err("lfloor"),
        '⌋' => Err("rfloor"),
        '⌈' => Err("lceil"),
        '⌉' => Err("rceil"),
        '⟨' => Err("langle"),
        '⟩' => Err("rangle"),
        'ℝ' => Err("Reals"),
        'ℤ' => Err("Integers"),
        'ℕ' => Err("Naturals"),
        'ℚ' => Err("Rationals"),
        'ℂ' => Err("Complexes"),
        _ => return None,
    })
}
