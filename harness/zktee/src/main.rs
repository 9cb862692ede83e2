//! `zktee`: what verifiable machine learning costs, zkML and TEE ML measured side by side.

mod ab;
mod backends;
mod cli;
mod commands;
mod doctor;
mod environment;
mod estimate;
mod exit;
mod list;
mod program;
mod progress;
mod selftest;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    match commands::dispatch(arguments) {
        Ok(code) => code.into(),
        Err(error) => {
            eprintln!("zktee: {}", exit::one_text(&error));
            exit::code_of(&error).into()
        }
    }
}
