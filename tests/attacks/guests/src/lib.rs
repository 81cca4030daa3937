//! A hostile plugin: the completion picks the attack, and everything else is judged honestly.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::hint::black_box;
use std::io::Write;
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

use exports::gavel::verifier::verifier::{Description, ErrorCode, Guest, Submission, Verdict};

wit_bindgen::generate!({ path: "../../../sdk/wit", world: "plugin" });

struct Attack;

export!(Attack);

impl Guest for Attack {
    fn describe() -> Description {
        Description {
            name: "attack".to_owned(),
            version: "1.2.3".to_owned(),
            summary: "Misbehaves on demand.".to_owned(),
            options: r#"{"type":"object"}"#.to_owned(),
            metrics: vec!["length".to_owned()],
        }
    }

    fn verify(submission: Submission, options: String) -> Result<Verdict, ErrorCode> {
        if options.contains("wrong") {
            return Err(ErrorCode::InvalidOptions("`wrong` is wrong".to_owned()));
        }
        match submission.completion.as_str() {
            "endless loop" => endless_loop(),
            "endless recursion" => Ok(reward(recurse(0) as f64)),
            "sleep for an hour" => Ok(sleep()),
            "memory bomb" => memory_bomb(),
            "leave memory dirty" => Ok(dirty_memory()),
            "huge reason" => Ok(reason("x".repeat(64 << 20))),
            "huge error" => Err(ErrorCode::Abstain("x".repeat(1 << 20))),
            "reason of the limit" => Ok(reason("x".repeat((64 << 10) - LENGTH))),
            "reason above the limit" => Ok(reason("x".repeat((64 << 10) - LENGTH + 1))),
            "many metrics" => Ok(metrics((0..1 << 20).map(|_| ("length".to_owned(), 0.0)).collect())),
            "reason that is not text" => Ok(reason(not_text())),
            "error that is not text" => Err(ErrorCode::InternalError(not_text())),
            "metric that is not text" => Ok(metrics(vec![(not_text(), 0.0)])),
            "not a number" => Ok(reward(black_box(0.0) / black_box(0.0))),
            "infinite" => Ok(reward(f64::INFINITY)),
            "minus infinite" => Ok(reward(f64::NEG_INFINITY)),
            "metric that is not a number" => Ok(metrics(vec![("length".to_owned(), f64::NAN)])),
            "metric without a description" => Ok(metrics(vec![length(1), ("width".to_owned(), 1.0)])),
            "metric that is missing" => Ok(metrics(Vec::new())),
            "metric that is there twice" => Ok(metrics(vec![length(1), length(2)])),
            "panic" => panic!("on purpose"),
            "abort" => std::process::abort(),
            "exit" => std::process::exit(0),
            "files" => Ok(reason(files())),
            "network" => Ok(reason(network())),
            "environment" => Ok(reason(environment())),
            "clock" => Ok(reason(clock())),
            "entropy" => Ok(reason(entropy())),
            "endless flood" => flood(u64::MAX),
            "flood" => flood(1 << 20),
            "invalid task" => Err(ErrorCode::InvalidTask("no numbers".to_owned())),
            "abstain" => Err(ErrorCode::Abstain("no idea".to_owned())),
            "internal error" => Err(ErrorCode::InternalError("oops".to_owned())),
            "late wrong options" => Err(ErrorCode::InvalidOptions("too late".to_owned())),
            _ => Ok(honest(&submission)),
        }
    }
}

fn honest(submission: &Submission) -> Verdict {
    let right = submission.reference.as_deref() == Some(submission.completion.as_str());
    Verdict {
        reward: if right { 1.0 } else { 0.0 },
        reason: Some(submission.metadata.clone()),
        metrics: vec![length(submission.completion.len())],
    }
}

/// Bytes of the answer that the one metric counts for.
const LENGTH: usize = "length".len() + size_of::<f64>();

/// The metric that this plugin describes, so every verdict needs it.
fn length(value: usize) -> (String, f64) {
    ("length".to_owned(), value as f64)
}

fn reward(reward: f64) -> Verdict {
    Verdict { reward, reason: None, metrics: vec![length(0)] }
}

fn reason(reason: String) -> Verdict {
    Verdict { reward: 1.0, reason: Some(reason), metrics: vec![length(0)] }
}

fn metrics(metrics: Vec<(String, f64)>) -> Verdict {
    Verdict { reward: 1.0, reason: None, metrics }
}

fn not_text() -> String {
    // SAFETY: none; that is the attack.
    unsafe { String::from_utf8_unchecked(vec![b'a', 0xff, 0xfe]) }
}

fn endless_loop() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

#[expect(unconditional_recursion, reason = "that is the attack")]
fn recurse(depth: u64) -> u64 {
    let depth = black_box(depth + 1);
    recurse(depth) + depth
}

fn sleep() -> Verdict {
    let started = Instant::now();
    std::thread::sleep(Duration::from_secs(3600));
    reward(started.elapsed().as_secs() as f64)
}

fn memory_bomb() -> ! {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1_u8; 1 << 20]));
    }
}

/// Says how many bytes of fresh memory were not zero, and leaves some that are not.
fn dirty_memory() -> Verdict {
    static mut STAIN: [u8; 1 << 16] = [0; 1 << 16];
    // SAFETY: there is one thread.
    let stain = unsafe { &mut *(&raw mut STAIN) };
    let found = stain.iter().filter(|&&byte| byte != 0).count();
    stain.fill(7);
    black_box(stain);
    reward(found as f64)
}

fn files() -> String {
    let tries = [
        std::fs::read("/etc/passwd").map(drop),
        std::fs::read_dir("/").map(drop),
        std::fs::write("/tmp/attack", "x"),
        std::fs::read("../Cargo.toml").map(drop),
    ];
    granted(&tries)
}

fn network() -> String {
    let tries = [
        TcpStream::connect("127.0.0.1:80").map(drop),
        UdpSocket::bind("127.0.0.1:0").map(drop),
        "localhost:80".to_socket_addrs().map(drop),
        std::net::TcpListener::bind("127.0.0.1:0").map(drop),
    ];
    granted(&tries)
}

fn granted(tries: &[std::io::Result<()>]) -> String {
    format!("{} of {} granted", tries.iter().filter(|result| result.is_ok()).count(), tries.len())
}

fn environment() -> String {
    format!("{} variables, {} arguments", std::env::vars().count(), std::env::args().count())
}

fn clock() -> String {
    let started = Instant::now();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{} after {:?}", now.as_nanos(), started.elapsed())
}

fn entropy() -> String {
    format!("{:x}", RandomState::new().hash_one("entropy"))
}

fn flood(lines: u64) -> Result<Verdict, ErrorCode> {
    let line = "flood ".repeat(100);
    let (mut stdout, mut stderr) = (std::io::stdout(), std::io::stderr());
    for _ in 0..lines / line.len() as u64 {
        let _ = writeln!(stdout, "{line}");
        let _ = writeln!(stderr, "{line}");
    }
    Ok(reward(1.0))
}
