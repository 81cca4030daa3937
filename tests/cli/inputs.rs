//! What `gavel score` says of inputs that it cannot read, or not all of: nothing is left out in silence.

use std::fs::File;

use crate::gavel::Folder;

const ROW: &str = "{\"prompt\": \"1 + 1?\", \"completion\": \"2\", \"reference\": \"2\"}\n";

/// Exit code, output, and what was said.
fn score(folder: &Folder, args: &[&str]) -> (Option<i32>, String, String) {
    let run = folder.run(&[&["score", "--plugin", "math", "--no-timing"], args].concat());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (run.status.code(), text(run.stdout), text(run.stderr))
}

#[test]
fn a_folder_and_what_cannot_be_read_whole_are_errors() {
    let folder = Folder::with_reward("").file("rows/in.jsonl", ROW).file("rows.parquet.gz", gzip(b"PAR1..."));
    let (code, _, said) = score(&folder, &["rows"]);
    assert!(said.contains("cannot read rows: it is a folder: name a file in it"), "{said}");
    assert_eq!(code, Some(1), "{said}");
    let (code, _, said) = score(&folder, &["rows.parquet.gz"]);
    assert!(said.contains("Parquet cannot be read through a pipe or compressed as a whole"), "{said}");
    assert_ne!(code, Some(0), "{said}");
}

#[test]
fn what_is_read_is_not_written_over() {
    let folder = Folder::with_reward("[verifiers.accuracy]\nplugin = 'math'\n").file("rows.jsonl", ROW);
    let refused = |run: std::process::Output, what: &str| {
        let said = String::from_utf8(run.stderr).unwrap();
        assert!(said.contains(&format!("is both {what} and output; write to another file")), "{said}");
        assert_eq!(run.status.code(), Some(1), "{said}");
    };
    let stdin = File::open(folder.path("rows.jsonl")).unwrap();
    let from_stdin = ["score", "--plugin", "math", "-o", "rows.jsonl"];
    refused(folder.gavel(&from_stdin).stdin(stdin).output().unwrap(), "input");
    std::fs::hard_link(folder.path("rows.jsonl"), folder.path("linked.jsonl")).unwrap();
    refused(folder.run(&["score", "--plugin", "math", "rows.jsonl", "-o", "linked.jsonl"]), "input");
    refused(folder.run(&["score", "-r", "reward.toml", "rows.jsonl", "-o", "reward.toml"]), "reward file");
    let record = ["score", "--plugin", "math", "rows.jsonl", "-o", "out.jsonl", "--record", "linked.jsonl"];
    refused(folder.run(&record), "input");
    let audit = ["audit", "rows.jsonl", "-r", "reward.toml", "--label", "human", "--html", "reward.toml"];
    refused(folder.run(&audit), "reward file");
    assert_eq!(folder.read("rows.jsonl"), ROW);
}

#[test]
fn a_route_by_a_column_that_is_not_there_is_said() {
    let routes = |by: &str| {
        format!(
            "[verifiers.accuracy]\nplugin = 'math'\non_failure = 0\n[verifiers.form]\nplugin = 'format'\n[route]\nby = '{by}'\n\
             default = 'form'\n[route.to]\ngsm8k = 'accuracy'\n[reward]\nformula = 'accuracy + form'\n"
        )
    };
    let row =
        "{\"prompt\": \"1 + 1?\", \"completion\": \"2\", \"reference\": \"2\", \"source\": \"gsm8k\"}\n";
    let folder = Folder::new().file("rows.jsonl", row.repeat(3));
    for (by, is_said) in [("sorce", true), ("source", false)] {
        let folder = Folder::with_reward(&routes(by)).file("rows.jsonl", folder.read("rows.jsonl"));
        let run = folder.run(&["score", "-r", "reward.toml", "rows.jsonl"]);
        let said = String::from_utf8(run.stderr).unwrap();
        let warning = "`[route]` is by `sorce`, and a task has no such column, did you mean `source`?";
        assert_eq!(said.matches(warning).count(), usize::from(is_said), "{said}");
    }
}

