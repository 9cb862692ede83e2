//! A plain float evaluation of a sequential model: what calibration measures with, and a check on the tract reference.

use super::{Conv2d, GraphError, Layer, Sequential};
use crate::kernels::{self, ConvShape};

impl Sequential {
    /// Evaluates one input, row-major, in `f32` and in one fixed order: the same bits on every machine.
    ///
    /// # Errors
    /// [`GraphError::InputLength`], or the errors of [`Sequential::shapes`].
    pub fn evaluate(&self, input: &[f32]) -> Result<Vec<f32>, GraphError> {
        let shapes = self.shapes()?;
        let mut output = vec![];
        self.evaluate_each(&shapes, input, |_, values| output = values.to_vec())?;
        Ok(output)
    }

    /// Evaluates one input and shows the values after each layer; `shapes` are the model's own.
    pub(crate) fn evaluate_each(
        &self,
        shapes: &[Vec<usize>],
        input: &[f32],
        mut see: impl FnMut(usize, &[f32]),
    ) -> Result<(), GraphError> {
        if input.len() != self.input_len() {
            return Err(GraphError::InputLength { expected: self.input_len(), got: input.len() });
        }
        let mut values = input.to_vec();
        for (index, (layer, shape)) in self.layers.iter().zip(shapes.windows(2)).enumerate() {
            values = apply(layer, &shape[0], &shape[1], values);
            see(index, &values);
        }
        Ok(())
    }
}

fn apply(layer: &Layer, from: &[usize], to: &[usize], mut values: Vec<f32>) -> Vec<f32> {
    match layer {
        Layer::Dense(dense) => {
            let weights = dense.weights.as_standard_layout();
            kernels::dense(weights.as_slice().unwrap_or_default(), &dense.bias.to_vec(), &values)
        }
        Layer::Conv2d(conv) => {
            let weights = conv.weights.as_standard_layout();
            let shape = conv_shape(conv, from, to);
            kernels::conv2d(&shape, weights.as_slice().unwrap_or_default(), &conv.bias.to_vec(), &values)
        }
        Layer::AveragePool(pool) => {
            let [h, w] = pool.kernel;
            let n = (h * w) as f32;
            let mut sums = kernels::sum_pool(image(from), *pool, &values);
            for sum in &mut sums {
                *sum /= n;
            }
            sums
        }
        Layer::MaxPool(pool) => kernels::max_pool(image(from), *pool, &values),
        Layer::Relu => {
            kernels::relu(&mut values);
            values
        }
        Layer::Flatten => values,
    }
}

fn conv_shape(conv: &Conv2d, from: &[usize], to: &[usize]) -> ConvShape {
    let (_, _, height, width) = conv.weights.dim();
    ConvShape {
        input: image(from),
        output: image(to),
        kernel: [height, width],
        stride: conv.stride,
        padding: conv.padding,
    }
}

/// A shape that inference has checked to be an image's.
pub(crate) fn image(shape: &[usize]) -> [usize; 3] {
    shape.try_into().unwrap_or_default()
}
