//! OpenEnv's sessions over a WebSocket, asked in the form in which its client 0.10 asks. That client itself is in the tests
//! of the Python package.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::MATH;
use crate::life::{ENDLESS, long, short, slow};
use crate::server::{Server, wait};

/// A client's end of a session.
struct Session(WebSocketStream<TcpStream>);

impl Session {
    /// Opens one, with these headers besides those that every client sends; else the status of the refusal.
    fn open(server: &Server, path: &str, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        wait(async {
            let stream = TcpStream::connect(&server.address).await.unwrap();
            let mut request = format!("ws://{}{path}", server.address).into_client_request().unwrap();
            for (name, value) in headers {
                request.headers_mut().insert(*name, value.parse().unwrap());
            }
            match client_async(request, stream).await {
                Ok((socket, _)) => Ok(Self(socket)),
                Err(Error::Http(answer)) => Err(answer.status().as_u16()),
                Err(error) => panic!("{error}"),
            }
        })
    }

    fn send(&mut self, text: &str) {
        wait(self.0.send(Message::text(text))).unwrap();
    }

    /// What comes next, or the code that the session was closed with.
    fn receive(&mut self) -> Result<Value, u16> {
        wait(async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                    Some(Ok(Message::Close(frame))) => {
                        return Err(frame.map_or(1005, |frame| frame.code.into()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Err(1006),
                }
            }
        })
    }

    fn ask(&mut self, message: &Value) -> Value {
        self.send(&message.to_string());
        self.receive().unwrap()
    }

