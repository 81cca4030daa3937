//! The page for a person.

use std::fs;
use std::process::Command;

use crate::MATH;
use crate::server::{Server, read, wait};

#[test]
fn it_shows_what_judges_and_judges_what_is_pasted() {
    let server = Server::start(&[("math", MATH)], &[]);
    let page = server.get("/");
    assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    for part in ["<h3>math</h3>", "accuracy", "Try a completion", "Outcomes by the minute"] {
        assert!(page.text.contains(part), "{part}");
    }
    let form = "reward=math&prompt=1+%2B+1%3F&completion=%3Cscript%3E+%5Cboxed%7B3%7D&reference=2&metadata=";
    let judged =
        server.post_request("/").header("content-type", "application/x-www-form-urlencoded").body(form);
    let judged = wait(async { read(judged.send().await.unwrap()).await });
    assert_eq!(judged.status, 200, "{}", judged.text);
    for part in ["<strong>0</strong>", "another number than 2", "&lt;script&gt; \\boxed{3}", "verdict 1"] {
        assert!(judged.text.contains(part), "{part}: {}", judged.text);
    }
    assert!(!judged.text.contains("<script>"));
    let wrong =
        server.post_request("/").header("content-type", "application/x-www-form-urlencoded").body("x=1");
    assert_eq!(wait(async { read(wrong.send().await.unwrap()).await }).error().0, 422);
}

/// A browser that is there, under whichever name.
fn browser() -> Option<&'static str> {
    let there =
        |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|it| it.status.success());
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(there)
}

#[test]
#[allow(clippy::print_stdout, reason = "a test says what it skipped")]
fn a_browser_sends_the_form_and_shows_the_verdict() {
    let Some(browser) = browser() else {
        println!("skipped: there is no Chromium");
        return;
    };
    let server = Server::start(&[("math", MATH)], &[]);
    let form = format!(
        "<form method=post action='{}'><input name=reward value=math><input name=completion value='\\boxed{{3}}'>\
         <input name=reference value=2></form><script>document.forms[0].submit()</script>",
        server.url("/")
    );
    let file = server.folder.path().join("form.html");
    fs::write(&file, form).unwrap();
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=8000", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", server.folder.path().join("profile").display()));
    let output = command.arg(format!("file://{}", file.display())).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    for part in ["<h3>math</h3>", "another number than 2", "verdict 1"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}
