//! What OpenRLHF, slime, NeMo Gym and OpenEnv send, and what they take.

use std::fs;

use serde_json::{Map, Value, json};

use crate::MATH;
use crate::server::{Server, repository};

#[test]
fn openrlhf() {
    let server = Server::start(&[("math", MATH)], &[]);
    let answer = server.post_json(
        "/get_reward",
        &json!({
            "query": ["<user>1 + 1?<assistant>\\boxed{2}<eos>", "<user>1 + 1 is not \\boxed{3}<assistant>\\boxed{3}"],
            "prompts": ["<user>1 + 1?<assistant>", "<user>1 + 1 is not \\boxed{3}<assistant>"],
            "labels": ["2", 2],
        }),
    );
    assert_eq!(
        answer.json(),
        json!({"rewards": [1.0, 0.0], "scores": [1.0, 0.0],
               "extra_logs": {"has_reward": [1.0, 1.0], "accuracy": [1.0, 0.0]}})
    );
    // What has no reward is not worth 0.
    let without = server
        .post_json("/get_reward", &json!({"query": ["?\\boxed{2}"], "prompts": ["?"], "labels": [null]}))
        .json();
    assert_eq!(without, json!({"rewards": [null], "scores": [null], "extra_logs": {"has_reward": [0.0]}}));
    let uneven = server.post_json("/get_reward", &json!({"query": ["a", "b"], "labels": ["1"]}));
    assert_eq!(uneven.error(), (422, "wrong-type".to_owned()));
    // A token before the prompt is no part of what the policy wrote, and neither is a prompt.
    let ask = |query: &str, prompt: &str| {
        server.post_json("/get_reward", &json!({"query": [query], "prompts": [prompt], "labels": ["2"]}))
    };
    assert_eq!(ask("<s>1 is \\boxed{2}? no", "1 is \\boxed{2}?").json()["rewards"], json!([0.0]));
    assert_eq!(ask("1 is \\boxed{2}? no", "1 is \\boxed{2} ?").error(), (422, "bad-submission".to_owned()));
}

#[test]
fn slime() {
    let server = Server::start(&[("math", MATH)], &[]);
    let body = json!({"prompt": "1 + 1?", "response": "\\boxed{2}", "label": "2"});
    assert_eq!(server.post_json("/remote_rm", &body).text, "1.0");
    assert_eq!(server.post_json("/remote_rm?details=true", &body).json()["reward"], 1.0);
    let chat = json!({"prompt": [{"role": "user", "content": "?"}], "response": "\\boxed{3}", "label": 2});
    assert_eq!(server.post_json("/remote_rm", &chat).text, "0.0");
    assert_eq!(
        server.post_json("/remote_rm", &json!({"prompt": "?", "response": "\\boxed{3}"})).text,
        "null"
    );
}

/// Requests that NeMo Gym's own agents have sent, as its repository has them, and the rewards that its servers gave.
#[test]
fn nemo_gym_gets_its_own_request_back_with_a_reward() {
    let server = Server::start(&[("math", MATH)], &[]);
    let file = repository().join("tests/rows/nemo-gym-requests.jsonl");
    for line in fs::read_to_string(file).unwrap().lines() {
        let mut request: Map<String, Value> = serde_json::from_str(line).unwrap();
        let expected = request.remove("reward").unwrap();
        let answer = server.post_json("/rewards/math/verify", &request.clone().into());
        assert_eq!(answer.status, 200, "{}", answer.text);
        let mut answer = answer.json().as_object().unwrap().clone();
        assert_eq!(answer.remove("reward"), Some(expected), "{line}");
        assert_eq!(answer.remove("mask_sample"), Some(false.into()));
        assert_eq!(answer.remove("failure_kind"), Some(Value::Null));
        assert_eq!(answer.remove("failure_reason"), Some(Value::Null));
        assert!(answer.remove("reward_components").unwrap()["accuracy"].is_number());
        assert!(answer.remove("gavel").unwrap()["outcomes"].is_object());
        assert_eq!(answer, request, "what was sent comes back as it was");
    }
}

