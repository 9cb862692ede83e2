//! The three models: how each is trained, what it is measured on and what it must reach.

use anyhow::{Context as _, Result};
use ndarray::s;
use zktee_datasets::{Iris, Mnist};
use zktee_models::graph::Sequential;

use crate::{lenet, mlp, ols};

/// The committed models' seed.
pub(crate) const SEED: u64 = 1;

/// What training and measuring take.
pub(crate) struct Data {
    /// Trained on and measured on.
    pub iris: Iris,
    /// Measured on.
    pub mnist_test: Mnist,
    /// Trained on; absent where `lenet-mnist` is not trained.
    pub mnist_train: Option<Mnist>,
}

/// One of the committed models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    /// `ols-iris`.
    Ols,
    /// `mlp-iris`.
    Mlp,
    /// `lenet-mnist`.
    Lenet,
}

/// What a model is asked and what it should answer.
pub(crate) struct Exam {
    /// Inputs, row-major, one after the other.
    pub inputs: Vec<f32>,
    /// One for each input.
    pub answers: Answers,
}

/// The right answers.
pub(crate) enum Answers {
    /// A number each; scored by R².
    Values(Vec<f32>),
    /// A class each; scored by accuracy.
    Classes(Vec<usize>),
}

/// What a score must be.
pub(crate) struct Bounds {
    /// No less.
    pub least: f64,
    /// No more.
    pub most: f64,
    /// A retrained model may differ from the committed one by this much: another machine adds in another order.
    pub apart: f64,
}

impl Model {
    /// In order of size.
    pub(crate) const ALL: [Self; 3] = [Self::Ols, Self::Mlp, Self::Lenet];

    /// The model's name; with `.onnx` the name of its file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ols => "ols-iris",
            Self::Mlp => "mlp-iris",
            Self::Lenet => "lenet-mnist",
        }
    }

    /// Trains it anew; the same data, seed and machine give the same model.
    pub(crate) fn train(self, data: &Data, seed: u64, say: &mut dyn FnMut(&str)) -> Result<Sequential> {
        match self {
            Self::Ols => ols::train(&data.iris),
            Self::Mlp => mlp::train(&data.iris, seed, say),
            Self::Lenet => {
                lenet::train(data.mnist_train.as_ref().context("the MNIST training set was not loaded")?, seed, say)
            }
        }
    }

    /// What it is measured on: all 150 irises, or the MNIST test set.
    pub(crate) fn exam(self, data: &Data) -> Exam {
        let Data { iris, mnist_test, .. } = data;
        match self {
            Self::Ols => Exam {
                inputs: iris.features.slice(s![.., ..ols::INPUTS]).iter().copied().collect(),
                answers: Answers::Values(iris.features.column(ols::INPUTS).to_vec()),
            },
            Self::Mlp => Exam {
                inputs: iris.features.iter().copied().collect(),
                answers: Answers::Classes(iris.species.clone()),
            },
            Self::Lenet => Exam {
                inputs: mnist_test.images.iter().map(|&ink| lenet::pixel(ink)).collect(),
                answers: Answers::Classes(mnist_test.labels.iter().map(|&digit| digit.into()).collect()),
            },
        }
    }

    /// What its score must be.
    pub(crate) fn bounds(self) -> Bounds {
        match self {
            Self::Ols => Bounds { least: 0.93785 - 1e-4, most: 0.93785 + 1e-4, apart: 1e-6 },
            // One iris more or less.
            Self::Mlp => Bounds { least: 0.97, most: 1.0, apart: 0.0067 },
            // Twenty digits more or less.
            Self::Lenet => Bounds { least: 0.985, most: 1.0, apart: 0.002 },
        }
    }
}
