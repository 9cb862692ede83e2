//! Real proofs.

use zktee_models::integer::IntegerModel;

use super::honest::builtin;
use crate::evidence::Evidence;
use crate::keys::ProvingKey;
use crate::plan::Plan;
use crate::srs::Source;

/// Keys of a model's cheapest circuit.
pub(super) fn keys(model: &IntegerModel, batch: usize, private: bool) -> ProvingKey {
    let plan = Plan::new(model, batch, private).unwrap();
    let folder = std::env::temp_dir().join("zktee-halo2-tests");
    let srs = Source::Cache(folder).get(plan.spec.design.k()).unwrap();
    ProvingKey::generate(plan.spec, &srs).unwrap()
}

#[test]
fn built_in_models_are_proven_and_verified() {
    for (name, count) in [("lenet-mnist", 1), ("mlp-iris", 500), ("mlp-iris-each", 1), ("ols-iris", 150)] {
        let (model, inputs) = builtin(name, count);
        for private in [false, true] {
            let t = std::time::Instant::now();
            let key = keys(&model, count, private);
            println!("{name} keys {:?}", t.elapsed());
            let mut best = f64::MAX;
            let mut proven = None;
            for _ in 0..10 {
                let t = std::time::Instant::now();
                proven = Some(key.prove(&model, &inputs).unwrap());
                best = best.min(t.elapsed().as_secs_f64());
            }
            let proven = proven.unwrap();
            for t in proven.timings[0].stages() {
                println!("   {:?}", t);
            }
            println!(
                "{name} prove {best} proof {} columns {:?} k {}",
                proven.evidence.proofs[0].len(),
                key.columns_by_kind(),
                key.spec().design.k()
            );
            assert_eq!(proven.evidence.outputs, model.infer_all(&inputs).unwrap());
            let verifier = key.verifying_key().unwrap();
            let t = std::time::Instant::now();
            verifier.verify(&proven.evidence).unwrap();
            println!("verify {:?}", t.elapsed());
            let evidence = Evidence::from_bytes(&proven.evidence.to_bytes()).unwrap();
            assert_eq!(evidence, proven.evidence);
        }
    }
}
