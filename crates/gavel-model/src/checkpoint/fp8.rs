//! Weights in blocks of 8-bit numbers with a scale each, as DeepSeek-V3 is published ([2412.19437](https://arxiv.org/abs/2412.19437),
//! §3.3). They are read and made whole; nothing here writes them.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};
use tch::{Kind, Tensor};

use crate::{Error, config};

/// The format of the numbers: four bits of exponent and three of fraction.
pub(super) const KIND: Kind = Kind::Float8e4m3fn;
/// What stands after the name of a matrix in that of its scales.
const SCALES: &str = "_scale_inv";
const FIELD: &str = "quantization_config";

/// How many rows and columns of a matrix have a scale together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Blocks([i64; 2]);

impl Blocks {
    /// What the `quantization_config` of a `config.json` says; what is wrong, where it asks for something else.
    pub(crate) fn of(quantization: &Value) -> Result<Self, String> {
        let field = |name: &str| quantization.get(name).unwrap_or(&Value::Null);
        if field("quant_method") != "fp8" {
            let method = field("quant_method");
            return Err(format!("says `quant_method`: {method}; of quantized weights, \"fp8\" is supported"));
        }
        if let Some(format) = quantization.get("fmt").filter(|&format| format != "e4m3") {
            return Err(format!("says `fmt`: {format}; \"e4m3\" is supported"));
        }
        let sizes: Vec<i64> =
            field("weight_block_size").as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
        match sizes[..] {
            [rows, columns] if rows > 0 && columns > 0 => Ok(Self([rows, columns])),
            _ => Err("has no `weight_block_size` of two numbers above 0, such as [128, 128]".to_owned()),
        }
    }

    /// Those of a model directory; `None` where its weights are numbers by themselves.
    pub(super) fn in_directory(directory: &Path) -> Result<Option<Self>, Error> {
        let path = directory.join(config::FILE);
        let text = fs::read_to_string(&path).map_err(Error::read(&path))?;
        let map: Map<String, Value> = serde_json::from_str(&text).map_err(Error::json(&path))?;
        let quantization = map.get(FIELD).filter(|value| !value.is_null());
        quantization.map(Self::of).transpose().map_err(|reason| Error::config(&path, FIELD, reason))
    }

    /// Makes whole what is in blocks among `tensors`, as `kind`, and takes the scales out.
    pub(super) fn make_whole(
        self,
        tensors: &mut HashMap<String, Tensor>,
        kind: Kind,
        directory: &Path,
    ) -> Result<(), Error> {
        let names: Vec<String> = tensors
            .iter()
            .filter(|(_, tensor)| tensor.kind() == KIND)
            .map(|(name, _)| name.clone())
            .collect();
        for name in names {
            let wrong =
                |name: String, reason: String| Error::Weights { path: directory.to_owned(), name, reason };
            let of_scales = format!("{name}{SCALES}");
            let scales = tensors
                .remove(&of_scales)
                .ok_or_else(|| wrong(of_scales.clone(), "is missing".to_owned()))?;
            let numbers = &tensors[&name];
            let whole = self.whole(numbers, &scales).map_err(|reason| wrong(of_scales, reason))?;
            tensors.insert(name, whole.to_kind(kind));
        }
        Ok(())
    }

    /// `numbers` `(out, in)`, each multiplied by the scale of its block, in float32.
    fn whole(self, numbers: &Tensor, scales: &Tensor) -> Result<Tensor, String> {
        let Self(blocks) = self;
        let size = numbers.size();
        let expected: Vec<i64> =
            size.iter().zip(blocks).map(|(size, block)| (size + block - 1) / block).collect();
        if size.len() != 2 || scales.size() != expected {
            return Err(format!(
                "has shape {:?}, and a matrix of shape {size:?} in blocks of {blocks:?} calls for {expected:?}",
                scales.size()
            ));
        }
        let mut scales = scales.to_kind(Kind::Float);
        for (dimension, (&size, block)) in (0..).zip(size.iter().zip(blocks)) {
            scales = scales.repeat_interleave_self_int(block, dimension, None).narrow(dimension, 0, size);
        }
        Ok(numbers.to_kind(Kind::Float) * scales)
    }
}

/// Whether a tensor of this name holds scales.
pub(super) fn holds_scales(name: &str) -> bool {
    name.ends_with(SCALES)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tch::Device;

    use super::*;

    #[test]
    fn every_number_has_the_scale_of_its_block() {
        let blocks = Blocks::of(&json!({"quant_method": "fp8", "weight_block_size": [2, 3]})).unwrap();
        let numbers = Tensor::ones([3, 4], (Kind::Float, Device::Cpu)).to_kind(KIND);
        let scales = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0]).view([2, 2]);
        let whole = blocks.whole(&numbers, &scales).unwrap();
        let expected = [[1.0, 1.0, 1.0, 2.0], [1.0, 1.0, 1.0, 2.0], [3.0, 3.0, 3.0, 4.0_f32]].concat();
        assert!(whole.equal(&Tensor::from_slice(&expected).view([3, 4])), "{whole}");
        assert!(blocks.whole(&numbers, &scales.narrow(0, 0, 1)).unwrap_err().contains("[2, 2]"));
    }

    #[test]
    fn scales_that_are_missing_are_named() {
        let numbers = Tensor::ones([2, 2], (Kind::Float, Device::Cpu)).to_kind(KIND);
        let mut tensors = HashMap::from([("a.weight".to_owned(), numbers)]);
        let found = Blocks([2, 2]).make_whole(&mut tensors, Kind::Float, Path::new("model"));
        assert!(matches!(found, Err(Error::Weights { name, .. }) if name == "a.weight_scale_inv"));
    }

    #[test]
    fn other_ways_to_quantize_are_refused() {
        for (quantization, part) in [
            (json!({"quant_method": "gptq"}), "gptq"),
            (json!({"quant_method": "fp8"}), "weight_block_size"),
            (json!({"quant_method": "fp8", "fmt": "e5m2", "weight_block_size": [128, 128]}), "e5m2"),
            (json!({"quant_method": "fp8", "weight_block_size": [128, 0]}), "weight_block_size"),
        ] {
            assert!(Blocks::of(&quantization).unwrap_err().contains(part), "{quantization}");
        }
    }
}
