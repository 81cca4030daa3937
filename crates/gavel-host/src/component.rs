//! Plugins that are components: the contract of `sdk/wit`, called through the component model.

use gavel_verify::{Cancel, Description, visible_name};
use wasmtime::Store;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, TypedFunc};

use crate::answer::{
    Answer, Answers, VerifyGroupParams, VerifyParams, WireDescription, WireSubmission, accept, accept_all,
    expect_at_most,
};
use crate::asked::Asked;
use crate::error::SHOWN;
use crate::failure::{classify_component, fuel_is_known, is_the_guests};
use crate::guest::{COMPONENT_CALL, Guest, Wasi, World, limited_store};
use crate::interpreter::EXECUTION;
use crate::lane::Lane;
use crate::pipe::Kept;
use crate::program::Programs;
use crate::ticker::Watch;
use crate::verifier::{Judged, Stop, Verdicts};
use crate::{Interpreters, Limits, LoadError};

/// The export that makes a component a plugin.
const VERIFIER: &str = "gavel:verifier/verifier@0.1.0";

/// The export of one that judges the completions of a prompt together.
const GROUP_VERIFIER: &str = "gavel:verifier/group-verifier@0.1.0";

/// The interface that a code verifier imports, in whichever version.
const INTERPRETER: &str = "gavel:verifier/interpreter";

/// The packages of WASI 0.2 that a plugin may import. They are all there, and grant nothing.
const WASI: [&str; 6] =
    ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];

/// A component that implements the contract, ready to be instantiated.
pub(crate) struct ComponentCode {
    instance: InstancePre<Guest<Wasi>>,
    describe: ComponentExportIndex,
    verify: Verify,
    watch: Watch,
    keeps_output: bool,
}

/// The function that judges.
#[derive(Clone, Copy)]
enum Verify {
    One(ComponentExportIndex),
    /// All completions of a prompt.
    Group(ComponentExportIndex),
}

impl Verify {
    /// The interface that it is of.
    fn interface(self) -> &'static str {
        match self {
            Self::One(_) => VERIFIER,
            Self::Group(_) => GROUP_VERIFIER,
        }
    }
}

impl ComponentCode {
    /// Checks that a component has what gavel needs and needs what gavel has.
    pub(crate) fn link(component: &Component, lane: &Lane, plugin: &str) -> Result<Self, LoadError> {
        check_imports(component, plugin, true)?;
        let functions = |interface: &str, verify: &str| {
            let interface = component.get_export_index(None, interface)?;
            let function = |name: &str| component.get_export_index(Some(&interface), name);
            Some((function("describe")?, function(verify)?))
        };
        // Of a plugin that has both, who knows groups takes that.
        let of_groups = functions(GROUP_VERIFIER, "verify-group");
        let of_groups = of_groups.map(|(describe, verify)| (describe, Verify::Group(verify)));
        let of_one =
            || functions(VERIFIER, "verify").map(|(describe, verify)| (describe, Verify::One(verify)));
        let Some((describe, verify)) = of_groups.or_else(of_one) else {
            if component.get_export_index(None, EXECUTION).is_some() {
                return Err(LoadError::Interpreter { plugin: plugin.to_owned() });
            }
            return Err(LoadError::Contract {
                plugin: plugin.to_owned(),
                wanted: format!("the export `{VERIFIER}` or `{GROUP_VERIFIER}`"),
                found: listed(&exports(component)),
            });
        };
        let instance =
            lane.components.instantiate_pre(component).map_err(|error| wrong_imports(plugin, &error))?;
        Ok(Self { instance, describe, verify, watch: lane.watch.clone(), keeps_output: lane.keeps_output })
    }

    pub(crate) fn component(&self) -> &Component {
        self.instance.component()
    }

    /// Whether it judges the completions of a prompt together.
    pub(crate) fn judges_groups(&self) -> bool {
        matches!(self.verify, Verify::Group(_))
    }

