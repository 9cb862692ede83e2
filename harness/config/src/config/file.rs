//! The file's form, before anything that it names is looked at.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;
use zktee_core::record::Task;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    #[serde(default)]
    pub(super) workload: Vec<WorkloadEntry>,
    #[serde(default)]
    pub(super) language: Vec<LanguageEntry>,
    #[serde(default)]
    pub(super) worker: Vec<WorkerEntry>,
}

/// `[[workload]]`; `docs/configuration.md` says what each key means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WorkloadEntry {
    pub(super) name: Spanned<String>,
    pub(super) summary: Option<String>,
    pub(super) model: PathBuf,
    pub(super) inputs: PathBuf,
    pub(super) divide: Option<f64>,
    pub(super) labels: Option<PathBuf>,
    pub(super) first: Option<usize>,
    pub(super) count: Option<usize>,
    pub(super) batch: Option<usize>,
    pub(super) task: Option<Task>,
    pub(super) tolerance: Option<f64>,
    pub(super) min_class_agreement: Option<f64>,
    pub(super) calibration: Option<PathBuf>,
    #[serde(default)]
    pub(super) options: BTreeMap<String, toml::Table>,
}

/// `[[language]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LanguageEntry {
    pub(super) name: Spanned<String>,
    pub(super) summary: Option<String>,
    pub(super) model: PathBuf,
    pub(super) config: Option<PathBuf>,
    pub(super) tokenizer: Option<PathBuf>,
    pub(super) prompt: Option<String>,
    pub(super) max_tokens: Option<u32>,
    pub(super) temperature: Option<f32>,
    pub(super) seed: Option<u64>,
}

/// `[[worker]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WorkerEntry {
    pub(super) backend: Spanned<String>,
    pub(super) summary: Option<String>,
    pub(super) program: String,
    #[serde(default)]
    pub(super) args: Vec<String>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
}

pub(super) fn parse(text: &str) -> Result<File, toml::de::Error> {
    toml::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let text = "[[workload]]\nname = \"a\"\nmodel = \"a.onnx\"\ninputs = \"a.csv\"\ntolerence = 1.0\n";
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains("`tolerence`") && error.contains("line 5") && error.contains("`tolerance`"), "{error}");
        let error = parse("[[workers]]\n").unwrap_err().to_string();
        assert!(error.contains("`workers`") && error.contains("line 1"), "{error}");
    }

    #[test]
    fn a_missing_key_and_a_wrong_type_are_named() {
        let error = parse("[[worker]]\nbackend = \"a\"\n").unwrap_err().to_string();
        assert!(error.contains("`program`"), "{error}");
        let error = parse("[[worker]]\nbackend = \"a\"\nprogram = 3\n").unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("string"), "{error}");
        let error = parse("[[workload]]\nname = \"a\"\ncount = -1\n").unwrap_err().to_string();
        assert!(error.contains("line 3"), "{error}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            crate::fuzzing::config(&bytes);
        }

        #[test]
        fn nor_does_the_example_with_a_piece_replaced(
            at in 0usize..5000,
            length in 0usize..12,
            piece in prop::collection::vec(any::<u8>(), 0..12),
        ) {
            let mut bytes = crate::EXAMPLE.as_bytes().to_vec();
            let at = at % bytes.len();
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, piece);
            crate::fuzzing::config(&bytes);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "(\\[\\[work(load|er)\\]\\]|[a-z]+ ?= ?|[\"'\\[\\]{}.,0-9\\n -])*") {
            let _ = parse(&text);
        }
    }
}
