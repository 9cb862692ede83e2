//! Random small models: refused, or proven to be what the twin says and nothing else.

use p3_field::PrimeCharacteristicRing;
use proptest::prelude::*;
use zktee_integer::network::Network;
use zktee_models::graph::Pool;
use zktee_models::integer::{IntegerLayer, IntegerModel, Parts, Rescale};

use super::adversary::Case;
use super::models::{Numbers, model};
use crate::field::Val;
use crate::parameters::Profile;
use crate::prove::Honest;

/// Any small model: every kind of layer, in any order that shapes allow; one linear layer at least.
fn random(n: &mut Numbers) -> IntegerModel {
    let mut image = n.next(0, 9) < 6;
    let mut shape = if image { vec![n.next(1, 2) as usize, 4, 5] } else { vec![n.next(1, 5) as usize] };
    let input_shape = shape.clone();
    let linear = n.next(1, 3);
    let mut layers = Vec::new();
    for index in 0..linear {
        let hidden = (index + 1 < linear).then(|| Rescale { exponent: n.next(0, 5) as u32, relu: n.next(0, 2) > 0 });
        if image && n.next(0, 9) < 3 {
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
            let length =
                |axis: usize| (shape[axis + 1] + padding[axis] + padding[axis + 2] - kernel[axis]) / stride[axis] + 1;
            shape = vec![outputs, length(0), length(1)];
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

/// Inputs that the model takes, from the edges of the range first, as many as are found of these.
fn legal(n: &mut Numbers, model: &IntegerModel, count: usize) -> Vec<i64> {
    let [low, high] = model.parts().input_range;
    let mut tries: Vec<Vec<i64>> =
        (0..10).map(|_| (0..model.input_len()).map(|_| [low, high][n.next(0, 1) as usize]).collect()).collect();
    tries.extend((0..20).map(|_| n.inputs(model, 1)));
    tries.push(vec![0; model.input_len()]);
    tries.into_iter().filter(|input| model.infer(input).is_ok()).take(count).flatten().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn a_random_model_is_refused_or_proven(seed: u64) {
        let mut n = Numbers(seed);
        let model = random(&mut n);
        if Network::lower(&model).is_err() {
            return Ok(());
        }
        let count = n.next(1, 3) as usize;
        let inputs = legal(&mut n, &model, count);
        if inputs.is_empty() {
            return Ok(());
        }
        let profile = if n.next(0, 2) > 0 { Profile::Fast } else { Profile::Zk };
        let honest = || Case::of(profile, model.clone(), &inputs);
        honest().succeeds();
        // Any one number of the table changed: broken and rejected, or free by design and accepted.
        for _ in 0..4 {
            let mut changed = honest();
            let at = n.next(0, changed.first.values.len() as i64 - 1) as usize;
            changed.first.values[at] += if n.next(0, 1) == 0 { Val::ONE } else { -Val::ONE };
            if n.next(0, 2) > 0 {
                changed.recount();
            }
            prop_assert_eq!(changed.broken().is_empty(), changed.verdict(&mut Honest).is_ok(), "{:?}", changed.broken());
        }
    }
}
