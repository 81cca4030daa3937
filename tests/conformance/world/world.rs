//! Says what it sees of the world.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant, SystemTime};

use gavel_plugin::{Error, NoOptions, Submission, Verdict, Verifier, export};

pub struct World;

impl Verifier for World {
    type Options = NoOptions;
    const NAME: &str = "world";
    const VERSION: &str = "0.1.0";
    const SUMMARY: &str = "Says what it sees of the world.";
    const METRICS: &[&str] = &["environment", "files", "clock", "random", "slept"];

    fn verify(_: &Submission, _: &NoOptions) -> Result<Verdict, Error> {
        println!("a line for stdout");
        eprintln!("a line for stderr");
        let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // The standard library seeds its hash maps from the system's entropy.
        let random = RandomState::new().hash_one(0) as f64 / 2_f64.powi(64);
        let hour = Duration::from_secs(3600);
        let before = Instant::now();
        std::thread::sleep(hour);
        let yes = |yes: bool| f64::from(u8::from(yes));
        Ok(Verdict::new(1.0)
            .metric("environment", std::env::vars_os().count() as f64)
            .metric("files", yes(std::fs::File::open("/etc/passwd").is_ok()))
            .metric("clock", clock.as_secs_f64())
            .metric("random", random)
            .metric("slept", yes(before.elapsed() >= hour)))
    }
}

export!(World);
