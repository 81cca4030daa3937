//! `gavel serve` over minutes and through its end: every question has a number of its own, which its answer has to carry, so
//! that an answer that is lost, comes twice or belongs to another is seen.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::served::{Connection, Server};

const REWARDS: [(&str, &str); 2] = [
    ("math", "[verifiers.it]\nplugin = 'math'\noptions = { order = ['boxed'] }\n"),
    // Whose clients go before they are answered.
    ("left", "[verifiers.it]\nplugin = 'math'\noptions = { order = ['boxed'] }\n"),
];

/// Clients at the same time.
const CLIENTS: u64 = 8;

/// Submissions of a batch.
const BATCH: u64 = 64;

/// How long the load lasts before memory is looked at for the first time: buffers and caches fill until then.
const WARM: Duration = Duration::from_secs(30);

/// A request that was sent so long before the server was told to end has been read by it.
const READ: Duration = Duration::from_millis(50);

pub fn run(root: &Path, seconds: u64, rounds: usize, processes: usize) -> Result<()> {
    soak(root, Duration::from_secs(seconds), processes)?;
    killed(root, rounds, processes)?;
    ended(root, rounds, processes)
}

fn start(root: &Path, port: u16, processes: usize) -> Result<Server> {
    Server::start(root, &REWARDS, true, port, processes)
}

/// A question, and what its answer has to be.
struct Question {
    kind: &'static str,
    path: &'static str,
    body: String,
    status: u16,
    /// What the answer has to hold, in this order.
    expected: Vec<String>,
    /// Submissions that the server counts for it.
    submissions: u64,
}

impl Question {
    /// The question with this number: all kinds take turns.
    fn numbered(number: u64) -> Self {
        let row = |n: u64| {
            let reference = if n.is_multiple_of(3) { n + 1 } else { n };
            json!({"prompt": "?", "completion": format!("\\boxed{{{n}}}"), "reference": reference.to_string()})
        };
        let verdict = |n: u64| {
            let how = if n.is_multiple_of(3) { "another number than" } else { "the same number as" };
            format!("\"reason\":\"{n} (from \\\\boxed) is {how} ")
        };
        let of = |kind, path, body: Value, expected| Self {
            kind,
            path,
            body: body.to_string(),
            status: 200,
            expected,
            submissions: 1,
        };
        let program = |code: String, run_timeout: f64| {
            json!({"compile_timeout": 10, "run_timeout": run_timeout, "code": code, "stdin": null,
                   "memory_limit_MB": 1024, "language": "python", "files": {}, "fetch_files": []})
        };
        let without = |question: Self| Self { submissions: 0, ..question };
        match number % 20 {
            0..=5 => {
                let rows = number * BATCH..(number + 1) * BATCH;
                let body = json!({"submissions": rows.clone().map(row).collect::<Vec<_>>()});
                let batch = of("batch", "/rewards/math/v1/score", body, rows.map(verdict).collect());
                Self { submissions: BATCH, ..batch }
            }
            6..=11 => of("one", "/rewards/math/v1/score", row(number), vec![verdict(number)]),
            12..=15 => {
                let (prompt, right) = (format!("{number}?"), u8::from(!number.is_multiple_of(3)));
                let row = row(number);
                let query = format!("{prompt}{}", row["completion"].as_str().unwrap_or_default());
                let body = json!({"query": [query], "prompts": [prompt], "labels": [row["reference"]]});
                let expected = vec![format!("\"rewards\":[{right}.0]")];
                of("get_reward", "/rewards/math/get_reward", body, expected)
            }
            16 => {
                let expected = vec![format!("\"stdout\":\"{number}\\n\"")];
                without(of("program", "/run_code", program(format!("print({number})"), 10.0), expected))
            }
            17 => {
                let code = format!("x = {number}\nwhile True: pass");
                let expected = vec!["\"status\":\"TimeLimitExceeded\"".to_owned()];
                without(of("endless program", "/run_code", program(code, 0.05), expected))
            }
            18 => {
                let code = format!("# {number}\nx = 'x' * 10**9");
                let expected = vec!["MemoryError".to_owned()];
                without(of("memory bomb", "/run_code", program(code, 10.0), expected))
            }
            _ => {
                let body = json!({"prompt": number.to_string()});
                let expected = vec!["\"code\":\"bad-submission\"".to_owned()];
                let question = of("bad request", "/rewards/math/v1/score", body, expected);
                Self { status: 422, submissions: 0, ..question }
            }
        }
    }

