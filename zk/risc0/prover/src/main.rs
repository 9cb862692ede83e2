//! RISC Zero for the worker of zktee, which starts this program and talks to it in lines of JSON: execute, prove, verify.

mod machine;
mod requests;
mod security;

use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;

use requests::Server;
use zktee_risc0_verifier::Guest;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve"] => serve(),
        ["image-ids"] => image_ids(),
        _ => {
            eprintln!("usage: zktee-risc0-prover serve | image-ids (docs/risc0.md)");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("zktee-risc0-prover: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One answer a line, until the requests end.
fn serve() -> anyhow::Result<()> {
    let mut server = Server::default();
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        serde_json::to_writer(&mut output, &server.answer(&line?))?;
        output.write_all(b"\n")?;
        output.flush()?;
    }
    Ok(())
}

/// `name image-id`, a line each: what belongs into `elf/IMAGE_IDS`.
fn image_ids() -> anyhow::Result<()> {
    for guest in Guest::ALL {
        println!("{} {}", guest.name(), machine::image_id(guest)?);
    }
    Ok(())
}
