//! SandboxFusion's protocol, as verl's client sends it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::server::{Server, repository, wait};

const CODE: &str = "[verifiers.tests]\nplugin = 'code'\ngrant = ['interpreter']\n";

/// A server that runs Python; `None`, with a line that says so, where the interpreter has not been built.
#[allow(clippy::print_stdout, reason = "a test says what it skipped")]
fn server() -> Option<Server> {
    let interpreters = repository().join("plugins/interpreters");
    if !interpreters.join("python/python.wasm").exists() {
        println!("skipped: there is no interpreter of Python; `cargo xtask plugins` builds it");
        return None;
    }
    let flags = ["--run-code", "python", "--plugin-path", interpreters.to_str().unwrap()];
    Some(Server::start(&[("code", CODE)], &flags))
}

/// What verl's `call_sandbox_api` sends.
fn request(code: &str, stdin: Option<&str>) -> Value {
    json!({"compile_timeout": 10, "run_timeout": 10, "code": code, "stdin": stdin, "memory_limit_MB": 1024,
           "language": "python", "files": {}, "fetch_files": []})
}

#[test]
fn programs_are_run() {
    let Some(server) = server() else { return };
    let run = |code: &str, stdin: Option<&str>| server.post_json("/run_code", &request(code, stdin)).json();
    let mut hello = run("print('hello', input())", Some("world\n"));
    assert!(hello["run_result"]["execution_time"].as_f64().unwrap() > 0.0);
    hello["run_result"]["execution_time"] = Value::Null;
    assert_eq!(
        hello,
        json!({"status": "Success", "message": "", "compile_result": null, "executor_pod_name": null, "files": {},
               "run_result": {"status": "Finished", "execution_time": null, "return_code": 0,
                              "stdout": "hello world\n", "stderr": ""}})
    );
    let raised = run("raise ValueError('no')", None);
    assert_eq!((&raised["status"], &raised["run_result"]["return_code"]), (&json!("Failed"), &json!(1)));
    assert!(raised["run_result"]["stderr"].as_str().unwrap().contains("ValueError: no"), "{raised}");
    let exited = run("import sys; sys.exit(7)", None);
    assert_eq!(
        (&exited["run_result"]["status"], &exited["run_result"]["return_code"]),
        (&json!("Finished"), &json!(7))
    );

    let mut endless = request("while True: pass", None);
    endless["run_timeout"] = 1.into();
    let endless = server.post_json("/run_code", &endless).json();
    assert_eq!(
        (&endless["status"], &endless["run_result"]["status"]),
        (&json!("Failed"), &json!("TimeLimitExceeded"))
    );
    assert_eq!(endless["run_result"]["return_code"], Value::Null);

    let mut other = request("print 1", None);
    other["language"] = "cobol".into();
    assert_eq!(server.post_json("/run_code", &other).error(), (403, "not-granted".to_owned()));
    let mut files = request("1", None);
    files["files"] = json!({"a": "eA=="});
    assert_eq!(server.post_json("/run_code", &files).error(), (422, "wrong-type".to_owned()));
}

#[test]
fn a_program_that_nobody_waits_for_ends() {
    let Some(server) = server() else { return };
    for _ in 0..4 {
        let request = server.post_request("/run_code").timeout(Duration::from_millis(300));
        let request = request.body(request_of_an_endless_program());
        assert!(wait(async { request.send().await }).unwrap_err().is_timeout());
    }
    // Every thread would be taken.
    assert_eq!(server.post_json("/run_code", &request("print(1)", None)).json()["status"], "Success");
}

fn request_of_an_endless_program() -> String {
    request("while True: pass", None).to_string()
}

#[test]
fn completions_are_judged_by_the_tests_that_come_along() {
    let Some(server) = server() else { return };
    let submit = |completion: &str| {
        let test = json!([{"input": {"stdin": "1 2\n"}, "output": {"stdout": "3\n"}},
                          {"input": {"stdin": "5 5\n"}, "output": {"stdout": "10\n"}}]);
        server.post_json(
            "/submit",
            &json!({"dataset": "sums", "id": 7, "completion": completion,
                    "config": {"dataset_type": "CommonOJDataset", "language": "python",
                               "provided_data": {"id": 7, "content": "Add.", "test": test, "labels": {}}}}),
        )
    };
    let right = submit("```python\na, b = map(int, input().split())\nprint(a + b)\n```").json();
    assert_eq!((&right["id"], &right["accepted"]), (&json!(7), &json!(true)), "{right}");
    assert_eq!(right["tests"].as_array().unwrap().len(), 2);
    let wrong = submit("```python\nprint(3)\n```").json();
    assert_eq!(wrong["accepted"], false, "{wrong}");
    assert!(wrong["tests"].as_array().unwrap().iter().any(|test| test["passed"] == false));
    let without = json!({"id": 1, "completion": "x", "config": {"provided_data": {"content": "?"}}});
    assert_eq!(server.post_json("/submit", &without).error(), (422, "bad-submission".to_owned()));
}
