//! The template compiles and passes its own test, though it is no member of the workspace.

#[path = "../template/src/lib.rs"]
#[expect(unreachable_pub, reason = "the template is a crate of its own, where this is public")]
mod template;
