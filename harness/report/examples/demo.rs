//! Writes a made-up run folder with every outcome in it and reports on it, for looking at reports without measuring:
//! `cargo run -p zktee-report --example demo -- DIR`.

#[path = "../tests/support/mod.rs"]
mod support;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args_os().nth(1).ok_or("usage: demo DIR")?;
    let dir = std::path::Path::new(&dir);
    support::Fixture::full().write(dir);
    let run = zktee_report::load(dir)?;
    print!("{}", zktee_report::markdown_table(&zktee_report::cells(&run)));
    for path in zktee_report::write_all(dir, &run)? {
        println!("{}", path.display());
    }
    Ok(())
}
