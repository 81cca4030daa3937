//! Attacks a plugin: judges what its cases say, finds what is right and what is plainly wrong for each task, and judges
//! the attacks that are made of it.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use gavel_host::{STACK, WasmVerifier};
use gavel_plugins::Allowance;
use gavel_verify::{Submission, Verifier};

use super::answer::{alike, answer, form, neighbours, places, runs_on};
use super::attacks::{ATTACKS, Attack, Material};
use super::task::Task;
use super::{LEAST, UNKNOWN};
use crate::cases::Case;

/// How many right completions of other tasks are tried for one that has none like them.
const OTHERS: usize = 12;

/// How many other answers are tried in the place of a right one.
const WRONG_ANSWERS: usize = 3;

/// How many examples of an attack that is paid are kept.
const EXAMPLES: usize = 20;

/// What came of all attacks.
#[derive(Debug)]
pub struct Found {
    /// The tasks of the cases.
    pub tasks: usize,
    /// Those of which a completion is known that earns more than a plain wrong one.
    pub attackable: usize,
    /// Those that were attacked.
    pub attacked: usize,
    /// What came of each attack, in the order of [`ATTACKS`].
    pub tried: Vec<Tried>,
}

/// What came of one attack.
#[derive(Debug)]
pub struct Tried {
    /// The attack.
    pub attack: &'static Attack,
    /// How many completions were judged.
    pub tried: usize,
    /// How many earned more than the baseline of their task, though no allowance is about them.
    pub paid: usize,
    /// How many did, and may.
    pub allowed: usize,
    /// How many have no verdict, where plain wrong completions have one.
    pub without_verdict: usize,
    /// Some of those that were paid and may not be, each of another task.
    pub examples: Vec<Example>,
    /// Why those that may be paid may be, each reason once.
    pub reasons: Vec<String>,
}

/// A completion that was paid.
#[derive(Debug)]
pub struct Example {
    /// The first case of the task.
    pub case: String,
    /// The line of that case.
    pub line: u64,
    /// The options that it has.
    pub options: String,
    /// What was judged.
    pub completion: String,
    /// What it earned.
    pub reward: f64,
    /// The most that a plain wrong completion earns.
    pub baseline: f64,
}

/// A task with the verifier that judges it.
pub type Judged<'a> = (&'a Task<'a>, WasmVerifier);

/// What the cases of a task say of it.
struct Known<'a> {
    task: &'a Task<'a>,
    verifier: &'a WasmVerifier,
    /// The most that a completion earns.
    full: f64,
    /// The first completion that does.
    right: &'a str,
    /// The most that any other earns.
    baseline: f64,
}

