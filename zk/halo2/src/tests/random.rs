//! Random small models: refused, or proven to be what the twin says and nothing else.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use proptest::prelude::*;
use zktee_models::graph::Pool;
use zktee_models::integer::IntegerLayer;

use super::adversary::{Attack, Case};
use super::honest::satisfied;
use super::models::{Numbers, legal, model, random};
use crate::field::integer;
use crate::network::{LowerError, Map, Network, PoolKind};
use crate::plan::Plan;
use crate::spec::Design;
use crate::tall;

/// What a network means, one loop for each sum.
fn evaluate(network: &Network, input: &[i64]) -> Vec<i64> {
    let mut values = input.to_vec();
    for stage in &network.stages {
        let ([outputs, height, width], [channels, rows, columns]) = (stage.accumulators, stage.input);
        let cell = |channel: usize, y: Option<usize>, x: Option<usize>| match (y, x) {
            (Some(y), Some(x)) if y < rows && x < columns => values[(channel * rows + y) * columns + x],
            _ => 0,
        };
        let mut results = Vec::new();
        for (output, y, x) in positions([outputs, height, width]) {
            let products: i64 = match stage.linear.map {
                Map::Dense => {
                    let of_output = &stage.linear.weights[output * values.len()..(output + 1) * values.len()];
                    of_output.iter().zip(&values).map(|(weight, value)| weight * value).sum()
                }
                Map::Conv(conv) => {
                    let taps = positions([channels, conv.kernel[0], conv.kernel[1]]).enumerate();
                    let of_tap = |(tap, (channel, dy, dx)): (usize, (usize, usize, usize))| {
                        let all = channels * conv.kernel[0] * conv.kernel[1];
                        let y = (y * conv.stride[0] + dy).checked_sub(conv.padding[0]);
                        let x = (x * conv.stride[1] + dx).checked_sub(conv.padding[1]);
                        stage.linear.weights[output * all + tap] * cell(channel, y, x)
                    };
                    taps.map(of_tap).sum()
                }
            };
            let accumulator = products + stage.linear.bias[output];
            results.push(stage.rescale.map_or(accumulator, |rescale| {
                let quotient = rescale.quotient(accumulator);
                if rescale.relu { quotient.max(0) } else { quotient }
            }));
        }
        let [down, right] = stage.window();
        let pooled = |(channel, y, x): (usize, usize, usize)| {
            let window = positions([1, down, right])
                .map(|(_, dy, dx)| results[(channel * height + y * down + dy) * width + x * right + dx]);
            match stage.pool.map(|pool| pool.kind) {
                Some(PoolKind::Max) => window.max().unwrap(),
                _ => window.sum(),
            }
        };
        values = positions(stage.output).map(pooled).collect();
    }
    values
}

fn positions([channels, height, width]: [usize; 3]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..channels).flat_map(move |c| (0..height).flat_map(move |y| (0..width).map(move |x| (c, y, x))))
}

/// A change of one cell that is not free by design: a sign whose magnitude is 0 is, and so is the sign of an idle lane.
fn mutate(n: &mut Numbers, attack: &mut Attack<'_>) -> bool {
    let case = attack.case;
    let layout = case.layout();
    let private = case.spec().private_input;
    if attack.first.count("magnitude") == 0 && !private {
        return false;
    }
    if attack.first.count("magnitude") == 0 || (private && n.next(0, 3) == 0) {
        let row = layout.input.base + n.next(0, layout.input.len() as i64 - 1) as usize;
        // It may be that no weight reads this value, and another is as good; out of range it never is.
        *attack.first.at("private input", 0, row) = integer(1000);
        return true;
    }
    let block = layout.blocks[n.next(0, layout.blocks.len() as i64 - 1) as usize];
    let row = block.base + n.next(0, block.len() as i64 - 1) as usize;
    let lane = n.next(0, layout.lane_count() as i64 - 1) as usize;
    let change = integer(n.next(1, 5)) * if n.next(0, 1) == 0 { Fr::ONE } else { -Fr::ONE };
    match n.next(0, 2) {
        0 => *attack.first.at("magnitude", lane, row) += change,
        1 => *attack.first.at("remainder", lane, row) += change,
        _ => {
            if *attack.first.at("magnitude", lane, row) == Fr::ZERO {
                return false;
            }
            let sign = attack.first.at("sign", lane, row);
            *sign = Fr::ONE - *sign;
        }
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn a_network_is_the_model_it_was_made_from(seed: u64) {
        let mut n = Numbers(seed);
        let model = random(&mut n);
        // What is refused is refused with a reason; the rest fits together and computes the same.
        if let Ok(network) = Network::lower(&model) {
            prop_assert_eq!(network.check(), Ok(()));
            if let Some(input) = legal(&mut n, &model, 1).pop() {
                prop_assert_eq!(evaluate(&network, &input), model.infer(&input).unwrap());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn a_random_model_is_refused_or_proven(seed: u64, private: bool) {
        let mut n = Numbers(seed);
        let model = random(&mut n);
        let Ok(network) = Network::lower(&model) else { return Ok(()) };
        let Some(input) = legal(&mut n, &model, 1).pop() else { return Ok(()) };
        // Whatever the planner chooses.
        let plan = Plan::new(&model, 1, private).unwrap();
        prop_assert_eq!(plan.spec.check(), Ok(()));
        satisfied(&model, &plan.spec, &input);
        // And the tall circuit, with an adversary.
        let parameters = tall::candidates(&network.without_weights()).swap_remove(0);
        if parameters.k > 8 {
            return Ok(());
        }
        prop_assert!(plan.considered.iter().any(|c| matches!(c.design, Design::Tall(_))));
        let case = Case::tall(model, private);
        Attack::new(&case, &input).succeeds();
        for _ in 0..4 {
            let mut attack = Attack::new(&case, &input);
            if mutate(&mut n, &mut attack) {
                attack.rejected();
            }
        }
    }
}

#[test]
fn what_no_circuit_does_is_refused_by_name() {
    let mut n = Numbers(5);
    let mut refused = |layers: &dyn Fn(&mut Numbers) -> Vec<IntegerLayer>| -> LowerError {
        Network::lower(&model(&[1, 6, 6], 4000, layers(&mut n))).unwrap_err()
    };
    let signed = super::models::signed(3);
    let relu = super::models::relu(3);
    let pool = super::models::tiles([2, 2]);
    let overlapping = Pool { kernel: [2, 2], stride: [1, 1] };
    // The circuit's maximum is one of positive parts.
    let error = refused(&|n| {
        vec![
            n.conv([1, 1], [1, 1], [1, 1], [0; 4], signed),
            IntegerLayer::MaxPool(pool),
            n.conv([1, 1], [1, 1], [1, 1], [0; 4], None),
        ]
    });
    assert_eq!(error.layer, 0, "{error}");
    let error = refused(&|n| {
        vec![
            n.conv([1, 1], [1, 1], [1, 1], [0; 4], relu),
            IntegerLayer::MaxPool(overlapping),
            n.conv([1, 1], [1, 1], [1, 1], [0; 4], None),
        ]
    });
    assert_eq!((error.layer, error.kind), (1, "MaxPool"), "{error}");
    let error = refused(&|n| vec![n.conv([1, 1], [1, 1], [1, 1], [0; 4], None), IntegerLayer::Relu]);
    assert_eq!((error.layer, error.kind), (1, "Relu"), "{error}");
    let error = refused(&|n| vec![IntegerLayer::MaxPool(pool), n.conv([1, 1], [1, 1], [1, 1], [0; 4], None)]);
    assert_eq!((error.layer, error.kind), (0, "MaxPool"), "{error}");
}
