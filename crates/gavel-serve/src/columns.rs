//! Which columns a protocol's rows have, where the reward file does not say.

use gavel_wire::{Columns, Preset};

use crate::app::Chosen;

/// Those of the reward file where it names any, else those of the preset.
pub(crate) fn columns_or(chosen: &Chosen, preset: Preset) -> Columns {
    let of_reward = chosen.reward.columns();
    if *of_reward == Columns::default() { Columns::of_preset(preset) } else { of_reward.clone() }
}