/// Attacks at most `most` of the tasks, on `jobs` threads. Of more, some are taken at even distances.
///
/// # Errors
/// When a thread cannot be started.
pub fn judge(tasks: &[Judged<'_>], allowances: &[Allowance], most: usize, jobs: usize) -> io::Result<Found> {
    let known = on_threads(tasks, jobs, |(task, verifier)| Known::of(task, verifier))?;
    let known: Vec<Known<'_>> = known.into_iter().flatten().collect();
    let chosen: Vec<usize> = match known.len() {
        count if count <= most => (0..count).collect(),
        count => (0..most).map(|index| index * count / most).collect(),
    };
    let came = on_threads(&chosen, jobs, |&index| attack(&known, index, allowances))?;
    let mut tried: Vec<Tried> = ATTACKS.iter().map(Tried::new).collect();
    for of_task in came {
        for (all, of_task) in tried.iter_mut().zip(of_task) {
            all.add(of_task);
        }
    }
    Ok(Found { tasks: tasks.len(), attackable: known.len(), attacked: chosen.len(), tried })
}

/// Does the work for each item, on `jobs` threads; the results have the order of the items.
fn on_threads<'a, T: Sync, R: Send>(
    items: &'a [T],
    jobs: usize,
    work: impl Fn(&'a T) -> R + Sync,
) -> io::Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        while let index = next.fetch_add(1, Ordering::Relaxed)
            && let Some(item) = items.get(index)
        {
            done.push((index, work(item)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, take);
        let workers = (0..jobs).map(spawn).collect::<io::Result<Vec<_>>>()?;
        let mut done = Vec::new();
        for worker in workers {
            done.extend(worker.join().map_err(|_| io::Error::other("a thread that judges broke"))?);
        }
        Ok::<_, io::Error>(done)
    })?;
    done.sort_unstable_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

impl<'a> Known<'a> {
    /// `None` where no case earns more than a plain wrong answer, or that has no verdict; and where all that do go on into
    /// other tasks, so that nothing can be put behind them.
    fn of(task: &'a Task<'a>, verifier: &'a WasmVerifier) -> Option<Self> {
        let reward = |completion: &str| reward(verifier, task.first(), completion);
        let mut baseline = reward(UNKNOWN)?;
        let judged: Vec<(&str, f64)> = task
            .cases
            .iter()
            .filter_map(|case| {
                Some((case.submission.completion.as_str(), reward(&case.submission.completion)?))
            })
            .collect();
        let full = judged.iter().map(|(_, reward)| *reward).fold(baseline, f64::max);
        if full <= baseline + LEAST {
            return None;
        }
        let is_right = |reward: f64| reward >= full - LEAST;
        let (right, _) = judged.iter().find(|(text, reward)| is_right(*reward) && !runs_on(text))?;
        for (_, reward) in judged.iter().filter(|(_, reward)| !is_right(*reward)) {
            baseline = baseline.max(*reward);
        }
        Some(Self { task, verifier, full, right, baseline })
    }

    fn options(&self) -> &str {
        &self.task.first().options
    }
}

/// Judges one task's attacks.
fn attack(known: &[Known<'_>], index: usize, allowances: &[Allowance]) -> Vec<Tried> {
    let this = &known[index];
    let case = this.task.first();
    let (material, baseline) = this.material(others_of(known, index));
    let allowances: Vec<&Allowance> =
        allowances.iter().filter(|allowance| allowance.is_about(this.options())).collect();
    let of_attack = |attack: &'static Attack| {
        let mut tried = Tried::new(attack);
        for completion in attack.completions(&material) {
            let reward = reward(this.verifier, case, &completion);
            tried.judged(case, completion, reward, baseline, &allowances);
        }
        tried
    };
    ATTACKS.iter().map(of_attack).collect()
}

impl<'a> Known<'a> {
    /// What attacks are made of, and the most that a plain wrong completion earns, those of the material included.
    /// `others` are right for other tasks.
    fn material(&self, others: Vec<&'a str>) -> (Material<'a>, f64) {
        let case = self.task.first();
        let mut baseline = self.baseline;
        let mut is_wrong = |completion: &str| match reward(self.verifier, case, completion) {
            Some(reward) if reward < self.full - LEAST => {
                baseline = baseline.max(reward);
                true
            }
            // It is right for this task as well, or cannot be judged for it.
            _ => false,
        };
        let others: Vec<&str> = others.into_iter().filter(|other| is_wrong(other)).collect();
        let mut material = match Answered::find(self.right, &others, &mut is_wrong) {
            Some(Answered { place, wrong_answers, rival }) => Material {
                prompt: String::new(),
                right: self.right,
                answer: Some(place),
                wrong_answers,
                rival: Some(rival),
                others,
            },
            None => Material {
                prompt: String::new(),
                right: self.right,
                answer: None,
                wrong_answers: Vec::new(),
                rival: of_same_form(self.right, &others).map(str::to_owned),
                others,
            },
        };
        let prompt = Some(case.submission.prompt.clone()).filter(|prompt| !prompt.trim().is_empty());
        let one_of = |list| format!("Which is right: {list}?");
        material.prompt = prompt.or_else(|| material.listed(", ").map(one_of)).unwrap_or_default();
        (material, baseline)
    }
}

/// An answer that a plugin reads: others in its place were tried, and are wrong.
struct Answered {
    place: Range<usize>,
    wrong_answers: Vec<String>,
    /// The right completion with one of these.
    rival: String,
}

impl Answered {
    /// Where most other answers make the completion wrong. Where they do not, its answer stands elsewhere, or the plugin
    /// judges something else.
    fn find(right: &str, others: &[&str], is_wrong: &mut impl FnMut(&str) -> bool) -> Option<Self> {
        for place in places(right) {
            let answer = &right[place.clone()];
            let with = |other: &str| format!("{}{other}{}", &right[..place.start], &right[place.end..]);
            let of_others = others.iter().filter_map(|other| self::answer(other));
            let plain = of_others.filter(|other| {
                alike(other, answer)
                    && !other.contains(['<', '>', '\n'])
                    && other.contains(char::is_alphanumeric)
            });
            let mut tried = neighbours(answer);
            tried.extend(plain.map(str::to_owned));
            tried.retain(|other| other != answer);
            tried.truncate(WRONG_ANSWERS);
            let count = tried.len();
            let wrong_answers: Vec<String> =
                tried.into_iter().filter(|other| is_wrong(&with(other))).collect();
            if let Some(first) = wrong_answers.first()
                && wrong_answers.len() * 2 > count
            {
                let rival = with(first);
                return Some(Self { place, wrong_answers, rival });
            }
        }
        None
    }
}

/// A completion with the form of another, where that has one.
fn of_same_form<'a>(right: &str, others: &[&'a str]) -> Option<&'a str> {
    let form = |text: &str| form(text, "…");
    let wanted = Some(form(right)).filter(|form| !form.is_empty())?;
    others.iter().copied().find(|other| form(other) == wanted)
}

