//! Which device a run uses, and loading CUDA only when it is asked for.

use std::fmt;
use std::str::FromStr;

use tch::Device;

use crate::attention::disable_cudnn_attention;

/// What a person may ask for: `auto`, `cpu`, `cuda` or `cuda:N`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The first CUDA device where there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device with this index.
    Cuda(usize),
}

/// Why a device cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no device.
    #[error("`{0}` is no device: write auto, cpu, cuda or cuda:N")]
    Unknown(String),
    /// libtorch's CUDA half does not load.
    #[error(
        "CUDA was asked for, but libtorch_cuda.so does not load: install the full torch wheel, or use --device cpu"
    )]
    NotLoadable(#[source] libloading::Error),
    /// The driver offers no such device.
    #[error("CUDA device {index} was asked for, but this machine offers {available}")]
    NoSuchDevice {
        /// The index asked for.
        index: usize,
        /// How many devices there are.
        available: usize,
    },
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let unknown = || Error::Unknown(text.to_owned());
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => {
                let index = text.strip_prefix("cuda:").ok_or_else(unknown)?;
                index.parse().map(Self::Cuda).map_err(|_| unknown())
            }
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

/// The device for `choice`, with CUDA loaded when it is needed, and torch's attention then kept from cuDNN, which
/// builds a plan for every new shape.
///
/// `Auto` falls back to the CPU in silence; asking for CUDA where there is none is an error.
pub fn select_device(choice: DeviceChoice) -> Result<Device, Error> {
    select_device_of_rank(choice, 0)
}

/// As [`select_device`], for one of several processes of a machine, each of which has a CUDA device of its own: the one that
/// `choice` names is that of the first, and that of `local_rank` comes so many behind it.
pub fn select_device_of_rank(choice: DeviceChoice, local_rank: usize) -> Result<Device, Error> {
    let cuda = |index: usize| {
        let available = usize::try_from(tch::Cuda::device_count()).unwrap_or(0);
        if index < available {
            Ok(Device::Cuda(index))
        } else {
            Err(Error::NoSuchDevice { index, available })
        }
    };
    match choice {
        DeviceChoice::Cpu => Ok(Device::Cpu),
        DeviceChoice::Cuda(index) => {
            load_cuda().map_err(Error::NotLoadable)?;
            cuda(index + local_rank)
        }
        DeviceChoice::Auto if load_cuda().is_ok() && tch::Cuda::is_available() => cuda(local_rank),
        DeviceChoice::Auto => Ok(Device::Cpu),
    }
}

/// Makes libtorch's CUDA half part of this process, for good.
///
/// Binaries are linked without it, so that a CPU installation neither has nor loads it. Loading it globally
/// registers its kernels with the part that is linked. Attention is kept from cuDNN before anything can run there.
fn load_cuda() -> Result<(), libloading::Error> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    #[expect(
        unsafe_code,
        reason = "the library's initialisers run; they are those of the linked libtorch's release"
    )]
    let library = unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL) }?;
    std::mem::forget(library);
    disable_cudnn_attention();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_and_written() {
        for text in ["auto", "cpu", "cuda:0", "cuda:3"] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap().to_string(), text);
        }
        assert_eq!("cuda".parse::<DeviceChoice>().unwrap(), DeviceChoice::Cuda(0));
        assert!(matches!("gpu".parse::<DeviceChoice>(), Err(Error::Unknown(_))));
        assert!(matches!("cuda:x".parse::<DeviceChoice>(), Err(Error::Unknown(_))));
    }

    #[test]
    fn tensors_work_on_whatever_auto_finds() {
        let device = select_device(DeviceChoice::Auto).unwrap();
        let sum = tch::Tensor::ones([2, 3], (tch::Kind::Float, device)).sum(tch::Kind::Float);
        assert_eq!(sum.double_value(&[]), 6.0);
    }

    #[test]
    fn where_cuda_is_loaded_attention_is_kept_from_cudnn() {
        if select_device(DeviceChoice::Auto).unwrap().is_cuda() {
            assert!(!crate::cudnn_attention_is_enabled());
        }
    }

    #[test]
    fn a_device_that_is_not_there_is_an_error() {
        assert!(select_device(DeviceChoice::Cuda(4096)).is_err());
    }
}
