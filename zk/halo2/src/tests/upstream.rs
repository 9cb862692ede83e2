//! Upstream's own prover as a second opinion: its proofs of our circuits verify with the same keys.

use super::adversary::Case;
use super::models;
use super::tall::input;
use crate::srs::Source;
use crate::stock::Stock;

#[test]
fn upstream_proves_the_same_circuits() {
    let tall = [models::convolutions, models::maxima].into_iter().zip([false, true]);
    let mut cases: Vec<(Case, usize)> = tall.map(|(model, private)| (Case::tall(model(), private), 1)).collect();
    cases.extend([false, true].map(|private| (Case::wide(models::dense(), 3, 5, private), 3)));
    for (case, count) in cases {
        let srs = Source::Cache(std::env::temp_dir().join("zktee-halo2-tests")).get(case.spec().design.k()).unwrap();
        let stock = Stock::new(case.spec().clone(), &srs).unwrap();
        let inputs = input(&case).repeat(count);
        let evidence = stock.prove(&case.model, &inputs).unwrap();
        assert_eq!(evidence.outputs, case.model.infer_all(&inputs).unwrap());
        assert_eq!(case.verifier.verify(&evidence), Ok(()));
        // And it is as strict.
        let mut forged = evidence;
        forged.outputs[0] += 1;
        assert!(case.verifier.verify(&forged).is_err());
    }
}
