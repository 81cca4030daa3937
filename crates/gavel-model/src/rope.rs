//! The frequencies of rotary positions, and how models stretch them over a longer context.

use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};

use crate::Config;

/// How the frequencies of rotary positions are scaled, under the names of `config.json`.
#[derive(Debug, Clone, PartialEq)]
pub enum RopeScaling {
    /// Position interpolation ([2306.15595](https://arxiv.org/abs/2306.15595)): all of them by one factor.
    Linear {
        /// What they are divided by.
        factor: f64,
    },
    /// Llama 3.1 and later ([2407.21783](https://arxiv.org/abs/2407.21783), `apply_scaling` of Meta's `llama-models`): slow
    /// ones by a factor, fast ones not at all, those between smoothly.
    Llama3 {
        /// What the slow ones are divided by.
        factor: f64,
        /// Frequencies that turn less often than this within the original context are slow.
        low_freq_factor: f64,
        /// Those that turn more often than this are fast.
        high_freq_factor: f64,
        /// The original context, in tokens.
        original_max_position_embeddings: f64,
    },
    /// YaRN ([2309.00071](https://arxiv.org/abs/2309.00071)): slow ones by a factor, fast ones not at all, those between
    /// along a line; and what is turned becomes longer.
    Yarn {
        /// What the slow ones are divided by.
        factor: f64,
        /// What turned queries and keys are multiplied by.
        attention_factor: f64,
        /// Frequencies that turn more often than this within the original context are fast.
        beta_fast: f64,
        /// Those that turn less often than this are slow.
        beta_slow: f64,
        /// The original context, in tokens.
        original_max_position_embeddings: f64,
        /// Whether the line begins and ends at a frequency, and not between two.
        truncate: bool,
        /// `attention_factor` follows from it and `mscale_all_dim`, where a file does not say that.
        mscale: Option<f64>,
        /// Says how much longer latent attention makes queries and keys in all dimensions.
        mscale_all_dim: Option<f64>,
    },
    /// LongRoPE ([2402.13753](https://arxiv.org/abs/2402.13753)): each by a factor of its own, within the original context by
    /// short ones, and what is turned becomes longer. For longer sequences `transformers` takes the long factors for the whole
    /// batch, and computes what it has kept anew; these are refused.
    LongRope {
        /// What frequencies are divided by, one for each.
        short_factor: Vec<f64>,
        /// Likewise beyond the original context; kept for files.
        long_factor: Vec<f64>,
        /// What turned queries and keys are multiplied by.
        attention_factor: f64,
        /// The original context, in tokens.
        original_max_position_embeddings: f64,
    },
    /// As they are up to `max_position_embeddings`. For longer sequences `transformers` takes another base for the whole
    /// batch, by its longest sequence; these are refused.
    Dynamic {
        /// By how much the context may become longer.
        factor: f64,
    },
}

/// Which positions a layer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotary {
    /// Those of the model.
    Global,
    /// By a base of its own, not scaled.
    Local,
    /// None: nothing is turned.
    None,
}

/// What a layer needs for its positions, made once for all layers that have the same.
#[derive(Debug)]
pub(crate) struct PerRotary<T>(Vec<(Rotary, T)>);

impl<T> PerRotary<T> {
    /// `make` is given what [`frequencies`] gives.
    pub(crate) fn new(config: &Config, device: Device, make: impl Fn(&Tensor, f64) -> T) -> Self {
        let mut made: Vec<(Rotary, T)> = Vec::new();
        for layer in 0..config.layers() {
            let rotary = config.rotary(layer);
            if made.iter().all(|(known, _)| *known != rotary) {
                let (frequencies, length) = frequencies(config, rotary, device);
                made.push((rotary, make(&frequencies, length)));
            }
        }
        Self(made)
    }

    /// The same, each passed through `f`.
    pub(crate) fn map<U>(&self, f: impl Fn(&T) -> U) -> PerRotary<U> {
        PerRotary(self.0.iter().map(|(rotary, made)| (*rotary, f(made))).collect())
    }

    pub(crate) fn of(&self, rotary: Rotary) -> &T {
        let found = self.0.iter().find(|(known, _)| *known == rotary);
        &found.expect("every layer of the configuration has its own").1
    }
}

