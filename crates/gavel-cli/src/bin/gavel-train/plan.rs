//! `gavel plan`: how much memory a run takes on a card, and whether it fits.

use std::io::Write as _;

use gavel_torch::DeviceChoice;
use gavel_train::settings::Settings;
use gavel_train::train::{MemoryPlan, plan};
use serde_json::json;

use super::cli::PlanArgs;
use super::{blame, hub, model, train};
use gavel_cli::exit::{ExitStatus, InputFault, Stop};
use gavel_cli::terminal::{Page, Terminal};

const GIB: f64 = (1_u64 << 30) as f64;

/// The share of a card that is left to what is not counted: the driver's own, libraries, and the gaps between tensors.
const LEFT_FREE: f64 = 0.05;

pub(super) fn run(args: &PlanArgs, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    let mut settings = Settings::load(&args.settings, &args.overrides).input_fault()?;
    hub::fetch(&mut settings, false, terminal)?;
    model::require_folder(&settings.model)?;
    if let Some(reward) = settings.reward.clone() {
        train::name_columns(&mut settings, &reward)?;
    }
    let plan = plan(&settings).map_err(blame)?;
    let card = args.card.map(|gib| (gib * GIB) as u64).or_else(of_this_machine);
    let fits = card.is_none_or(|card| fits(&plan, card));
    if args.json {
        let MemoryPlan { weights, gradients, moments, cache, activations, peak, .. } = plan;
        let numbers = json!({
            "weights": weights, "gradients": gradients, "moments": moments, "cache": cache,
            "activations": activations, "peak": peak, "card": card, "fits": card.map(|_| fits),
        });
        writeln!(std::io::stdout(), "{numbers:#}").map_err(anyhow::Error::from)?;
    } else {
        page(&settings, &plan, card).print().map_err(anyhow::Error::from)?;
    }
    Ok(if fits { ExitStatus::Success } else { ExitStatus::Failure })
}

/// Says the plan of a run that is about to start, and aloud where it will hardly fit.
pub(super) fn say(plan: &MemoryPlan, card: Option<u64>, terminal: &Terminal) {
    let of = card.map(|card| format!(" of {:.1}", card as f64 / GIB)).unwrap_or_default();
    terminal.note(format_args!("{plan}{of}"));
    if card.is_some_and(|card| !fits(plan, card)) {
        terminal.note(format_args!("warning: that is more than the card has room for; {ADVICE}"));
    }
}

const ADVICE: &str =
    "set max_tokens_per_micro_batch or max_num_seqs lower, gradient_checkpointing, or lora_r";

fn fits(plan: &MemoryPlan, card: u64) -> bool {
    plan.peak as f64 <= card as f64 * (1.0 - LEFT_FREE)
}

/// The memory of the first card, where there is one.
fn of_this_machine() -> Option<u64> {
    if !tch::Cuda::is_available() {
        return None;
    }
    gavel_torch::device_memory(gavel_torch::select_device(DeviceChoice::Auto).ok()?)
}

fn page(settings: &Settings, plan: &MemoryPlan, card: Option<u64>) -> Page {
    let mut page = Page::default();
    page.text(&format!("{plan}\n\n"));
    let gib = |bytes: u64| format!("{:>7.1} GiB", bytes as f64 / GIB);
    let reference = if settings.beta > 0.0 && settings.lora_r.is_none() { ", a reference model" } else { "" };
    let trained = if settings.lora_r.is_some() {
        "the model twice in bfloat16 and its adapter"
    } else {
        "parameters, their copies in bfloat16"
    };
    let sampler = if plan.on_kernels {
        ""
    } else {
        "; the sampler runs on libtorch's operators, which take more than is counted here"
    };
    for (name, bytes, what) in [
        ("weights", plan.weights, format!("{trained}{reference}")),
        ("gradients", plan.gradients, "of what is trained".to_owned()),
        ("moments", plan.moments, "AdamW's two".to_owned()),
        (
            "cache",
            plan.cache,
            format!("{} sequences of at most {} tokens{sampler}", plan.room.slots, plan.room.tokens),
        ),
        (
            "learning",
            plan.activations,
            format!("what is kept of a micro-batch of {} tokens, logits, buffers", plan.micro_batch_tokens),
        ),
        ("together", plan.peak, "at most at a time".to_owned()),
    ] {
        page.row(name, &format!("{}  {what}", gib(bytes)));
    }
    if let Some(card) = card {
        let said = if fits(plan, card) { "it fits".to_owned() } else { format!("it does not fit: {ADVICE}") };
        page.row("card", &format!("{}  {said}", gib(card)));
    }
    page
}
