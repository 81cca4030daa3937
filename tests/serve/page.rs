//! The page for a person.

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
