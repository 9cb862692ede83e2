//! Tests of the whole crate, with the hooks that only tests have.

mod attacks;
mod bound;
mod faults;
mod faults_maximum;
mod honest;
mod models;
mod phases;
mod workloads;

use std::collections::BTreeSet;

use zcash_halo2_proofs::dev::{MockProver, VerifyFailure};
use zcash_halo2_proofs::pasta::Fp;

use crate::circuit::{ModelCircuit, with_shape};
use crate::keys::{cells, columns};
use crate::layout::Layout;
use crate::witness::Witness;

/// The names of the rules that these cells break: constraints by their names, `limb`, `bound` and `copy`.
fn broken_cells(layout: &Layout, advice: &[Vec<Fp>], public: &[i64]) -> BTreeSet<String> {
    let circuit = ModelCircuit { layout, advice: Some(advice) };
    let public = columns(layout, public);
    let failures = with_shape(&layout.shape, || {
        MockProver::run(layout.shape.k, &circuit, public).expect("the circuit fits").verify().err().unwrap_or_default()
    });
    let limbs = layout.shape.limb_lookups().len();
    let name = |failure: VerifyFailure| match failure {
        VerifyFailure::ConstraintNotSatisfied { constraint, .. } => {
            constraint.to_string().split('\'').nth(1).unwrap_or("?").to_owned()
        }
        VerifyFailure::Lookup { lookup_index, .. } => if lookup_index < limbs { "limb" } else { "bound" }.to_owned(),
        VerifyFailure::Permutation { .. } => "copy".to_owned(),
        other => other.to_string(),
    };
    failures.into_iter().map(name).collect()
}

/// The names of the rules that a witness breaks.
fn broken(layout: &Layout, witness: &Witness) -> BTreeSet<String> {
    broken_cells(layout, &cells(&witness.advice), &witness.public)
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
