//! `[columns]`: where rows have the parts of a submission.

use gavel_plugins::toml_file::{Field, TomlError};
use gavel_wire::{Columns, Names, Preset};

/// Reads the table: what a preset says, and what is said besides wins.
pub(crate) fn read(field: Field<'_>) -> Result<Columns, TomlError> {
    let mut table = field.table()?;
    let mut columns = match table.take("preset") {
        Some(field) => Columns::of_preset(read_preset(&field)?),
        None => Columns::default(),
    };
    for (part, column) in [
        ("prompt", &mut columns.prompt),
        ("completion", &mut columns.completion),
        ("reference", &mut columns.reference),
        ("metadata", &mut columns.metadata),
        ("group", &mut columns.group),
    ] {
        if let Some(field) = table.take(part) {
            *column = read_names(&field)?;
        }
    }
    if let Some(field) = table.take("leave_out") {
        columns.leave_out = field.strings().ok_or_else(|| field.unlike("a list of names of columns"))?;
    }
    table.finish()?;
    Ok(columns)
}

fn read_preset(field: &Field<'_>) -> Result<Preset, TomlError> {
    let preset = field.string().ok().and_then(|name| Preset::named(&name));
    preset.ok_or_else(|| {
        let known = Preset::ALL.map(|preset| format!("{:?}", preset.name()));
        field.unlike(&format!("one of {}", known.join(", ")))
    })
}

/// One name, or several, of which the first that is there counts.
fn read_names(field: &Field<'_>) -> Result<Names, TomlError> {
    let names = field.string().ok().map(|name| vec![name]).or_else(|| field.strings());
    names.and_then(Names::new).ok_or_else(|| {
        field.unlike("the name of a column, such as \"answer\", or a list of names to look for")
    })
}
