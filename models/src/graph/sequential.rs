//! A whole sequential model: its layers, shapes and sizes.

use super::{
    GraphError, Layer,
    shape::{self, At},
};

/// Layers applied one after the other to one input.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequential {
    /// The model's name; it carries no meaning.
    pub name: String,
    /// Shape of one input, without the batch: `[features]` or `[channels, height, width]`.
    pub input_shape: Vec<usize>,
    /// The layers, first to last.
    pub layers: Vec<Layer>,
}

impl Sequential {
    /// Checks every shape, bias and weight.
    ///
    /// # Errors
    /// [`GraphError`] naming the first layer that does not fit, or that holds a NaN or an infinity.
    pub fn validate(&self) -> Result<(), GraphError> {
        self.shapes()?;
        for (layer, it) in self.layers.iter().enumerate() {
            let bad = match it {
                Layer::Dense(d) => d.weights.iter().chain(&d.bias).find(|v| !v.is_finite()),
                Layer::Conv2d(c) => c.weights.iter().chain(&c.bias).find(|v| !v.is_finite()),
                _ => None,
            };
            if let Some(value) = bad {
                let value = value.to_string();
                return Err(GraphError::NotFinite { layer, kind: it.kind(), value });
            }
        }
        Ok(())
    }

    /// The shapes along the model, without the batch: the input's first, then one for each layer's output.
    ///
    /// # Errors
    /// [`GraphError`] naming the first layer that does not take what the layer before it gives.
    pub fn shapes(&self) -> Result<Vec<Vec<usize>>, GraphError> {
        shape::check_input(&self.input_shape)?;
        let mut shapes = Vec::with_capacity(self.layers.len() + 1);
        let mut current = self.input_shape.clone();
        for (index, layer) in self.layers.iter().enumerate() {
            let next = output_shape(At { layer: index, kind: layer.kind() }, layer, &current)?;
            shapes.push(std::mem::replace(&mut current, next));
        }
        shapes.push(current);
        Ok(shapes)
    }

    /// The shape of one output, without the batch.
    ///
    /// # Errors
    /// As [`Sequential::shapes`].
    pub fn output_shape(&self) -> Result<Vec<usize>, GraphError> {
        Ok(self.shapes()?.pop().unwrap_or_default())
    }

    /// Number of values in one input.
    pub fn input_len(&self) -> usize {
        self.input_shape.iter().product()
    }

    /// Number of weights and biases.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(Layer::parameters).sum()
    }

    /// Multiplications by a weight in the linear layers for one input, those with a padding zero included
    /// (the usual count: `LeNet-5` has 416 520).
    ///
    /// # Errors
    /// As [`Sequential::shapes`].
    pub fn multiplications(&self) -> Result<u64, GraphError> {
        let shapes = self.shapes()?;
        let each = self.layers.iter().zip(shapes.iter().skip(1)).map(|(layer, out)| match layer {
            Layer::Dense(dense) => dense.weights.len() as u64,
            // Each output pixel of each channel takes one window; both factors are at most MAX_ELEMENTS.
            Layer::Conv2d(conv) => conv.weights.len() as u64 * (out[1..].iter().product::<usize>() as u64),
            _ => 0,
        });
        Ok(each.sum())
    }
}

fn output_shape(at: At, layer: &Layer, input: &[usize]) -> Result<Vec<usize>, GraphError> {
    match layer {
        Layer::Dense(d) => shape::dense(at, input, d.weights.dim().into(), d.bias.len()),
        Layer::Conv2d(c) => shape::conv2d(at, input, c.weights.dim().into(), c.bias.len(), c.stride, c.padding),
        Layer::AveragePool(p) | Layer::MaxPool(p) => shape::pool(at, input, p.kernel, p.stride),
        Layer::Relu => Ok(input.to_vec()),
        Layer::Flatten => Ok(vec![input.iter().product()]),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, Array4};

    use super::*;
    use crate::graph::{Conv2d, Dense, Padding, Pool};

    fn conv(shape: (usize, usize, usize, usize), padding: usize) -> Layer {
        Layer::Conv2d(Conv2d {
            weights: Array4::zeros(shape),
            bias: Array1::zeros(shape.0),
            stride: [1, 1],
            padding: Padding::uniform(padding),
        })
    }

    fn dense(outputs: usize, inputs: usize) -> Layer {
        Layer::Dense(Dense { weights: Array2::zeros((outputs, inputs)), bias: Array1::zeros(outputs) })
    }

    fn lenet() -> Sequential {
        let layers = vec![
            conv((6, 1, 5, 5), 2),
            Layer::Relu,
            Layer::AveragePool(Pool::square(2)),
            conv((16, 6, 5, 5), 0),
            Layer::Relu,
            Layer::AveragePool(Pool::square(2)),
            Layer::Flatten,
            dense(120, 400),
            Layer::Relu,
            dense(84, 120),
            Layer::Relu,
            dense(10, 84),
        ];
        Sequential { name: "lenet".into(), input_shape: vec![1, 28, 28], layers }
    }

    #[test]
    fn lenet_has_the_published_counts() {
        let lenet = lenet();
        assert_eq!(lenet.parameters(), 61_706);
        assert_eq!(lenet.multiplications(), Ok(416_520));
        assert_eq!(lenet.output_shape(), Ok(vec![10]));
        assert_eq!(lenet.validate(), Ok(()));
    }

    #[test]
    fn a_wrong_size_names_the_layer() {
        let mut model = lenet();
        model.layers[7] = dense(120, 401);
        let expected = GraphError::Shape { layer: 7, kind: "Dense", expected: "[401]".into(), got: vec![400] };
        assert_eq!(model.validate(), Err(expected));
    }

    #[test]
    fn absurd_padding_is_refused_before_allocation() {
        let mut model = lenet();
        model.layers[0] = conv((6, 1, 5, 5), usize::MAX / 2 + 1);
        assert_eq!(model.validate(), Err(GraphError::TooLarge { layer: 0, kind: "Conv2d" }));
    }

    #[test]
    fn zero_stride_and_nan_weights_are_refused() {
        let mut model = lenet();
        model.layers[2] = Layer::AveragePool(Pool { kernel: [2, 2], stride: [0, 2] });
        assert!(matches!(model.validate(), Err(GraphError::Zero { layer: 2, .. })));
        let mut model = lenet();
        if let Layer::Dense(dense) = &mut model.layers[11] {
            dense.bias[3] = f32::NAN;
        }
        assert!(matches!(model.validate(), Err(GraphError::NotFinite { layer: 11, .. })));
    }
}