    /// The code of an error.
    fn refused(&mut self, text: &str) -> String {
        self.send(text);
        let answer = self.receive().unwrap();
        assert_eq!(answer["type"], "error", "{answer}");
        assert!(answer["data"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{answer}");
        answer["data"]["code"].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_session_has_one_episode_after_the_other() {
    let server = Server::start(&[("math", MATH)], &[]);
    let mut session = Session::open(&server, "/ws", &[]).ok().unwrap();
    let state = session.ask(&json!({"type": "state"}));
    assert_eq!(state, json!({"type": "state", "data": {"episode_id": null, "step_count": 0, "done": false}}));
    let task = json!({"prompt": "1 + 1?", "reference": "2"});
    let reset =
        session.ask(&json!({"type": "reset", "data": {"seed": 7, "episode_id": "one", "task": task}}));
    assert_eq!(reset["type"], "observation");
    let data = &reset["data"];
    assert_eq!(
        (&data["observation"]["prompt"], &data["reward"], &data["done"]),
        (&json!("1 + 1?"), &Value::Null, &json!(false))
    );
    let step = session.ask(&json!({"type": "step", "data": {"completion": "\\boxed{2}"}}));
    assert_eq!((&step["data"]["reward"], &step["data"]["done"]), (&json!(1.0), &json!(true)));
    assert_eq!(step["data"]["metadata"]["outcomes"]["accuracy"]["status"], "verdict");
    assert_eq!(session.ask(&json!({"type": "state"}))["data"]["step_count"], 1);
    // A task can be the arguments of `reset` as they are.
    session.ask(&json!({"type": "reset", "data": {"prompt": "1 + 1?", "reference": "2"}}));
    let step = session.ask(&json!({"type": "step", "data": {"message": "\\boxed{3}"}}));
    assert_eq!(step["data"]["reward"], 0.0);
    // Who does not wait is answered in order.
    session.send(&json!({"type": "step", "data": {"text": "\\boxed{2}"}}).to_string());
    session.send(&json!({"type": "state"}).to_string());
    assert_eq!(session.receive().unwrap()["data"]["reward"], 1.0);
    assert_eq!(session.receive().unwrap()["data"]["step_count"], 2);
    assert_eq!(server.metric("gavel_sessions"), Some(1.0));
    assert_eq!(server.metric("gavel_requests_total{endpoint=\"/ws\",status=\"200\"}"), Some(8.0));
    session.send(&json!({"type": "close"}).to_string());
    assert!(session.receive().is_err());
    server.until("the session has ended", |server| server.metric("gavel_sessions") == Some(0.0));
}

#[test]
fn sessions_do_not_see_each_other() {
    let server = Server::start(&[("math", MATH), ("other", MATH)], &[]);
    assert_eq!(Session::open(&server, "/ws", &[]).err(), Some(400), "it does not say which reward");
    assert_eq!(Session::open(&server, "/ws?reward=none", &[]).err(), Some(404));
    let mut one = Session::open(&server, "/rewards/math/ws", &[]).ok().unwrap();
    let mut other = Session::open(&server, "/ws?reward=other", &[]).ok().unwrap();
    let reset =
        |answer: &str| json!({"type": "reset", "data": {"task": {"prompt": "?", "reference": answer}}});
    one.ask(&reset("1"));
    other.ask(&reset("2"));
    let step = json!({"type": "step", "data": {"completion": "\\boxed{2}"}});
    assert_eq!(one.ask(&step)["data"]["reward"], 0.0);
    assert_eq!(other.ask(&step)["data"]["reward"], 1.0);
    // They are not open for requests either.
    assert_eq!(server.get("/state?reward=math").error(), (404, "no-episode".to_owned()));
}

#[test]
fn what_is_no_message_is_an_error_and_the_session_goes_on() {
    let server = Server::start(&[("math", MATH)], &[]);
    let mut session = Session::open(&server, "/ws", &[]).ok().unwrap();
    let step = json!({"type": "step", "data": {"completion": "\\boxed{2}"}});
    assert_eq!(session.refused(&step.to_string()), "EXECUTION_ERROR", "nothing is open yet");
    assert_eq!(session.refused("{"), "INVALID_JSON");
    assert_eq!(session.refused("[]"), "VALIDATION_ERROR");
    assert_eq!(session.refused(&json!({"type": "dance"}).to_string()), "UNKNOWN_TYPE");
    assert_eq!(session.refused(&json!({"type": "reset", "data": []}).to_string()), "VALIDATION_ERROR");
    assert_eq!(
        session.refused(&json!({"type": "reset", "data": {"task": 1}}).to_string()),
        "VALIDATION_ERROR"
    );
    session.ask(&json!({"type": "reset", "data": {"task": {"reference": "2"}}}));
    assert_eq!(session.refused(&json!({"type": "step", "data": {}}).to_string()), "VALIDATION_ERROR");
    assert_eq!(session.ask(&step)["data"]["reward"], 1.0);
    wait(session.0.send(Message::binary(vec![0]))).unwrap();
    assert_eq!(session.receive(), Err(1003));
}

#[test]
fn messages_and_sessions_are_bounded() {
    let server = Server::start(&[("math", MATH)], &["--max-body", "1KiB", "--max-sessions", "1"]);
    let mut session = Session::open(&server, "/ws", &[]).ok().unwrap();
    assert_eq!(Session::open(&server, "/ws", &[]).err(), Some(429));
    let long = json!({"type": "reset", "data": {"prompt": "x".repeat(2000)}}).to_string();
    session.send(&long);
    assert_eq!(session.receive(), Err(1002));
    drop(session);
    server.until("there is room again", |server| Session::open(server, "/ws", &[]).is_ok());
    assert_eq!(server.get("/ws").error(), (426, "no-websocket".to_owned()));
}

#[test]
fn a_page_of_somebody_else_and_a_wrong_token_stay_outside() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "0123456789abcdef").unwrap();
    let server = Server::start(&[("math", MATH)], &["--token-file", token.to_str().unwrap()]);
    let shown = ("authorization", "Bearer 0123456789abcdef");
    assert_eq!(Session::open(&server, "/ws", &[]).err(), Some(401));
    assert_eq!(Session::open(&server, "/ws", &[shown, ("origin", "https://example.org")]).err(), Some(403));
    let own = format!("http://{}", server.address);
    assert!(Session::open(&server, "/ws", &[shown, ("origin", &own)]).is_ok());
}

#[test]
fn a_client_that_goes_is_not_judged_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[("slow", &slow(folder.path(), ENDLESS))], &["--jobs", "1"]);
    let mut session = Session::open(&server, "/ws", &[]).ok().unwrap();
    session.ask(&json!({"type": "reset", "data": {}}));
    session.send(&json!({"type": "step", "data": long()}).to_string());
    std::thread::sleep(std::time::Duration::from_millis(200));
    drop(session);
    // The one thread would be taken for good.
    let mut session = Session::open(&server, "/ws", &[]).ok().unwrap();
    session.ask(&json!({"type": "reset", "data": {}}));
    assert_eq!(session.ask(&json!({"type": "step", "data": short()}))["data"]["reward"], 1.0);
}

