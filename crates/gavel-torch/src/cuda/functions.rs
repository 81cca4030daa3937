//! C functions that are looked up at run time: CUDA's libraries, which a CPU installation does not have.

/// Makes a struct of C functions that return a status, and `load`, which looks each up in a library by its symbol.
macro_rules! functions {
    ($(#[$attribute:meta])* $name:ident { $($function:ident = $symbol:literal ($($type:ty),* $(,)?);)* }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy)]
        pub(super) struct $name {
            $(pub(super) $function: unsafe extern "C" fn($($type),*) -> std::ffi::c_int,)*
        }

        impl $name {
            /// Looks up every function; the library then stays loaded for good.
            pub(super) fn load(library: libloading::os::unix::Library) -> Result<Self, libloading::Error> {
                #[expect(unsafe_code, reason = "the types are those of the library's headers")]
                let functions = unsafe { Self { $($function: *library.get(concat!($symbol, "\0").as_bytes())?,)* } };
                std::mem::forget(library);
                Ok(functions)
            }
        }
    };
}

pub(super) use functions;
