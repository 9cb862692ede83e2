//! From the integer model's layers to stages.

use zktee_models::graph::Pool as Window;
use zktee_models::integer::{IntegerLayer, IntegerModel};

use super::{Conv, Linear, Map, Network, Pool, PoolKind, Shape, Stage, fold, volume};

/// A model that this circuit does not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("layer {layer} ({kind}): {why}")]
pub struct LowerError {
    /// Index of the layer in the integer model.
    pub layer: usize,
    /// The layer's name.
    pub kind: &'static str,
    /// Why it is refused.
    pub why: &'static str,
}

impl Network {
    /// The stages of an integer model.
    ///
    /// # Errors
    /// [`LowerError`] naming the first layer that has no place in a stage.
    pub fn lower(model: &IntegerModel) -> Result<Self, LowerError> {
        let parts = model.parts();
        let mut walk = Walk {
            stages: Vec::new(),
            pending: Vec::new(),
            non_negative: parts.input_range[0] >= 0,
            shape: planar(&model.shapes()[0]),
            flat: model.shapes()[0].len() == 1,
        };
        for (index, layer) in model.layers().iter().enumerate() {
            walk.layer(index, layer, &model.shapes()[index + 1])?;
        }
        walk.finish()?;
        Ok(Self {
            input: planar(&model.shapes()[0]),
            input_range: parts.input_range,
            activation_bound: parts.activation_bound,
            stages: walk.stages,
        })
    }
}

/// `[n]` as `[n, 1, 1]`.
fn planar(shape: &[usize]) -> Shape {
    match *shape {
        [c, h, w] => [c, h, w],
        _ => [shape.iter().product(), 1, 1],
    }
}

/// A sum pool that waits for the linear layer that takes it in.
struct Pending {
    layer: usize,
    pool: Window,
    /// Shape before the pool.
    input: Shape,
}

struct Walk {
    stages: Vec<Stage>,
    pending: Vec<Pending>,
    /// Whether nothing that leaves the last layer so far can be negative.
    non_negative: bool,
    shape: Shape,
    /// Whether the values have been flattened since the last linear layer.
    flat: bool,
}

impl Walk {
    fn layer(&mut self, index: usize, layer: &IntegerLayer, output: &[usize]) -> Result<(), LowerError> {
        let refuse = |why| Err(LowerError { layer: index, kind: layer.kind(), why });
        match layer {
            IntegerLayer::Dense(dense) => {
                let linear = Linear { map: Map::Dense, weights: dense.weights.clone(), bias: dense.bias.clone() };
                self.linear(index, linear, [dense.outputs, 1, 1], dense.rescale);
            }
            IntegerLayer::Conv2d(conv) => {
                let p = conv.padding;
                let padding = [p.top, p.left, p.bottom, p.right];
                if !self.pending.is_empty() && padding != [0; 4] {
                    return refuse("a padded convolution after a sum pool with overlapping windows");
                }
                let sizes = Conv { kernel: conv.kernel, stride: conv.stride, padding };
                let linear = Linear { map: Map::Conv(sizes), weights: conv.weights.clone(), bias: conv.bias.clone() };
                self.linear(index, linear, planar(output), conv.rescale);
            }
            IntegerLayer::SumPool(pool) => self.sum_pool(index, *pool, planar(output)),
            IntegerLayer::MaxPool(pool) => {
                let plain = !self.flat && self.pending.is_empty() && pool.kernel == pool.stride;
                let Some(stage) = self.stages.last_mut().filter(|stage| stage.rescale.is_some()) else {
                    return refuse("a max pool of values that were never rescaled");
                };
                if pool.kernel == [1, 1] && pool.stride == [1, 1] {
                    return Ok(());
                }
                if !plain || stage.pool.is_some() {
                    return refuse("a max pool with overlapping windows, or after another pool");
                }
                stage.pool = Some(Pool { kind: PoolKind::Max, window: pool.kernel });
                stage.output = planar(output);
                self.shape = stage.output;
            }
            IntegerLayer::Relu if self.non_negative => {}
            IntegerLayer::Relu => {
                // The maximum of what is cut at 0 is the maximum, cut at 0.
                let stage = self.stages.last_mut().filter(|_| self.pending.is_empty());
                let movable = |stage: &&mut Stage| !matches!(stage.pool, Some(Pool { kind: PoolKind::Sum, .. }));
                let Some(rescale) = stage.filter(movable).and_then(|stage| stage.rescale.as_mut()) else {
                    return refuse("a ReLU of values that were never rescaled, or of sums of signed values");
                };
                rescale.relu = true;
                self.non_negative = true;
            }
            IntegerLayer::Flatten => self.flat = true,
        }
        Ok(())
    }

    fn linear(
        &mut self,
        layer: usize,
        mut linear: Linear,
        accumulators: Shape,
        rescale: Option<zktee_models::integer::Rescale>,
    ) {
        let mut input = self.shape;
        for pending in self.pending.drain(..).rev() {
            linear = fold::pool_before(linear, accumulators[0], pending.input, pending.pool, input);
            input = pending.input;
        }
        self.non_negative = rescale.is_some_and(|rescale| rescale.relu);
        self.shape = accumulators;
        self.flat = accumulators[1..] == [1, 1];
        self.stages.push(Stage { layer, input, linear, accumulators, rescale, pool: None, output: accumulators });
    }

    fn sum_pool(&mut self, layer: usize, pool: Window, output: Shape) {
        if let Some(stage) = self.stages.last_mut().filter(|_| self.pending.is_empty()) {
            match (stage.rescale, stage.pool) {
                (Some(_), None) if pool.kernel == pool.stride => {
                    stage.pool = Some(Pool { kind: PoolKind::Sum, window: pool.kernel });
                    stage.output = output;
                    self.shape = output;
                    return;
                }
                (None, None) => {
                    fold::pool_after(stage, pool, output);
                    self.shape = output;
                    return;
                }
                _ => {}
            }
        }
        self.pending.push(Pending { layer, pool, input: self.shape });
        self.shape = output;
    }

    /// Nothing may be left that no linear layer took in.
    fn finish(&self) -> Result<(), LowerError> {
        let maximum = |stage: &&Stage| matches!(stage.pool, Some(Pool { kind: PoolKind::Max, .. }));
        if let Some(stage) = self.stages.iter().filter(maximum).find(|stage| stage.rescale.is_none_or(|r| !r.relu)) {
            let why = "a max pool of values that may be negative comes after it";
            return Err(LowerError { layer: stage.layer, kind: "linear", why });
        }
        let hidden_last = self.stages.last().is_none_or(|stage| stage.rescale.is_some() || volume(stage.output) == 0);
        match self.pending.first() {
            Some(pending) => Err(LowerError { layer: pending.layer, kind: "SumPool", why: "no linear layer after it" }),
            None if hidden_last => {
                Err(LowerError { layer: 0, kind: "model", why: "its last linear layer has a rescale" })
            }
            None => Ok(()),
        }
    }
}
