//! `ols-iris`: petal width from the other three lengths, by ordinary least squares.

use anyhow::Result;
use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_linear::LinearRegression;
use ndarray::{Array1, Array2, s};
use zktee_datasets::Iris;
use zktee_models::graph::{Dense, Layer, Sequential};

/// Sepal length, sepal width and petal length, which come before petal width.
pub(crate) const INPUTS: usize = 3;

/// Fits in f64 and rounds the coefficients to f32.
pub(crate) fn train(iris: &Iris) -> Result<Sequential> {
    let rows = iris.species.len();
    let known = iris.features.slice(s![.., ..INPUTS]);
    let known = known.iter().map(|&cm| f64::from(cm)).collect();
    let width = iris.features.column(INPUTS).iter().map(|&cm| f64::from(cm)).collect();
    let known = linfa_ndarray::Array2::from_shape_vec((rows, INPUTS), known)?;
    let fitted = LinearRegression::new().fit(&DatasetBase::new(known, linfa_ndarray::Array1::from_vec(width)))?;
    let coefficients = fitted.params().iter().map(|&coefficient| coefficient as f32).collect();
    Ok(Sequential {
        name: "ols-iris".into(),
        input_shape: vec![INPUTS],
        layers: vec![Layer::Dense(Dense {
            weights: Array2::from_shape_vec((1, INPUTS), coefficients)?,
            bias: Array1::from_vec(vec![fitted.intercept() as f32]),
        })],
    })
}
