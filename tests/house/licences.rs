//! The licences and bans of deny.toml, for those who have no cargo-deny.

use spdx::{Expression, LicenseReq, Licensee, ParseMode};
use toml::Value as Toml;

use crate::{assert_none, metadata, read, root};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[test]
fn every_crate_has_a_licence_that_is_allowed() {
    let rules: Toml = toml::from_str(&read(&root().join("deny.toml"))).expect("deny.toml is TOML");
    let allowed = licensees(&rules["licenses"]["allow"]);
    let exceptions = rules["licenses"]["exceptions"].as_array().expect("exceptions are a list");
    let mut wrong = Vec::new();
    for package in metadata()["packages"].as_array().expect("cargo metadata lists packages") {
        let name = package["name"].as_str().expect("a package has a name");
        let mut allowed = allowed.clone();
        for exception in exceptions.iter().filter(|exception| exception["crate"].as_str() == Some(name)) {
            allowed.extend(licensees(&exception["allow"]));
        }
        let licence = package["license"].as_str().unwrap_or("none");
        if !is_allowed(licence, &allowed) {
            wrong.push(format!("{name}: {licence}"));
        }
    }
    assert_none(&wrong, "licences that deny.toml does not allow");
}

#[test]
fn every_crate_comes_from_crates_io() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("cargo metadata lists packages");
    let foreign =
        packages.iter().filter(|package| package["source"].as_str().is_some_and(|it| it != CRATES_IO));
    let foreign: Vec<String> =
        foreign.map(|package| format!("{} from {}", package["name"], package["source"])).collect();
    assert_none(&foreign, "crates from elsewhere");
}

#[test]
fn evalexpr_stays_below_its_agpl_releases() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("cargo metadata lists packages");
    let versions: Vec<&str> = packages
        .iter()
        .filter(|package| package["name"] == "evalexpr")
        .filter_map(|package| package["version"].as_str())
        .collect();
    assert_eq!(versions.len(), 1);
    assert!(versions[0].starts_with("11."), "evalexpr {} is not under MIT", versions[0]);
}

#[test]
fn the_rules_tell_licences_apart() {
    let rules: Toml = toml::from_str(&read(&root().join("deny.toml"))).expect("deny.toml is TOML");
    let allowed = licensees(&rules["licenses"]["allow"]);
    for free in ["MIT", "MIT/Apache-2.0", "Apache-2.0 WITH LLVM-exception", "LGPL-2.1-or-later OR MIT"] {
        assert!(is_allowed(free, &allowed), "{free}");
    }
    for bound in ["AGPL-3.0-only", "MIT AND GPL-3.0-only", "none", "MPL-2.0"] {
        assert!(!is_allowed(bound, &allowed), "{bound}");
    }
}

fn is_allowed(licence: &str, allowed: &[Licensee]) -> bool {
    // Older crates write `MIT/Apache-2.0`, which is lax for `OR`.
    let expression = Expression::parse_mode(licence, ParseMode::LAX);
    let satisfied = |required: &LicenseReq| allowed.iter().any(|licensee| licensee.satisfies(required));
    expression.is_ok_and(|expression| expression.evaluate(satisfied))
}

fn licensees(names: &Toml) -> Vec<Licensee> {
    let names = names.as_array().expect("licences are a list").iter();
    let parse =
        |name: &str| Licensee::parse(name).unwrap_or_else(|error| panic!("{name} is no licence: {error}"));
    names.map(|name| parse(name.as_str().expect("a licence is a string"))).collect()
}
