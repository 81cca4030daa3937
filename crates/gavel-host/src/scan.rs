//! Looks a file over before anything is compiled: compiling happens outside of every sandbox, and some small files take a
//! compiler minutes or gigabytes.
//!
//! The bounds are three times or more what the largest honest plugin has. Python, with everything that it brings along,
//! has 1,200 types, 4,200 exports, 13,000 functions and 7 MB of code, with 430 kB, 1,000 locals or 11,000 blocks in one
//! function at most (the latter two in other plugins). What is within them compiles in bounded time and memory;
//! `docs/security.md` has what was measured.

use wasmparser::{
    DataKind, FuncToValidate, FuncValidatorAllocations, FunctionBody, Operator, Parser, Payload,
    ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

use crate::LoadError;

/// Bytes of a file.
pub(crate) const FILE: u64 = 256 << 20;

/// Bytes of the image of a memory that is made when a module is compiled, however much of it is zero.
pub(crate) const IMAGE: u64 = 128 << 20;

/// Bytes of image that a file may ask for whatever it holds, and for each byte of data in it.
const SPARE_IMAGE: u64 = 16 << 20;
const IMAGE_FOR_A_BYTE: u64 = 4;

/// What a file may have, all of its parts together.
const MODULES: Bound = Bound("modules and components", 200);
const TYPES: Bound = Bound("types", 10_000);
const IMPORTS: Bound = Bound("imports", 20_000);
const EXPORTS: Bound = Bound("exports", 20_000);
const FUNCTIONS: Bound = Bound("functions", 100_000);
const MEMORIES: Bound = Bound("memories", 100);
const TABLES: Bound = Bound("tables", 1_000);
const GLOBALS: Bound = Bound("globals", 100_000);
const DATA: Bound = Bound("data segments", 100_000);
const ELEMENTS: Bound = Bound("table elements", 1 << 20);
const COMPONENT_ITEMS: Bound = Bound("parts of components", 100_000);
const CODE: Bound = Bound("bytes of code", 48 << 20);
const INITIAL_MEMORY: Bound = Bound("bytes of initial memory", 4 << 30);

/// What one function may have. For each block the compiler keeps track of every value that is live there, so it is their
/// product that takes time and memory.
const BODY: Bound = Bound("bytes in a function", 1 << 20);
const LOCALS: Bound = Bound("locals in a function", 5_000);
const STACK: Bound = Bound("values on the stack in a function", 2_000);
const BLOCKS: Bound = Bound("blocks in a function", 30_000);
const LIVE: Bound = Bound("blocks times values in a function", 10_000_000);

/// What there is, and how many there may be.
#[derive(Clone, Copy)]
struct Bound(&'static str, u64);

/// Refuses a file that no plugin would be.
///
/// # Errors
/// [`LoadError::TooComplex`] with the first bound that it breaks, [`LoadError::Malformed`] where it is not WebAssembly.
pub(crate) fn scan(bytes: &[u8], plugin: &str) -> Result<(), LoadError> {
    let mut scan = Scan::default();
    scan.file(bytes).map_err(|stop| match stop {
        Stop::Malformed(error) => {
            LoadError::Malformed { plugin: plugin.to_owned(), reason: error.to_string() }
        }
        Stop::Over { bound: Bound(what, limit), found } => {
            LoadError::TooComplex { plugin: plugin.to_owned(), what, found, limit }
        }
    })
}

enum Stop {
    Malformed(wasmparser::BinaryReaderError),
    Over { bound: Bound, found: u64 },
}

impl From<wasmparser::BinaryReaderError> for Stop {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Malformed(error)
    }
}

/// A running count of something.
#[derive(Default)]
struct Count(u64);

impl Count {
    fn add(&mut self, count: impl Into<u64>, bound: Bound) -> Result<(), Stop> {
        self.0 = self.0.saturating_add(count.into());
        hold(self.0, bound)
    }
}

fn hold(found: u64, bound: Bound) -> Result<(), Stop> {
    if found > bound.1 { Err(Stop::Over { bound, found }) } else { Ok(()) }
}

#[derive(Default)]
struct Scan {
    modules: Count,
    types: Count,
    imports: Count,
    exports: Count,
    functions: Count,
    memories: Count,
    initial_memory: Count,
    tables: Count,
    globals: Count,
    segments: Count,
    elements: Count,
    component_items: Count,
    code: Count,
    /// Bytes in data segments, and bytes of the images that they are spread over.
    data: u64,
    image: u64,
}

impl Scan {
    fn file(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        // What the engine does not offer is for the engine to refuse, which says so.
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        let mut allocations = FuncValidatorAllocations::default();
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            // Counted first: a validator keeps what it has seen.
            self.payload(&payload)?;
            if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
                allocations = check_function(function, &body, allocations)?;
            }
        }
        let image = Bound("bytes of memory to prepare", SPARE_IMAGE + IMAGE_FOR_A_BYTE * self.data);
        hold(self.image, image)
    }

    fn payload(&mut self, payload: &Payload<'_>) -> Result<(), Stop> {
        match payload {
            Payload::Version { .. } => self.modules.add(1_u64, MODULES),
            Payload::TypeSection(types) => self.types.add(types.count(), TYPES),
            Payload::CoreTypeSection(types) => self.types.add(types.count(), TYPES),
            Payload::ComponentTypeSection(types) => self.types.add(types.count(), TYPES),
            Payload::ImportSection(imports) => self.imports.add(imports.count(), IMPORTS),
            Payload::ComponentImportSection(imports) => self.imports.add(imports.count(), IMPORTS),
            Payload::ExportSection(exports) => self.exports.add(exports.count(), EXPORTS),
            Payload::ComponentExportSection(exports) => self.exports.add(exports.count(), EXPORTS),
            Payload::FunctionSection(functions) => self.functions.add(functions.count(), FUNCTIONS),
            Payload::CodeSectionStart { size, .. } => self.code.add(*size, CODE),
            Payload::GlobalSection(globals) => self.globals.add(globals.count(), GLOBALS),
            Payload::InstanceSection(items) => self.component_items.add(items.count(), COMPONENT_ITEMS),
            Payload::ComponentInstanceSection(items) => {
                self.component_items.add(items.count(), COMPONENT_ITEMS)
            }
            Payload::ComponentAliasSection(items) => self.component_items.add(items.count(), COMPONENT_ITEMS),
            Payload::ComponentCanonicalSection(items) => {
                self.component_items.add(items.count(), COMPONENT_ITEMS)
            }
            Payload::MemorySection(memories) => {
                self.memories.add(memories.count(), MEMORIES)?;
                for memory in memories.clone() {
                    let memory = memory?;
                    let page = 1_u64 << memory.page_size_log2.unwrap_or(16).min(16);
                    self.initial_memory.add(memory.initial.saturating_mul(page), INITIAL_MEMORY)?;
                }
                Ok(())
            }
            Payload::TableSection(tables) => {
                self.tables.add(tables.count(), TABLES)?;
                for table in tables.clone() {
                    self.elements.add(table?.ty.initial, ELEMENTS)?;
                }
                Ok(())
            }
            Payload::DataSection(data) => self.data(data),
            _ => Ok(()),
        }
    }

    /// Adds what the engine will make of a module's data: for each memory an image from its first byte to its last.
    fn data(&mut self, data: &wasmparser::DataSectionReader<'_>) -> Result<(), Stop> {
        self.segments.add(data.count(), DATA)?;
        let mut images: Vec<(u32, u64, u64)> = Vec::new();
        for segment in data.clone() {
            let segment = segment?;
            self.data += segment.data.len() as u64;
            let DataKind::Active { memory_index, offset_expr } = segment.kind else { continue };
            let mut expression = offset_expr.get_operators_reader();
            // What is not a constant is not known before the module runs, and nothing is prepared for it.
            let start = match expression.read()? {
                Operator::I32Const { value } => u64::from(value as u32),
                Operator::I64Const { value } => value as u64,
                _ => continue,
            };
            let end = start.saturating_add(segment.data.len() as u64);
            match images.iter_mut().find(|(memory, ..)| *memory == memory_index) {
                Some((_, first, last)) => (*first, *last) = ((*first).min(start), (*last).max(end)),
                None => images.push((memory_index, start, end)),
            }
            hold(images.len() as u64, MEMORIES)?;
        }
        self.image = images.iter().fold(self.image, |sum, (_, first, last)| sum.saturating_add(last - first));
        Ok(())
    }
}

