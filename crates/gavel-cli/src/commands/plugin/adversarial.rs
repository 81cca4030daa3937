//! `gavel plugin test --adversarial`: attacks a plugin with completions that should earn nothing.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use anyhow::{Context, anyhow};
use gavel_files::{closest, did_you_mean};
use gavel_host::Plugin;
use gavel_plugins::{Allowance, FoundPlugin, MANIFEST, Origin, WatchedFiles};
use gavel_reward::load_plugin;
use serde_json::{Value, json};

use crate::adversarial::{self, Example, Found, Tried, is_attack, judge, names};
use crate::cases::{self, CASES, Case, Verifiers};
use crate::cli::{GlobalArgs, TestArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::terminal::{FOUND, LABEL, Page, Terminal, escaped, excerpt, shown};

use super::build::{build_if_stale, say_what_is_not_built};
use super::named::check_name;

/// How many completions the page shows of an attack that is paid.
const EXAMPLES: usize = 3;

/// Attacks, and writes what came of it to stdout.
pub(super) fn run(args: &TestArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let terminal = Terminal::new(global.quiet);
    let target = Target::find(args, &terminal)?;
    let allowances = target.found.manifest.as_ref().map_or(&[][..], |manifest| &manifest.allowances);
    check_names(allowances)?;
    let jobs = available_parallelism().map_or(1, NonZeroUsize::get);
    let host = args.cache.start_host_for(jobs)?;
    let plugin = load_plugin(&target.found, &host, &WatchedFiles::default())?;
    check_name(&target.found, &plugin)?;
    let plugin = args.grants.apply(&target.found, plugin, &host, &target.folder)?;
    if plugin.judges_groups() {
        return Err(Stop::Input(anyhow!(
            "{}: it judges the completions of a prompt together, and an attack is one completion",
            target.shown.display()
        )));
    }
    let tasks = adversarial::tasks(&target.cases);
    let mut verifiers = Verifiers::new(plugin.clone(), target.found.limits().resolve());
    let mut judged = Vec::new();
    for task in &tasks {
        // Nothing is paid by a verifier that refuses its options.
        if let Ok(verifier) = verifiers.with_options(&task.first().options).input_fault()? {
            judged.push((task, verifier));
        }
    }
    let found = judge(&judged, allowances, args.tasks.get(), jobs).context("cannot judge")?;
    if found.attacked == 0 {
        return Err(Stop::Input(anyhow!(
            "{}: no case earns more than a plain wrong answer does, so there is nothing to attack: add one with a right \
             completion",
            target.shown.display()
        )));
    }
    if args.json {
        let text = format!("{}\n", as_json(&plugin, &target, &found));
        std::io::stdout().write_all(escaped(&text).as_bytes()).context("cannot write to stdout")?;
    } else {
        as_page(&plugin, &target, &found).print().context("cannot write to stdout")?;
    }
    let paid = found.tried.iter().any(|tried| tried.paid > 0);
    Ok(if paid { ExitStatus::Failure } else { ExitStatus::Success })
}

/// What is attacked, and the cases that say how.
struct Target {
    found: FoundPlugin,
    cases: Vec<Case>,
    /// Where the cases come from, for messages.
    shown: PathBuf,
    /// Where interpreters are looked for first.
    folder: PathBuf,
}

impl Target {
    /// A folder, which is built where its sources are newer; a file; or a plugin that a reward file finds by its name.
    fn find(args: &TestArgs, terminal: &Terminal) -> Result<Self, Stop> {
        let named = &args.folder;
        let files = WatchedFiles::default();
        let (found, folder) = if named.join(MANIFEST).exists() || named.is_dir() {
            build_if_stale(named, &args.tools, terminal)?;
            let found = FoundPlugin::in_folder(named, &files)?;
            say_what_is_not_built(named, &found, terminal);
            (found, Some(named.clone()))
        } else if named.is_file() {
            (FoundPlugin::file(named.clone(), &files)?, named.parent().map(Path::to_owned))
        } else {
            let name = named.to_str().context("the plugin's name is not UTF-8").input_fault()?;
            let found = FoundPlugin::called(name, Path::new(""), &args.grants.path.resolve(), &files)?;
            let folder = match &found.origin {
                Origin::File(file) => file.parent().map(Path::to_owned),
                Origin::FirstParty(_) => None,
            };
            (found, folder)
        };
        let (shown, cases) = read_cases(args, &found, folder.as_deref()).input_fault()?;
        Ok(Self { found, cases, shown, folder: folder.unwrap_or_default() })
    }
}

/// The cases that were named, those of the folder, or those that come with gavel.
fn read_cases(
    args: &TestArgs,
    found: &FoundPlugin,
    folder: Option<&Path>,
) -> anyhow::Result<(PathBuf, Vec<Case>)> {
    if let Some(file) = &args.cases {
        return Ok((file.clone(), cases::read_file(file)?));
    }
    match (folder, &found.origin) {
        (None, Origin::FirstParty(plugin)) => {
            let path = Path::new(plugin.name).join(CASES);
            let cases = cases::parse(&path, plugin.cases.as_bytes())?;
            Ok((path, cases))
        }
        (folder, _) => {
            let path = cases::path(folder.unwrap_or(Path::new("")));
            let cases = cases::read_file(&path)
                .context("attacks are made of a plugin's cases; name a file of them with --cases")?;
            Ok((path, cases))
        }
    }
}

/// Refuses a manifest that allows an attack that there is not: what was meant would not be allowed.
fn check_names(allowances: &[Allowance]) -> Result<(), Stop> {
    for allowance in allowances {
        if let Some(unknown) = allowance.attacks.iter().find(|name| !is_attack(name)) {
            let meant = did_you_mean(closest(unknown, names()));
            return Err(Stop::Input(anyhow!(
                "{}: `adversarial.allow.attacks`: unknown attack `{}`{meant}; there are {}",
                allowance.place,
                shown(unknown),
                names().collect::<Vec<_>>().join(", ")
            )));
        }
    }
    Ok(())
}

fn as_page(plugin: &Plugin, target: &Target, found: &Found) -> Page {
    let mut page = Page::default();
    let description = plugin.description();
    let sum = |count: fn(&Tried) -> usize| found.tried.iter().map(count).sum::<usize>();
    let not_all = if found.attacked < found.attackable {
        format!(" of {} (--tasks takes more)", found.attackable)
    } else {
        String::new()
    };
    page.text(&format!(
        "{} {}: {} attacks on {} tasks{not_all} of {} cases\n\n",
        shown(&description.name),
        shown(&description.version),
        sum(|tried| tried.tried),
        found.attacked,
        target.cases.len()
    ));
    page.styled(LABEL, "attack                    tried  paid  allowed  no verdict").text("\n");
    for tried in &found.tried {
        let Tried { attack, tried: count, paid, allowed, without_verdict, .. } = tried;
        page.text(&format!("{:<24} {count:>6} ", attack.name));
        match paid {
            0 => page.text(&format!("{paid:>5}")),
            _ => page.styled(FOUND, &format!("{paid:>5}")),
        };
        page.text(&format!("  {allowed:>7}  {without_verdict:>10}\n"));
    }
    add_examples(&mut page, target, found);
    add_reasons(&mut page, found);
    let kinds = found.tried.iter().filter(|tried| tried.paid > 0).count();
    page.text(&match kinds {
        0 => "\nno attack is paid\n".to_owned(),
        _ => format!("\n{kinds} of {} attacks are paid\n", found.tried.len()),
    });
    page
}

/// The completions that were paid, for each attack some.
fn add_examples(page: &mut Page, target: &Target, found: &Found) {
    for tried in found.tried.iter().filter(|tried| tried.paid > 0) {
        page.text("\n").styled(LABEL, "PAID").text(&format!(" {}\n", tried.attack.name));
        for Example { case, line, options, completion, reward, baseline } in
            tried.examples.iter().take(EXAMPLES)
        {
            let place = cases::place(&target.shown, *line);
            page.text(&format!("  {} ({place})", shown(case)));
            if options != "{}" {
                page.text(&format!(" {}", shown(options)));
            }
            page.text(&format!(
                "\n    earns {reward}, where a plain wrong answer earns {baseline}\n    | {}\n",
                excerpt(completion, false)
            ));
        }
    }
}

/// Why what was paid may be.
fn add_reasons(page: &mut Page, found: &Found) {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for tried in &found.tried {
        for reason in &tried.reasons {
            match reasons.iter_mut().find(|(known, _)| known == reason) {
                Some((_, attacks)) => attacks.push(tried.attack.name),
                None => reasons.push((reason, vec![tried.attack.name])),
            }
        }
    }
    for (reason, attacks) in reasons {
        page.text("\n").styled(LABEL, "allowed").text(&format!(
            " {}\n  {}\n",
            attacks.join(", "),
            shown(reason)
        ));
    }
}

fn as_json(plugin: &Plugin, target: &Target, found: &Found) -> Value {
    let description = plugin.description();
    let example = |example: &Example| {
        json!({
            "case": example.case,
            "line": example.line,
            "options": serde_json::from_str::<Value>(&example.options).unwrap_or_default(),
            "completion": example.completion,
            "reward": example.reward,
            "baseline": example.baseline,
        })
    };
    let attack = |tried: &Tried| {
        json!({
            "attack": tried.attack.name,
            "kind": tried.attack.kind,
            "tried": tried.tried,
            "paid": tried.paid,
            "allowed": tried.allowed,
            "without_verdict": tried.without_verdict,
            "reasons": tried.reasons,
            "examples": tried.examples.iter().map(example).collect::<Vec<_>>(),
        })
    };
    json!({
        "plugin": description.name,
        "version": description.version,
        "digest": plugin.digest(),
        "cases": target.cases.len(),
        "tasks": found.tasks,
        "attackable_tasks": found.attackable,
        "attacked_tasks": found.attacked,
        "paid": found.tried.iter().map(|tried| tried.paid).sum::<usize>(),
        "attacks": found.tried.iter().map(attack).collect::<Vec<_>>(),
    })
}