/// Right completions of other tasks: those with the same options first, from the next task on.
fn others_of<'a>(known: &[Known<'a>], index: usize) -> Vec<&'a str> {
    let this = &known[index];
    let rest = || known[index + 1..].iter().chain(&known[..index]);
    let (same, different): (Vec<_>, Vec<_>) = rest().partition(|other| other.options() == this.options());
    let mut others = Vec::new();
    for other in same.into_iter().chain(different) {
        if others.len() < OTHERS && other.right != this.right && !others.contains(&other.right) {
            others.push(other.right);
        }
    }
    others
}

/// What a completion earns for the task of a case; `None` where there is no verdict.
fn reward(verifier: &WasmVerifier, case: &Case, completion: &str) -> Option<f64> {
    let submission = Submission { completion: completion.to_owned(), ..case.submission.clone() };
    verifier.verify(&submission).reward()
}

impl Tried {
    fn new(attack: &'static Attack) -> Self {
        Self {
            attack,
            tried: 0,
            paid: 0,
            allowed: 0,
            without_verdict: 0,
            examples: Vec::new(),
            reasons: Vec::new(),
        }
    }

    fn judged(
        &mut self,
        case: &Case,
        completion: String,
        reward: Option<f64>,
        baseline: f64,
        allowances: &[&Allowance],
    ) {
        self.tried += 1;
        let Some(reward) = reward else {
            self.without_verdict += 1;
            return;
        };
        if reward <= baseline + LEAST {
            return;
        }
        let names = |name: &String| *name == self.attack.name || *name == self.attack.kind;
        if let Some(allowance) = allowances.iter().find(|allowance| allowance.attacks.iter().any(names)) {
            self.allowed += 1;
            if !self.reasons.contains(&allowance.reason) {
                self.reasons.push(allowance.reason.clone());
            }
            return;
        }
        self.paid += 1;
        // An example of another task shows more than one more of the same.
        if self.examples.is_empty() {
            let Case { name, line, options, .. } = case;
            self.examples.push(Example {
                case: name.clone(),
                line: *line,
                options: options.clone(),
                completion,
                reward,
                baseline,
            });
        }
    }

    fn add(&mut self, other: Self) {
        self.tried += other.tried;
        self.paid += other.paid;
        self.allowed += other.allowed;
        self.without_verdict += other.without_verdict;
        let room = EXAMPLES - self.examples.len();
        self.examples.extend(other.examples.into_iter().take(room));
        for reason in other.reasons {
            if !self.reasons.contains(&reason) {
                self.reasons.push(reason);
            }
        }
    }
}
