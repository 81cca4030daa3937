//! Compiling kernels for the card at hand, by NVRTC, which every CUDA build of libtorch brings along.
//!
//! So a binary needs no compiler when it is built, carries no machine code that could be stale or missing for a card, and
//! kernels are compiled for the very shape of the model: head sizes are constants of the compiler.

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::null_mut;

use super::functions::functions;
use super::{CudaError, library};

/// NVRTC by its own name, or through the library by which libtorch loads it.
const NVRTC: &[&str] = &["libnvrtc.so.13", "libnvrtc.so.12", "libcaffe2_nvrtc.so"];

/// What every kernel file may include.
const HEADERS: [(&str, &str); 1] = [("common.cuh", include_str!("../../kernels/common.cuh"))];

functions! {
    /// <https://docs.nvidia.com/cuda/nvrtc/>
    Functions {
        create = "nvrtcCreateProgram"(
            *mut *mut c_void, *const c_char, *const c_char, c_int, *const *const c_char, *const *const c_char
        );
        compile = "nvrtcCompileProgram"(*mut c_void, c_int, *const *const c_char);
        log_size = "nvrtcGetProgramLogSize"(*mut c_void, *mut usize);
        log = "nvrtcGetProgramLog"(*mut c_void, *mut c_char);
        code_size = "nvrtcGetCUBINSize"(*mut c_void, *mut usize);
        code = "nvrtcGetCUBIN"(*mut c_void, *mut c_char);
        destroy = "nvrtcDestroyProgram"(*mut *mut c_void);
        version = "nvrtcVersion"(*mut c_int, *mut c_int);
    }
}

/// The source of kernels, with what makes them fit a shape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The file's name in `kernels/`, for messages.
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
    /// Constants: `("HEAD_DIM", 64)` becomes `-DHEAD_DIM=64`.
    pub(crate) constants: &'a [(&'a str, i64)],
}

/// NVRTC.
#[derive(Clone, Copy)]
pub(crate) struct Compiler {
    functions: Functions,
}

impl Compiler {
    /// Loads NVRTC.
    pub(crate) fn load() -> Result<Self, CudaError> {
        let functions = Functions::load(library(NVRTC)?)
            .map_err(|source| CudaError::NotLoadable { library: NVRTC[0], source })?;
        load_builtins(functions);
        Ok(Self { functions })
    }

    /// Machine code of `source` for compute capability `architecture`, as `cuModuleLoadData` takes it.
    #[expect(
        unsafe_code,
        reason = "calls NVRTC as its documentation says; all pointers are to living values"
    )]
    pub(crate) fn compile(&self, source: Source<'_>, architecture: (i32, i32)) -> Result<Vec<u8>, CudaError> {
        let (major, minor) = architecture;
        let architecture = format!("sm_{major}{minor}");
        let failed = |log: String| CudaError::Compile {
            file: source.file.to_owned(),
            architecture: architecture.clone(),
            log,
        };
        let text =
            |text: &str| CString::new(text).map_err(|_| failed("the source holds a zero byte".to_owned()));
        let (code, name) = (text(source.text)?, text(source.file)?);
        let headers: Vec<(CString, CString)> = HEADERS
            .iter()
            .map(|(name, header)| Ok((text(name)?, text(header)?)))
            .collect::<Result<_, CudaError>>()?;
        let header_names: Vec<_> = headers.iter().map(|(name, _)| name.as_ptr()).collect();
        let header_texts: Vec<_> = headers.iter().map(|(_, header)| header.as_ptr()).collect();
        let mut options = vec![
            format!("--gpu-architecture={architecture}"),
            "--std=c++17".to_owned(),
            "--use_fast_math".to_owned(),
            // Lambdas have no place to say that they are for the device.
            "--device-as-default-execution-space".to_owned(),
            // What an instruction writes that is not used.
            "--diag-suppress=550".to_owned(),
            "--extra-device-vectorization".to_owned(),
        ];
        options.extend(source.constants.iter().map(|(name, value)| format!("-D{name}={value}")));
        let options: Vec<CString> = options.iter().map(|option| text(option)).collect::<Result<_, _>>()?;
        let options: Vec<_> = options.iter().map(|option| option.as_ptr()).collect();

        let mut program = Program { functions: self.functions, handle: null_mut() };
        let created = unsafe {
            (self.functions.create)(
                &raw mut program.handle,
                code.as_ptr(),
                name.as_ptr(),
                HEADERS.len() as c_int,
                header_texts.as_ptr(),
                header_names.as_ptr(),
            )
        };
        if created != 0 {
            return Err(failed(format!("nvrtcCreateProgram gave status {created}")));
        }
        let status =
            unsafe { (self.functions.compile)(program.handle, options.len() as c_int, options.as_ptr()) };
        if status != 0 {
            let log = program.bytes(self.functions.log_size, self.functions.log).unwrap_or_default();
            let log = String::from_utf8_lossy(&log).trim_end_matches('\0').trim().to_owned();
            return Err(failed(if log.is_empty() { format!("NVRTC gave status {status}") } else { log }));
        }
        program
            .bytes(self.functions.code_size, self.functions.code)
            .ok_or_else(|| failed("NVRTC gave no machine code".to_owned()))
    }
}

/// Loads NVRTC's other half from the folder that NVRTC was loaded from. NVRTC opens it by its name alone when it first
/// compiles, and does not look in its own folder; where this fails, it says so then.
fn load_builtins(functions: Functions) {
    let (mut major, mut minor) = (0, 0);
    #[expect(unsafe_code, reason = "writes two numbers")]
    unsafe {
        (functions.version)(&raw mut major, &raw mut minor);
    }
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let files = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
    let Some(nvrtc) = files
        .map(std::path::Path::new)
        .find(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libnvrtc.so")))
    else {
        return;
    };
    let builtins = nvrtc.with_file_name(format!("libnvrtc-builtins.so.{major}.{minor}"));
    #[expect(unsafe_code, reason = "the library has no initialisers of its own")]
    if let Ok(library) = unsafe { libloading::os::unix::Library::new(builtins) } {
        std::mem::forget(library);
    }
}

/// A program of NVRTC, destroyed when it is dropped.
struct Program {
    functions: Functions,
    handle: *mut c_void,
}

impl Program {
    /// What NVRTC writes into as many bytes as it says.
    fn bytes(
        &self,
        size: unsafe extern "C" fn(*mut c_void, *mut usize) -> c_int,
        write: unsafe extern "C" fn(*mut c_void, *mut c_char) -> c_int,
    ) -> Option<Vec<u8>> {
        let mut count = 0;
        #[expect(unsafe_code, reason = "writes a number, and then as many bytes as the number said")]
        unsafe {
            if size(self.handle, &raw mut count) != 0 {
                return None;
            }
            let mut bytes = vec![0_u8; count];
            (write(self.handle, bytes.as_mut_ptr().cast()) == 0).then_some(bytes)
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "the handle is NVRTC's own, and is not used again")]
        unsafe {
            (self.functions.destroy)(&raw mut self.handle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::print_stdout, reason = "a test says what it skipped")]
    fn what_does_not_compile_is_said_with_file_and_line() {
        let Ok(compiler) = Compiler::load() else {
            println!("skipped: compiling kernels: there is no NVRTC on this machine");
            return;
        };
        let source = Source { file: "broken.cu", text: "\n__global__ void k() { nothing; }", constants: &[] };
        let error = compiler.compile(source, (9, 0)).unwrap_err().to_string();
        assert!(error.starts_with("broken.cu does not compile for sm_90: broken.cu(2)"), "{error}");
    }
}
