//! Shape inference with checked arithmetic, shared by the float model and its integer twin.

use super::{GraphError, MAX_ELEMENTS, Padding};

/// Where in a model an error arose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    /// Index of the layer, from 0.
    pub(crate) layer: usize,
    /// The layer's name.
    pub(crate) kind: &'static str,
}

impl At {
    fn zero(self, what: &'static str) -> GraphError {
        GraphError::Zero { layer: self.layer, kind: self.kind, what }
    }

    fn shape(self, expected: String, got: &[usize]) -> GraphError {
        GraphError::Shape { layer: self.layer, kind: self.kind, expected, got: got.to_vec() }
    }

    fn too_large(self) -> GraphError {
        GraphError::TooLarge { layer: self.layer, kind: self.kind }
    }
}

/// The product of a shape, or `None` where it exceeds [`MAX_ELEMENTS`].
pub(crate) fn elements(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= MAX_ELEMENTS)
}

/// Checks a model's input shape, without the batch.
pub(crate) fn check_input(shape: &[usize]) -> Result<(), GraphError> {
    let rank = matches!(shape.len(), 1 | 3);
    if rank && !shape.contains(&0) && elements(shape).is_some() {
        Ok(())
    } else {
        Err(GraphError::Input { got: shape.to_vec() })
    }
}

/// `[inputs] -> [outputs]` for weights of shape `[outputs, inputs]`.
pub(crate) fn dense(at: At, input: &[usize], weights: [usize; 2], bias: usize) -> Result<Vec<usize>, GraphError> {
    let [outputs, inputs] = weights;
    check_weights(at, &weights, outputs, bias)?;
    if input != [inputs] {
        return Err(at.shape(format!("[{inputs}]"), input));
    }
    Ok(vec![outputs])
}

/// `[in, h, w] -> [out, h', w']` for weights of shape `[out, in, kh, kw]`.
pub(crate) fn conv2d(
    at: At,
    input: &[usize],
    weights: [usize; 4],
    bias: usize,
    stride: [usize; 2],
    padding: Padding,
) -> Result<Vec<usize>, GraphError> {
    let [outputs, channels, kh, kw] = weights;
    check_weights(at, &weights, outputs, bias)?;
    let &[c, h, w] = input else {
        return Err(at.shape(format!("[{channels}, height, width]"), input));
    };
    if c != channels {
        return Err(at.shape(format!("[{channels}, height, width]"), input));
    }
    let add = |n: usize, before: usize, after: usize| {
        n.checked_add(before).and_then(|n| n.checked_add(after)).ok_or_else(|| at.too_large())
    };
    let padded = [add(h, padding.top, padding.bottom)?, add(w, padding.left, padding.right)?];
    elements(&[c, padded[0], padded[1]]).ok_or_else(|| at.too_large())?;
    let [oh, ow] = windows(at, padded, [kh, kw], stride)?;
    let output = vec![outputs, oh, ow];
    elements(&output).ok_or_else(|| at.too_large())?;
    Ok(output)
}

/// `[c, h, w] -> [c, h', w']`.
pub(crate) fn pool(at: At, input: &[usize], kernel: [usize; 2], stride: [usize; 2]) -> Result<Vec<usize>, GraphError> {
    let &[c, h, w] = input else {
        return Err(at.shape("[channels, height, width]".into(), input));
    };
    let [oh, ow] = windows(at, [h, w], kernel, stride)?;
    Ok(vec![c, oh, ow])
}

fn check_weights(at: At, weights: &[usize], outputs: usize, bias: usize) -> Result<(), GraphError> {
    if weights.contains(&0) {
        return Err(at.zero("every weight dimension"));
    }
    if bias != outputs {
        return Err(GraphError::Bias { layer: at.layer, kind: at.kind, expected: outputs, got: bias });
    }
    elements(weights).map(|_| ()).ok_or_else(|| at.too_large())
}

/// How many windows fit, down and across: `(n - k) / s + 1`.
fn windows(at: At, input: [usize; 2], kernel: [usize; 2], stride: [usize; 2]) -> Result<[usize; 2], GraphError> {
    if kernel.contains(&0) {
        return Err(at.zero("the kernel"));
    }
    if stride.contains(&0) {
        return Err(at.zero("the stride"));
    }
    if kernel[0] > input[0] || kernel[1] > input[1] {
        return Err(GraphError::KernelTooLarge { layer: at.layer, kind: at.kind, kernel, input });
    }
    Ok([(input[0] - kernel[0]) / stride[0] + 1, (input[1] - kernel[1]) / stride[1] + 1])
}