impl RopeScaling {
    /// Reads the parameters of a `rope_scaling` that says `kind`, for a model of so many positions; what is wrong, where it
    /// cannot be followed.
    pub(crate) fn read(
        kind: &str,
        parameters: &Map<String, Value>,
        context: Option<f64>,
    ) -> Result<Option<Self>, String> {
        let number = |name: &str| {
            let number = parameters.get(name).and_then(Value::as_f64).filter(|&number| number > 0.0);
            number.ok_or_else(|| format!("asks for {kind} rope, whose `{name}` must be a number above 0"))
        };
        match kind {
            // The second is what Phi-3 called it at first.
            "longrope" | "su" => {
                let factors = |name: &str| {
                    let numbers = parameters.get(name).and_then(Value::as_array).map(|numbers| {
                        numbers.iter().map(|number| number.as_f64().filter(|&number| number > 0.0)).collect()
                    });
                    numbers.flatten().ok_or_else(|| {
                        format!("asks for {kind} rope, whose `{name}` must be a list of numbers above 0")
                    })
                };
                let perhaps = |name: &str| parameters.get(name).and_then(Value::as_f64);
                let original = number("original_max_position_embeddings")?;
                let factor = perhaps("factor").or(context.map(|context| context / original)).unwrap_or(1.0);
                let length = if factor <= 1.0 { 1.0 } else { (1.0 + factor.ln() / original.ln()).sqrt() };
                Ok(Some(Self::LongRope {
                    short_factor: factors("short_factor")?,
                    long_factor: factors("long_factor")?,
                    attention_factor: perhaps("attention_factor").unwrap_or(length),
                    original_max_position_embeddings: original,
                }))
            }
            "default" => Ok(None),
            "linear" => Ok(Some(Self::Linear { factor: number("factor")? })),
            "llama3" => Ok(Some(Self::Llama3 {
                factor: number("factor")?,
                low_freq_factor: number("low_freq_factor")?,
                high_freq_factor: number("high_freq_factor")?,
                original_max_position_embeddings: number("original_max_position_embeddings")?,
            })),
            "yarn" => {
                let perhaps =
                    |name: &str| parameters.get(name).and_then(Value::as_f64).filter(|&number| number != 0.0);
                let original = perhaps("original_max_position_embeddings").or(context);
                let factor = number("factor")?;
                let length = |scale| length_by(scale, factor);
                let (mscale, mscale_all_dim) = (perhaps("mscale"), perhaps("mscale_all_dim"));
                let attention_factor = match (mscale, mscale_all_dim) {
                    (Some(scale), Some(all)) => length(scale) / length(all),
                    _ => length(1.0),
                };
                Ok(Some(Self::Yarn {
                    factor,
                    attention_factor: perhaps("attention_factor").unwrap_or(attention_factor),
                    beta_fast: perhaps("beta_fast").unwrap_or(32.0),
                    beta_slow: perhaps("beta_slow").unwrap_or(1.0),
                    original_max_position_embeddings: original
                        .ok_or("asks for yarn rope, which needs `original_max_position_embeddings`")?,
                    truncate: parameters.get("truncate") != Some(&Value::Bool(false)),
                    mscale,
                    mscale_all_dim,
                }))
            }
            "dynamic" if context.is_some() => Ok(Some(Self::Dynamic { factor: number("factor")? })),
            "dynamic" => Err("asks for dynamic rope, which needs `max_position_embeddings`".to_owned()),
            _ => Err(format!(
                "asks for {kind:?}; default, linear, llama3, yarn and dynamic rope are supported"
            )),
        }
    }

