//! The configuration file that `zktee init` writes.

/// A commented example of every key: text after `# ` explains, a line that begins with `#` and no space is one to uncomment.
pub const EXAMPLE: &str = include_str!("example.toml");

#[cfg(test)]
mod tests {
    use std::fs;

    use zktee_core::record::Task;

    use super::*;
    use crate::config::{Config, FILE_NAME, Taken};

    /// The example with its settings in force.
    fn uncommented() -> String {
        let line = |line: &str| match line.strip_prefix('#') {
            Some(setting) if !setting.is_empty() && !setting.starts_with(' ') => format!("{setting}\n"),
            _ => format!("{line}\n"),
        };
        EXAMPLE.lines().map(line).collect()
    }

    #[test]
    fn as_it_is_written_it_adds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        fs::write(&path, EXAMPLE).unwrap();
        assert_eq!(Config::load(&path, Taken::default()).unwrap(), Config::default());
    }

    #[test]
    fn uncommented_it_loads() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        fs::write(&path, uncommented()).unwrap();
        fs::create_dir_all(dir.path().join("model")).unwrap();
        fs::write(dir.path().join("model/digits.onnx"), crate::config::test_model(4, 3, None)).unwrap();
        fs::write(dir.path().join("model/inputs.csv"), "0,51,102,255\n".repeat(600)).unwrap();
        fs::write(dir.path().join("model/labels.csv"), "class\n".to_owned() + &"2\n".repeat(600)).unwrap();
        for file in ["mine.gguf", "config.json", "tokenizer.json"] {
            fs::write(dir.path().join("model").join(file), "GGUF").unwrap();
        }
        fs::write(dir.path().join("model/calibration.npy"), {
            let mut bytes = Vec::new();
            let array = ndarray::Array2::<f32>::ones((7, 4));
            ndarray_npy::WriteNpyExt::write_npy(&array, &mut bytes).unwrap();
            bytes
        })
        .unwrap();

        let taken = Taken { workloads: &["ols-iris"], backends: &["native", "ezkl/tuned"] };
        let config = Config::load(&path, taken).unwrap_or_else(|error| panic!("{error}"));
        let [workload, language] = config.workloads.as_slice() else { panic!("{config:?}") };
        assert_eq!(language.language().unwrap().generation.max_tokens, 64);
        assert!(workload.options.contains_key("ezkl/tuned"));
        let workload = workload.tensors().unwrap();
        assert_eq!((workload.task, workload.batch, workload.repeat()), (Task::Classification, 100, 5));
        assert_eq!(workload.inputs.data[..4], [0.0, 0.2, 0.4, 1.0]);
        assert_eq!(workload.calibration.shape, [7, 4]);
        let [worker] = config.workers.as_slice() else { panic!("{config:?}") };
        assert_eq!(worker.backend, "mine/fast");
    }

    #[test]
    fn every_key_is_in_it() {
        let keys = "name summary model inputs divide labels first count batch task tolerance min-class-agreement calibration \
                    config tokenizer prompt max-tokens temperature seed backend program args";
        for key in keys.split_whitespace() {
            assert!(uncommented().lines().any(|line| line.starts_with(&format!("{key} = "))), "{key}");
        }
    }
}
