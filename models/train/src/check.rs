//! Holds the committed files to their metrics, and a retrained model to the committed one.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use zktee_models::graph::{Layer, Sequential};
use zktee_models::onnx;

use crate::evaluate::{Metrics, measure};
use crate::model::{Data, Model};
use crate::store::{onnx_path, read_file, read_metrics, read_sum, to_onnx};

/// Relative difference that is let pass between coefficients of two fits by the same formula.
const COEFFICIENTS_APART: f32 = 1e-6;

/// Checks the committed `model` in `folder`, and that `retrained` is as good; gives the metrics of the retrained one.
pub(crate) fn check(model: Model, retrained: &Sequential, data: &Data, folder: &Path) -> Result<Metrics> {
    let exam = model.exam(data);
    let path = onnx_path(model, folder);
    let committed = read_file(&path)?;
    let metrics = measure(&committed, &exam).with_context(|| format!("{}", path.display()))?;
    let written = read_metrics(folder)?.remove(model.name()).context("metrics.json lacks the model")?;
    let sum = read_sum(model, folder)?;
    ensure!(sum == metrics.sha256, "{}: SHA-256 {}, SHA256SUMS says {sum}", path.display(), metrics.sha256);
    ensure!(written.sha256 == sum, "metrics.json is of another file, {}", written.sha256);

    let again = measure(&to_onnx(retrained)?, &exam)?;
    let bounds = model.bounds();
    for (which, value) in [("committed", metrics.value), ("retrained", again.value)] {
        let name = &metrics.metric;
        ensure!(
            (bounds.least..=bounds.most).contains(&value),
            "{which} {name} {value}, must be from {} to {}",
            bounds.least,
            bounds.most
        );
        let apart = (value - written.value).abs();
        ensure!(apart <= bounds.apart, "{which} {name} {value}, metrics.json says {}", written.value);
    }
    if model == Model::Ols {
        same_coefficients(&onnx::read(&committed)?, retrained)?;
    }
    Ok(again)
}

/// Two models of one dense layer, coefficient by coefficient.
fn same_coefficients(committed: &Sequential, retrained: &Sequential) -> Result<()> {
    let ([Layer::Dense(old)], [Layer::Dense(new)]) = (&committed.layers[..], &retrained.layers[..]) else {
        bail!("a linear regression is one dense layer");
    };
    ensure!(old.weights.dim() == new.weights.dim(), "other features than the committed regression");
    for (old, new) in old.weights.iter().chain(&old.bias).zip(new.weights.iter().chain(&new.bias)) {
        ensure!((old - new).abs() <= COEFFICIENTS_APART * old.abs(), "coefficient {new}, committed {old}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model, store};

    fn data() -> Data {
        let iris = zktee_datasets::iris().unwrap();
        Data { iris, mnist_test: zktee_datasets::mnist_test().unwrap(), mnist_train: None }
    }

    fn committed() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    fn retrain(model: Model, data: &Data) -> Sequential {
        model.train(data, model::SEED, &mut |_| ()).unwrap()
    }

    #[test]
    fn retraining_the_regression_gives_the_committed_coefficients() {
        let data = data();
        check(Model::Ols, &retrain(Model::Ols, &data), &data, committed()).unwrap();
    }

    #[test]
    fn retraining_the_perceptron_gives_the_committed_accuracy() {
        let data = data();
        check(Model::Mlp, &retrain(Model::Mlp, &data), &data, committed()).unwrap();
    }

    #[test]
    fn the_committed_lenet_has_its_metrics_and_the_published_size() {
        let data = data();
        let model = onnx::read(&read_file(&onnx_path(Model::Lenet, committed())).unwrap()).unwrap();
        let metrics = check(Model::Lenet, &model, &data, committed()).unwrap();
        assert_eq!((metrics.parameters, metrics.multiplications), (61_706, 416_520));
    }

    #[test]
    fn the_model_cards_say_what_was_measured() {
        let cards = String::from_utf8(read_file(&committed().join("README.md")).unwrap()).unwrap();
        for (name, metrics) in read_metrics(committed()).unwrap() {
            let Metrics { metric, value, inputs, .. } = metrics;
            let measured = format!("| measured | {metric} {value:.6} on {inputs} inputs");
            assert!(cards.contains(&measured), "{name}: {measured}");
        }
    }

    #[test]
    fn a_spoilt_file_and_another_regression_are_found() {
        let data = data();
        let folder = tempfile::tempdir().unwrap();
        let trained = retrain(Model::Ols, &data);
        store::write(Model::Ols, &trained, &data, folder.path()).unwrap();
        check(Model::Ols, &trained, &data, folder.path()).unwrap();

        let mut other = trained.clone();
        let Layer::Dense(dense) = &mut other.layers[0] else { panic!("one dense layer") };
        dense.bias[0] *= 1.0 + 1e-5;
        let error = check(Model::Ols, &other, &data, folder.path()).unwrap_err().to_string();
        assert!(error.contains("coefficient"), "{error}");

        std::fs::write(onnx_path(Model::Ols, folder.path()), to_onnx(&other).unwrap()).unwrap();
        let error = check(Model::Ols, &trained, &data, folder.path()).unwrap_err().to_string();
        assert!(error.contains("SHA256SUMS says"), "{error}");
    }
}
