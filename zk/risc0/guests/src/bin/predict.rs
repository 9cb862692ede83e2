//! The answers of an integer model. Reads model and inputs; commits to their digests, the number of inputs and the outputs.

#![no_std]
#![no_main]

use zktee_risc0_guests::{Words, journal, read};
use zktee_risc0_program::{Model, infer};

zktee_risc0_guests::program!(predict);

fn predict() -> Words {
    let (words, inputs) = (read(), read());
    let model = Model::read(&words).expect("a model");
    let outputs = infer(&model, &inputs).expect("inputs of the model");
    journal(&words, &inputs, None, inputs.len() / model.input_len(), &outputs)
}
