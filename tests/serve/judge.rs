//! A judge behind the server: asked at an endpoint that the test starts, counted, and no zero where it is down.

use serde_json::json;

use crate::endpoint::{Endpoint, Reply};
use crate::server::Server;

#[test]
fn a_judge_is_asked_and_counted_and_is_no_zero_where_it_is_down() {
    let endpoint = Endpoint::start(|_, asked| match asked.question().contains("\ndown\n") {
        true => Reply::Status(503, "", "overloaded".to_owned()),
        false => Reply::Says(r#"{"score": true}"#.to_owned()),
    });
    let reward = format!(
        r#"[verifiers.polite]
kind = "judge"
endpoint = "{}"
grant = ["endpoint"]
model = "judge-8b"
retries = 0
price = {{ input = 1, output = 10 }}
template = "Is this polite? {{{{ completion }}}}"
schema = {{ type = "object", required = ["score"], properties = {{ score = {{ type = "boolean" }} }} }}
"#,
        endpoint.url()
    );
    let server = Server::start(&[("polite", &reward)], &[]);
    let rows = ["please", "down"].map(|completion| json!({"prompt": "", "completion": completion}));
    let answer = server.post_json("/v1/score?timing=false", &json!(rows)).json();
    assert_eq!((&answer[0]["reward"], &answer[1]["reward"]), (&json!(1.0), &json!(null)), "{answer}");
    assert_eq!(answer[1]["no_reward"]["kind"], "host-failed");
    assert!(answer[0]["outcomes"]["polite"]["call"]["answer"]["content"].is_string(), "{answer}");
    let metrics = server.get("/metrics").text;
    for line in [
        r#"gavel_judge_calls_total{reward="polite",verifier="polite",result="answered"} 1"#,
        r#"gavel_judge_calls_total{reward="polite",verifier="polite",result="failed"} 1"#,
        r#"gavel_judge_tokens_total{reward="polite",verifier="polite",kind="prompt"} 100"#,
        r#"gavel_judge_cost_total{reward="polite",verifier="polite"} 0.0002"#,
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}
