//! `gavel report`, on run directories that the tests write.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::gavel::Folder;

const ROW: &str = "{\"step\": 1, \"reward\": 0.5, \"step_time\": 2.0}\n";

#[test]
fn several_runs_are_drawn_side_by_side() {
    let folder = Folder::new()
        .file("a/metrics.jsonl", ROW)
        .file("a/settings.toml", "seed = 1\nbeta = 0.0\n")
        .file("b/metrics.jsonl", ROW)
        .file("b/settings.toml", "seed = 2\nbeta = 0.0\n");
    let stderr = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let output = folder.run(&["report", "a", "b"]);
    assert!(output.status.success() && stderr(&output) == "report  runs.html\n", "{}", stderr(&output));
    assert!(folder.read("runs.html").contains("2 runs of the same settings"));
    for option in [&["--watch"][..], &["--curve", "c.svg"]] {
        let output = folder.run(&[&["report", "a", "b"], option].concat());
        let expected = format!("error: {} is for one run, and 2 are named\n", option[0]);
        assert_eq!((output.status.code(), stderr(&output)), (Some(1), expected));
    }
}

#[test]
fn a_run_is_followed_until_it_ends() {
    let folder = Folder::new();
    let mut child = folder.gavel(&["report", "run", "--watch"]).stderr(Stdio::null()).spawn().unwrap();
    let page_with = |wanted: &str| {
        let start = Instant::now();
        loop {
            let page = fs::read_to_string(folder.path("run/report.html")).unwrap_or_default();
            if page.contains(wanted) {
                return page;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "no {wanted} on {page}");
            sleep(Duration::from_millis(50));
        }
    };
    // The run's folder and first step come later than whoever waits for them.
    fs::create_dir(folder.path("run")).unwrap();
    fs::write(folder.path("run/metrics.jsonl"), ROW).unwrap();
    assert!(page_with("1 steps").contains("http-equiv=\"refresh\""));
    fs::write(
        folder.path("run/metrics.jsonl"),
        format!("{ROW}{}", ROW.replace("\"step\": 1", "\"step\": 2")),
    )
    .unwrap();
    page_with("2 steps");
    fs::write(folder.path("run/summary.json"), r#"{"before": {}, "after": {}}"#).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(
        !folder.read("run/report.html").contains("http-equiv=\"refresh\""),
        "the last page stays as it is"
    );
}
