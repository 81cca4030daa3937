//! The help texts, and what bad usage and shells get.

use crate::gavel::Folder;

#[test]
fn help() {
    insta::assert_snapshot!("help", Folder::new().shown(&["--help"]));
    insta::assert_snapshot!("help_score", Folder::new().shown(&["score", "--help"]));
    for command in ["rescore", "diff", "audit"] {
        insta::assert_snapshot!(format!("help_{command}"), Folder::new().shown(&[command, "--help"]));
    }
    insta::assert_snapshot!("help_plugin", Folder::new().shown(&["plugin", "--help"]));
}

#[test]
fn bad_usage() {
    insta::assert_snapshot!(
        [
            Folder::new().shown(&["score", "--rewrad", "x.toml"]),
            Folder::new().shown(&["score"]),
            Folder::new().shown(&["score", "--reward", "x.toml", "--plugin", "math"]),
        ]
        .join("\n")
    );
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Folder::new().run(&["completions", shell]).stdout;
        assert!(String::from_utf8(script).unwrap().contains("plugin-path"), "{shell}");
    }
}

#[test]
fn a_bad_log_filter_is_said() {
    let output =
        Folder::new().gavel(&["plugin", "inspect", "math"]).env("GAVEL_LOG", "a=b=c").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("error: GAVEL_LOG is not a filter"));
}