    /// Whether this is its answer, whole and in order, and nobody else's.
    fn check(&self, status: u16, answer: &str) -> Result<()> {
        ensure!(status == self.status, "{}: {status} instead of {}: {answer}", self.kind, self.status);
        let mut rest = answer;
        for expected in &self.expected {
            let place =
                rest.find(expected).with_context(|| format!("no {expected} in its place: {answer}"))?;
            rest = &rest[place + expected.len()..];
        }
        let verdicts = answer.matches("\"reason\":").count() as u64;
        ensure!(self.kind != "batch" || verdicts == BATCH, "{verdicts} verdicts on {BATCH} submissions");
        Ok(())
    }
}

/// Asks for so long, all clients at once, and counts what is said.
fn soak(root: &Path, lasts: Duration, processes: usize) -> Result<()> {
    let server = start(root, 0, processes)?;
    let (next, over, left) = (AtomicU64::new(0), AtomicBool::new(false), AtomicU64::new(0));
    let (next, over, address) = (&next, &over, &*server.address);
    let client = move || -> Result<BTreeMap<&'static str, (u64, u64)>> {
        let mut connection = Connection::open(address)?;
        let mut asked = BTreeMap::<_, (u64, u64)>::new();
        while !over.load(Ordering::Relaxed) {
            let question = Question::numbered(next.fetch_add(1, Ordering::Relaxed));
            connection.send(question.path, &question.body)?;
            let (status, answer) = connection.answer()?;
            question.check(status, answer)?;
            let of_kind = asked.entry(question.kind).or_default();
            *of_kind = (of_kind.0 + 1, of_kind.1 + question.submissions);
        }
        ensure!(connection.is_quiet()?, "there is more than was asked for");
        Ok(asked)
    };
    // Clients that go: a batch is sent, and nobody waits for its answer.
    let leaver = || -> Result<()> {
        while !over.load(Ordering::Relaxed) {
            let row = json!({"prompt": "?", "completion": "\\boxed{1}", "reference": "1"});
            let body = json!({"submissions": vec![row; BATCH as usize]}).to_string();
            Connection::open(address)?.send("/rewards/left/v1/score", &body)?;
            left.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    };
    let (mut first, mut last, mut most) = (None, (None, None), None);
    let mut asked = BTreeMap::<&str, (u64, u64)>::new();
    thread::scope(|scope| -> Result<()> {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        let leaver = scope.spawn(leaver);
        let started = Instant::now();
        while started.elapsed() < lasts && !clients.iter().any(thread::ScopedJoinHandle::is_finished) {
            thread::sleep(Duration::from_secs(1));
            last = (server.resident(), server.open_files());
            most = most.max(last.0);
            if first.is_none() && started.elapsed() >= WARM.min(lasts / 2) {
                first = Some(last);
            }
        }
        over.store(true, Ordering::Relaxed);
        for client in clients {
            for (kind, (requests, submissions)) in client.join().expect("a client does not panic")? {
                let of_kind = asked.entry(kind).or_default();
                *of_kind = (of_kind.0 + requests, of_kind.1 + submissions);
            }
        }
        leaver.join().expect("a client does not panic")
    })?;
    println!(
        "| mixed load, {} s, {CLIENTS} clients, processes: {processes} | requests | submissions |\n|---|---|---|",
        lasts.as_secs()
    );
    for (kind, (requests, submissions)) in &asked {
        println!("| {kind} | {requests} | {submissions} |");
    }
    let submissions: u64 = asked.values().map(|(_, submissions)| submissions).sum();
    let counted = counted(address, submissions as f64)?;
    println!("| left before they were answered | {} | |", left.load(Ordering::Relaxed));
    let mib = |bytes: Option<u64>| bytes.map_or(f64::NAN, |bytes| bytes as f64 / f64::from(1 << 20));
    let (first_resident, first_files) = first.unwrap_or_default();
    println!(
        "\nResident: {:.1} MiB after {} s, {:.1} MiB at the end, {:.1} MiB at most; open files: {} and {}.",
        mib(first_resident),
        WARM.min(lasts / 2).as_secs(),
        mib(last.0),
        mib(most),
        first_files.unwrap_or_default(),
        last.1.unwrap_or_default(),
    );
    println!("Answered: {submissions} submissions; counted by the server: {counted:?}. 0 lost, 0 twice.");
    ensure!(counted == Some(submissions as f64), "the server has judged others than were asked for");
    Ok(())
}

