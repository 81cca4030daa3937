//! Gives the preview-1 adapter memory that is a Go module's own.
//!
//! The adapter needs some memory, and takes it from the module's allocator or grows the module's memory. Go's allocator
//! cannot be called before Go's runtime has started, and the runtime calls the adapter when it starts. And growing is no
//! way either: Go takes memory to be its own from the end of its data on, so its heap would come to lie over what the
//! adapter has grown. So the SDK keeps room in its data (`sdk/go/internal/wit/runtime`), and the module gets an allocator
//! for the adapter that hands out that room.

use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, ExportKind, ExportSection, Function, FunctionSection, MemArg, Module,
};
use wasmparser::{
    CodeSectionReader, DataKind, ExportSectionReader, FunctionSectionReader, Operator, Parser, Payload,
    TypeRef,
};

/// What the room begins with.
const MARK: &[u8] = b"gavel: here is room for an adapter";
/// How much of the beginning is not handed out: the mark, and how much has been handed out.
const HEAD: i32 = 64;
/// Where in the head the latter is.
const USED: u64 = 48;
/// What is handed out at most: the adapter asks for a page for its state and one for its stack.
const PAGES: i32 = 2 * 65_536;
/// How the first block is aligned, which is enough for a stack. The room is as much larger.
const ALIGNMENT: i32 = 16;

/// What componentizing takes for the adapter's allocator.
const ALLOCATOR: &str = "cabi_realloc_adapter";
/// The allocator that the module has, whose type the adapter's has too.
const OWN_ALLOCATOR: &str = "cabi_realloc";

/// The module with an allocator for the adapter.
pub(super) fn with_adapter_memory(module: &[u8]) -> Result<Vec<u8>, String> {
    let found = Found::in_module(module).map_err(|error| error.to_string())?;
    let mut added = Added {
        room: found.room.ok_or("there is no room for the adapter; is the SDK as gavel has laid it down?")?,
        type_index: found.type_of_allocator().ok_or_else(|| format!("there is no export {OWN_ALLOCATOR}"))?,
        index: found.imported + u32::try_from(found.types.len()).map_err(|error| error.to_string())?,
    };
    let mut changed = Module::new();
    added.parse_core_module(&mut changed, Parser::new(0), module).map_err(|error| error.to_string())?;
    Ok(changed.finish())
}

/// What has to be known of a module before it is written anew.
#[derive(Default)]
struct Found {
    /// How many functions are imported; they come first.
    imported: u32,
    /// The types of the other functions.
    types: Vec<u32>,
    allocator: Option<u32>,
    /// The address of the mark.
    room: Option<i32>,
}

impl Found {
    fn in_module(module: &[u8]) -> wasmparser::Result<Self> {
        let mut found = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        found.imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::FunctionSection(types) => {
                    found.types = types.into_iter().collect::<wasmparser::Result<_>>()?;
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        if export.name == OWN_ALLOCATOR {
                            found.allocator = Some(export.index);
                        }
                    }
                }
                Payload::DataSection(segments) => {
                    for segment in segments {
                        let segment = segment?;
                        if let Some(at) = segment.data.windows(MARK.len()).position(|bytes| bytes == MARK)
                            && let DataKind::Active { offset_expr, .. } = segment.kind
                            && let Operator::I32Const { value } = offset_expr.get_operators_reader().read()?
                        {
                            found.room = i32::try_from(at).ok().and_then(|at| value.checked_add(at));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }

    fn type_of_allocator(&self) -> Option<u32> {
        let defined = self.allocator?.checked_sub(self.imported)?;
        self.types.get(usize::try_from(defined).ok()?).copied()
    }
}

/// Writes a module anew, with an allocator at the end of its functions.
struct Added {
    /// The address of the room.
    room: i32,
    type_index: u32,
    /// The allocator's own index.
    index: u32,
}

type Written = Result<(), Error<Infallible>>;

impl Reencode for Added {
    type Error = Infallible;

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Written {
        utils::parse_function_section(self, functions, section)?;
        functions.function(self.type_index);
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: ExportSectionReader<'_>,
    ) -> Written {
        utils::parse_export_section(self, exports, section)?;
        exports.export(ALLOCATOR, ExportKind::Func, self.index);
        Ok(())
    }

    fn parse_code_section(&mut self, code: &mut CodeSection, section: CodeSectionReader<'_>) -> Written {
        utils::parse_code_section(self, code, section)?;
        code.function(&allocator(self.room));
        Ok(())
    }
}

/// Hands out what is left of the room, and traps where there is not enough: the adapter cannot do without. Its parameters
/// are the old block, its size, the alignment and the size. Nothing is ever given back, and the adapter asks for whole
/// pages, so all blocks are aligned as the first one is.
fn allocator(room: i32) -> Function {
    let [old, _, _, size] = [0, 1, 2, 3];
    let used = MemArg { offset: USED, align: 2, memory_index: 0 };
    let mut function = Function::new([]);
    let mut code = function.instructions();
    // More than there is, or a block that is to grow.
    code.local_get(old);
    code.i32_const(room).i32_load(used).local_get(size).i32_add().i32_const(PAGES).i32_gt_u();
    code.i32_or().if_(BlockType::Empty).unreachable().end();
    // The block, which is what is returned; and then that it is used.
    let first = (room + HEAD + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    code.i32_const(first).i32_const(room).i32_load(used).i32_add();
    code.i32_const(room).i32_const(room).i32_load(used).local_get(size).i32_add().i32_store(used);
    code.end();
    function
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{ConstExpr, DataSection, MemorySection, MemoryType, TypeSection, ValType};

    use super::*;

    /// A module with the allocator `name`, and data at 1000.
    fn module(name: &str, data: &[u8]) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([ValType::I32; 4], [ValType::I32]);
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut memories = MemorySection::new();
        let memory =
            MemoryType { minimum: 4, maximum: None, memory64: false, shared: false, page_size_log2: None };
        memories.memory(memory);
        let mut exports = ExportSection::new();
        exports.export(name, ExportKind::Func, 0);
        let mut code = CodeSection::new();
        let mut trap = Function::new([]);
        trap.instructions().unreachable().end();
        code.function(&trap);
        let mut segments = DataSection::new();
        segments.active(0, &ConstExpr::i32_const(1000), data.iter().copied());
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&memories);
        module.section(&exports).section(&code).section(&segments);
        module.finish()
    }

    #[test]
    fn the_allocator_is_added_and_the_module_stays_valid() {
        let data = [b"other", MARK].concat();
        let before = module(OWN_ALLOCATOR, &data);
        assert_eq!(Found::in_module(&before).unwrap().room, Some(1005));
        let after = with_adapter_memory(&before).unwrap();
        wasmparser::validate(&after).unwrap();
        assert_eq!(Found::in_module(&after).unwrap().types.len(), 2);
    }

    #[test]
    fn a_module_without_room_or_allocator_is_refused() {
        for (module, missing) in
            [(module(OWN_ALLOCATOR, b"nothing"), "room"), (module("malloc", MARK), OWN_ALLOCATOR)]
        {
            assert!(with_adapter_memory(&module).unwrap_err().contains(missing));
        }
    }
}
