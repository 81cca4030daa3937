//! Judges at an endpoint that is right, slow, wrong and down in turn: whatever goes wrong is an outcome without verdict, and
//! every outcome comes of its call again.

mod endpoint;

use std::time::{Duration, Instant};

use endpoint::{Endpoint, Reply, nowhere};
use gavel_judge::{Judge, JudgeCounts, JudgeSettings, Key, Price};
use gavel_verify::{AsyncVerifier as _, Failure, Outcome, Status, Submission};
use serde_json::json;

const KEY: &str = "sk-test-0123456789";

fn settings(endpoint: String) -> JudgeSettings {
    JudgeSettings {
        endpoint,
        model: "judge-8b".to_owned(),
        key: Key::new(KEY),
        template: "{{ completion }}".to_owned(),
        schema: json!({
            "type": "object", "required": ["score"], "additionalProperties": false,
            "properties": {
                "score": {"type": "integer", "minimum": 1, "maximum": 5}, "reason": {"type": "string"},
            },
        }),
        timeout: Duration::from_secs(5),
        retries: 0,
        price: Some(Price { input: 1.0, output: 10.0 }),
        ..JudgeSettings::default()
    }
}

/// Judges one submission; the outcome must come of its call again.
fn ask(judge: &Judge) -> Outcome {
    let submission = Submission { completion: "Restart it.".to_owned(), ..Submission::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(judge.verify(&submission));
    let again = judge.replay(&submission, outcome.call.as_deref());
    assert_eq!(Outcome { elapsed: outcome.elapsed, ..again }, outcome);
    outcome
}

fn judge(settings: JudgeSettings) -> Judge {
    Judge::new(settings).unwrap()
}

/// What a failure says, which must not be a price's or hold the key.
fn reason(outcome: &Outcome) -> String {
    let failure = outcome.result.as_ref().unwrap_err();
    assert!(!failure.to_string().contains(KEY), "{failure}");
    failure.to_string()
}

#[test]
fn an_answer_is_a_verdict_with_its_cost() {
    let endpoint = Endpoint::start(|_, _| Reply::Says(r#"{"score": 4, "reason": "short"}"#.to_owned()));
    let judge = judge(settings(endpoint.url()));
    let outcome = ask(&judge);
    let verdict = outcome.result.unwrap();
    assert_eq!((verdict.reward, verdict.reason.as_deref()), (4.0, Some("short")));
    assert_eq!(verdict.metric("cost"), Some(0.0002));
    let call = outcome.call.unwrap();
    assert!(!format!("{call:?}").contains(KEY));
    assert_eq!(
        judge.counts(),
        JudgeCounts {
            calls: 1,
            prompt_tokens: 100,
            completion_tokens: 10,
            cost: 0.0002,
            ..JudgeCounts::default()
        }
    );
    let asked = endpoint.asked().remove(0);
    assert!(asked.head.starts_with("POST /v1/chat/completions HTTP/1.1"), "{}", asked.head);
    assert!(asked.head.to_lowercase().contains(&format!("authorization: bearer {KEY}")), "{}", asked.head);
    assert_eq!((&asked.body["temperature"], &asked.body["seed"]), (&json!(0.0), &json!(0)));
    assert_eq!(asked.body["response_format"]["json_schema"]["schema"], judge_schema());
    assert!(asked.question().contains("\nRestart it.\n"));
}

fn judge_schema() -> serde_json::Value {
    settings(String::new()).schema
}

#[test]
fn one_that_is_wrong_gives_no_verdict() {
    let html = "<html>502</html>".to_owned();
    let two = json!({"choices": []}).to_string();
    let long = "x".repeat(300 << 10);
    for (reply, status) in [
        (
            Box::new(|| Reply::Says("The score is 5.".to_owned())) as Box<dyn Fn() -> Reply + Send + Sync>,
            Status::Refused,
        ),
        (Box::new(|| Reply::Says(r#"{"score": 500}"#.to_owned())), Status::Refused),
        (Box::new(|| Reply::Says(String::new())), Status::Refused),
        (Box::new(move || Reply::Status(200, "", html.clone())), Status::HostFailed),
        (Box::new(move || Reply::Status(200, "", two.clone())), Status::HostFailed),
        (Box::new(move || Reply::Status(200, "", long.clone())), Status::HostFailed),
        (Box::new(|| Reply::Status(500, "", "oops".to_owned())), Status::HostFailed),
        (Box::new(|| Reply::Status(429, "", "slow down".to_owned())), Status::HostFailed),
        (Box::new(|| Reply::Status(404, "", "no such model".to_owned())), Status::HostFailed),
        (Box::new(|| Reply::HangsUp), Status::HostFailed),
    ] {
        let endpoint = Endpoint::start(move |_, _| reply());
        let outcome = ask(&judge(settings(endpoint.url())));
        assert_eq!(outcome.status(), status, "{outcome:?}");
        reason(&outcome);
    }
}

#[test]
fn a_key_that_is_repeated_is_hidden_and_not_tried_again() {
    let endpoint = Endpoint::start(|_, asked| {
        let repeated = asked.head.clone();
        Reply::Status(401, "", format!("no such key: {repeated}"))
    });
    let outcome = ask(&judge(JudgeSettings { retries: 3, ..settings(endpoint.url()) }));
    assert!(reason(&outcome).contains("401"), "{outcome:?}");
    assert!(!format!("{outcome:?}").contains(KEY), "{outcome:?}");
    assert_eq!(endpoint.asked().len(), 1);
}

#[test]
fn what_passes_is_tried_again_and_waited_for() {
    let endpoint = Endpoint::start(|before, _| match before {
        0 => Reply::Status(429, "retry-after: 1", "slow down".to_owned()),
        1 => Reply::HangsUp,
        _ => Reply::Says(r#"{"score": 2}"#.to_owned()),
    });
    let judge = judge(JudgeSettings { retries: 2, ..settings(endpoint.url()) });
    let started = Instant::now();
    let outcome = ask(&judge);
    assert_eq!(outcome.reward(), Some(2.0));
    // A second as the endpoint wants it, and a second since it is the second wait.
    assert!((2000..5000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    assert_eq!((endpoint.asked().len(), judge.counts().retries, judge.counts().calls), (3, 2, 1));
}

#[test]
fn one_that_is_slow_or_down_gives_no_verdict() {
    let endpoint = Endpoint::start(|_, _| Reply::Slowly(Duration::from_secs(30), String::new()));
    let slow = JudgeSettings { timeout: Duration::from_millis(100), retries: 1, ..settings(endpoint.url()) };
    let started = Instant::now();
    let outcome = ask(&judge(slow));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(reason(&outcome).contains("no answer within 100ms, after 2 attempts"), "{outcome:?}");
    assert!(matches!(outcome.result, Err(Failure::HostFailed(_))));
    let down = ask(&judge(settings(nowhere())));
    assert_eq!(down.status(), Status::HostFailed);
    reason(&down);
}

#[test]
fn nobody_is_asked_but_the_endpoint() {
    let other = Endpoint::start(|_, _| Reply::Says(r#"{"score": 5}"#.to_owned()));
    let location: &'static str =
        Box::leak(format!("location: {}/chat/completions", other.url()).into_boxed_str());
    let endpoint = Endpoint::start(move |_, _| Reply::Status(307, location, String::new()));
    let outcome = ask(&judge(settings(endpoint.url())));
    assert_eq!((outcome.status(), other.asked().len()), (Status::HostFailed, 0));
}