/// What the server has counted, once it is what was asked for, or for good: of several processes, each says once a second how
/// far it is.
fn counted(address: &str, wanted: f64) -> Result<Option<f64>> {
    let asked = Instant::now();
    loop {
        let metrics = Connection::open(address)?.get("/metrics")?.to_owned();
        let name = "gavel_submissions_total{reward=\"math\"}";
        let counted = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        if counted == Some(wanted) || asked.elapsed() > Duration::from_secs(3) {
            return Ok(counted);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// What became of the requests of clients whose server goes away.
#[derive(Default)]
struct Counts {
    answered: u64,
    /// Refused, reset or closed before the answer was whole: a client knows that it has none.
    errors: u64,
}

/// Kills the server under load and starts it again at the same address; of several processes one, which the server itself
/// starts again. Clients ask on, and see right answers and clean errors.
fn killed(root: &Path, rounds: usize, processes: usize) -> Result<()> {
    let mut server = start(root, 0, processes)?;
    let (address, port) = (server.address.clone(), server.port()?);
    let (next, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let (next, over, address) = (&next, &over, &*address);
    let client = move || -> Result<Counts> {
        let (mut counts, mut connection) = (Counts::default(), None);
        while !over.load(Ordering::Relaxed) {
            let question = Question::numbered(next.fetch_add(1, Ordering::Relaxed));
            let said = exchange(&mut connection, address, &question);
            match said {
                // What is whole has to be right.
                Ok((status, answer)) => {
                    question.check(status, &answer)?;
                    counts.answered += 1;
                }
                Err(_) => {
                    counts.errors += 1;
                    connection = None;
                    thread::sleep(Duration::from_millis(2));
                }
            }
        }
        Ok(counts)
    };
    let (mut total, mut back) = (Counts::default(), Vec::new());
    thread::scope(|scope| -> Result<()> {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        for round in 0..rounds {
            thread::sleep(Duration::from_secs(1));
            let killed = Instant::now();
            if processes > 1 {
                server.replace_one(round)?;
            } else {
                server.signal("KILL")?;
                // The port is taken as long as the old one is there.
                server.wait()?;
                server = start(root, port, processes)?;
            }
            back.push(killed.elapsed());
        }
        thread::sleep(Duration::from_secs(1));
        over.store(true, Ordering::Relaxed);
        for client in clients {
            let counts = client.join().expect("a client does not panic")?;
            total.answered += counts.answered;
            total.errors += counts.errors;
        }
        Ok(())
    })?;
    println!(
        "Killed {rounds} times under load and started again: {} right answers, {} requests without one (refused, reset or \
         closed), no wrong or half one; listening again after {:.0} ms at most.",
        total.answered,
        total.errors,
        back.iter().max().copied().unwrap_or_default().as_secs_f64() * 1e3,
    );
    Ok(())
}

/// Asks on a connection that stays, or on a new one. An error is the transport's: there is no answer.
fn exchange(
    connection: &mut Option<Connection>,
    address: &str,
    question: &Question,
) -> Result<(u16, String)> {
    if connection.is_none() {
        *connection = Some(Connection::open(address)?);
    }
    let connection = connection.as_mut().context("it was opened")?;
    connection.send(question.path, &question.body)?;
    let (status, answer) = connection.answer()?;
    Ok((status, answer.to_owned()))
}

/// Tells the server to end under load: what it had read by then it answers, and then exits with 0.
fn ended(root: &Path, rounds: usize, processes: usize) -> Result<()> {
    let (mut accepted, mut late, mut longest, mut earliest) = (0, 0, Duration::ZERO, Duration::ZERO);
    for _ in 0..rounds {
        let mut server = start(root, 0, processes)?;
        let (next, address) = (AtomicU64::new(0), server.address.clone());
        let (next, address) = (&next, &*address);
        // Until its connection ends; then when the last question was sent, and whether it was answered.
        let client = move || -> Result<(u64, Option<Instant>)> {
            let mut answered = 0;
            loop {
                let question = Question::numbered(next.fetch_add(1, Ordering::Relaxed));
                let Ok(mut connection) = Connection::open(address) else { return Ok((answered, None)) };
                if connection.send(question.path, &question.body).is_err() {
                    return Ok((answered, None));
                }
                let sent = Instant::now();
                match connection.answer() {
                    // The server may say that it ends, to what comes too late.
                    Ok((503, _)) => return Ok((answered, None)),
                    Ok((status, answer)) => question.check(status, answer)?,
                    Err(_) => return Ok((answered, Some(sent))),
                }
                answered += 1;
            }
        };
        let told = thread::scope(|scope| -> Result<Instant> {
            let clients: Vec<_> = (0..4 * CLIENTS).map(|_| scope.spawn(client)).collect();
            thread::sleep(Duration::from_secs(1));
            let told = Instant::now();
            server.signal("TERM")?;
            for client in clients {
                let (answered, unanswered) = client.join().expect("a client does not panic")?;
                accepted += answered;
                if let Some(sent) = unanswered {
                    ensure!(
                        sent + READ > told,
                        "a question that was sent {:.0} ms before the signal was not answered",
                        told.saturating_duration_since(sent).as_secs_f64() * 1e3
                    );
                    late += 1;
                    earliest = earliest.max(told.saturating_duration_since(sent));
                }
            }
            Ok(told)
        })?;
        let status = server.wait()?;
        ensure!(status.success(), "told to end, the server ended with {status}");
        longest = longest.max(told.elapsed());
    }
    println!(
        "Told to end {rounds} times under load: {accepted} questions answered, {late} not taken any more, the earliest of them \
         sent {:.1} ms before the signal; exit code 0 after {:.0} ms at most.",
        earliest.as_secs_f64() * 1e3,
        longest.as_secs_f64() * 1e3
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_knows_its_own_answer_and_no_other() {
        let question = Question::numbered(6);
        let own = r#"{"outcomes":{"it":{"reason":"6 (from \\boxed) is another number than 7"}}}"#;
        question.check(200, own).unwrap();
        assert!(question.check(200, &own.replace('6', "26")).is_err());
        assert!(question.check(429, own).is_err());
    }

    #[test]
    fn a_batch_is_its_submissions_in_order() {
        let question = Question::numbered(0);
        let verdicts: Vec<_> = question.expected.iter().map(|said| format!("{said}x\"")).collect();
        question.check(200, &verdicts.join(",")).unwrap();
        let mut swapped = verdicts.clone();
        swapped.swap(3, 4);
        assert!(question.check(200, &swapped.join(",")).is_err());
        assert!(question.check(200, &verdicts[1..].join(",")).is_err());
        let twice: Vec<_> = verdicts.iter().chain(&verdicts[5..6]).cloned().collect();
        assert!(question.check(200, &twice.join(",")).is_err());
    }

    #[test]
    fn every_kind_takes_its_turn() {
        let kinds: std::collections::BTreeSet<_> =
            (0..20).map(|number| Question::numbered(number).kind).collect();
        assert_eq!(kinds.len(), 7);
    }
}
