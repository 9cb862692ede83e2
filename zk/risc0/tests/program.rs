//! What the virtual machine is to compute, computed here: bit for bit what the integer reference says.

use zktee_models::integer::IntegerModel;
use zktee_models::workload::{self, Workload};
use zktee_risc0::{Expectation, digest, fit_targets, model_words};
use zktee_risc0_program::{Data, FitError, InferError, Model, ModelError, Statement, infer};

fn narrow(values: &[i64]) -> Vec<i32> {
    values.iter().map(|&value| i32::try_from(value).unwrap()).collect()
}

fn integers(workload: &Workload, model: &IntegerModel) -> Vec<i64> {
    model.quantise_inputs(workload.inputs.as_slice().unwrap()).unwrap()
}

#[test]
fn the_program_gives_the_integer_references_answers() {
    for name in ["ols-iris", "mlp-iris", "lenet-mnist", "mlp-scale-16k", "cnn-scale-64k"] {
        let workload = workload::builtin(name).unwrap();
        let model = workload.integer_model().unwrap();
        let words = model_words(&model).unwrap();
        let read = Model::read(&words).unwrap();
        assert_eq!(read.words(), words, "{name}: written and read again");
        let inputs = integers(&workload, &model);
        let expected = narrow(&model.infer_all(&inputs).unwrap());
        assert_eq!(infer(&read, &narrow(&inputs)).unwrap(), expected, "{name}");
    }
}

#[test]
fn inputs_and_activations_out_of_range_are_refused() {
    let model = workload::builtin("mlp-iris").unwrap().integer_model().unwrap();
    let words = model_words(&model).unwrap();
    let mut read = Model::read(&words).unwrap();
    let good = [51, 35, 14, 2];
    assert!(infer(&read, &good).is_ok());
    assert_eq!(infer(&read, &[read.input_range[1] + 1, 35, 14, 2]), Err(InferError::Input));
    assert_eq!(infer(&read, &good[1..]), Err(InferError::Shape));
    read.activation_bound = 1;
    assert_eq!(infer(&read, &good), Err(InferError::Activation));
}

#[test]
fn words_that_are_no_model_are_refused() {
    let words = model_words(&workload::builtin("ols-iris").unwrap().integer_model().unwrap()).unwrap();
    assert_eq!(Model::read(&words[..words.len() - 1]), Err(ModelError::Short));
    assert_eq!(Model::read(&[words.as_slice(), &[0]].concat()), Err(ModelError::Long));
    assert_eq!(Model::read(&[&[1], &words[1..]].concat()), Err(ModelError::Tag));
    let mut negative = words;
    negative[1] = -3;
    assert_eq!(Model::read(&negative), Err(ModelError::Size));
}

/// The words of `ols-iris`, its inputs and what it was fitted to.
fn fitted() -> (IntegerModel, Vec<i32>, Vec<i32>, Vec<i32>) {
    let workload = workload::builtin("ols-iris").unwrap();
    let model = workload.integer_model().unwrap();
    let (words, inputs) = (model_words(&model).unwrap(), narrow(&integers(&workload, &model)));
    let targets = fit_targets("ols-iris", &model).unwrap();
    (model, words, inputs, targets)
}

fn check(words: &[i32], inputs: &[i32], targets: &[i32]) -> Result<(), FitError> {
    let (&exponent, targets) = targets.split_first().unwrap();
    Data { features: inputs, targets, exponent: exponent as u32 }.check(&Model::read(words).unwrap())
}

#[test]
fn the_committed_model_is_the_exact_fit_and_no_neighbour_of_it_is() {
    let (_, words, inputs, targets) = fitted();
    assert_eq!(check(&words, &inputs, &targets), Ok(()));
    // Three weights and the bias are the last words.
    for index in 0..4 {
        for by in [-1, 1] {
            let mut other = words.clone();
            let at = words.len() - 4 + index;
            other[at] += by;
            assert_eq!(check(&other, &inputs, &targets), Err(FitError::Coefficient { index }), "{by}");
        }
    }
}

#[test]
fn other_data_have_another_fit_and_too_large_ones_none() {
    let (_, words, mut inputs, mut targets) = fitted();
    targets[1] += 1;
    assert!(matches!(check(&words, &inputs, &targets), Err(FitError::Coefficient { .. })));
    targets[1] = 5000;
    assert_eq!(check(&words, &inputs, &targets), Err(FitError::Size));
    targets[1] = 2;
    assert_eq!(check(&words, &inputs, &targets[1..]), Err(FitError::Shape));
    inputs.chunks_exact_mut(3).for_each(|row| row[1] = row[0]);
    assert_eq!(check(&words, &inputs, &targets), Err(FitError::Singular));
}

#[test]
fn a_verifier_expects_this_model_these_inputs_and_these_targets() {
    let (model, words, inputs, targets) = fitted();
    let expectation = Expectation::new(&model, Some(&targets)).unwrap();
    let outputs = infer(&Model::read(&words).unwrap(), &inputs).unwrap();
    let statement =
        Statement { model: digest(&words), inputs: digest(&inputs), targets: digest(&targets), batch: 150, outputs };
    let workload = workload::builtin("ols-iris").unwrap();
    let floats = workload.inputs.as_slice().unwrap();
    assert_eq!(expectation.check(&statement, floats, 150), Ok(()));
    let mut other = floats.to_vec();
    other[7] += 0.1;
    let about = |statement: &Statement, floats: &[f32], batch| {
        expectation.check(statement, floats, batch).unwrap_err().to_string()
    };
    assert!(about(&statement, &other, 150).ends_with("inputs"));
    assert!(about(&statement, floats, 149).ends_with("number of inputs"));
    assert!(about(&Statement { model: [0; 32], ..statement.clone() }, floats, 150).ends_with("model"));
    assert!(about(&Statement { targets: [0; 32], ..statement.clone() }, floats, 150).ends_with("targets"));
    let mut short = statement;
    short.outputs.pop();
    assert!(about(&short, floats, 150).ends_with("number of inputs"));
}

#[test]
fn a_journal_is_read_whole_or_not_at_all() {
    let journal: Vec<u8> =
        [[7; 96].as_slice(), &2_u32.to_le_bytes(), &(-3_i32).to_le_bytes(), &4_i32.to_le_bytes()].concat();
    let statement = Statement::read(&journal).unwrap();
    assert_eq!((statement.model, statement.batch, statement.outputs), ([7; 32], 2, vec![-3, 4]));
    for end in [0, 31, 97, 99, journal.len() - 1] {
        assert!(Statement::read(&journal[..end]).is_err(), "{end}");
    }
    let no_outputs = Statement::read(&journal[..100]).unwrap();
    assert!(no_outputs.outputs.is_empty());
}
