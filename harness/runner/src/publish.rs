//! A run made ready to be committed: its record and the evidence behind it, without what belongs to one machine.
//!
//! The folder is written beside its place and moved there when it is whole. Evidence is kept as it is, each file checked against its digest, large ones compressed
//! where that is worth it; where it is more than may be kept, the largest cells go without, and their statements say so.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use zktee_core::record::{RunRecord, files};
use zktee_core::vocabulary::CellId;
use zktee_report::{LoadError, ReportError};

use crate::folder::{FolderError, RunFolder, io, write_json};
use crate::statement::{STATEMENT, Statement};

/// The largest recorded file that is published, bytes.
const MAX_RECORD_BYTES: u64 = 256 << 20;

/// What a published folder may hold, so that no other folder is ever replaced by one.
const OWN: [&str; 15] = [
    files::RUN,
    files::ENVIRONMENT,
    files::SAMPLES,
    files::PROBES,
    files::LOAD,
    files::GENERATIONS,
    files::TOKENS,
    files::CELLS,
    "llm.csv",
    files::EVIDENCE,
    "report.md",
    "report.html",
    "report.json",
    "report.tex",
    "plots",
];

/// What is recorded and published, where it is there.
const RECORDED: [&str; 7] =
    [files::RUN, files::ENVIRONMENT, files::SAMPLES, files::PROBES, files::LOAD, files::GENERATIONS, files::TOKENS];

/// Publishes a run.
#[derive(Debug)]
pub struct Publisher<'a> {
    /// The run's folder.
    pub from: &'a Path,
    /// The published folder: new, empty, or an earlier published one, which is replaced.
    pub to: &'a Path,
    /// Paths of this machine, each with what stands for it.
    pub places: &'a [(PathBuf, &'a str)],
    /// The most bytes of evidence.
    pub most_bytes: u64,
}

/// What was published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// The cells whose evidence is there, with its bytes.
    pub evidence: Vec<(CellId, u64)>,
    /// The cells whose evidence would have been too much, with its bytes.
    pub left_out: Vec<(CellId, u64)>,
    /// Evidence files in which a path of this machine stands: they are not changed, since their digests are recorded.
    pub mentions: Vec<PathBuf>,
    /// All bytes of the folder.
    pub bytes: u64,
}

/// Why a run was not published. The earlier published folder then stands.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A folder or a file in it.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// What would be replaced is no published run.
    #[error("{path} holds {stranger}, which no published run has; choose another folder")]
    Stranger {
        /// The folder.
        path: PathBuf,
        /// What else is in it.
        stranger: String,
    },
    /// The copy cannot be read again.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The copy's report cannot be written.
    #[error(transparent)]
    Report(#[from] ReportError),
}

