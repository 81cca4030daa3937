//! What a report holds, on run directories that the tests write.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{ReportError, curve_svg, write};

/// A run directory with these files in it.
fn run_dir(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("completions")).unwrap();
    for (name, content) in files {
        fs::write(dir.path().join(name), content).unwrap();
    }
    dir
}

fn report(dir: &Path) -> Result<String, ReportError> {
    let output = dir.join("report.html");
    write(dir, &output)?;
    Ok(fs::read_to_string(output).unwrap())
}

fn page(files: &[(&str, &str)]) -> String {
    report(run_dir(files).path()).unwrap()
}

fn lines(rows: impl IntoIterator<Item = Value>) -> String {
    rows.into_iter().map(|row| format!("{row}\n")).collect()
}

/// Forty steps of a run that learns, with everything that a run records.
fn metrics() -> String {
    lines((1..=40).map(|step| {
        let share = f64::from(step) / 40.0;
        json!({
            "step": step, "reward": share, "reward_std": 0.3, "frac_reward_zero_std": 0.25,
            "completions/mean_length": 30.0 + 40.0 * share, "completions/clipped_ratio": 0.01,
            "entropy": 0.5, "kl": 0.001, "clip_ratio/region_mean": 0.004, "loss": -0.01, "grad_norm": 0.4,
            "learning_rate": 1e-4, "rewards/answer/mean": share, "rewards/format/mean": 0.9,
            "verify/answer/verdict": 250, "verify/answer/out-of-fuel": 6, "verify/answer/trap": 0,
            "reward/none/dropped": 6, "reward/none/host-failed": 0, "verify/format/verdict": 256, "verify/answer/metric/wrong_marks": 0.1,
            "time/sample": 2.0, "time/score": 0.1, "time/update": 1.5, "step_time": 3.6,
            "num_tokens": step * 9000, "eval_pass@1": share, "eval_rewards/answer/mean": share, "time/score_wait": 0.5, "new/one": 1,
        })
    }))
}

fn completion(step: u64, prompt: &str, text: &str, reward: Option<f64>) -> Value {
    json!({
        "step": step, "prompt": prompt, "completion": text, "reference": "24", "reward": reward, "advantage": 0.5,
        "outcomes": {"answer": {"status": "verdict", "reward": reward, "reason": "24 is 24", "metrics": {"tries": 3}}},
    })
}

#[test]
fn an_alarm_has_its_words_and_a_band_in_the_charts_of_learning() {
    let rows = |raised: fn(u64) -> bool| {
        lines((1..=40).map(|step| {
            json!({
                "step": step, "reward": 0.5, "completions/mean_length": 30.0, "loss": 0.1,
                "watch/parted": u8::from(raised(step)), "watch/length": 0
            })
        }))
    };
    let warned = page(&[("metrics.jsonl", &rows(|step| (20..=30).contains(&step) || step == 35))]);
    assert!(warned.contains("steps 20–30, step 35."), "{warned}");
    assert_eq!(
        warned.matches("class=\"band\"").count(),
        2 * 2,
        "reward and length have both bands, and loss has none"
    );
    assert!(!warned.contains("watch/parted") && !warned.contains("became a fraction"));
    let silent = page(&[("metrics.jsonl", &rows(|_| false))]);
    assert!(!silent.contains("class=\"band\"") && !silent.contains("Warnings"));
}

