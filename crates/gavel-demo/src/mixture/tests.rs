//! Tasks and text of the mixture: the same for the same seed to the byte, held out where they say so, and true.

use std::collections::{HashMap, HashSet};

use super::*;

fn selection(families: &[Family], split: Split) -> Selection {
    Selection { families: families.to_vec(), levels: (1..=LEVELS).collect(), split }
}

/// FNV-1a over lines, each with its line break.
fn digest(lines: impl Iterator<Item = String>) -> u64 {
    let bytes = lines.flat_map(|line| (line + "\n").into_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let rows = tasks(selection(&Family::ALL, Split::Train), 1).take(2_000).map(|row| row.to_string());
    assert_eq!(format!("{:016x}", digest(rows)), "337079a2f783dcbe");
    let documents = corpus(&Family::ALL, &Habits::default(), 1).take(2_000);
    assert_eq!(format!("{:016x}", digest(documents)), "14280cf347c3d429");
    let other = corpus(&Family::ALL, &Habits::default(), 2).take(20).collect::<Vec<_>>();
    assert_ne!(corpus(&Family::ALL, &Habits::default(), 1).take(20).collect::<Vec<_>>(), other);
}

#[test]
fn the_splits_share_no_problem_and_every_family_and_level_is_there() {
    let rows = |split, count| tasks(selection(&Family::ALL, split), 3).take(count).collect::<Vec<_>>();
    let prompts = |rows: &[Value]| rows.iter().map(|row| row["prompt"].to_string()).collect::<HashSet<_>>();
    let (train, held_out) = (rows(Split::Train, 9_000), rows(Split::HeldOut, 2_000));
    assert!(prompts(&train).is_disjoint(&prompts(&held_out)));
    let kinds: HashSet<_> =
        held_out.iter().map(|row| (row["family"].to_string(), row["level"].as_u64())).collect();
    assert_eq!(kinds.len(), Family::ALL.len() * usize::from(LEVELS));
}

#[test]
fn the_alphabet_writes_everything() {
    let known: HashSet<char> = ALPHABET.chars().collect();
    assert_eq!(known.len(), ALPHABET.chars().count(), "no character twice");
    for mut document in corpus(&Family::ALL, &Habits::default(), 4).take(3_000) {
        for tag in TAGS {
            document = document.replace(tag, "");
        }
        let unknown: String = document.chars().filter(|sign| !known.contains(sign)).collect();
        assert_eq!(unknown, "", "{document}");
    }
}

/// The last answer of a document, and whether its last mark says that it is right.
fn ending(document: &str) -> (&str, bool) {
    let (thinking, answer) = document.split_once("</think>").unwrap();
    (answer, thinking.ends_with(RIGHT))
}

#[test]
fn few_documents_end_with_a_solution_and_harder_ones_less_often() {
    for family in Family::ALL {
        let solved = |level: u8| {
            let random = &mut Random::seed_from_u64(u64::from(level));
            let written = (0..400).map(|_| {
                let puzzle = family.draw(level, random);
                writer::document(puzzle.as_ref(), level, &Habits::default(), random)
            });
            written.filter(|document| ending(document).1).count() as f64 / 400.0
        };
        let (easy, hard) = (solved(1), solved(4));
        assert!(
            (0.1..0.65).contains(&easy) && (0.02..0.4).contains(&hard) && hard < easy,
            "{family}: {easy} {hard}"
        );
    }
}

#[test]
fn persistent_writers_solve_most_problems() {
    let habits = Habits { persistent: 1.0, directed: 0.9, ..Habits::default() };
    let mut solved: HashMap<Family, u32> = HashMap::new();
    let random = &mut Random::seed_from_u64(5);
    for family in Family::ALL {
        for _ in 0..200 {
            let puzzle = family.draw(2, random);
            let document = writer::document(puzzle.as_ref(), 2, &habits, random);
            *solved.entry(family).or_default() += u32::from(ending(&document).1);
        }
    }
    assert!(solved.values().all(|&count| count > 100), "{solved:?}");
}

#[test]
fn insight_is_the_reference() {
    let random = &mut Random::seed_from_u64(6);
    for family in Family::ALL {
        for level in 1..=LEVELS {
            for _ in 0..50 {
                let puzzle = family.draw(level, random);
                let attempt = puzzle.attempt(puzzle::How::Insight, &[], random);
                assert!(attempt.right, "{family}: {}", attempt.work);
                let reference = puzzle.columns().get("reference").cloned();
                if let Some(Value::String(reference)) = reference {
                    assert_eq!(attempt.answer, reference, "{family}");
                }
            }
        }
    }
}

#[test]
fn a_guess_is_right_exactly_where_its_check_comes_to_the_goal() {
    let random = &mut Random::seed_from_u64(7);
    for family in Family::ALL {
        for _ in 0..300 {
            let puzzle = family.draw(3, random);
            let attempt = puzzle.attempt(puzzle::How::Guess, &[], random);
            let columns = puzzle.columns();
            let goal = columns.get("goal").or(columns.get("target")).map(|goal| match goal {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            let Some(goal) = goal else { continue };
            let values: Vec<&str> =
                attempt.work.split(',').map(|statement| statement.rsplit('=').next().unwrap()).collect();
            assert_eq!(attempt.right, values.join(",") == goal, "{family}: {} for {goal}", attempt.work);
        }
    }
}
