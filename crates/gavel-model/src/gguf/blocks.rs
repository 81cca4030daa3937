//! The formats that tensors have in GGUF files, and the numbers in them.
//!
//! Quantised tensors are made of blocks, each of some small integers with a scale, and often an offset, of their own. The
//! layouts are those of <https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h>.

/// How the numbers of a tensor are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    F32,
    F16,
    BF16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q4K,
    Q5K,
    Q6K,
}

/// Each format with its number in files, its name, and the numbers and bytes of a block.
const FORMATS: [(Format, u32, &str, usize, usize); 11] = [
    (Format::F32, 0, "F32", 1, 4),
    (Format::F16, 1, "F16", 1, 2),
    (Format::BF16, 30, "BF16", 1, 2),
    (Format::Q4_0, 2, "Q4_0", 32, 18),
    (Format::Q4_1, 3, "Q4_1", 32, 20),
    (Format::Q5_0, 6, "Q5_0", 32, 22),
    (Format::Q5_1, 7, "Q5_1", 32, 24),
    (Format::Q8_0, 8, "Q8_0", 32, 34),
    (Format::Q4K, 12, "Q4_K", 256, 144),
    (Format::Q5K, 13, "Q5_K", 256, 176),
    (Format::Q6K, 14, "Q6_K", 256, 210),
];

impl Format {
    /// The format with this number in the table of tensors.
    pub(super) fn numbered(number: u32) -> Option<Self> {
        FORMATS.iter().find(|format| format.1 == number).map(|format| format.0)
    }

    /// The names of all formats, for errors.
    pub(super) fn names() -> String {
        FORMATS.map(|format| format.2).join(", ")
    }

    fn row(self) -> &'static (Self, u32, &'static str, usize, usize) {
        FORMATS.iter().find(|format| format.0 == self).expect("every format has a row")
    }

    pub(super) fn name(self) -> &'static str {
        self.row().2
    }

    /// How many numbers a block holds.
    pub(super) fn numbers(self) -> usize {
        self.row().3
    }

    /// How many bytes a block takes.
    pub(super) fn bytes(self) -> usize {
        self.row().4
    }

    /// The numbers in whole blocks.
    pub(super) fn dequantize(self, bytes: &[u8]) -> Vec<f32> {
        let mut numbers = Vec::with_capacity(bytes.len() / self.bytes() * self.numbers());
        for block in bytes.chunks_exact(self.bytes()) {
            match self {
                Self::F32 => numbers.push(f32::from_le_bytes([block[0], block[1], block[2], block[3]])),
                Self::F16 => numbers.push(half(block)),
                Self::BF16 => numbers.push(f32::from_bits(u32::from(word(block)) << 16)),
                Self::Q4_0 => {
                    nibbles(block, 2, None, |scale, _, four| scale * (f32::from(four) - 8.0), &mut numbers)
                }
                Self::Q4_1 => nibbles(
                    block,
                    4,
                    None,
                    |scale, least, four| scale * f32::from(four) + least,
                    &mut numbers,
                ),
                Self::Q5_0 => {
                    nibbles(
                        block,
                        6,
                        Some(2),
                        |scale, _, five| scale * (f32::from(five) - 16.0),
                        &mut numbers,
                    );
                }
                Self::Q5_1 => {
                    nibbles(
                        block,
                        8,
                        Some(4),
                        |scale, least, five| scale * f32::from(five) + least,
                        &mut numbers,
                    );
                }
                Self::Q8_0 => {
                    let scale = half(block);
                    numbers.extend(block[2..].iter().map(|&byte| scale * f32::from(byte.cast_signed())));
                }
                Self::Q4K => k_nibbles(block, None, &block[16..], &mut numbers),
                Self::Q5K => k_nibbles(block, Some(&block[16..48]), &block[48..], &mut numbers),
                Self::Q6K => q6_k(block, &mut numbers),
            }
        }
        numbers
    }
}

fn word(bytes: &[u8]) -> u16 {
    u16::from_le_bytes([bytes[0], bytes[1]])
}

/// The IEEE half-precision number at the beginning of `bytes`.
fn half(bytes: &[u8]) -> f32 {
    half::f16::from_bits(word(bytes)).to_f32()
}