#[test]
fn nemo_gym_is_told_what_measures_nothing() {
    let server = Server::start(&[("math", MATH)], &[]);
    let request = json!({
        "responses_create_params": {"input": "1 + 1?"},
        "response": {"output": [{"type": "message", "role": "assistant",
                                 "content": [{"type": "output_text", "text": "\\boxed{2}"}]}]},
    });
    let answer = server.post_json("/verify", &request).json();
    assert_eq!((&answer["reward"], &answer["mask_sample"]), (&json!(0.0), &json!(true)));
    assert_eq!(answer["failure_kind"], "gavel:dropped");
    assert!(answer["failure_reason"].as_str().unwrap().contains("accuracy: invalid task"), "{answer}");

    assert_eq!(server.post("/seed_session", "{}").text, "{}");
    let seeded = server.post_json("/seed_session", &json!({"resources_session_id": "s", "episode_id": "e"}));
    assert_eq!(seeded.json(), json!({"resources_session_id": "s"}));
    assert_eq!(server.get("/reverify_mode").text, "\"stateless\"");
}

#[test]
fn nemo_gym_has_a_response_without_a_message_judged_as_an_empty_one() {
    let server = Server::start(&[("math", MATH)], &[]);
    let request = json!({
        "responses_create_params": {"input": "1 + 1?"}, "expected_answer": "2",
        "response": {"output": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "\\boxed{2}"}]}]},
    });
    let answer = server.post_json("/verify", &request).json();
    assert_eq!((&answer["reward"], &answer["mask_sample"]), (&json!(0.0), &json!(false)), "{answer}");
    assert_eq!(answer["response"], request["response"]);
}

#[test]
fn nemo_gym_sums_up() {
    let server = Server::start(&[("math", MATH)], &[]);
    let responses = json!({"verify_responses": [
        {"_ng_task_index": 0, "_ng_rollout_index": 0, "reward": 1.0, "extracted": "2"},
        {"_ng_task_index": 0, "_ng_rollout_index": 1, "reward": 0.0},
        {"_ng_task_index": 1, "_ng_rollout_index": 0, "reward": 1.0, "library_reward": true},
        {"_ng_task_index": 1, "_ng_rollout_index": 1, "reward": 0.0, "mask_sample": true},
    ]});
    let metrics = server.post_json("/aggregate_metrics", &responses).json();
    assert_eq!(metrics["key_metrics"], json!({"mean/reward": 2.0 / 3.0}));
    assert_eq!(metrics["agent_metrics"]["max/library_reward"], 1.0);
    let groups = metrics["group_level_metrics"].as_array().unwrap();
    assert_eq!(
        (groups.len(), &groups[0]["_ng_task_index"], &groups[0]["mean/reward"]),
        (2, &json!(0), &json!(0.5))
    );
    assert_eq!((&groups[0]["median/reward"], &groups[1]["std/reward"]), (&json!(0.5), &json!(0.0)));
}

#[test]
fn gymnasium_of_a_single_turn() {
    let server = Server::start(&[("math", MATH)], &[]);
    let mut body = json!({"responses_create_params": {"input": [{"role": "user", "content": "1 + 1?"}]}, "expected_answer": "2"});
    assert_eq!(server.post_json("/reset", &body).json(), json!({"observation": null, "info": {}}));
    body["response"] = json!({"output": [{"type": "message", "role": "assistant",
                                          "content": [{"type": "output_text", "text": "\\boxed{2}"}]}]});
    let step = server.post_json("/step", &body).json();
    assert_eq!(
        (&step["reward"], &step["terminated"], &step["truncated"]),
        (&json!(1.0), &json!(true), &json!(false))
    );
    assert_eq!(step["info"]["outcomes"]["accuracy"]["status"], "verdict");
}

#[test]
fn openenv_of_a_single_turn() {
    let server = Server::start(&[("math", MATH)], &[]);
    let open = |id: &str| {
        let reset = json!({"seed": 7, "episode_id": id, "task": {"prompt": "1 + 1?", "reference": "2"}});
        server.post_json("/reset", &reset).json()
    };
    let reset = open("one");
    assert_eq!(
        (&reset["observation"]["prompt"], &reset["done"], &reset["reward"]),
        (&json!("1 + 1?"), &json!(false), &json!(null))
    );
    let step = server.post_json("/step", &json!({"action": {"completion": "\\boxed{2}"}})).json();
    assert_eq!((&step["reward"], &step["done"]), (&json!(1.0), &json!(true)));
    assert_eq!(server.get("/state").json(), json!({"episode_id": "one", "step_count": 1, "done": true}));
    open("two");
    let action = json!({"action": {"message": "\\boxed{3}"}});
    assert_eq!(server.post_json("/step", &action).error(), (400, "episode-not-named".to_owned()));
    assert_eq!(server.post_json("/step?episode_id=two", &action).json()["reward"], 0.0);
    server.post_json("/close", &json!({"episode_id": "two"}));
    assert_eq!(server.post_json("/step?episode_id=two", &action).error(), (404, "no-episode".to_owned()));
}