    /// What the plugin says of itself. Also proves that its functions have the contract's types.
    pub(crate) fn describe(&self, limits: &Limits, plugin: &str) -> Result<Description, LoadError> {
        let failed = |store: &Store<Guest<Wasi>>, error: &wasmtime::Error| {
            LoadError::describing(
                plugin,
                classify_component(error, &store.data().growth, limits),
                &self.watch,
            )
        };
        let store = self.store(&self.watch, limits, 0, None, None);
        let mut store = store.map_err(|error| LoadError::host_failed(plugin, &error))?;
        let instance = match self.instance.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) if is_the_guests(&error, &store.data().growth) => return Err(failed(&store, &error)),
            Err(error) => return Err(LoadError::host_failed(plugin, &error)),
        };
        // Looking a function up fails only where its type is another.
        let wrong_type = |error: wasmtime::Error| LoadError::Contract {
            plugin: plugin.to_owned(),
            wanted: format!("functions with the types of `{}`", self.verify.interface()),
            found: format!("{error:#}"),
        };
        match self.verify {
            Verify::One(verify) => {
                instance.get_typed_func::<VerifyParams<'_>, (Answer,)>(&mut store, verify).map(drop)
            }
            Verify::Group(verify) => {
                instance.get_typed_func::<VerifyGroupParams<'_>, (Answers,)>(&mut store, verify).map(drop)
            }
        }
        .map_err(wrong_type)?;
        let describe: TypedFunc<(), (WireDescription,)> =
            instance.get_typed_func(&mut store, self.describe).map_err(wrong_type)?;
        let (description,) = describe.call(&mut store, ()).map_err(|error| failed(&store, &error))?;
        Ok(description.into())
    }

    /// Judges a submission, or all of a group, in an instance of its own.
    pub(crate) fn judge(
        &self,
        asked: Asked<'_>,
        options: &str,
        limits: &Limits,
        interpreters: Option<&Interpreters>,
        cancel: &Cancel,
    ) -> Judged {
        let output = self.keeps_output.then(Kept::new);
        let (watch, seed) = (self.watch.until(cancel), asked.seed(options));
        // What each completion may have of an answer, all of a group may have together.
        let of_all = Limits { output: limits.output.saturating_mul(asked.count()), ..limits.clone() };
        let mut store = match self.store(&watch, &of_all, seed, interpreters, output.as_ref()) {
            Ok(store) => store,
            Err(error) => return Judged::broken(&error),
        };
        let answer = match self.call(&mut store, asked, options, limits) {
            Ok(answer) => answer,
            Err(error) => return Judged::broken(&error),
        };
        let known = answer.as_ref().err().is_none_or(fuel_is_known);
        let programs = store.data().programs.fuel().filter(|_| known);
        let own = limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0));
        let fuel = programs.map(|programs| programs.saturating_add(own));
        let results = match answer {
            Ok(results) => results,
            Err(error) => Err(Stop::Failed(classify_component(&error, &store.data().growth, limits))),
        };
        Judged { results, fuel, output: output.map(|output| output.text()) }
    }

    /// Calls the function that judges in a fresh instance. The outer error is gavel's, the inner one the guest's.
    fn call(
        &self,
        store: &mut Store<Guest<Wasi>>,
        asked: Asked<'_>,
        options: &str,
        limits: &Limits,
    ) -> wasmtime::Result<wasmtime::Result<Verdicts>> {
        let instance = match self.instance.instantiate(&mut *store) {
            Ok(instance) => instance,
            Err(error) if is_the_guests(&error, &store.data().growth) => return Ok(Err(error)),
            Err(error) => return Err(error),
        };
        expect_at_most(limits, asked.count());
        match self.verify {
            Verify::One(verify) => {
                let verify = instance.get_typed_func::<VerifyParams<'_>, (Answer,)>(&mut *store, verify)?;
                let answer = verify.call(store, (WireSubmission::of(asked.first()), options));
                Ok(answer.map(|(answer,)| Ok(vec![accept(answer, limits)])))
            }
            Verify::Group(verify) => {
                let verify =
                    instance.get_typed_func::<VerifyGroupParams<'_>, (Answers,)>(&mut *store, verify)?;
                let submissions: Vec<_> = asked.iter().map(WireSubmission::of).collect();
                let answers = verify.call(store, (&submissions, options));
                Ok(answers.map(|(answers,)| accept_all(answers, asked.count(), limits)))
            }
        }
    }

    fn store(
        &self,
        watch: &Watch,
        limits: &Limits,
        seed: u64,
        interpreters: Option<&Interpreters>,
        output: Option<&Kept>,
    ) -> wasmtime::Result<Store<Guest<Wasi>>> {
        let world = World::of(seed);
        let mut wasi = world.wasi();
        if let Some(output) = output {
            wasi.stdout(output.clone()).stderr(output.clone());
        }
        let wasi = Wasi::new(wasi.build());
        let programs = interpreters.map_or_else(Programs::none, |interpreters| {
            Programs::with(interpreters.clone(), limits.programs.clone(), seed, watch)
        });
        let engine = self.instance.engine();
        limited_store(engine, watch, limits, COMPONENT_CALL, world, wasi, programs)
    }
}

