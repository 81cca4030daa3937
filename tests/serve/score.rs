//! `/v1/score`: one, many, and a stream; which reward is meant.

use serde_json::{Value, json};

use crate::server::{Server, read, wait};
use crate::{FORMAT, MATH};

fn row(answer: i64) -> Value {
    json!({"prompt": "1 + 1?", "completion": format!("It is \\boxed{{{answer}}}."), "reference": "2"})
}

#[test]
fn one_submission_many_and_a_list() {
    let server = Server::start(&[("math", MATH)], &[]);
    let one = server.post_json("/v1/score?timing=false", &row(2));
    assert_eq!(
        (one.status.as_u16(), one.headers["content-type"].to_str().unwrap()),
        (200, "application/json")
    );
    let one = one.json();
    assert_eq!(one["reward"], 1.0);
    assert_eq!(one["outcomes"]["accuracy"]["status"], "verdict");
    assert!(one["outcomes"]["accuracy"].get("ms").is_none(), "{one}");

    let many = server.post_json("/v1/score", &json!({"submissions": [row(2), row(3), row(2)]})).json();
    let rewards: Vec<_> = many["scores"].as_array().unwrap().iter().map(|score| &score["reward"]).collect();
    assert_eq!(rewards, [1.0, 0.0, 1.0]);
    assert!(many["scores"][0]["outcomes"]["accuracy"]["ms"].is_number(), "{many}");

    let list = server.post_json("/v1/score", &json!([row(3), row(2)])).json();
    assert_eq!((&list[0]["reward"], &list[1]["reward"]), (&json!(0.0), &json!(1.0)));
    assert_eq!(server.post("/v1/score", "[]").json(), json!([]));

    // A column of an earlier run is no name of a reward.
    let mut scored = row(2);
    scored["reward"] = 0.5.into();
    assert_eq!(server.post_json("/v1/score", &scored).json()["reward"], 1.0);
}

#[test]
fn several_rewards_are_told_apart() {
    let server = Server::start(&[("math", MATH), ("form", FORMAT)], &[]);
    let reward = |path: &str, body: &Value| server.post_json(path, body).json();
    assert_eq!(reward("/v1/score?reward=math", &row(2))["reward"], 1.0);
    assert_eq!(reward("/v1/score?reward=form", &row(2))["reward"], 0.0);
    assert_eq!(reward("/rewards/math/v1/score", &row(2))["reward"], 1.0);
    let named = json!({"reward": "math", "submissions": [row(2)]});
    assert_eq!(reward("/v1/score", &named)["scores"][0]["reward"], 1.0);
    assert_eq!(server.post_json("/v1/score", &row(2)).error(), (400, "reward-not-named".to_owned()));
    let unknown = server.post_json("/v1/score?reward=maths", &row(2));
    assert_eq!(unknown.error(), (404, "unknown-reward".to_owned()));
    assert!(unknown.text.contains("there are `math`, `form`"), "{}", unknown.text);

    let rewards = server.get("/v1/rewards").json();
    assert_eq!(rewards["rewards"][0]["name"], "math");
    assert_eq!(rewards["rewards"][0]["digests"]["accuracy"].as_str().unwrap().len(), 64);
    assert_eq!(rewards["rewards"][1]["verifiers"], json!(["format"]));
}

#[test]
fn columns_are_those_of_the_reward_file() {
    let server = Server::start(&[("verl", &format!("{MATH}[columns]\npreset = 'verl'\n"))], &[]);
    let row = json!({
        "data_source": "sums", "prompt": [{"role": "user", "content": "1 + 1?"}],
        "reward_model": {"style": "rule", "ground_truth": "2"}, "response": "\\boxed{2}",
    });
    assert_eq!(server.post_json("/v1/score", &row).json()["reward"], 1.0);
}

#[test]
fn lines_are_answered_as_they_come_and_in_order() {
    let server = Server::start(&[("math", MATH)], &[]);
    // The body ends only when its first answer has been seen.
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<Result<String, std::io::Error>>();
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        Some((receiver.recv().await?, receiver))
    });
    let send = move |line: String| sender.send(Ok(line)).unwrap();
    let request = server
        .post_request("/v1/score?timing=false")
        .header("content-type", "application/x-ndjson")
        .body(reqwest::Body::wrap_stream(stream));
    send(format!("{}\n", row(2)));
    let rest = wait(async move {
        let mut response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/x-ndjson");
        let first = response.chunk().await.unwrap().unwrap();
        let first: Value = serde_json::from_slice(&first).unwrap();
        assert_eq!((&first["reward"], &first["prompt"]), (&json!(1.0), &json!("1 + 1?")));
        for answer in 0..200 {
            let row = row(2 + answer % 2).to_string();
            let (start, end) = row.split_at(30);
            send(start.to_owned());
            send(format!("{end}\n"));
        }
        send("nonsense\n\n{\"prompt\": \"\"}\n".to_owned());
        // The last line has no end.
        send(row(3).to_string());
        drop(send);
        read(response).await.text
    });
    let rows: Vec<Value> = rest.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 203);
    for (place, row) in rows[..200].iter().enumerate() {
        assert_eq!(row["reward"], [1.0, 0.0][place % 2], "line {place}: {row}");
    }
    assert_eq!(rows[200]["no_reward"]["kind"], "bad-line");
    assert_eq!(rows[201]["no_reward"]["kind"], "bad-line");
    assert_eq!(rows[202]["reward"], 0.0);
}

#[test]
fn completions_of_one_prompt_are_compared_where_all_of_them_are_sent() {
    let above = MATH.to_owned() + "[reward]\nformula = 'accuracy - group::mean(accuracy)'\n";
    let server = Server::start(&[("above", &above)], &[]);
    let other = |answer: i64| json!({"prompt": "1 + 1 =", "completion": format!("\\boxed{{{answer}}}"), "reference": "2"});
    let list = server.post_json("/v1/score", &json!([row(2), other(2), row(3), other(2)])).json();
    let rewards: Vec<_> = list.as_array().unwrap().iter().map(|score| score["reward"].clone()).collect();
    assert_eq!(rewards, [0.5, 0.0, -0.5, 0.0]);
    let mut named = [row(2), row(3)];
    for (group, row) in named.iter_mut().enumerate() {
        row["prompt_id"] = group.into();
    }
    let apart = server.post_json("/v1/score", &json!(named)).json();
    assert_eq!((&apart[0]["reward"], &apart[1]["reward"]), (&json!(0.0), &json!(0.0)));
    let query = ["q \\boxed{2}", "q \\boxed{3}"];
    let openrlhf = json!({"query": query, "prompts": ["q", "q"], "labels": ["2", "2"]});
    assert_eq!(server.post_json("/get_reward", &openrlhf).json()["rewards"], json!([0.5, -0.5]));
    // What comes alone is refused, and so are lines, which are answered one by one.
    assert_eq!(server.post_json("/v1/score", &row(2)).error(), (422, "needs-groups".to_owned()));
    let lines = server.post_request("/v1/score").header("content-type", "application/x-ndjson");
    let lines = wait(async { read(lines.body(row(2).to_string()).send().await.unwrap()).await });
    assert_eq!(lines.error(), (422, "needs-groups".to_owned()));
}
