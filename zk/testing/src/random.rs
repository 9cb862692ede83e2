//! Models of any layers that fit.

use zktee_models::graph::Pool;
use zktee_models::integer::{IntegerLayer, IntegerModel, Parts, Rescale};

use crate::{Numbers, model};

/// Any small model: every kind of layer, in any order that shapes allow; one linear layer at least.
pub fn random(n: &mut Numbers) -> IntegerModel {
    let mut image = n.next(0, 9) < 6;
    let mut shape = if image { vec![n.next(1, 2) as usize, 4, 5] } else { vec![n.next(1, 5) as usize] };
    let input_shape = shape.clone();
    let linear = n.next(1, 3);
    let mut layers = Vec::new();
    for index in 0..linear {
        let hidden = (index + 1 < linear).then(|| Rescale { exponent: n.next(0, 5) as u32, relu: n.next(0, 2) > 0 });
        if image && (n.next(0, 9) < 3 || (index + 1 == linear && n.next(0, 1) == 0)) {
            layers.push(IntegerLayer::Flatten);
            shape = vec![shape.iter().product()];
            image = false;
        }
        let outputs = n.next(1, 4) as usize;
        if image {
            let kernel = [shape[1].min(n.next(1, 2) as usize), shape[2].min(n.next(1, 3) as usize)];
            let stride = [n.next(1, 2) as usize, n.next(1, 3) as usize];
            let padding = [(); 4].map(|()| n.next(-2, 1).max(0) as usize);
            layers.push(n.conv([outputs, shape[0]], kernel, stride, padding, hidden));
            shape = vec![
                outputs,
                (shape[1] + padding[0] + padding[2] - kernel[0]) / stride[0] + 1,
                (shape[2] + padding[1] + padding[3] - kernel[1]) / stride[1] + 1,
            ];
        } else {
            layers.push(n.dense([outputs, shape[0]], hidden));
            shape = vec![outputs];
        }
        for _ in 0..n.next(0, 2) {
            let kernel = [n.next(1, 2) as usize, n.next(1, 2) as usize];
            let stride = if n.next(0, 1) == 0 { kernel } else { [1, n.next(1, 2) as usize] };
            let fits = image && kernel[0] <= shape[1] && kernel[1] <= shape[2];
            match n.next(0, 3) {
                0 => layers.push(IntegerLayer::Relu),
                kind if fits => {
                    let pool = Pool { kernel, stride };
                    layers.push(if kind == 1 { IntegerLayer::MaxPool(pool) } else { IntegerLayer::SumPool(pool) });
                    shape[1] = (shape[1] - kernel[0]) / stride[0] + 1;
                    shape[2] = (shape[2] - kernel[1]) / stride[1] + 1;
                }
                _ => {}
            }
        }
    }
    let bound = [60, 250, 4000][n.next(0, 2) as usize];
    let parts = model(&input_shape, bound, layers).parts().clone();
    let input_range = [[-8, 7], [0, 15]][n.next(0, 1) as usize];
    IntegerModel::from_parts(Parts { input_range, ..parts }).unwrap()
}

/// Inputs that a model takes, so many if a few tries find them: from the edges of the range first.
pub fn legal(n: &mut Numbers, model: &IntegerModel, count: usize) -> Vec<Vec<i64>> {
    let [low, high] = model.parts().input_range;
    let edges = |n: &mut Numbers| (0..model.input_len()).map(|_| [low, high][n.next(0, 1) as usize]).collect();
    let mut tries: Vec<Vec<i64>> = (0..10).map(|_| edges(n)).collect();
    tries.extend((0..20).map(|_| n.inputs(model, 1)));
    tries.push(vec![0; model.input_len()]);
    tries.into_iter().filter(|input| model.infer(input).is_ok()).take(count).collect()
}
