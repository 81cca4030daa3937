//! Columns that a reward file or a flag names and that no row has: without a word, whoever misspelt one would never know.

use gavel_verify::visible_name;
use gavel_wire::{Columns, Names, Preset, Row};

use crate::columns::nearest;

/// Columns that somebody has named, and that rows may do without.
pub(super) struct NamedColumns {
    named: Vec<Named>,
    /// The column whose entries are given as columns too.
    metadata: Names,
}

struct Named {
    names: Names,
    /// What the column is named for.
    role: &'static str,
}

/// A column that some rows lack.
pub(super) struct Missed {
    names: String,
    role: &'static str,
    /// How many lack it.
    pub(super) count: u64,
    /// What may be meant instead.
    hint: String,
}

const LEFT_OUT: &str = "which is to be left out";

impl NamedColumns {
    /// Those of `columns` that are neither the defaults nor a preset's, whose rows may lack some.
    pub(super) fn of(columns: &Columns) -> Self {
        let presets = Preset::ALL.map(Columns::of_preset);
        let known: Vec<&Columns> = presets.iter().collect();
        let default = Columns::default();
        let is_said = |of: fn(&Columns) -> &Names| {
            known.iter().chain([&&default]).all(|known| of(known) != of(columns))
        };
        let mut named = Vec::new();
        if is_said(|columns| &columns.metadata) {
            named.push(Named {
                names: columns.metadata.clone(),
                role: "which is named as that of the metadata",
            });
        }
        if is_said(|columns| &columns.group) {
            named.push(Named { names: columns.group.clone(), role: "which is named as that of the group" });
        }
        if known.iter().all(|known| known.leave_out != columns.leave_out) {
            let left_out = columns.leave_out.iter().map(|name| Names::from(name.as_str()));
            named.extend(left_out.map(|names| Named { names, role: LEFT_OUT }));
        }
        Self { named, metadata: columns.metadata.clone() }
    }

    /// Those that a row lacks.
    pub(super) fn missed(&self, row: &Row) -> Vec<Missed> {
        let lacks = |named: &&Named| {
            if named.role == LEFT_OUT {
                // What is left out is a column of its own, and no place within one.
                row.names().all(|name| name != named.names.first())
            } else {
                named.names.iter().all(|name| row.find(name).is_none())
            }
        };
        self.named.iter().filter(lacks).map(|named| self.missing(named, row)).collect()
    }

    fn missing(&self, Named { names, role }: &Named, row: &Row) -> Missed {
        let name = names.first();
        let within = self.metadata.iter().find(|metadata| {
            row.entries(metadata).is_some_and(|entries| entries.iter().any(|entry| entry == name))
        });
        let hint = match (within, nearest(row, name)) {
            (Some(within), _) if *role == LEFT_OUT => {
                format!(": it is an entry of `{within}`, whose entries are all given")
            }
            (_, Some(near)) => format!(" (did you mean `{near}`?)"),
            (_, None) => format!("; {}", row.there()),
        };
        Missed { names: visible_name(&names.to_string(), 60).to_string(), role, count: 1, hint }
    }
}

impl Missed {
    /// Whether both are the same column.
    pub(super) fn is(&self, other: &Self) -> bool {
        (&self.names, self.role) == (&other.names, other.role)
    }

    /// What to say where no row has it.
    pub(super) fn advice(&self) -> String {
        format!("warning: no submission has the column `{}`, {}{}", self.names, self.role, self.hint)
    }
}
