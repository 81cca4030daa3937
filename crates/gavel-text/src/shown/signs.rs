//! Finds where a mark may start. Every completion is gone through for these, and hardly one has any.

/// The bytes that start a mark.
const STARTS: [u8; 6] = [b'<', b'~', b'%', b'[', b'\\', 0xe2];

/// Calls `found` with each place where a mark may start, in order.
///
/// WebAssembly compares sixteen bytes in one instruction. That is stated here, for a plugin may be compiled without it.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub(super) fn each_sign(text: &str, mut found: impl FnMut(usize)) {
    let bytes = text.as_bytes();
    let (chunks, rest) = bytes.as_chunks::<16>();
    let mut last = [0; 16];
    last[..rest.len()].copy_from_slice(rest);
    for (number, chunk) in chunks.iter().chain([&last]).enumerate() {
        let mut signs = signs(chunk);
        while signs != 0 {
            let at = 16 * number + signs.trailing_zeros() as usize;
            if may_start(bytes, at) {
                found(at);
            }
            signs &= signs - 1;
        }
    }
}

/// Which of sixteen bytes start a mark, as bits.
#[cfg(target_arch = "wasm32")]
#[target_feature(enable = "simd128")]
fn signs(bytes: &[u8; 16]) -> u16 {
    use std::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_splat, u64x2, v128_or};
    let (halves, _) = bytes.as_chunks::<8>();
    let bytes = u64x2(u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1]));
    let signs = STARTS.map(|start| u8x16_eq(bytes, u8x16_splat(start)));
    u8x16_bitmask(signs.into_iter().fold(u64x2(0, 0), |found, these| v128_or(found, these)))
}

/// Which of sixteen bytes start a mark, as bits.
#[cfg(not(target_arch = "wasm32"))]
fn signs(bytes: &[u8; 16]) -> u16 {
    (0..16).fold(0, |signs, place| signs | u16::from(STARTS.contains(&bytes[place])) << place)
}

/// Whether what stands beside a sign lets it start a mark. Most are commands of other kinds, quotients and comparisons.
fn may_start(bytes: &[u8], at: usize) -> bool {
    let next = |by: usize| bytes.get(at + by).copied().unwrap_or_default();
    match bytes[at] {
        b'\\' => match &[next(1), next(2)] {
            b"ph" | b"hp" | b"vp" | b"ca" | b"bc" | b"xc" | b"so" | b"st" | b"co" | b"te" | b"if" | b"be" => {
                true
            }
            // `\renewcommand`, `\newcommand`, `\def`, `\gdef`, `\let`
            b"re" | b"ge" => next(3) == b'n',
            b"ne" => next(3) == b'w',
            b"de" | b"gd" | b"ed" | b"xd" => next(3) == b'f' || next(3) == b'e',
            b"le" => next(3) == b't' && !next(4).is_ascii_alphabetic(),
            b"pr" => next(3) == b'o' && next(4) == b'v',
            b"De" => true,
            _ => false,
        },
        b'<' => matches!(next(1), b'!' | b'|' | b'/' | b'A'..=b'Z' | b'a'..=b'z'),
        b'[' => matches!(next(1), b'T' | b'R' | b'/' | b'c'),
        b'~' => next(1) == b'~',
        // It starts its line.
        b'%' => at == 0 || matches!(bytes[at - 1], b'\n' | b' ' | b'\t'),
        _ => next(1) == 0x97,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_is_found_wherever_it_stands() {
        for mark in ["<think>", "<!--", "~~", "%", "[THINK]", r"\phantom", "◁"] {
            for before in 0..20 {
                for behind in 0..10 {
                    let text = [&" ".repeat(before), mark, &".".repeat(behind)].concat();
                    let mut found = Vec::new();
                    each_sign(&text, |at| found.push(at));
                    assert_eq!(found.first(), Some(&before), "{text:?}");
                }
            }
        }
        let mut found = Vec::new();
        each_sign(r"\[a < b\] and 5\% of $\frac{1}{2}$ – x~=~y", |at| found.push(at));
        assert_eq!(found, [0; 0]);
    }
}
