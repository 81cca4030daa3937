//! Has a Go module call the preview-1 adapter before Go's runtime starts.
//!
//! Go notes where memory ends when it starts, and takes what it grows later to begin there. The adapter grows memory too,
//! when it is first called, and Go's heap would lie over it: with a heap that is large enough, either writes over the
//! other. So the adapter is called, and has its memory, before Go looks.

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, ExportSection, Function, FunctionSection, Instruction, Module};
use wasmparser::{CodeSectionReader, Export, FunctionSectionReader, Parser, Payload, TypeRef};

/// A function of the adapter's that needs its memory. It writes two zeros, which are to go where zeros are: Go keeps
/// nothing below its data, and the environment is empty.
const WAKES: (&str, &str) = ("wasi_snapshot_preview1", "environ_sizes_get");
const ZEROS: [i32; 2] = [0, 4];

/// Where a reactor starts.
const START: &str = "_initialize";

/// The module with one function more, which calls the adapter and then what started before.
pub(super) fn adapter_first(module: &[u8]) -> Result<Vec<u8>, String> {
    let found = Found::in_module(module).map_err(|error| error.to_string())?;
    let missing = |what: &str| format!("there is no {what}");
    let mut detour = Detour {
        wakes: found.wakes.ok_or_else(|| missing(&format!("import {}.{}", WAKES.0, WAKES.1)))?,
        start: found.start.ok_or_else(|| missing(&format!("export {START}")))?,
        start_type: found.start_type().ok_or_else(|| missing("function that starts it"))?,
        index: found.imported + u32::try_from(found.types.len()).map_err(|error| error.to_string())?,
    };
    let mut changed = Module::new();
    detour.parse_core_module(&mut changed, Parser::new(0), module).map_err(|error| error.to_string())?;
    Ok(changed.finish())
}

/// What has to be known of a module before it is written anew.
#[derive(Default)]
struct Found {
    /// How many functions are imported; they come first.
    imported: u32,
    /// The types of the other functions.
    types: Vec<u32>,
    /// The function that wakes the adapter.
    wakes: Option<u32>,
    /// The function that starts the module.
    start: Option<u32>,
}

impl Found {
    fn in_module(module: &[u8]) -> wasmparser::Result<Self> {
        let mut found = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import?;
                        if matches!(import.ty, TypeRef::Func(_)) {
                            if (import.module, import.name) == WAKES {
                                found.wakes = Some(found.imported);
                            }
                            found.imported += 1;
                        }
                    }
                }
                Payload::FunctionSection(types) => {
                    found.types = types.into_iter().collect::<wasmparser::Result<_>>()?;
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        if export.name == START {
                            found.start = Some(export.index);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }

    fn start_type(&self) -> Option<u32> {
        let defined = self.start?.checked_sub(self.imported)?;
        self.types.get(usize::try_from(defined).ok()?).copied()
    }
}

/// Writes a module anew, with the function that goes by the adapter at the end of the others.
struct Detour {
    wakes: u32,
    start: u32,
    start_type: u32,
    /// Its own index.
    index: u32,
}

type Written = Result<(), Error<std::convert::Infallible>>;

impl Reencode for Detour {
    type Error = std::convert::Infallible;

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Written {
        utils::parse_function_section(self, functions, section)?;
        functions.function(self.start_type);
        Ok(())
    }

    fn parse_code_section(&mut self, code: &mut CodeSection, section: CodeSectionReader<'_>) -> Written {
        utils::parse_code_section(self, code, section)?;
        let mut detour = Function::new([]);
        for zero in ZEROS {
            detour.instruction(&Instruction::I32Const(zero));
        }
        for instruction in [
            Instruction::Call(self.wakes),
            Instruction::Drop,
            Instruction::Call(self.start),
            Instruction::End,
        ] {
            detour.instruction(&instruction);
        }
        code.function(&detour);
        Ok(())
    }

    fn parse_export(&mut self, exports: &mut ExportSection, export: Export<'_>) -> Written {
        let index = if export.name == START { self.index } else { export.index };
        utils::parse_export(self, exports, Export { index, ..export })
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        EntityType, ExportKind, ImportSection, MemorySection, MemoryType, TypeSection, ValType,
    };

    use super::*;

    /// A module that imports `wakes` and exports a function that does nothing as `start`.
    fn module(wakes: &str, start: &str) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([ValType::I32, ValType::I32], [ValType::I32]);
        types.ty().function([], []);
        let mut imports = ImportSection::new();
        imports.import(WAKES.0, wakes, EntityType::Function(0));
        let mut functions = FunctionSection::new();
        functions.function(1);
        let mut memories = MemorySection::new();
        let memory =
            MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None };
        memories.memory(memory);
        let mut exports = ExportSection::new();
        exports.export(start, ExportKind::Func, 1);
        let mut code = CodeSection::new();
        let mut nothing = Function::new([]);
        nothing.instruction(&Instruction::End);
        code.function(&nothing);
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions);
        module.section(&memories).section(&exports).section(&code);
        module.finish()
    }

    #[test]
    fn the_start_goes_by_the_adapter() {
        let before = module(WAKES.1, START);
        let after = adapter_first(&before).unwrap();
        wasmparser::validate(&after).unwrap();
        let (before, after) = (Found::in_module(&before).unwrap(), Found::in_module(&after).unwrap());
        assert_eq!((before.start, after.start), (Some(1), Some(2)));
        assert_eq!((before.types.len(), after.types.len()), (1, 2));
    }

    #[test]
    fn a_module_that_cannot_be_led_there_is_refused() {
        for (module, missing) in
            [(module("fd_write", START), "environ_sizes_get"), (module(WAKES.1, "_start"), START)]
        {
            assert!(adapter_first(&module).unwrap_err().contains(missing));
        }
    }
}
