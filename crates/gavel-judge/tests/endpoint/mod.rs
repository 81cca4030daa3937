//! An endpoint that a test starts: it answers as it is told, and knows what it was asked.

#![allow(dead_code, unreachable_pub, reason = "each of the tests that start it needs another part of it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// What it answers.
pub enum Reply {
    /// A chat completion with this text.
    Says(String),
    /// The same, after this time.
    Slowly(Duration, String),
    /// This status, with a header and this body.
    Status(u16, &'static str, String),
    /// Nothing: the connection is closed.
    HangsUp,
}

/// What it was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The first line and the headers, in small letters but for the values.
    pub head: String,
    pub body: Value,
}

impl Asked {
    /// What the user message says.
    pub fn question(&self) -> &str {
        self.body["messages"][1]["content"].as_str().unwrap()
    }
}

/// It listens until the process ends.
pub struct Endpoint {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Endpoint {
    /// `answer` is told how many came before.
    pub fn start(answer: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<Asked>>>::default());
        let (answer, all) = (Arc::new(answer), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, all) = (Arc::clone(&answer), Arc::clone(&all));
                thread::spawn(move || serve(stream, &all, &*answer));
            }
        });
        Self { address, asked }
    }

    /// The address of the API.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// An address at which nobody listens.
pub fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/v1", listener.local_addr().unwrap())
}

fn serve(
    mut stream: TcpStream,
    all: &Mutex<Vec<Asked>>,
    answer: &(dyn Fn(usize, &Asked) -> Reply + Send + Sync),
) {
    let Some(asked) = read(&stream) else { return };
    let before = {
        let mut all = all.lock().unwrap();
        all.push(asked.clone());
        all.len() - 1
    };
    let (status, header, body) = match answer(before, &asked) {
        Reply::Says(content) => (200, "", completion(&asked, &content)),
        Reply::Slowly(time, content) => {
            thread::sleep(time);
            (200, "", completion(&asked, &content))
        }
        Reply::Status(status, header, body) => (status, header, body),
        Reply::HangsUp => return,
    };
    let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
    let head = format!(
        "HTTP/1.1 {status} Said\r\nconnection: close\r\n{header}content-length: {}\r\n\r\n",
        body.len()
    );
    // Who has gone does not want it.
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { head, body: serde_json::from_slice(&body).ok()? })
}

fn completion(asked: &Asked, content: &str) -> String {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": asked.body["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    })
    .to_string()
}
