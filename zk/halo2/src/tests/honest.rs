//! Honest witnesses of the built-in models satisfy their circuits.

use halo2_proofs::dev::MockProver;
use zktee_models::integer::IntegerModel;
use zktee_models::workload;

use crate::circuit::{Columns, ModelCircuit};
use crate::plan::Plan;
use crate::spec::Spec;
use crate::statement::instances;

pub(super) fn builtin(name: &str, count: usize) -> (IntegerModel, Vec<i64>) {
    let workload = workload::builtin(name).unwrap();
    let model = workload.integer_model().unwrap();
    let inputs: Vec<f32> = workload.inputs.iter().copied().take(count * model.input_len()).collect();
    let inputs = model.quantise_inputs(&inputs).unwrap();
    (model, inputs)
}

fn mock(model: &IntegerModel, spec: &Spec, inputs: &[i64]) {
    let traces: Vec<_> = inputs.chunks(model.input_len()).map(|input| model.trace(input).unwrap()).collect();
    let outputs: Vec<i64> = traces.iter().flat_map(|trace| trace.output().to_vec()).collect();
    let columns = Columns::of(spec);
    let mut witness = columns.witness(spec, &traces);
    let circuit = ModelCircuit::with_witness(spec, &mut witness);
    let prover = MockProver::run(spec.design.k(), &circuit, instances(spec, inputs, &outputs)).unwrap();
    prover.assert_satisfied();
}

#[test]
fn built_in_models() {
    for (name, count) in [("lenet-mnist", 1), ("mlp-iris", 500), ("mlp-iris-each", 1), ("ols-iris", 150)] {
        let (model, inputs) = builtin(name, count);
        for private in [false, true] {
            let plan = Plan::new(&model, count, private).unwrap();
            for considered in plan.considered.iter().take(12) {
                println!(
                    "{name} private {private} {:?} x{} {:.1} ms {:?}",
                    considered.design,
                    considered.proofs,
                    considered.total_s() * 1e3,
                    considered.cost
                );
            }
            let t = std::time::Instant::now();
            mock(&model, &plan.spec, &inputs);
            println!("mock {:?}", t.elapsed());
        }
    }
}

#[test]
fn planning_lenet() {
    let (model, _) = builtin("lenet-mnist", 1);
    let t = std::time::Instant::now();
    let plan = Plan::new(&model, 1, false).unwrap();
    println!("{:?} {:?}", t.elapsed(), plan.considered);
}
