//! That an integer model is the exact least-squares fit to its inputs and some targets, and its answers. Reads model, inputs and the
//! exponent with the targets; commits to their digests, the number of inputs and the outputs.

#![no_std]
#![no_main]

use zktee_risc0_guests::{Words, journal, read};
use zktee_risc0_program::{Data, Model, infer};

zktee_risc0_guests::program!(fit);

fn fit() -> Words {
    let (words, inputs, fitted) = (read(), read(), read());
    let model = Model::read(&words).expect("a model");
    let (&exponent, targets) = fitted.split_first().expect("an exponent");
    let data = Data { features: &inputs, targets, exponent: exponent as u32 };
    data.check(&model).expect("the least-squares fit");
    let outputs = infer(&model, &inputs).expect("inputs of the model");
    journal(&words, &inputs, Some(&fitted), targets.len(), &outputs)
}
