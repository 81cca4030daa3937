//! Lays a plugin down: `cargo run -p gavel-toolkit --example new -- NAME LANGUAGE DIR`.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let a: Vec<String> = std::env::args().collect();
    gavel_toolkit::create(&a[1], a[2].parse()?, a[3].as_ref())?;
    Ok(())
}
