//! Models that would hold modulo p alone get no key.

use zktee_models::integer::{IntegerModel, Parts};

use super::models::{Numbers, builtin, dense, model, relu, tiles};
use crate::bounds::{Wraps, check};
use crate::key::{Key, KeyError};
use crate::layout::{Layout, LayoutError};
use crate::parameters::Profile;
use zktee_integer::network::Network;
use zktee_models::integer::IntegerLayer;

#[test]
fn an_equation_that_could_wrap_is_refused() {
    // D |q| alone goes beyond the field: 2^12 * 2^19.
    let mut n = Numbers(51);
    let wide = model(&[2], 1 << 19, vec![n.dense([2, 2], relu(12)), n.dense([1, 2], None)]);
    let error = Key::new(wide, 1, Profile::Fast).unwrap_err();
    assert!(matches!(error, KeyError::Wraps(Wraps::Equation { layer: 0, reach }) if reach >= 1 << 31), "{error}");
    // The largest bound that does not, and the next: acc + D/2 + D B + D - 1 < p.
    let with =
        |bound: i64| model(&[2], bound, vec![Numbers(52).dense([2, 2], relu(12)), Numbers(53).dense([1, 2], None)]);
    let reach = |bound: i64| {
        let network = Network::lower(&with(bound)).unwrap();
        check(&network, &Layout::new(&network, 1, false).unwrap())
    };
    let IntegerLayer::Dense(first) = &with(1).parts().layers[0].clone() else { panic!() };
    let rows = first.weights.chunks_exact(2).zip(&first.bias);
    let accumulator = rows.map(|(row, bias)| 8 * row.iter().map(|w| w.abs()).sum::<i64>() + bias.abs()).max().unwrap();
    let modulus = i64::from(crate::field::MODULUS);
    let largest = (modulus - 1 - accumulator - 2048 - 4095) / 4096;
    assert_eq!(reach(largest), Ok(()));
    let apart = i128::from(accumulator + 2048 + 4096 * (largest + 1) + 4095);
    assert_eq!(reach(largest + 1), Err(Wraps::Equation { layer: 0, reach: apart }));
    assert!(apart >= i128::from(modulus) && apart - 4096 < i128::from(modulus));
}

#[test]
fn sums_of_pools_count() {
    // The twin's own bound is on the accumulator; ours is worked out from the weights again and agrees with it.
    let mut n = Numbers(54);
    let layers = vec![
        n.conv([1, 1], [1, 1], [1, 1], [0; 4], relu(0)),
        IntegerLayer::SumPool(tiles([4, 4])),
        IntegerLayer::Flatten,
        n.dense([1, 4], None),
    ];
    let model = model(&[1, 8, 8], 4000, layers);
    let network = Network::lower(&model).unwrap();
    let layout = Layout::new(&network, 1, false).unwrap();
    assert_eq!(check(&network, &layout), Ok(()));
    let mut heavy = network;
    heavy.stages[1].linear.weights = vec![1 << 13; 4];
    // 4 weights of 2^13 on sums of 16 values of up to 4000.
    let reach = 4 * (1 << 13) * 16 * 4000 + i128::from(heavy.stages[1].linear.bias[0].abs()) + (1 << 29) - 1;
    assert_eq!(check(&heavy, &layout), Err(Wraps::Equation { layer: heavy.stages[1].layer, reach }));
}

#[test]
fn built_in_models_keep_their_distance() {
    for name in zktee_models::workload::BUILTIN_NAMES {
        let network = Network::lower(&builtin(name, 1).0).unwrap();
        assert_eq!(check(&network, &Layout::new(&network, 1, true).unwrap()), Ok(()), "{name}");
    }
}

#[test]
fn tables_have_limits() {
    let model = dense();
    let refused = |model: &IntegerModel, batch| Key::new(model.clone(), batch, Profile::Fast).unwrap_err();
    assert_eq!(refused(&model, 0), KeyError::Layout(LayoutError::Empty));
    assert_eq!(refused(&model, usize::MAX), KeyError::Layout(LayoutError::Size { batch: usize::MAX }));
    let ranges = IntegerModel::from_parts(Parts { activation_bound: 1 << 23, ..model.parts().clone() }).unwrap();
    assert_eq!(refused(&ranges, 1), KeyError::Layout(LayoutError::Ranges));
}
