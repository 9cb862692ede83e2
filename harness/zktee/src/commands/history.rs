//! `zktee history`: runs in short, and where they became slower or faster.

use std::path::{Path, PathBuf};

use zktee_compare::history::{self, Added, Detection, Entry};
use zktee_report::timeline;

use crate::cli::HistoryCommand;
use crate::exit::Code;

/// Adds or draws.
pub(crate) fn history(command: &HistoryCommand) -> anyhow::Result<Code> {
    match command {
        HistoryCommand::Add { dirs, history } => add(dirs, history),
        HistoryCommand::Plot { history, out, min_effect, level } => {
            plot(history, out, &Detection::new(*level, *min_effect)?)
        }
    }
}

fn add(dirs: &[PathBuf], file: &Path) -> anyhow::Result<Code> {
    let mut entries = Vec::new();
    for dir in dirs {
        let run = zktee_report::load(dir)?;
        for warning in &run.warnings {
            eprintln!("zktee: {}: {warning}", dir.display());
        }
        entries.push(Entry::of(&run));
    }
    for (dir, added) in dirs.iter().zip(history::add(file, &entries)?) {
        match added {
            Added::New => println!("{} is in {}", dir.display(), file.display()),
            Added::Known => println!("{} was in {} already", dir.display(), file.display()),
        }
    }
    Ok(Code::Success)
}

fn plot(file: &Path, out: &Path, detection: &Detection) -> anyhow::Result<Code> {
    let read = history::read(file)?;
    for damaged in &read.damaged {
        eprintln!("zktee: {}, {damaged}", file.display());
    }
    let cells = history::cell_histories(&read.entries, detection);
    print!("{}", history::text(&cells, detection));
    for path in timeline::write(out, &history::timelines(&cells))? {
        println!("{}", path.display());
    }
    Ok(Code::Success)
}
