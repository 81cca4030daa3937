//! A toy interpreter: a program is a list of commands, one a line, most of them hostile.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::hint::black_box;
use std::io::{Read, Write};
use std::time::{Duration, Instant, SystemTime};

use exports::gavel::verifier::execution::{End, Guest, Language};

wit_bindgen::generate!({ path: "../../../../sdk/wit", world: "interpreter-plugin" });

struct Toy;

export!(Toy);

impl Guest for Toy {
    fn describe() -> Language {
        Language {
            name: "toy".to_owned(),
            version: "1.0.0".to_owned(),
            summary: "One command a line.".to_owned(),
        }
    }

    fn execute(source: String) -> End {
        let end = execute(&source);
        std::io::stdout().flush().unwrap();
        end
    }
}

fn execute(source: &str) -> End {
    for line in source.lines() {
        let (command, argument) = line.split_once(' ').unwrap_or((line, ""));
        match command {
            "print" => println!("{argument}"),
            "complain" => eprintln!("{argument}"),
            "echo" => echo(),
            "exit" => return End::Exited(argument.parse().unwrap()),
            "process-exit" => std::process::exit(argument.parse().unwrap()),
            "raise" => {
                eprintln!("Error: {argument}");
                return End::Raised;
            }
            "abort" => std::process::abort(),
            "loop" => endless_loop(),
            "count" => count(argument.parse().unwrap()),
            "recurse" => println!("{}", recurse(0)),
            "dig" => println!("{}", dig([0; 8])),
            "bomb" => bomb(),
            "ask" => ask(argument.parse().unwrap()),
            "hold" => hold(argument.parse().unwrap()),
            "sleep" => sleep(),
            "stain" => stain(),
            "random" => println!("{:x}", RandomState::new().hash_one("entropy")),
            "time" => println!("{:?}", SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()),
            "write" => write(argument.parse().unwrap(), &mut std::io::stdout()),
            "write-error" => write(argument.parse().unwrap(), &mut std::io::stderr()),
            "flood" => write(usize::MAX, &mut std::io::stdout()),
            "world" => world(),
            _ => {
                eprintln!("no such command: {command}");
                return End::Raised;
            }
        }
    }
    End::Exited(0)
}

fn echo() {
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input).unwrap();
    std::io::stdout().write_all(&input).unwrap();
}

fn endless_loop() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn count(to: u64) {
    let mut turns = 0_u64;
    while turns < to {
        turns = black_box(turns + 1);
    }
    println!("{turns}");
}

/// Uses up the stack that the guest keeps in its own memory.
#[expect(unconditional_recursion, reason = "that is the attack")]
fn recurse(depth: u64) -> u64 {
    let depth = black_box(depth + 1);
    recurse(depth) + depth
}

/// Uses up the native stack: nothing here has an address.
#[expect(unconditional_recursion, reason = "that is the attack")]
fn dig(numbers: [u64; 8]) -> u64 {
    fn step(a: u64, b: u64, c: u64, d: u64) -> u64 {
        if a == u64::MAX { d } else { step(a + 1, b ^ a, c + b, d).wrapping_mul(a | 1).wrapping_add(b) }
    }
    step(numbers[0], 1, 2, 3) + dig(numbers)
}

fn bomb() -> ! {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1_u8; 1 << 20]));
    }
}

/// Asks politely for so many MiB, and goes on whether it gets them or not.
fn ask(mebibytes: usize) {
    let mut memory = Vec::<u8>::new();
    match memory.try_reserve_exact(mebibytes << 20) {
        Ok(()) => println!("granted"),
        Err(_) => println!("refused"),
    }
    black_box(memory);
}

/// Writes to so many MiB.
fn hold(mebibytes: usize) {
    println!("{}", black_box(vec![1_u8; mebibytes << 20]).len());
}

fn sleep() {
    let started = Instant::now();
    std::thread::sleep(Duration::from_secs(3600));
    println!("{}", started.elapsed().as_secs());
}

/// Says how many bytes of fresh memory were not zero, and leaves some that are not.
fn stain() {
    static mut STAIN: [u8; 1 << 16] = [0; 1 << 16];
    // SAFETY: there is one thread.
    let stain = unsafe { &mut *(&raw mut STAIN) };
    println!("{}", stain.iter().filter(|&&byte| byte != 0).count());
    stain.fill(7);
    black_box(stain);
}

fn write(bytes: usize, stream: &mut impl Write) {
    let line = [b'x'; 1000];
    let mut left = bytes;
    while left > 0 {
        let now = left.min(line.len());
        // A program that ignores errors goes on writing.
        let _ = stream.write_all(&line[..now]).and_then(|()| stream.flush());
        left -= now;
    }
}

/// Counts what it can reach of the machine.
fn world() {
    let tries = [
        std::fs::read("/etc/passwd").is_ok(),
        std::fs::write("/tmp/toy", "x").is_ok(),
        std::net::TcpStream::connect("127.0.0.1:80").is_ok(),
        std::env::vars().next().is_some(),
        std::env::args().next().is_some(),
    ];
    println!("{} of {}", tries.iter().filter(|&&reached| reached).count(), tries.len());
}
