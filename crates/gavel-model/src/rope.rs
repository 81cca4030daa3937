//! The frequencies of rotary positions, and how models stretch them over a longer context.

use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};

use crate::Config;

/// How the frequencies of rotary positions are scaled, under the names of `config.json`.
#[derive(Debug, Clone, Copy, PartialEq)]
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
}

impl RopeScaling {
    /// Reads the parameters of a `rope_scaling` that says `kind`; what is wrong, where it cannot be followed.
    pub(crate) fn read(kind: &str, parameters: &Map<String, Value>) -> Result<Option<Self>, String> {
        let number = |name: &str| {
            let number = parameters.get(name).and_then(Value::as_f64).filter(|&number| number > 0.0);
            number.ok_or_else(|| format!("asks for {kind} rope, whose `{name}` must be a number above 0"))
        };
        match kind {
            "default" => Ok(None),
            "linear" => Ok(Some(Self::Linear { factor: number("factor")? })),
            "llama3" => Ok(Some(Self::Llama3 {
                factor: number("factor")?,
                low_freq_factor: number("low_freq_factor")?,
                high_freq_factor: number("high_freq_factor")?,
                original_max_position_embeddings: number("original_max_position_embeddings")?,
            })),
            _ => Err(format!("asks for {kind:?}; default, linear and llama3 rope are supported")),
        }
    }

    /// As `rope_scaling` in `config.json`.
    pub(crate) fn to_json(self) -> Value {
        match self {
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
        }
    }

    fn scaled(self, frequencies: &Tensor) -> Tensor {
        match self {
            Self::Linear { factor } => frequencies / factor,
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

/// Radians for each position, `(head_dim / 2)` fp32: RoFormer's ([2104.09864](https://arxiv.org/abs/2104.09864)), scaled as
/// the configuration says.
pub(crate) fn frequencies(config: &Config, device: Device) -> Tensor {
    let exponents =
        Tensor::arange_start_step(0, config.head_dim, 2, (Kind::Float, device)) / config.head_dim as f64;
    let frequencies = (exponents * -config.rope_theta.ln()).exp();
    config.rope_scaling.map_or(frequencies.shallow_clone(), |scaling| scaling.scaled(&frequencies))
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
        let plain = frequencies(&config, Device::Cpu);
        let scaled = frequencies(&Config { rope_scaling: Some(scaling), ..config }, Device::Cpu);
        let ratios: Vec<f64> = Vec::try_from((plain / scaled).to_kind(Kind::Double)).unwrap();
        let near = |ratio: f64, expected: f64| (ratio / expected - 1.0).abs() < 1e-5;
        assert!(ratios[..29].iter().all(|&ratio| near(ratio, 1.0)), "{ratios:?}");
        assert!(ratios[35..].iter().all(|&ratio| near(ratio, 8.0)), "{ratios:?}");
        assert!(ratios[29..35].is_sorted() && ratios[31] > 1.1 && ratios[31] < 7.9, "{ratios:?}");
    }
}
