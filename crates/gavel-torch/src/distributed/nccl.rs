//! Where NCCL's half of a process group is: a library of its own, since it needs CUDA's libraries.

use std::path::PathBuf;

use super::Error;

const NAME: &str = "libgavel_nccl.so";

/// The library: beside the program, or where the build script made it.
pub(super) fn library() -> Result<PathBuf, Error> {
    let program = std::env::current_exe().ok();
    let beside = program.and_then(|program| Some(program.parent()?.join(NAME)));
    let built = option_env!("GAVEL_NCCL_LIBRARY").map(PathBuf::from);
    beside.into_iter().chain(built).find(|path| path.exists()).ok_or_else(|| {
        Error::Refused(format!(
            "several ranks on CUDA need {NAME}, and it is neither beside this program nor where it was built: it is made \
             where the headers of CUDA and NCCL lie beside libtorch (`cargo xtask setup` on a machine with an NVIDIA GPU) \
             when gavel is built"
        ))
    })
}
