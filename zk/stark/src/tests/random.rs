//! Random small models: refused, or proven to be what the twin says and nothing else.

use p3_field::PrimeCharacteristicRing;
use proptest::prelude::*;
use zktee_integer::network::Network;

use super::adversary::Case;
use super::models::{Numbers, legal, random};
use crate::field::Val;
use crate::parameters::Profile;
use crate::prove::Honest;

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
        let inputs = legal(&mut n, &model, count).concat();
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