/// Validates a function's body, and holds it to what one may have.
fn check_function(
    function: FuncToValidate<ValidatorResources>,
    body: &FunctionBody<'_>,
    allocations: FuncValidatorAllocations,
) -> Result<FuncValidatorAllocations, Stop> {
    hold(body.range().len() as u64, BODY)?;
    let mut validator = function.into_validator(allocations);
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    hold(u64::from(validator.len_locals()), LOCALS)?;
    let mut operators = wasmparser::OperatorsReader::new(reader);
    let (mut blocks, mut highest) = (1, 0);
    while !operators.eof() {
        let offset = operators.original_position();
        let operator = operators.read()?;
        validator.op(offset, &operator)?;
        blocks += u64::from(starts_a_block(&operator));
        highest = highest.max(u64::from(validator.operand_stack_height()));
        hold(highest, STACK)?;
    }
    operators.finish()?;
    hold(blocks, BLOCKS)?;
    hold(blocks * (u64::from(validator.len_locals()) + highest), LIVE)?;
    Ok(validator.into_allocations())
}

/// Whether the compiler starts a block of its own after an instruction.
fn starts_a_block(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a text of WebAssembly has too much of, if anything.
    fn too_much(text: &str) -> Option<(&'static str, u64)> {
        match scan(&wat::parse_str(text).unwrap(), "test.wasm") {
            Ok(()) => None,
            Err(LoadError::TooComplex { what, found, .. }) => Some((what, found)),
            Err(error) => panic!("{error:?}"),
        }
    }

    #[test]
    fn what_a_plugin_has_is_let_through() {
        assert_eq!(too_much("(module)"), None);
        assert_eq!(too_much("(component (core module) (component (core module (memory 1))))"), None);
        // A page of data high up, as after a stack of its own.
        assert_eq!(too_much(r#"(module (memory 200) (data (i32.const 10000000) "x"))"#), None);
    }

    #[test]
    fn the_parts_of_a_file_are_counted_wherever_they_are() {
        let modules = format!("(component {})", "(core module)".repeat(200));
        assert_eq!(too_much(&modules), Some(("modules and components", 201)));
        let nested =
            format!("(component {} (component {}))", "(core module)".repeat(99), "(core module)".repeat(100));
        assert_eq!(too_much(&nested), Some(("modules and components", 201)));
        let exports = |count: usize| -> String {
            (0..count).map(|index| format!(r#"(export "{index}" (func 0))"#)).collect()
        };
        let two = format!("(component (core module (func) {0}) (core module (func) {0}))", exports(10_001));
        assert_eq!(too_much(&two), Some(("exports", 20_002)));
        assert_eq!(
            too_much(&format!("(module {})", "(table 1000000 funcref)".repeat(2))),
            Some(("table elements", 2_000_000))
        );
        assert_eq!(
            too_much("(component (core module (memory 40000)) (core module (memory 40000)))"),
            Some(("bytes of initial memory", 80_000 << 16))
        );
    }

    #[test]
    fn the_values_of_a_function_are_counted() {
        let locals = format!("(module (func (local {})))", "i32 ".repeat(5_001));
        assert_eq!(too_much(&locals), Some(("locals in a function", 5_001)));
        let stack = format!("(module (func {} {}))", "(i32.const 1)".repeat(2_001), "drop ".repeat(2_001));
        assert_eq!(too_much(&stack), Some(("values on the stack in a function", 2_001)));
        let blocks = "(br_if 0 (i32.const 0))".repeat(2_500);
        assert_eq!(too_much(&format!("(module (func (local {}) {blocks}))", "i32 ".repeat(3_500))), None);
        let live = format!("(module (func (local {}) {blocks}))", "i32 ".repeat(4_500));
        assert_eq!(too_much(&live), Some(("blocks times values in a function", 2_502 * 4_501)));
        let jumps = format!("(module (func {}))", "(br_if 0 (i32.const 0))".repeat(30_000));
        assert_eq!(too_much(&jumps), Some(("blocks in a function", 30_002)));
        let body = format!("(module (func {}))", "(drop (i64.const 0x7fffffffffffffff))".repeat(100_000));
        assert!(matches!(too_much(&body), Some(("bytes in a function", _))));
    }

    #[test]
    fn an_image_is_held_to_what_there_is_to_put_into_it() {
        let far = r#"(module (memory 1700) (data (i32.const 0) "x") (data (i32.const 100000000) "x"))"#;
        assert_eq!(too_much(far), Some(("bytes of memory to prepare", 100_000_001)));
        let each = r#"(core module (memory 200) (data (i32.const 0) "x") (data (i32.const 10000000) "x"))"#;
        assert_eq!(too_much(&format!("(component {each})")), None);
        assert_eq!(
            too_much(&format!("(component {each} {each})")),
            Some(("bytes of memory to prepare", 20_000_002))
        );
    }
}