    /// As `rope_scaling` in `config.json`.
    pub(crate) fn to_json(&self) -> Value {
        match *self {
            Self::LongRope {
                ref short_factor,
                ref long_factor,
                attention_factor,
                original_max_position_embeddings: original,
            } => json!({
                "rope_type": "longrope",
                "short_factor": short_factor,
                "long_factor": long_factor,
                "attention_factor": attention_factor,
                "original_max_position_embeddings": original as i64,
            }),
            Self::Linear { factor } => json!({ "rope_type": "linear", "factor": factor }),
            Self::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings: original,
            } => json!({
                "rope_type": "llama3",
                "factor": factor,
                "low_freq_factor": low_freq_factor,
                "high_freq_factor": high_freq_factor,
                "original_max_position_embeddings": original as i64,
            }),
            Self::Yarn {
                factor,
                attention_factor,
                beta_fast,
                beta_slow,
                original_max_position_embeddings: original,
                truncate,
                mscale,
                mscale_all_dim,
            } => {
                let mut json = json!({
                    "rope_type": "yarn",
                    "factor": factor,
                    "attention_factor": attention_factor,
                    "beta_fast": beta_fast,
                    "beta_slow": beta_slow,
                    "original_max_position_embeddings": original as i64,
                    "truncate": truncate,
                });
                for (name, scale) in [("mscale", mscale), ("mscale_all_dim", mscale_all_dim)] {
                    if let Some(scale) = scale {
                        json[name] = json!(scale);
                    }
                }
                json
            }
            Self::Dynamic { factor } => json!({ "rope_type": "dynamic", "factor": factor }),
        }
    }

    /// The context that a model had before it was stretched, in tokens, where it matters.
    pub(crate) fn original_context(&self) -> Option<f64> {
        match *self {
            Self::Llama3 { original_max_position_embeddings: original, .. }
            | Self::LongRope { original_max_position_embeddings: original, .. }
            | Self::Yarn { original_max_position_embeddings: original, .. } => Some(original),
            Self::Linear { .. } | Self::Dynamic { .. } => None,
        }
    }

    /// What turned queries and keys are multiplied by.
    fn length(&self) -> f64 {
        match *self {
            Self::Yarn { attention_factor, .. } | Self::LongRope { attention_factor, .. } => attention_factor,
            _ => 1.0,
        }
    }

    /// How much longer latent attention makes queries, and keys, in all dimensions.
    pub(crate) fn length_of_all(&self) -> f64 {
        match *self {
            Self::Yarn { factor, mscale_all_dim: Some(scale), .. } => length_by(scale, factor),
            _ => 1.0,
        }
    }

    /// `frequencies` `(dimensions / 2)` of base `theta`, scaled.
    fn scaled(&self, frequencies: &Tensor, theta: f64) -> Tensor {
        match *self {
            Self::LongRope { ref short_factor, .. } => {
                let factors = Tensor::from_slice(short_factor).to_kind(frequencies.kind());
                frequencies / factors.to_device(frequencies.device())
            }
            Self::Linear { factor } => frequencies / factor,
            Self::Dynamic { .. } => frequencies.shallow_clone(),
            Self::Yarn {
                factor,
                beta_fast,
                beta_slow,
                original_max_position_embeddings: original,
                truncate,
                ..
            } => {
                let dimensions = 2.0 * frequencies.size()[0] as f64;
                // Which dimension turns so often within the original context.
                let dimension = |turns: f64| {
                    dimensions * (original / (turns * std::f64::consts::TAU)).ln() / (2.0 * theta.ln())
                };
                let (first, last) = (dimension(beta_fast), dimension(beta_slow));
                let (first, last) = if truncate { (first.floor(), last.ceil()) } else { (first, last) };
                let (first, last) = (first.max(0.0), last.min(dimensions - 1.0));
                let last = if first == last { last + 0.001 } else { last };
                let index = frequencies.ones_like().cumsum(0, Kind::Float) - 1.0;
                let slow = ((index - first) / (last - first)).clamp(0.0, 1.0);
                frequencies * &slow / factor + frequencies * (slow.ones_like() - &slow)
            }
            Self::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings: original,
            } => {
                let turns = frequencies * (original / std::f64::consts::TAU);
                let fast = ((turns - low_freq_factor) / (high_freq_factor - low_freq_factor)).clamp(0.0, 1.0);
                frequencies * (fast.ones_like() - &fast) / factor + frequencies * fast
            }
        }
    }
}

/// What YaRN makes longer by, for a context longer by `factor`.
fn length_by(scale: f64, factor: f64) -> f64 {
    if factor <= 1.0 { 1.0 } else { 0.1 * scale * factor.ln() + 1.0 }
}

/// Radians for each position, a number of fp32 for each pair of dimensions that are turned, and what turned queries and keys
/// are multiplied by: RoFormer's ([2104.09864](https://arxiv.org/abs/2104.09864)), scaled as the configuration says.
pub(crate) fn frequencies(config: &Config, rotary: Rotary, device: Device) -> (Tensor, f64) {
    let dimensions = config.rotary_dim();
    let of_base = |theta: f64| {
        let exponents =
            Tensor::arange_start_step(0, dimensions, 2, (Kind::Float, device)) / dimensions as f64;
        (exponents * -theta.ln()).exp()
    };
    match (rotary, &config.rope_scaling) {
        (Rotary::Global, Some(scaling)) => {
            (scaling.scaled(&of_base(config.rope_theta), config.rope_theta), scaling.length())
        }
        (Rotary::Global, None) => (of_base(config.rope_theta), 1.0),
        (Rotary::Local, _) => (of_base(config.local_rope_theta.unwrap_or(config.rope_theta)), 1.0),
        // At any position by an angle of 0, which changes no bit.
        (Rotary::None, _) => (of_base(1.0).zeros_like(), 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of `transformers` are held in tests/parity; this says where the bounds are.
    #[test]
    fn llama_3_slows_down_what_turns_less_than_once() {
        let scaling = RopeScaling::Llama3 {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 8192.0,
        };
        let config = Config { head_dim: 128, rope_theta: 500_000.0, ..Config::default() };
        let of = |config: &Config| frequencies(config, Rotary::Global, Device::Cpu).0;
        let plain = of(&config);
        let scaled = of(&Config { rope_scaling: Some(scaling), ..config });
        let ratios: Vec<f64> = Vec::try_from((plain / scaled).to_kind(Kind::Double)).unwrap();
        let near = |ratio: f64, expected: f64| (ratio / expected - 1.0).abs() < 1e-5;
        assert!(ratios[..29].iter().all(|&ratio| near(ratio, 1.0)), "{ratios:?}");
        assert!(ratios[35..].iter().all(|&ratio| near(ratio, 8.0)), "{ratios:?}");
        assert!(ratios[29..35].is_sorted() && ratios[31] > 1.1 && ratios[31] < 7.9, "{ratios:?}");
    }
}
