//! Says two hundred numbers.

use gavel_plugin::{Error, NoOptions, Submission, Verdict, Verifier, export};

pub struct Metrics;

/// `m000` to `m199`. A plugin's description is made of constants, so the names are too.
const NAMES: [&str; 200] = {
    let mut names = [""; 200];
    let mut index = 0;
    while index < 200 {
        let start = index * 4;
        names[index] = match std::str::from_utf8(DIGITS.split_at(start).1.split_at(4).0) {
            Ok(name) => name,
            Err(_) => panic!("digits are UTF-8"),
        };
        index += 1;
    }
    names
};

const DIGITS: &[u8; 800] = &{
    let mut text = [b'm'; 800];
    let mut index = 0;
    while index < 200 {
        text[index * 4 + 1] = b'0' + (index / 100) as u8;
        text[index * 4 + 2] = b'0' + (index / 10 % 10) as u8;
        text[index * 4 + 3] = b'0' + (index % 10) as u8;
        index += 1;
    }
    text
};

impl Verifier for Metrics {
    type Options = NoOptions;
    const NAME: &str = "metrics";
    const VERSION: &str = "0.1.0";
    const SUMMARY: &str = "Says two hundred numbers.";
    const METRICS: &[&str] = &NAMES;

    fn verify(_: &Submission, _: &NoOptions) -> Result<Verdict, Error> {
        let numbers = NAMES.iter().zip(0..);
        Ok(numbers.fold(Verdict::new(0.5), |verdict, (name, index)| verdict.metric(name, f64::from(index) / 2.0)))
    }
}

export!(Metrics);
