//! Ranks as processes of their own on this machine: each test starts itself again, once for every rank.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gavel_torch::distributed::{Error, ProcessGroup, Reduction, Rendezvous, Store, Timeouts};
use tch::{Device, Kind, Tensor};

/// Long for what is to succeed, and short for what is to fail.
const TIMEOUTS: Timeouts = Timeouts { open: Duration::from_secs(30), operation: Duration::from_secs(4) };

/// Says that this process is a rank of a test.
const IS_RANK: &str = "GAVEL_TEST_RANK";

/// Runs `body` in so many processes, and gives their exit codes; in such a process, runs it and ends.
fn ranks(test: &str, size: usize, body: impl Fn(ProcessGroup)) -> Vec<Option<i32>> {
    ranks_by(test, size, |rendezvous| body(ProcessGroup::open(rendezvous, Device::Cpu, TIMEOUTS).unwrap()))
}

#[expect(clippy::exit, reason = "a rank has nothing to do with the test but to be part of it")]
fn ranks_by(test: &str, size: usize, body: impl Fn(&Rendezvous)) -> Vec<Option<i32>> {
    if std::env::var_os(IS_RANK).is_some() {
        body(&Rendezvous::from_variables(|name| std::env::var(name).ok()).unwrap().unwrap());
        std::process::exit(0);
    }
    let store = Store::serve().unwrap();
    let started: Vec<Child> = (0..size).map(|rank| start(test, rank, size, store.port())).collect();
    started.into_iter().map(|mut child| child.wait().unwrap().code()).collect()
}

fn start(test: &str, rank: usize, size: usize, port: u16) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .envs(
            [("RANK", rank), ("LOCAL_RANK", rank), ("WORLD_SIZE", size)]
                .map(|(name, n)| (name, n.to_string())),
        )
        .envs([("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", &port.to_string()), (IS_RANK, "1")])
        .envs([
            ("TORCHELASTIC_USE_AGENT_STORE", "True"),
            ("TORCH_CPP_LOG_LEVEL", "FATAL"),
            ("OMP_NUM_THREADS", "1"),
        ])
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).view([-1])).unwrap()
}

#[test]
fn ranks_reduce_broadcast_and_gather() {
    for size in [2, 4] {
        let codes = ranks("ranks_reduce_broadcast_and_gather", size, |group| {
            let (rank, size) = (group.rank() as f64, group.size() as f64);
            let sum = size * (size + 1.0) / 2.0;
            // Small ones share a bucket, one is larger than a bucket, and kinds do not mix.
            let full = |elements: i64, kind: Kind| Tensor::full([elements], rank + 1.0, (kind, Device::Cpu));
            let tensors = [
                full(3, Kind::Float),
                full(0, Kind::Float),
                full(9 << 20, Kind::Float),
                full(2, Kind::Double),
            ];
            group.all_reduce(&tensors.each_ref(), Reduction::Sum).unwrap();
            assert!(tensors.iter().all(|tensor| tensor.eq(sum).all().int64_value(&[]) == 1));
            let largest = full(2, Kind::Int64);
            group.all_reduce(&[&largest], Reduction::Max).unwrap();
            assert_eq!(numbers(&largest), [size, size]);

            let weights = full(2, Kind::BFloat16);
            group.broadcast(&[&weights], 1).unwrap();
            assert_eq!(numbers(&weights), [2.0, 2.0]);

            let all = group.all_gather(&Tensor::from_slice(&[rank, 0.5]).view([1, 2])).unwrap();
            assert_eq!(all.size(), [size as i64, 1, 2]);
            assert_eq!(
                numbers(&all.select(-1, 0)),
                (0..size as i64).map(|rank| rank as f64).collect::<Vec<_>>()
            );
            let whole = Tensor::arange(2 * size as i64, (Kind::Float, Device::Cpu));
            let part = group.reduce_scatter(&whole).unwrap();
            assert_eq!(numbers(&part), [2.0 * rank * size, (2.0 * rank + 1.0) * size]);

            let texts = group.gather("x".repeat(group.rank()).as_bytes()).unwrap();
            assert!(texts.iter().enumerate().all(|(rank, text)| text.len() == rank));
            assert_eq!(group.gather(b"").unwrap(), vec![Vec::<u8>::new(); group.size()]);
            assert_eq!(group.gather_numbers(7).unwrap(), vec![7; group.size()]);
            group.agree("weights", 3).unwrap();
            group.barrier().unwrap();
        });
        assert_eq!(codes, vec![Some(0); size]);
    }
}

#[test]
fn what_ranks_do_not_agree_on_is_said_and_nothing_is_exchanged() {
    let codes = ranks("what_ranks_do_not_agree_on_is_said_and_nothing_is_exchanged", 2, |group| {
        let rank = group.rank() as i64;
        let refused = |result: Result<(), Error>| result.unwrap_err().to_string();
        let other = 1 - group.rank();
        let of = |elements: i64, kind: Kind| Tensor::zeros([elements], (kind, Device::Cpu));

        let lengths = refused(group.all_reduce(&[&of(2 + rank, Kind::Float)], Reduction::Sum));
        let begins =
            format!("rank {other} and rank {} do not agree on the shape and kind of a tensor", group.rank());
        assert!(lengths.starts_with(&begins), "{lengths}");
        let kind = if rank == 0 { Kind::Float } else { Kind::Double };
        let kinds = refused(group.all_reduce(&[&of(2, kind), &of(2, kind)], Reduction::Sum));
        assert!(kinds.ends_with("the shapes and kinds of 2 tensors"), "{kinds}");
        let next = if rank == 0 { group.barrier() } else { group.broadcast(&[&of(2, kind)], 0) };
        assert!(refused(next).ends_with("do not agree on what comes next"));
        assert!(
            refused(group.agree("the settings", rank.unsigned_abs()))
                .ends_with("do not agree on the settings")
        );
        // The group is as good as before.
        group.barrier().unwrap();

        let strided = Tensor::zeros([4, 4], (Kind::Float, Device::Cpu)).tr();
        let error = refused(group.all_reduce(&[&strided], Reduction::Sum));
        assert!(error.contains("strides [1, 4] is not contiguous"), "{error}");
    });
    assert_eq!(codes, [Some(0); 2]);
}

