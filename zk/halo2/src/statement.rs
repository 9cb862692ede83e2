//! The public columns of a proof.

use halo2_proofs::halo2curves::bn256::Fr;

use crate::field::integer;
use crate::spec::{Design, Spec};
use crate::tall::public_images;

/// The instance columns of one proof about these inputs and outputs (integers, row-major, as many as the design takes).
///
/// The verifier builds them from the statement, padding included, so nothing about them is the prover's choice.
pub(crate) fn instances(spec: &Spec, inputs: &[i64], outputs: &[i64]) -> Vec<Vec<Fr>> {
    let network = &spec.network;
    match &spec.design {
        Design::Tall(parameters) => {
            let Some([input, output]) = public_images(network, parameters) else { return Vec::new() };
            let at = |image: &dyn Fn(usize) -> usize, values: &[i64]| {
                let mut column = Vec::new();
                for (index, &value) in values.iter().enumerate() {
                    let row = image(index);
                    if column.len() <= row {
                        column.resize(row + 1, Fr::zero());
                    }
                    column[row] = integer(value);
                }
                column
            };
            let output = at(&|index| output.row(index), outputs);
            if spec.private_input { vec![output] } else { vec![at(&|index| input.row(index), inputs), output] }
        }
        Design::Wide(_) => {
            let columns = |values: &[i64], width: usize| {
                let column = |column: usize| values.iter().skip(column).step_by(width).map(|&v| integer(v)).collect();
                (0..width).map(column).collect::<Vec<Vec<Fr>>>()
            };
            let input = if spec.private_input { Vec::new() } else { columns(inputs, network.input_len()) };
            [input, columns(outputs, network.output_len())].concat()
        }
    }
}