/// A name of the file's, for people.
pub(crate) fn shown(name: &str) -> String {
    visible_name(name, SHOWN)
}

/// The full names of what a component imports.
pub(crate) fn imports(component: &Component) -> Vec<String> {
    component.component_type().imports(component.engine()).map(|(name, _)| shown(name)).collect()
}

/// The full names of what a component exports.
pub(crate) fn exports(component: &Component) -> Vec<String> {
    component.component_type().exports(component.engine()).map(|(name, _)| shown(name)).collect()
}

/// Checks that a component imports nothing but WASI, and where `programs` says so, the interface that runs programs.
pub(crate) fn check_imports(component: &Component, plugin: &str, programs: bool) -> Result<(), LoadError> {
    let engine = component.engine();
    for (name, import) in component.component_type().imports(engine) {
        let (plugin, import_name) = (plugin.to_owned(), shown(name));
        match import.ty {
            // An interface of types alone needs nobody to implement it.
            ComponentItem::ComponentInstance(instance)
                if instance
                    .exports(engine)
                    .all(|(_, export)| matches!(export.ty, ComponentItem::Type(_))) => {}
            ComponentItem::ComponentInstance(_) if is_wasi(name) => {}
            ComponentItem::ComponentInstance(_) if programs && is_interpreter(name) => {}
            _ => return Err(LoadError::UnknownImport { plugin, import: import_name }),
        }
    }
    Ok(())
}

fn is_wasi(import: &str) -> bool {
    let known = WASI.iter().any(|package| import.starts_with(package));
    known && import.split('@').nth(1).is_some_and(|version| version.starts_with("0.2."))
}

/// Whether this import is the interface that runs programs, in a version that gavel knows.
pub(crate) fn is_interpreter(import: &str) -> bool {
    import.split_once('@').is_some_and(|(name, version)| name == INTERPRETER && version.starts_with("0.1."))
}

/// The error for imports with the right names and the wrong types.
pub(crate) fn wrong_imports(plugin: &str, error: &wasmtime::Error) -> LoadError {
    LoadError::Contract {
        plugin: plugin.to_owned(),
        wanted: "imports as gavel's contract and WASI 0.2 declare them".to_owned(),
        found: format!("{error:#}"),
    }
}

/// Names in an error: a person needs the first, not all fifty thousand.
pub(crate) fn listed(names: &[String]) -> String {
    const MOST: usize = 20;
    if names.is_empty() {
        return "no exports".to_owned();
    }
    let first = names[..names.len().min(MOST)].join("`, `");
    let more = names.len().saturating_sub(MOST);
    if more > 0 { format!("`{first}` and {more} more") } else { format!("`{first}`") }
}
