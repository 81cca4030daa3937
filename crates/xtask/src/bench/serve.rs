//! `gavel serve` under load, asked from another process over loopback: this one.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use super::served::{Connection, Server};
use super::sets::{self, Pair};

/// A load: which path, how many submissions a request has, and the requests, one after the other again and again.
struct Load {
    name: &'static str,
    reward: &'static str,
    path: &'static str,
    connections: usize,
    submissions: usize,
    /// Each with what an answer holds that is right.
    requests: Vec<(String, &'static str)>,
}

pub fn run(root: &Path, data: &Path, seconds: u64, passes: usize, processes: usize) -> Result<()> {
    if !data.is_dir() {
        bail!("{} is not there: name the folder of test data with --data", data.display());
    }
    println!(
        "| load | connections | requests/s | submissions/s | p50 | p99 | worst | MiB resident, first and last pass |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for load in loads(&sets::gsm8k(data)?) {
        let (rewards, run_code) = ([("serve", load.reward)], load.reward.is_empty());
        let rewards: &[_] = if run_code { &[] } else { &rewards };
        let server = Server::start(root, rewards, run_code, 0, processes)?;
        let (mut runs, mut resident) = (Vec::new(), Vec::new());
        for _ in 0..passes {
            runs.push(measure(&server.address, &load, seconds)?);
            resident.push(server.resident().map(|bytes| (bytes >> 20).to_string()));
        }
        let resident = [resident.first(), resident.last()]
            .map(|it| it.cloned().flatten().unwrap_or_default())
            .join(", ");
        // The best of several: what else the machine does only takes away.
        runs.sort_by(|one, other| one.rate.total_cmp(&other.rate));
        let best = runs.pop().context("at least one pass")?;
        println!(
            "| {} | {} | {:.0} | {:.0} | {:.2} ms | {:.2} ms | {:.1} ms | {} |",
            load.name,
            load.connections,
            best.rate,
            best.rate * load.submissions as f64,
            best.percentile(50),
            best.percentile(99),
            best.percentile(100),
            resident,
        );
    }
    Ok(())
}

fn loads(pairs: &[Pair]) -> Vec<Load> {
    const BATCH: usize = 64;
    let row = |pair: &Pair| json!({"prompt": pair.prompt, "completion": pair.pred, "reference": pair.gold});
    let batches = pairs.chunks_exact(BATCH).take(32);
    let program = |code: &str, run_timeout: f64| {
        json!({"compile_timeout": 10, "run_timeout": run_timeout, "code": code, "stdin": null, "memory_limit_MB": 1024,
               "language": "python", "files": {}, "fetch_files": []})
        .to_string()
    };
    let hello = (program("print('hello')", 10.0), "\"stdout\":\"hello\\n\"");
    let endless = (program("while True: pass", 0.1), "\"status\":\"TimeLimitExceeded\"");
    let bomb = (program("x = 'x' * 10**9", 10.0), "MemoryError");
    let mixed =
        (0..20).map(|place| [&endless, &bomb].get(place).copied().unwrap_or(&hello).clone()).collect();
    vec![
        Load {
            name: "`/v1/score`, `format`, batches of 64",
            reward: "[verifiers.it]\nplugin = 'format'\n",
            path: "/v1/score",
            connections: 4,
            submissions: BATCH,
            requests: batches
                .map(|batch| json!({"submissions": batch.iter().map(row).collect::<Vec<_>>()}).to_string())
                .map(|request| (request, "\"scores\":[{\"reward\":"))
                .collect(),
        },
        Load {
            name: "`/v1/score`, `math` on GSM8K completions, one a request",
            reward: "[verifiers.it]\nplugin = 'math'\noptions = { preset = 'gsm8k' }\n",
            path: "/v1/score",
            connections: 16,
            submissions: 1,
            requests: pairs.iter().map(|pair| (row(pair).to_string(), "\"status\":\"verdict\"")).collect(),
        },
        Load {
            name: "`/get_reward`, `math` on GSM8K completions, one a request",
            reward: "[verifiers.it]\nplugin = 'math'\noptions = { preset = 'gsm8k' }\n",
            path: "/get_reward",
            connections: 16,
            submissions: 1,
            requests: pairs
                .iter()
                .map(|Pair { prompt, pred, gold, .. }| {
                    json!({"query": [format!("{prompt}{pred}")], "prompts": [prompt], "labels": [gold]})
                        .to_string()
                })
                .map(|request| (request, "\"has_reward\":[1.0]"))
                .collect(),
        },
        Load {
            name: "`/run_code`, Python hello",
            reward: "",
            path: "/run_code",
            connections: 4,
            submissions: 1,
            requests: vec![hello],
        },
        Load {
            name: "the same with 5 % endless loops (0.1 s) and 5 % that want a gigabyte",
            reward: "",
            path: "/run_code",
            connections: 4,
            submissions: 1,
            requests: mixed,
        },
    ]
}

/// What a pass came to: requests a second, and how long each took, in milliseconds and in order.
struct Measured {
    rate: f64,
    times: Vec<f64>,
}

impl Measured {
    fn percentile(&self, percent: usize) -> f64 {
        self.times[(self.times.len() * percent).div_ceil(100).max(1) - 1]
    }
}

/// Keeps every connection busy for so long, after a second of warming up.
fn measure(address: &str, load: &Load, seconds: u64) -> Result<Measured> {
    let (next, counting, over) = (AtomicUsize::new(0), AtomicBool::new(false), AtomicBool::new(false));
    let (next, counting, over) = (&next, &counting, &over);
    let ask = move || -> Result<Vec<f64>> {
        let mut connection = Connection::open(address)?;
        let mut times = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let (request, expected) =
                &load.requests[next.fetch_add(1, Ordering::Relaxed) % load.requests.len()];
            let started = Instant::now();
            let answer = connection.ask(load.path, request)?;
            let took = started.elapsed();
            ensure!(answer.contains(expected), "an answer is wrong: {answer}");
            if counting.load(Ordering::Relaxed) {
                times.push(took.as_secs_f64() * 1e3);
            }
        }
        Ok(times)
    };
    thread::scope(|scope| {
        let asking: Vec<_> = (0..load.connections).map(|_| scope.spawn(ask)).collect();
        thread::sleep(Duration::from_secs(1));
        counting.store(true, Ordering::Relaxed);
        let started = Instant::now();
        thread::sleep(Duration::from_secs(seconds));
        over.store(true, Ordering::Relaxed);
        let lasted = started.elapsed().as_secs_f64();
        let mut times = Vec::new();
        for asked in asking {
            times.extend(asked.join().expect("a client does not panic")?);
        }
        ensure!(!times.is_empty(), "{}: no answer in {seconds} s", load.name);
        times.sort_by(f64::total_cmp);
        Ok(Measured { rate: times.len() as f64 / lasted, times })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_request_is_json() {
        let pair = Pair {
            prompt: "p".to_owned(),
            pred: "\\boxed{2}".to_owned(),
            gold: "2".to_owned(),
            ..Pair::default()
        };
        for load in loads(&vec![pair; 64]) {
            assert!(load.requests.iter().all(|(request, _)| serde_json::from_str::<Value>(request).is_ok()));
            assert!(!load.requests.is_empty());
        }
    }
}
