//! What the harnesses of contest data sets import before a program, so that models leave it out.
//!
//! LiveCodeBench's harness, and those of APPS and TACO that follow it, start with some forty imports, most of them of
//! everything in a module. That costs more than a program, so only the names that it mentions are imported.

use std::collections::{BTreeMap, BTreeSet};

/// Modules under their own name.
const MODULES: &str = "bisect collections copy datetime functools heapq io itertools json math operator random re \
    statistics string sys";

/// Names by their module.
const NAMES: [(&str, &str); 17] = [
    ("bisect", "bisect_left bisect_right insort insort_left insort_right"),
    ("collections", "ChainMap Counter OrderedDict defaultdict deque namedtuple"),
    ("copy", "deepcopy"),
    ("datetime", "date timedelta"),
    ("functools", "cache cached_property cmp_to_key lru_cache partial reduce total_ordering wraps"),
    ("heapq", "heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest"),
    ("io", "BytesIO StringIO"),
    (
        "itertools",
        "accumulate chain combinations combinations_with_replacement compress count cycle dropwhile filterfalse \
         groupby islice pairwise permutations product repeat starmap takewhile tee zip_longest",
    ),
    (
        "math",
        "acos asin atan atan2 ceil comb cos degrees dist e exp factorial floor fsum gcd hypot inf isclose isinf isnan \
         isqrt lcm log log10 log2 nan perm pi prod radians sin sqrt tan tau trunc",
    ),
    ("operator", "add and_ attrgetter floordiv itemgetter mod mul neg or_ sub truediv xor"),
    ("json", "dumps loads"),
    ("random", "choice randint randrange sample shuffle"),
    ("re", "findall finditer fullmatch search sub"),
    ("statistics", "mean median mode"),
    ("sys", "maxsize setrecursionlimit stderr stdin stdout"),
    ("string", "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits punctuation"),
    (
        "typing",
        "Any Callable DefaultDict Deque Dict FrozenSet Generator Iterable Iterator List Mapping NamedTuple Optional \
         Sequence Set Tuple Type TypeVar Union",
    ),
];

/// The module that a name is imported from.
pub(crate) fn module_of(name: &str) -> Option<&'static str> {
    let has = |known: &str| known.split_ascii_whitespace().any(|it| it == name);
    NAMES.iter().find(|(_, known)| has(known)).map(|(module, _)| *module)
}

/// The program with the imports that it counts on.
pub(crate) fn with_imports(program: String) -> String {
    let words = free_names(&program);
    // Nothing may stand before an import from the future.
    if words.contains("__future__") {
        return program;
    }
    let mut imports: Vec<String> = Vec::new();
    let mut names = BTreeMap::<&str, Vec<&str>>::new();
    for (module, known) in NAMES {
        for name in known.split_ascii_whitespace().filter(|name| words.contains(name)) {
            names.entry(module).or_default().push(name);
        }
    }
    imports.extend(names.iter().map(|(module, names)| format!("from {module} import {}", names.join(", "))));
    let modules = MODULES.split_ascii_whitespace().filter(|module| words.contains(module));
    imports.extend(modules.map(|module| format!("import {module}")));
    if imports.is_empty() { program } else { format!("{}\n{program}", imports.join("; ")) }
}

/// The names in a text but for those behind a point: `re.search` needs `re` alone.
pub(crate) fn free_names(program: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut names = BTreeSet::new();
    let mut rest = program;
    let mut before = ' ';
    while let Some(at) = rest.find(is_name) {
        before = rest[..at].chars().next_back().unwrap_or(before);
        let length = rest[at..].find(|c| !is_name(c)).unwrap_or(rest.len() - at);
        if before != '.' {
            names.insert(&rest[at..at + length]);
        }
        before = ' ';
        rest = &rest[at + length..];
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_mentions_is_imported() {
        let with = |program: &str| with_imports(program.to_owned());
        assert_eq!(with("print(1)"), "print(1)");
        assert_eq!(
            with("def f(x: List[int]): return heapq.nlargest(1, deque(x))"),
            "from collections import deque; from typing import List; import heapq\n\
             def f(x: List[int]): return heapq.nlargest(1, deque(x))"
        );
        assert_eq!(
            with("from __future__ import annotations\nx: List"),
            "from __future__ import annotations\nx: List"
        );
    }
}