#[test]
fn an_input_without_submissions_is_said() {
    let folder = Folder::with_reward("")
        .file("empty.jsonl", "")
        .file("list.json", "[]")
        .file("a.csv", "prompt,completion\n");
    for input in ["empty.jsonl", "list.json", "a.csv"] {
        let (code, _, said) = score(&folder, &[input]);
        assert!(said.contains(&format!("warning: {input} holds no submission")), "{said}");
        assert_eq!(code, Some(0), "{said}");
    }
}

#[test]
fn a_record_of_another_length_costs_itself_alone() {
    let table = "prompt,completion,reference\n1 + 1?,2,2\n1 + 1?,2\n2 + 2?,5,4\n";
    let folder = Folder::with_reward("").file("short.csv", table);
    let (code, output, said) = score(&folder, &["short.csv"]);
    assert!(said.contains("2 fields, and the table has 3 columns"), "{said}");
    assert_eq!((code, output.lines().count()), (Some(1), 2), "{output}{said}");
    let (_, output, _) = score(&folder, &["short.csv", "--answer-bad-lines"]);
    assert_eq!(output.lines().count(), 3, "{output}");
}

#[test]
fn a_table_with_open_quotes_or_another_encoding_is_not_taken_for_something_else() {
    let folder = Folder::with_reward("")
        .file("open.csv", "prompt,completion,reference\n1 + 1?,2,2\n1 + 1?,\"2,2\n2 + 2?,5,4\n")
        .file("latin1.csv", b"prompt,completion,reference\n1 + 1?,2,2\ncaf\xe9?,2,2\n")
        .file("twice.csv", "prompt,completion,completion\n1 + 1?,2,3\n");
    let (code, output, said) = score(&folder, &["open.csv"]);
    assert!(
        said.contains("a quote is opened and never closed, over 2 lines") && !said.contains("iconv"),
        "{said}"
    );
    assert_eq!((code, output.lines().count()), (Some(1), 1), "{said}");
    let (code, output, said) = score(&folder, &["latin1.csv"]);
    assert!(said.contains("field 1 is not UTF-8; `iconv -f LATIN1 -t UTF-8`"), "{said}");
    assert_eq!((code, output.lines().count()), (Some(1), 1), "{said}");
    let (code, _, said) = score(&folder, &["twice.csv"]);
    assert!(said.contains("two columns are called `completion`: rename one"), "{said}");
    assert_ne!(code, Some(0));
}

#[test]
fn an_output_is_not_called_what_it_is_not() {
    let folder = Folder::with_reward("").file("in.jsonl", ROW);
    let (code, _, said) = score(&folder, &["in.jsonl", "-o", "out.csv"]);
    assert!(said.contains("out.csv would hold JSON Lines, whatever its name says"), "{said}");
    assert_eq!(code, Some(1));
}

#[test]
fn what_is_no_json_in_the_way_of_python_is_named() {
    let nan = ROW.replace('}', ", \"weight\": NaN}");
    let folder = Folder::with_reward("").file("in.jsonl", format!("{ROW}{nan}"));
    let (code, output, said) = score(&folder, &["in.jsonl"]);
    assert!(said.contains("JSON, which has no `NaN`, column"), "{said}");
    assert_eq!((code, output.lines().count()), (Some(1), 1), "{said}");
}

#[test]
fn a_bucket_that_no_row_has_is_an_error_with_the_column_that_was_meant() {
    let row = ROW.replace('}', ", \"right\": true, \"level\": 1}");
    let folder = Folder::with_reward("").file("in.jsonl", row);
    let run = folder.run(&["audit", "in.jsonl", "--plugin", "math", "--label", "right", "--by", "levle"]);
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(said.contains("--by levle: no row has such a column: "), "{said}");
    assert!(said.contains("did you mean `level`?"), "{said}");
    assert_eq!(run.status.code(), Some(1));
}

#[test]
fn a_server_listens_where_a_name_says_and_asks_for_an_address() {
    let folder = Folder::with_reward("[verifiers.math]\nplugin = 'math'\n");
    for listen in ["8082", ":8082", "nowhere.invalid:1"] {
        let run = folder.run(&["serve", "--reward", "reward.toml", "--listen", listen]);
        let said = String::from_utf8(run.stderr).unwrap();
        assert!(said.contains("write address and port, such as 127.0.0.1:8080 or localhost:8080"), "{said}");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
