//! Whatever is sent: the right status, the one form of errors, and a server that goes on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::MATH;
use crate::server::{Server, read, wait};

/// The paths that take a body of JSON.
const POSTS: [&str; 11] = [
    "/v1/score",
    "/get_reward",
    "/remote_rm",
    "/verify",
    "/seed_session",
    "/aggregate_metrics",
    "/reset",
    "/step",
    "/close",
    "/submit",
    "/run_code",
];

fn good(server: &Server) {
    let row = json!({"prompt": "", "completion": "\\boxed{2}", "reference": "2"});
    assert_eq!(server.post_json("/v1/score", &row).json()["reward"], 1.0, "the server goes on");
}

#[test]
fn what_is_no_json_is_refused_everywhere() {
    let server = Server::start(&[("math", MATH)], &[]);
    for path in POSTS {
        for body in ["", "{", "nonsense", "{\"a\": }", "{} {}", "\u{feff}{}"] {
            let (status, code) = server.post(path, body).error();
            assert_eq!((status, code.as_str()), (400, "bad-json"), "{path} {body:?}");
        }
        assert_eq!(server.post(path, vec![b'"', 0xff, b'"']).error(), (400, "not-utf8".to_owned()), "{path}");
        for body in ["1", "null", "\"text\"", "true"] {
            let (status, code) = server.post(path, body).error();
            assert_eq!((status, code.as_str()), (422, "wrong-type"), "{path} {body}");
        }
    }
    good(&server);
}

#[test]
fn wrong_types_are_refused_and_named() {
    let server = Server::start(&[("math", MATH)], &[]);
    for (path, body, code) in [
        ("/v1/score", json!({"completion": "x"}), "bad-submission"),
        ("/v1/score", json!({"prompt": 1, "completion": "x"}), "bad-submission"),
        ("/v1/score", json!({"prompt": "", "completion": [{"content": "x"}]}), "bad-submission"),
        ("/v1/score", json!([{"prompt": "", "completion": ""}, 7]), "bad-submission"),
        ("/v1/score", json!({"submissions": 7}), "wrong-type"),
        ("/v1/score", json!({"submissions": [], "reward": 7}), "wrong-type"),
        ("/v1/score", json!({"submissions": [], "columns": {}}), "wrong-type"),
        ("/get_reward", json!({"query": "text"}), "wrong-type"),
        ("/get_reward", json!({}), "wrong-type"),
        ("/remote_rm", json!({"prompt": "?"}), "bad-submission"),
        ("/verify", json!({"response": {}}), "bad-submission"),
        (
            "/verify",
            json!({"responses_create_params": {"input": "?"}, "response": {"output": 7}}),
            "bad-submission",
        ),
        ("/aggregate_metrics", json!({"verify_responses": [1]}), "wrong-type"),
        ("/step", json!({"action": 7}), "wrong-type"),
        ("/reset", json!({"task": []}), "wrong-type"),
        ("/submit", json!({"id": 1, "completion": "x"}), "wrong-type"),
        ("/run_code", json!({"code": 1, "language": "python"}), "wrong-type"),
    ] {
        let answer = server.post_json(path, &body);
        assert_eq!(answer.error(), (422, code.to_owned()), "{path} {body}");
    }
    let unknown = server.post_json("/v1/score", &json!({"submissions": [], "deadlin": 1}));
    let expected = "the body is JSON of another form: unknown field `deadlin` (did you mean `deadline`?); beside `submissions` \
                    there may be `reward`, `limits`, `deadline`, and what is of a submission stands in it";
    assert_eq!(unknown.json()["error"]["message"], expected);
    let row = r#"{"prompt": "", "completion": "\\boxed{2}", "reference": "2"}"#;
    for lines in [format!("{row}\n{row}\n"), format!("{row}{row}")] {
        let answer = server.post("/v1/score", lines);
        assert_eq!(answer.error(), (400, "bad-json".to_owned()));
        assert!(
            answer.text.contains("send lines as `Content-Type: application/x-ndjson`"),
            "{}",
            answer.text
        );
    }
    let second = server.post_json("/v1/score", &json!([{"prompt": "", "completion": ""}, {"prompt": ""}]));
    assert!(second.text.contains("submission 1: no `completion`"), "{}", second.text);
    good(&server);
}

#[test]
fn nesting_without_end_is_refused() {
    let server = Server::start(&[("math", MATH)], &[]);
    let deep = "[".repeat(1_000_000);
    for path in POSTS {
        assert!(matches!(server.post(path, deep.clone()).error(), (400 | 422, _)), "{path}");
    }
    let depth = 100_000;
    let deep = format!(
        r#"{{"prompt": {}{}, "completion": "\\boxed{{2}}", "reference": "2"}}"#,
        "[".repeat(depth),
        "]".repeat(depth)
    );
    assert_eq!(server.post("/v1/score", deep).error(), (422, "bad-submission".to_owned()));
    // A column that nobody reads may be as deep as it likes; whoever reads it says so.
    let deep = format!(
        r#"{{"prompt": "", "completion": "\\boxed{{2}}", "reference": "2", "x": {}{}}}"#,
        "[".repeat(depth),
        "]".repeat(depth)
    );
    assert!(server.post("/v1/score", deep).status.as_u16() < 500);
    good(&server);
}