#[test]
fn a_rank_that_ends_is_noticed_at_once() {
    for size in [2, 4] {
        let codes = ranks("a_rank_that_ends_is_noticed_at_once", size, |group| {
            group.barrier().unwrap();
            if group.rank() == 1 {
                std::process::abort();
            }
            let started = Instant::now();
            let error = group.barrier().unwrap_err();
            assert!(matches!(error, Error::Ended(_)), "{error:?}");
            assert!(started.elapsed() < TIMEOUTS.operation / 2, "{:?}", started.elapsed());
            assert_eq!(group.failure(), None);
            assert!(group.barrier().unwrap_err().is_of_another_rank(), "the group is spent");
        });
        let expected: Vec<Option<i32>> = (0..size).map(|rank| (rank != 1).then_some(0)).collect();
        assert_eq!(codes, expected);
    }
}

#[test]
fn a_rank_that_does_not_answer_is_noticed_in_time() {
    let codes = ranks("a_rank_that_does_not_answer_is_noticed_in_time", 2, |group| {
        if group.rank() == 1 {
            std::thread::sleep(TIMEOUTS.operation + Duration::from_secs(2));
            return;
        }
        let started = Instant::now();
        let error = group.barrier().unwrap_err();
        assert!(matches!(error, Error::TimedOut { seconds: 4, .. }), "{error:?}");
        assert!(started.elapsed() < TIMEOUTS.operation + Duration::from_secs(1), "{:?}", started.elapsed());
    });
    assert_eq!(codes, [Some(0); 2]);
}

#[test]
fn a_rank_that_fails_says_why() {
    let codes = ranks("a_rank_that_fails_says_why", 4, |group| {
        group.barrier().unwrap();
        if group.rank() == 2 {
            group.fail("rank 2: the disk is full");
            return;
        }
        assert!(group.barrier().unwrap_err().is_of_another_rank());
        assert_eq!(group.failure().as_deref(), Some("rank 2: the disk is full"));
        group.fail("a consequence");
        assert_eq!(
            group.failure().as_deref(),
            Some("rank 2: the disk is full"),
            "the first says what it was"
        );
    });
    assert_eq!(codes, [Some(0); 4]);
}

#[test]
fn the_rank_with_the_store_stays_until_others_know_why_it_failed() {
    let test = "the_rank_with_the_store_stays_until_others_know_why_it_failed";
    // A port that was free a moment ago: rank 0 serves the store there, as without a launcher.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let codes = ranks_by(test, 2, |given| {
        // All ranks have this test's own store, and agree on the port of the other one over it.
        let all = ProcessGroup::open(given, Device::Cpu, TIMEOUTS).unwrap();
        let port = all.gather_numbers(i64::from(free)).unwrap()[0] as u16;
        let rendezvous = Rendezvous { port, serves: given.rank == 0, ..given.clone() };
        let group = ProcessGroup::open(&rendezvous, Device::Cpu, TIMEOUTS).unwrap();
        group.barrier().unwrap();
        if group.rank() == 0 {
            let started = Instant::now();
            group.fail("no room");
            assert!(started.elapsed() < Duration::from_secs(4), "it has been heard");
            return;
        }
        group.barrier().unwrap_err();
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(group.failure().as_deref(), Some("no room"));
    });
    assert_eq!(codes, [Some(0); 2]);
}

#[test]
fn a_port_that_is_no_store_is_not_waited_for_without_end() {
    // In a process of its own, which keeps c10d's warnings to itself.
    let codes = ranks_by("a_port_that_is_no_store_is_not_waited_for_without_end", 1, |given| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let rendezvous = Rendezvous { rank: 1, size: 2, port, ..given.clone() };
        let timeouts = Timeouts { open: Duration::from_secs(1), ..TIMEOUTS };
        let started = Instant::now();
        let error = ProcessGroup::open(&rendezvous, Device::Cpu, timeouts).unwrap_err();
        assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
        assert!(error.to_string().contains("is the port another program's"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    });
    assert_eq!(codes, [Some(0)]);
}

#[test]
fn a_rank_that_never_comes_is_said() {
    let codes = ranks_by("a_rank_that_never_comes_is_said", 2, |rendezvous| {
        if rendezvous.rank == 1 {
            return;
        }
        let timeouts = Timeouts { open: Duration::from_secs(1), ..TIMEOUTS };
        let error = ProcessGroup::open(rendezvous, Device::Cpu, timeouts).unwrap_err();
        assert!(matches!(error, Error::TimedOut { seconds: 1, .. }), "{error:?}");
    });
    assert_eq!(codes, [Some(0); 2]);
}

#[test]
fn what_was_left_by_ranks_before_a_restart_is_not_found() {
    let codes = ranks_by("what_was_left_by_ranks_before_a_restart_is_not_found", 2, |rendezvous| {
        for attempt in 0..2 {
            let again = Rendezvous { attempt, ..rendezvous.clone() };
            ProcessGroup::open(&again, Device::Cpu, TIMEOUTS).unwrap().barrier().unwrap();
        }
    });
    assert_eq!(codes, [Some(0); 2]);
}