/// A block of 32 numbers: a scale, in some formats what is added, in some a fifth bit for each number, and four bits
/// for each from byte `at` on; first the lower halves of all bytes, then the upper ones.
fn nibbles(
    block: &[u8],
    at: usize,
    fifth_bits_at: Option<usize>,
    number: impl Fn(f32, f32, u8) -> f32,
    numbers: &mut Vec<f32>,
) {
    let (scale, least) = (half(block), half(&block[2..]));
    let fifth_bits = fifth_bits_at
        .map_or(0, |at| u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]));
    for index in 0..32 {
        let byte = block[at + index % 16];
        let four = if index < 16 { byte & 15 } else { byte >> 4 };
        let fifth = (fifth_bits >> index & 1) as u8;
        numbers.push(number(scale, least, four | fifth << 4));
    }
}

/// The scale and the offset of one of the eight parts of a block of 256 numbers, six bits each, packed into twelve bytes.
fn six_bits(packed: &[u8], part: usize) -> (u8, u8) {
    if part < 4 {
        (packed[part] & 63, packed[part + 4] & 63)
    } else {
        let shared = packed[part + 4];
        (shared & 15 | packed[part - 4] >> 6 << 4, shared >> 4 | packed[part] >> 6 << 4)
    }
}

/// A block of 256 numbers in eight parts of 32: two scales for scales and offsets, these packed, in one format a fifth
/// bit for each number, and four bits for each, two parts in the halves of 32 bytes.
fn k_nibbles(block: &[u8], fifth_bits: Option<&[u8]>, fours: &[u8], numbers: &mut Vec<f32>) {
    let (scale, offset) = (half(block), half(&block[2..]));
    for part in 0..8 {
        let (own_scale, own_offset) = six_bits(&block[4..16], part);
        let (scale, offset) = (scale * f32::from(own_scale), offset * f32::from(own_offset));
        for index in 0..32 {
            let byte = fours[part / 2 * 32 + index];
            let four = if part % 2 == 0 { byte & 15 } else { byte >> 4 };
            let fifth = fifth_bits.map_or(0, |bits| bits[index] >> part & 1);
            numbers.push(scale * f32::from(four | fifth << 4) - offset);
        }
    }
}

/// A block of 256 numbers in two halves of four times 32: four bits of each number, two more bits of each, a scale for
/// every sixteen, and one for all.
fn q6_k(block: &[u8], numbers: &mut Vec<f32>) {
    let (fours, twos, scales, scale) =
        (&block[..128], &block[128..192], &block[192..208], half(&block[208..]));
    for number in 0..256 {
        let (part, index) = (number / 32, number % 32);
        let (whole, quarter) = (part / 4, part % 4);
        let byte = fours[whole * 64 + quarter % 2 * 32 + index];
        let four = if quarter < 2 { byte & 15 } else { byte >> 4 };
        let two = twos[whole * 32 + index] >> (2 * quarter) & 3;
        let six = f32::from(four | two << 4) - 32.0;
        numbers.push(scale * f32::from(scales[number / 16].cast_signed()) * six);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// tests/golden/gguf_blocks.py wrote blocks of random bytes, and what the package `gguf` reads from them.
    #[test]
    fn numbers_are_those_that_ggufs_own_package_reads() {
        let golden: Value =
            serde_json::from_str(include_str!("../../../../tests/golden/gguf_blocks.json")).unwrap();
        let golden = golden.as_object().unwrap();
        for (format, number, name, numbers, bytes) in FORMATS {
            assert_eq!(Format::numbered(number), Some(format));
            let case = &golden[name];
            let of =
                |field: &str| case[field].as_array().unwrap().iter().map(|value| value.as_f64().unwrap());
            let block: Vec<u8> = of("bytes").map(|byte| byte as u8).collect();
            assert_eq!(
                (case["block"][0].as_u64(), case["block"][1].as_u64()),
                (Some(numbers as u64), Some(bytes as u64))
            );
            let expected: Vec<f32> = of("numbers").map(|number| number as f32).collect();
            let read = format.dequantize(&block);
            assert_eq!(read.len(), expected.len(), "{name}");
            for (read, expected) in read.iter().zip(&expected) {
                assert!(
                    (read - expected).abs() <= 1e-6 * expected.abs().max(1e-3),
                    "{name}: {read}, not {expected}"
                );
            }
        }
        assert_eq!(golden.len(), FORMATS.len());
    }
}