#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    let server = Server::start(&[("math", MATH)], &["--max-body", "64KiB"]);
    for path in POSTS {
        assert_eq!(
            server.post(path, "x".repeat(65 << 10)).error(),
            (413, "body-too-large".to_owned()),
            "{path}"
        );
    }
    // A gigabyte is announced: the answer comes before it does.
    let head = "POST /v1/score HTTP/1.1\r\nhost: x\r\ncontent-length: 1073741824\r\n\r\n";
    assert!(raw(&server, head.as_bytes()).starts_with("HTTP/1.1 413 "));
    let many = vec![json!({"prompt": "", "completion": ""}); 1];
    assert_eq!(server.post_json("/v1/score", &many.into()).status, 200);

    let lines = format!("{}\n", "x".repeat(70 << 10));
    let request = server.post_request("/v1/score").header("content-type", "application/x-ndjson").body(lines);
    let text = wait(async { read(request.send().await.unwrap()).await.text });
    assert!(text.contains("bad-line") || text.contains("body-too-large"), "{text}");
    good(&server);
}

/// What comes back for these bytes, until the server closes or some time has passed.
fn raw(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let mut some = [0; 4096];
    while !answer.ends_with(b"}") {
        match stream.read(&mut some) {
            Ok(0) | Err(_) => break,
            Ok(count) => answer.extend_from_slice(&some[..count]),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn broken_http_is_refused() {
    let server = Server::start(&[("math", MATH)], &[]);
    let huge = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    let answer = raw(&server, huge.as_bytes());
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    for broken in ["nonsense\r\n\r\n", "GET\r\n\r\n", "POST /v1/score HTTP/1.1\r\ncontent-length: -1\r\n\r\n"]
    {
        let answer = raw(&server, broken.as_bytes());
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    good(&server);
}

#[test]
fn a_body_that_dribbles_has_its_time() {
    let server = Server::start(&[("math", MATH)], &["--timeout", "1"]);
    let started = Instant::now();
    let answer = raw(&server, b"POST /v1/score HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{");
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("slow-request"), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(10));
    // A head that never ends has its time too, and nobody is told.
    let answer = raw(&server, b"POST /v1/score HTTP/1.1\r\nhost");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    good(&server);
}

#[test]
fn paths_methods_and_queries() {
    let server = Server::start(&[("math", MATH)], &[]);
    assert_eq!(server.get("/v1/scores").error(), (404, "not-found".to_owned()));
    assert_eq!(server.get("/v1/score").error(), (405, "method-not-allowed".to_owned()));
    assert_eq!(server.post("/v1/score?rewards=math", "{}").error(), (400, "bad-query".to_owned()));
    assert_eq!(server.post("/v1/score?timing=perhaps", "{}").error(), (400, "bad-query".to_owned()));
    assert_eq!(server.post("/rewards/none/v1/score", "{}").error(), (404, "unknown-reward".to_owned()));
    assert_eq!(server.post("/rewards/%ff/v1/score", "{}").error().0, 404);
    good(&server);
}

#[test]
fn only_the_token_opens() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "0123456789abcdef\n").unwrap();
    let server = Server::start(&[("math", MATH)], &["--token-file", file.to_str().unwrap()]);
    let row = json!({"prompt": "", "completion": "\\boxed{2}", "reference": "2"}).to_string();
    let with = |token: &str| {
        let request = server.post_request("/v1/score").header("authorization", token).body(row.clone());
        wait(async { read(request.send().await.unwrap()).await })
    };
    assert_eq!(with("Bearer 0123456789abcdef").json()["reward"], 1.0);
    for wrong in
        ["Bearer 0123456789abcdeg", "Bearer 0123456789abcde", "Bearer ", "Basic 0123456789abcdef", ""]
    {
        let answer = with(wrong);
        assert_eq!(answer.error(), (401, "unauthorized".to_owned()), "{wrong}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    // Whoever sends much is told too, rather than cut off.
    let much = server.post_request("/v1/score").body("x".repeat(4 << 20));
    assert_eq!(wait(async { read(much.send().await.unwrap()).await }).error().0, 401);
    for path in ["/", "/metrics", "/v1/rewards", "/openapi.json", "/nowhere"] {
        assert_eq!(server.get(path).error().0, 401, "{path}");
    }
    assert_eq!((server.get("/healthz").status.as_u16(), server.get("/readyz").status.as_u16()), (200, 200));
}
