//! Statements with a hidden input: it is legal, it is the one that the outputs are of, and it is no public one.

use p3_field::PrimeCharacteristicRing;
use zktee_integer::Illegal;
use zktee_models::integer::IntegerModel;

use super::adversary::Case;
use super::first::case;
use super::models::{dense, maxima, shallow};
use crate::evidence::Evidence;
use crate::field::{MODULUS, Val, integer};
use crate::key::Key;
use crate::layout::{Kind, Place};
use crate::parameters::Profile;
use crate::preamble::Statement;
use crate::verify::Rejected;
use crate::witness::first_phase;

#[test]
fn a_hidden_input_is_legal() {
    let honest = || case(Profile::Zk, &dense());
    let place = honest().key.layout.input.unwrap();
    let [low, high] = honest().key.network.input_range;
    for (index, value) in [(0, low - 1), (1, high + 1), (3, i64::from(MODULUS) / 2)] {
        // The outputs are what the table shows, and the first layer's cells follow the input as far as they can.
        let mut forged = honest();
        forged.cell(place, 0, index)[0] = integer(value - low);
        forged.recount();
        forged.settle();
        let broken = forged.broken();
        assert!(broken.contains("range"), "{broken:?}");
        forged.rejected(&broken.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn an_illegal_input_is_stopped_by_its_range_alone() {
    // A model that would take more inputs than this one, with weights and activations that do not mind.
    let narrow = shallow();
    let mut parts = narrow.parts().clone();
    parts.input_range = [-16, 15];
    let wide = IntegerModel::from_parts(parts).unwrap();
    let inputs = vec![8, 0, -9, 1];
    assert!(narrow.infer(&inputs).is_err());
    let trace = wide.trace(&inputs).unwrap();
    let key = Key::new(narrow, 1, Profile::Zk).unwrap();
    let first = first_phase(&key, &inputs, std::slice::from_ref(&trace));
    let statement = Statement { inputs: Vec::new(), outputs: trace.output().to_vec() };
    let mut case = Case { key, statement, first };
    case.cell(case.key.layout.input.unwrap(), 0, 2)[0] = integer(-1);
    case.recount();
    case.rejected(&["range"]);
}

#[test]
fn another_hidden_input_has_another_output() {
    for model in [dense(), maxima()] {
        let mut forged = case(Profile::Zk, &model);
        let place = forged.key.layout.input.unwrap();
        let cell = &mut forged.cell(place, 0, 0)[0];
        *cell = if *cell == Val::ZERO { Val::ONE } else { *cell - Val::ONE };
        forged.recount();
        let broken = forged.broken();
        assert!(broken.contains("equation"), "{broken:?}");
        forged.rejected(&broken.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn idle_inputs_are_free_within_their_range() {
    let honest = case(Profile::Zk, &dense());
    let place = honest.key.layout.input.unwrap();
    let class = &honest.key.layout.classes[place.class];
    assert!(matches!(class.kind, Kind::Input { .. }));
    let idle = Place { class: place.class, offset: class.lanes * honest.key.layout.rows() - 1 };
    let mut free = case(Profile::Zk, &dense());
    free.cell(idle, 0, 0)[0] = Val::TWO;
    free.recount();
    free.succeeds();
    free.cell(idle, 0, 0)[0] = integer(16);
    free.recount();
    free.rejected(&["range"]);
}

#[test]
fn public_and_hidden_statements_do_not_mix() {
    let inputs = vec![1, 2, 3, 4];
    let [public, hidden] = [Profile::Fast, Profile::Zk].map(|profile| Key::new(dense(), 1, profile).unwrap());
    let [of_public, of_hidden] = [&public, &hidden].map(|key| key.prove(&inputs).unwrap().evidence);
    assert!(matches!(hidden.verify(&of_public), Err(Rejected::Statement(Illegal::Count { .. }))));
    assert!(matches!(public.verify(&of_hidden), Err(Rejected::Statement(Illegal::Count { .. }))));
    assert!(hidden.verify(&Evidence { inputs: Vec::new(), ..of_public }).is_err());
    assert!(public.verify(&Evidence { inputs: inputs.clone(), ..of_hidden.clone() }).is_err());
    let mut other = of_hidden;
    other.outputs[0] += 1;
    assert_eq!(hidden.verify(&other), Err(Rejected::Constraints));
}