#[test]
fn a_signal_to_end_answers_the_step_and_closes_the_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let reward = slow(folder.path(), "fuel = 1_000_000_000, timeout = '100s'");
    let server = Server::start(&[("slow", &reward)], &["--jobs", "1"]);
    let mut idle = Session::open(&server, "/ws", &[]).ok().unwrap();
    let mut busy = Session::open(&server, "/ws", &[]).ok().unwrap();
    idle.ask(&json!({"type": "state"}));
    busy.ask(&json!({"type": "reset", "data": {}}));
    busy.send(&json!({"type": "step", "data": long()}).to_string());
    std::thread::sleep(std::time::Duration::from_millis(100));
    server.terminate();
    assert_eq!(busy.receive().unwrap()["data"]["reward"], 0.5);
    assert_eq!((busy.receive(), idle.receive()), (Err(1001), Err(1001)));
    let (status, said) = server.end();
    assert_eq!(status.code(), Some(0), "{said}");
}

#[test]
fn tasks_of_the_server_are_listed_and_picked() {
    let folder = tempfile::tempdir().unwrap();
    let rows = |name: &str, count: u64| {
        let row = |number: u64| json!({"prompt": format!("{number} + 1?"), "reference": (number + 1).to_string(), "level": 1});
        let text: String = (0..count).map(|number| format!("{}\n", row(number))).collect();
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        format!("math={}", file.display())
    };
    let (train, test) = (rows("train.jsonl", 5), rows("test.jsonl", 2));
    let server = Server::start(&[("math", MATH), ("bare", MATH)], &["--tasks", &train, "--tasks", &test]);
    assert_eq!(server.get("/list_environments").json(), json!(["math", "bare"]));
    let splits = json!([{"name": "train", "type": "train"}, {"name": "test", "type": "test"}]);
    assert_eq!(server.get("/math/splits").json(), splits);
    let ask = |what: &str, body: Value| server.post_json(&format!("/math/{what}"), &body).json();
    assert_eq!(ask("num_tasks", json!({"split": "train"})), json!({"num_tasks": 5}));
    // The reference is for who judges.
    let task = json!({"prompt": "1 + 1?", "level": 1});
    assert_eq!(ask("task", json!({"split": "test", "index": 1})), json!({"task": task}));
    assert_eq!(ask("task_range", json!({"split": "train", "start": 1, "stop": 2})), json!({"tasks": [task]}));
    assert_eq!(ask("task_range", json!({"split": "train", "start": 4, "stop": 2})), json!({"tasks": []}));
    let all = ask("tasks", json!({"split": "test"}));
    assert_eq!((all["env_name"].as_str(), all["tasks"].as_array().map(Vec::len)), (Some("math"), Some(2)));
    let refused = |path: &str, body: Value| server.post_json(path, &body).error();
    assert_eq!(refused("/math/task", json!({"split": "test", "index": 2})), (400, "no-task".to_owned()));
    assert_eq!(refused("/math/task", json!({"split": "test"})), (422, "wrong-type".to_owned()));
    assert_eq!(refused("/math/num_tasks", json!({"split": "dev"})), (404, "no-split".to_owned()));
    assert_eq!(refused("/bare/num_tasks", json!({"split": "train"})), (501, "no-tasks".to_owned()));
    assert_eq!(refused("/none/num_tasks", json!({"split": "train"})), (404, "unknown-reward".to_owned()));

    let mut session = Session::open(&server, "/rewards/math/ws", &[]).ok().unwrap();
    let prompt = |answer: &Value| answer["data"]["observation"]["prompt"].as_str().unwrap().to_owned();
    let picked = session.ask(&json!({"type": "reset", "data": {"split": "test", "index": 1}}));
    assert_eq!(prompt(&picked), "1 + 1?");
    let step = session.ask(&json!({"type": "step", "data": {"completion": "\\boxed{2}"}}));
    assert_eq!(step["data"]["reward"], 1.0);
    assert_eq!(prompt(&session.ask(&json!({"type": "reset", "data": {"seed": 8}}))), "3 + 1?");
    assert_eq!(prompt(&session.ask(&json!({"type": "reset", "data": {}}))), "0 + 1?");
    assert_eq!(prompt(&session.ask(&json!({"type": "reset"}))), "1 + 1?");
    // What the client brings is the task all the same.
    assert_eq!(
        prompt(&session.ask(&json!({"type": "reset", "data": {"prompt": "mine", "seed": 1}}))),
        "mine"
    );
    assert_eq!(
        server.post_json("/reset?reward=math", &json!({"index": 4})).json()["observation"]["prompt"],
        "4 + 1?"
    );
}