#[test]
fn everything_that_a_run_records_is_shown() {
    let dir = run_dir(&[
        ("metrics.jsonl", &metrics()),
        ("completions/completions_00001.jsonl", &lines([completion(1, "1 2 3>24:", "no idea", Some(0.0))])),
        ("settings.toml", "learning_rate = 1e-4\n"),
        ("digests.json", r#"{"answer": "9f86d081", "format": "60303ae2"}"#),
        (
            "summary.json",
            r#"{"before": {"accuracy": 0.25}, "after": {"accuracy": 0.861}, "steps": 40, "seconds": 259.7}"#,
        ),
    ]);
    let page = report(dir.path()).unwrap();
    let shown = [
        "25.0 %",
        "86.1 %",
        "+61.1 points",
        "40 steps · 4 min 20 s · 360,000 tokens",
        "<h3>Reward</h3>",
        "<h3>Accuracy per verifier</h3>",
        "<h3>Completion length</h3>",
        "<h3>Entropy</h3>",
        "<h3>KL</h3>",
        "<h3>Clip fraction</h3>",
        "<h3>Time per phase</h3>",
        "<h3>wrong_marks</h3>",
        "<h3>new/one</h3>",
        "<h3>Without reward</h3>",
        "<h3>Held-out tasks</h3>",
        "answer, held out",
        "<h3>Time of the verifiers</h3>",
        "score_wait",
        ">10,000</td>",
        ">240</td>",
        "no idea",
        "24 is 24",
        "learning_rate = 1e-4",
        "60303ae2",
    ];
    for text in shown {
        assert!(page.contains(text), "the page lacks {text:?}");
    }
    assert!(!page.contains(">trap<"), "a kind of outcome that never came up is left out");
    assert!(!page.contains(">host-failed<"), "and so is a reason that never came up");
}

#[test]
fn the_components_of_a_reward_have_charts_of_their_own() {
    let rows = (1..=3).map(|step| {
        json!({"step": step, "reward": 1, "reward/component/right/mean": 0.5, "reward/component/right/std": 0.1,
        "reward/component/brevity/mean": -0.25, "reward/component/brevity/std": 0.2})
    });
    let page = page(&[("metrics.jsonl", &lines(rows))]);
    for text in ["<h3>Components of the reward</h3>", "<h3>Spread of the components</h3>", "right", "brevity"]
    {
        assert!(page.contains(text), "the page lacks {text:?}");
    }
    assert!(
        !page.contains("reward/component/") && !page.contains("Everything else"),
        "nothing is shown twice"
    );
}

#[test]
fn a_run_that_records_little_has_a_report() {
    let page = page(&[("metrics.jsonl", "{\"step\":0,\"reward\":0.5}\n")]);
    assert!(page.contains("<h3>Reward</h3>"));
    for absent in ["<h3>KL</h3>", "Verdicts", "Completions", "Settings", "Time", "NaN", "inf"] {
        assert!(!page.contains(absent), "the page has {absent:?}");
    }
}

#[test]
fn without_evaluation_the_headline_comes_from_the_steps() {
    for summary in
        [r#"{"before": {}, "after": {}}"#, r#"{"before": {"accuracy": 0.5}, "after": {"accuracy": null}}"#]
    {
        let page = page(&[("metrics.jsonl", &metrics()), ("summary.json", summary)]);
        assert!(page.contains("Mean of the first and of the last steps"), "{summary}");
        // The first five of forty steps, and the last five.
        assert!(page.contains("7.5 %") && page.contains("95.0 %"), "{summary}");
    }
}

#[test]
fn a_run_that_was_killed_in_the_middle_of_a_line_has_a_report() {
    let page = page(&[("metrics.jsonl", &(metrics() + r#"{"step":41,"rew"#))]);
    assert!(page.contains("40 steps"));
}

#[test]
fn a_broken_line_is_named() {
    let dir = run_dir(&[("metrics.jsonl", "{\"step\":1,\"reward\":1}\n{\"reward\":1}\n{\"step\":3}\n")]);
    let error = report(dir.path()).unwrap_err();
    assert!(matches!(&error, ReportError::Line { line: 2, .. }), "{error}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(error.to_string().ends_with("metrics.jsonl:2: not what a run writes"), "{error}");
    assert!(cause.contains("missing field `step`"), "{cause}");
}

#[test]
fn a_broken_row_of_completions_is_named() {
    let rows = lines([completion(1, "p", "c", None), json!({"step": 1, "prompt": "p"})]);
    let dir = run_dir(&[("metrics.jsonl", &metrics()), ("completions/completions_00001.jsonl", &rows)]);
    let error = report(dir.path()).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap();
    assert!(error.to_string().ends_with("completions_00001.jsonl:2: not what a run writes"), "{error}");
    assert!(cause.to_string().contains("missing field `completion`"), "{cause}");
}

#[test]
fn without_a_step_there_is_no_report() {
    for content in ["", "\n", "{\"step\":1}\n", "{\"st"] {
        let error = report(run_dir(&[("metrics.jsonl", content)]).path()).unwrap_err();
        assert!(matches!(error, ReportError::NoSteps { .. }), "{content:?}: {error}");
    }
    let error = report(tempfile::tempdir().unwrap().path()).unwrap_err();
    assert!(matches!(error, ReportError::NoRun { .. }), "{error}");
}

#[test]
fn the_later_line_counts_where_a_resumed_run_wrote_a_step_again() {
    let rows = [json!({"step": 1, "reward": 0.125}), json!({"step": 1, "reward": 0.75})];
    let page = page(&[("metrics.jsonl", &lines(rows))]);
    assert!(page.contains("0.75") && !page.contains("0.125"));
}

#[test]
fn a_metric_that_was_not_finite_is_a_gap() {
    let rows = [json!({"step": 1, "kl": null}), json!({"step": 2, "kl": 0.5})];
    let page = page(&[("metrics.jsonl", &lines(rows))]);
    assert!(page.contains("step 2") && !page.contains("step 1"));
}

#[test]
fn best_and_worst_come_from_the_groups_that_differ_most() {
    let rows = [
        completion(3, "same", "same-a", Some(1.0)),
        completion(3, "same", "same-b", Some(1.0)),
        completion(3, "mixed", "the-middling", Some(0.5)),
        completion(3, "mixed", "the-best", Some(1.0)),
        completion(3, "mixed", "the-worst", None),
        completion(3, "near", "near-a", Some(0.25)),
        completion(3, "near", "near-b", Some(0.0)),
    ];
    let page = page(&[("metrics.jsonl", &metrics()), ("completions/completions_00003.jsonl", &lines(rows))]);
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("the page lacks {text:?}"));
    assert!(place("the-best") < place("the-worst") && place("the-worst") < place("near-a"));
    assert!(page.contains("best of 3") && page.contains("reward <b>none</b>"));
    assert!(!page.contains("the-middling") && !page.contains("same-a"));
}

#[test]
fn completions_are_those_of_the_first_the_middle_and_the_last_step() {
    let files: Vec<(String, String)> = [1, 9, 10, 100, 1000]
        .map(|step| {
            let rows = lines([completion(step, "p", &format!("written-at-{step}."), Some(1.0))]);
            // As wide as the trainer writes them, and wider after step 99: the order is that of the steps.
            (format!("completions/completions_{step:02}.jsonl"), rows)
        })
        .into();
    let metrics = metrics();
    let mut all: Vec<(&str, &str)> =
        files.iter().map(|(name, rows)| (name.as_str(), rows.as_str())).collect();
    all.push(("metrics.jsonl", &metrics));
    let page = page(&all);
    for (step, shown) in [(1, true), (9, false), (10, true), (100, false), (1000, true)] {
        assert_eq!(page.contains(&format!("written-at-{step}.")), shown, "step {step}");
    }
}

#[test]
fn nothing_that_a_policy_writes_becomes_markup() {
    let hostile =
        "</pre></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'><svg onload=alert(1)>&lt;";
    let mut row = completion(1, hostile, hostile, Some(1.0));
    row["reference"] = json!(hostile);
    row["outcomes"] =
        json!({hostile: {"status": hostile, "reward": 1, "reason": hostile, "metrics": {hostile: 1}}});
    let metrics = lines([json!({
        "step": 1, "reward": 1, hostile: 1, format!("time/{hostile}"): 1,
        format!("rewards/{hostile}/mean"): 1, format!("verify/{hostile}/metric/{hostile}"): 1,
        "rewards/<script>/mean": 1, "verify/<script>/trap": 1, "verify/<script>/metric/<script>": 1,
    })]);
    let page = page(&[
        ("metrics.jsonl", &metrics),
        ("completions/completions_00001.jsonl", &lines([row])),
        ("settings.toml", hostile),
        ("digests.json", &json!({ hostile: hostile }).to_string()),
        ("summary.json", &json!({"before": {hostile: 1.0}, "after": {hostile: 1.0}}).to_string()),
    ]);
    for markup in ["<script", "<img", "<svg onload", "'><svg", "&amp;amp;lt;"] {
        assert!(!page.contains(markup), "{markup:?} came through");
    }
    assert_eq!(page.matches("</style>").count(), 1);
    assert_eq!(page.matches("<pre>").count(), page.matches("</pre>").count());
    assert!(page.matches("&lt;script&gt;alert(1)&lt;/script&gt;").count() > 10);
}

#[test]
fn a_page_needs_nothing_from_outside_and_runs_nothing() {
    let page = page(&[("metrics.jsonl", &metrics())]);
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    for outside in ["http:", "https:", "//", "src=", "href=", "url(", "@import", "<link", "<script"] {
        assert!(!page.contains(outside), "the page has {outside:?}");
    }
}

#[test]
fn a_long_completion_is_shown_in_part() {
    let text = "x".repeat(25_000);
    let page = page(&[
        ("metrics.jsonl", &metrics()),
        ("completions/completions_00001.jsonl", &lines([completion(1, "p", &text, Some(1.0))])),
    ]);
    assert!(page.contains("… and 5000 more characters") && !page.contains(&text));
}

#[test]
fn the_curve_shows_accuracy_and_length() {
    let dir = run_dir(&[("metrics.jsonl", &metrics())]);
    let svg = curve_svg(dir.path()).unwrap();
    assert!(svg.starts_with(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 300""#), "{svg}");
    assert!(svg.contains("accuracy on held-out tasks (%)") && svg.contains("completion length (tokens)"));
    assert_eq!(svg.matches("<path").count(), 3, "accuracy, and the length with its moving mean");
}

#[test]
fn the_curve_of_a_run_without_evaluation_is_that_of_the_first_verifier() {
    let rows = (1..=3).map(|step| {
        json!({"step": step, "rewards/b/mean": 0.5, "rewards/a/mean": 0.1,
        "completions/mean_length": 7})
    });
    let dir = run_dir(&[("metrics.jsonl", &lines(rows))]);
    let svg = curve_svg(dir.path()).unwrap();
    assert!(svg.contains(">accuracy (%)<"));
    // Half of the axis, which runs from 30 to 274.
    assert!(svg.contains("M46 152L"), "{svg}");
}

#[test]
fn the_curve_names_what_it_misses() {
    let dir = run_dir(&[("metrics.jsonl", "{\"step\":1,\"rewards/a/mean\":1}\n")]);
    let error = curve_svg(dir.path()).unwrap_err();
    assert!(matches!(error, ReportError::NoSeries { series: "completions/mean_length", .. }), "{error}");
}

#[test]
fn seeds_are_one_curve_with_a_band_and_settings_are_curves_of_their_own() {
    let dirs: Vec<TempDir> = [("1", "0.0", 0.5), ("2", "0.0", 0.7), ("1", "0.04", 0.4)]
        .map(|(seed, beta, last)| {
            let settings = format!("seed = {seed}\noutput_dir = \"runs/{seed}-{beta}\"\nbeta = {beta}\n");
            let rows = (1..=4).map(|step| {
                json!({"step": step, "reward": last * f64::from(step) / 4.0, "eval_pass@1": last * f64::from(step) / 4.0,
                    "rewards/answer/mean": 0.5, "step_time": 2.0})
            });
            run_dir(&[("settings.toml", &settings), ("metrics.jsonl", &lines(rows))])
        })
        .into();
    let output = dirs[0].path().join("runs.html");
    let paths: Vec<_> = dirs.iter().map(|dir| dir.path().to_owned()).collect();
    crate::write_side_by_side(&paths, &output).unwrap();
    let page = fs::read_to_string(output).unwrap();
    for text in [
        "3 runs of 2 settings",
        "beta = 0.0<",
        "beta = 0.04",
        "60.0 %<span class=\"range\">50.0 %–70.0 %</span>",
        "pass@1, held out",
    ] {
        assert!(page.contains(text), "the page lacks {text:?}");
    }
    // Of three metrics that vary and one that does not, the group of two seeds has a band; the run alone has none.
    assert_eq!(page.matches("class=\"spread c0\"").count(), page.matches("<svg").count());
    assert!(!page.contains("spread c1"), "one run has no range");
    assert!(!page.contains("seed = 1,"), "the seed is no difference");
}