impl Publisher<'_> {
    /// Writes the published folder.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub fn publish(&self) -> Result<Published, PublishError> {
        let folder = RunFolder::open(self.from)?;
        let record = folder.record()?;
        self.check_place()?;
        let name = self.to.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let beside = |what: &str| self.to.with_file_name(format!(".{what}-{}-{name}", std::process::id()));
        let (new, old) = (beside("new"), beside("old"));
        fs::create_dir_all(&new).map_err(io(&new))?;
        let made = self.fill(folder.root(), &record, &new).and_then(|made| {
            let replaced = self.to.exists();
            if replaced {
                fs::rename(self.to, &old).map_err(io(self.to))?;
            }
            if let Err(error) = fs::rename(&new, self.to) {
                let _ = fs::rename(&old, self.to);
                return Err(io(self.to)(error).into());
            }
            if replaced {
                fs::remove_dir_all(&old).map_err(io(&old))?;
            }
            Ok(made)
        });
        if made.is_err() {
            let _ = fs::remove_dir_all(&new);
        }
        made
    }

    /// Only what an earlier publication wrote is replaced.
    fn check_place(&self) -> Result<(), PublishError> {
        if !self.to.exists() {
            return Ok(());
        }
        let names = fs::read_dir(self.to).map_err(io(self.to))?.flatten().map(|entry| entry.file_name());
        let stranger = names.map(|name| name.to_string_lossy().into_owned()).find(|name| !OWN.contains(&name.as_str()));
        match stranger {
            Some(stranger) => Err(PublishError::Stranger { path: self.to.to_owned(), stranger }),
            None => Ok(()),
        }
    }

    fn fill(&self, root: &Path, record: &RunRecord, new: &Path) -> Result<Published, PublishError> {
        let mut places: Vec<(String, &str)> =
            self.places.iter().map(|(path, name)| (path.display().to_string(), *name)).collect();
        places.push((root.display().to_string(), "RUN"));
        // The program need not lie in any of these.
        let program =
            record.command.first().and_then(|program| Path::new(program).parent()).filter(|it| it.is_absolute());
        places.extend(program.map(|it| (it.display().to_string(), "BIN")));
        // The longest first: one may lie in another. The root of all files would stand everywhere.
        places.retain(|(path, _)| path.len() > 1);
        places.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        for name in RECORDED {
            if let Some(text) = read_text(&root.join(name))? {
                let path = new.join(name);
                fs::write(&path, without(&text, &places)).map_err(io(&path))?;
            }
        }
        let mut published = self.evidence(root, record, new, &places)?;
        let run = zktee_report::load(new)?;
        zktee_report::write_all(new, &run)?;
        published.bytes = bytes_below(new)?;
        Ok(published)
    }

    fn evidence(
        &self,
        root: &Path,
        record: &RunRecord,
        new: &Path,
        places: &[(String, &str)],
    ) -> Result<Published, PublishError> {
        let mut kept = Vec::new();
        for plan in &record.cells {
            let from = root.join(files::EVIDENCE).join(plan.id.folder());
            if let Some(statement) = Statement::read(&from)? {
                let mut bytes = 0;
                for name in statement.sha256.keys().filter(|_| statement.left_out_bytes.is_none()) {
                    let content = statement.content(&from, name)?;
                    bytes += Statement::packed(&content).map_or(content.len(), |packed| packed.len()) as u64;
                }
                kept.push((plan.id.clone(), from, statement, bytes));
            }
        }
        let mut published = Published::default();
        let mut total: u64 = kept.iter().map(|(.., bytes)| bytes).sum();
        kept.sort_by_key(|(.., bytes)| std::cmp::Reverse(*bytes));
        for (id, from, mut statement, bytes) in kept {
            let to = new.join(files::EVIDENCE).join(id.folder());
            fs::create_dir_all(&to).map_err(io(&to))?;
            if total > self.most_bytes {
                total -= bytes;
                statement.left_out_bytes.get_or_insert(bytes);
            }
            if let Some(bytes) = statement.left_out_bytes {
                statement.gzip_bytes.clear();
                write_json(&to.join(STATEMENT), &statement)?;
                published.left_out.push((id, bytes));
                continue;
            }
            for name in statement.sha256.clone().keys() {
                let content = statement.content(&from, name)?;
                if places.iter().any(|(path, _)| contains(&content, path.as_bytes())) {
                    published.mentions.push(Path::new(files::EVIDENCE).join(id.folder()).join(name));
                }
                statement.store(&to, name, content)?;
            }
            write_json(&to.join(STATEMENT), &statement)?;
            published.evidence.push((id, bytes));
        }
        Ok(published)
    }
}

/// A recorded file; none where it is not there.
fn read_text(path: &Path) -> Result<Option<String>, FolderError> {
    let mut text = String::new();
    match fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.and_then(|file| file.take(MAX_RECORD_BYTES).read_to_string(&mut text)).map_err(io(path))?,
    };
    Ok(Some(text))
}

/// A text in which names stand for paths of this machine.
fn without(text: &str, places: &[(String, &str)]) -> String {
    places.iter().fold(text.to_owned(), |text, (path, name)| {
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = rest.find(path.as_str()) {
            let after = &rest[at + path.len()..];
            // `/home/me` is not the beginning of `/home/merry`.
            let whole = !after.starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_');
            out += &rest[..at];
            out += if whole { name } else { path };
            rest = after;
        }
        out + rest
    })
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn bytes_below(dir: &Path) -> Result<u64, FolderError> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir).map_err(io(dir))? {
        let entry = entry.map_err(io(dir))?;
        let meta = entry.metadata().map_err(io(dir))?;
        bytes += if meta.is_dir() { bytes_below(&entry.path())? } else { meta.len() };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_this_machine_are_named_and_others_stay() {
        let places = [("/home/me/cache".to_owned(), "$ZKTEE_CACHE"), ("/home/me".to_owned(), "~")];
        let text = r#"["/home/me/cache/srs", "/home/me", "/home/merry/x", "/home/me/cached"]"#;
        assert_eq!(without(text, &places), r#"["$ZKTEE_CACHE/srs", "~", "/home/merry/x", "~/cached"]"#);
        assert_eq!(without("", &places), "");
    }

    #[test]
    fn a_folder_with_anything_else_in_it_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("published");
        let check = || Publisher { from: dir.path(), to: &to, places: &[], most_bytes: 0 }.check_place();
        assert!(check().is_ok(), "a new folder");
        fs::create_dir(&to).unwrap();
        fs::write(to.join(files::RUN), "{}").unwrap();
        assert!(check().is_ok(), "an earlier publication");
        fs::write(to.join("thesis.tex"), "mine").unwrap();
        assert!(check().unwrap_err().to_string().contains("thesis.tex"));
    }
}
