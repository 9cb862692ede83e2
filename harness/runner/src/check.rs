//! Is the answer right, and is the evidence about it?

use zktee_core::protocol::PhaseReport;
use zktee_core::record::{CellPlan, Sample, Task};
use zktee_core::tensor::Tensor;
use zktee_core::vocabulary::{Part, Trust};

use crate::estimate::estimate;
use crate::failure::Failure;

/// Outputs that went through a proof are decoded from integers; two decodings of the same integer may differ in the last bits.
const SAME_OUTPUT: f64 = 1e-5;

/// What is known to be right about one call's inputs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    /// The inputs of the call.
    pub(crate) inputs: &'a Tensor,
    /// The float reference's outputs.
    pub(crate) reference: &'a Tensor,
    /// The right classes.
    pub(crate) labels: Option<&'a [usize]>,
}

/// Compares outputs with the float reference and the labels, and writes what it finds into the sample.
pub(crate) fn outputs(
    got: &Tensor,
    expected: &Expected<'_>,
    plan: &CellPlan,
    sample: &mut Sample,
) -> Result<(), Failure> {
    let reference = expected.reference;
    if got.data.len() != reference.data.len() {
        let reason = format!("{} outputs instead of {}", got.data.len(), reference.data.len());
        return Err(Failure::wrong(reason));
    }
    let errors = || got.data.iter().zip(&reference.data).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs());
    let max = errors().fold(0.0, f64::max);
    sample.max_abs_error = Some(max);
    sample.mean_abs_error = Some(errors().sum::<f64>() / got.data.len().max(1) as f64);
    if plan.task == Task::Classification {
        let width = reference.data.len() / plan.batch.max(1);
        let (ours, theirs) = (classes(got, width), classes(reference, width));
        let agreement = share(ours.iter().zip(&theirs).map(|(a, b)| a == b));
        sample.class_agreement = Some(agreement);
        sample.accuracy = expected.labels.map(|labels| share(ours.iter().zip(labels).map(|(a, b)| a == b)));
        if agreement < plan.min_class_agreement {
            let reason = format!(
                "class agreement with the float reference is {agreement:.4}, at least {} is asked for",
                plan.min_class_agreement
            );
            return Err(Failure::wrong(reason));
        }
    }
    if max > plan.tolerance {
        let reason =
            format!("outputs differ from the float reference by up to {max:.3e}, tolerance {}", plan.tolerance);
        return Err(Failure::wrong(reason));
    }
    Ok(())
}

/// Checks what a verifier says: that it accepted, and that the evidence is about these inputs and the outputs reported before.
pub(crate) fn verified(
    report: &PhaseReport,
    claimed: Option<&Tensor>,
    expected: &Expected<'_>,
    trust: &Trust,
) -> Result<(), Failure> {
    if report.valid != Some(true) {
        let notes = report.notes.join(" | ");
        return Err(Failure::wrong(format!("its own verifier rejected the evidence {notes}").trim_end().to_owned()));
    }
    if estimate(report).is_some() {
        return Err(Failure::wrong("only a part of the evidence was verified, though it is said to be whole"));
    }
    if let Some(inputs) = &report.inputs {
        let tolerance = report.input_tolerance.unwrap_or(0.0);
        let far = distance(inputs, expected.inputs);
        if far.is_none_or(|far| far > tolerance) {
            let far = far.map_or_else(|| "of another number".to_owned(), |far| format!("{far:.3e} away"));
            let reason = format!("the evidence binds other inputs than those sent ({far}, tolerance {tolerance:.3e})");
            return Err(Failure::wrong(reason));
        }
    }
    match (&report.outputs, claimed) {
        (Some(bound), Some(claimed)) => {
            let scale = claimed.data.iter().fold(1.0f64, |m, x| m.max(f64::from(x.abs())));
            match distance(bound, claimed) {
                Some(far) if far <= SAME_OUTPUT * scale => Ok(()),
                _ => Err(Failure::wrong("the evidence binds other outputs than those that the prover reported")),
            }
        }
        (None, _) if trust.binds.contains(&Part::Output) => {
            Err(Failure::crashed("protocol: `verify` reports no outputs although the evidence is said to bind them"))
        }
        _ => Ok(()),
    }
}

/// Checks what a verifier says of evidence of which there is only a part. Nothing is believed for it: a part that does not hold is wrong, one
/// that holds shows nothing of the whole.
pub(crate) fn part(report: &PhaseReport) -> Result<(), Failure> {
    if report.valid == Some(true) {
        return Ok(());
    }
    let notes = report.notes.join(" | ");
    Err(Failure::wrong(format!("its own verifier rejected the part that was proven {notes}").trim_end().to_owned()))
}

/// Largest absolute difference; none when they do not have the same number of elements.
fn distance(a: &Tensor, b: &Tensor) -> Option<f64> {
    (a.data.len() == b.data.len())
        .then(|| a.data.iter().zip(&b.data).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs()).fold(0.0, f64::max))
}

/// The position of the largest output of each input; the first of equals.
fn classes(outputs: &Tensor, width: usize) -> Vec<usize> {
    let best = |row: &[f32]| {
        row.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (i, x)| if *x > best.1 { (i, *x) } else { best }).0
    };
    outputs.data.chunks(width.max(1)).map(best).collect()
}

fn share(hits: impl ExactSizeIterator<Item = bool>) -> f64 {
    let all = hits.len().max(1);
    hits.filter(|hit| *hit).count() as f64 / all as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use zktee_core::protocol::{Stage, StagePart};
    use zktee_core::vocabulary::{CellId, Outcome};

    fn tensor(shape: &[usize], data: &[f32]) -> Tensor {
        Tensor::new(shape.to_vec(), data.to_vec()).unwrap()
    }

    fn plan() -> CellPlan {
        CellPlan {
            id: CellId::new("w", "b"),
            batch: 2,
            repeat: 1,
            task: Task::Classification,
            tolerance: 0.1,
            multiplications: None,
            min_class_agreement: 1.0,
            model_sha256: String::new(),
            inputs_sha256: String::new(),
            decided: None,
        }
    }

    fn outcome(result: &Result<(), Failure>) -> Option<Outcome> {
        match result {
            Ok(()) => None,
            Err(Failure::Cell { outcome, .. }) => Some(*outcome),
            Err(Failure::Interrupted) => panic!("nobody interrupts here"),
        }
    }

    #[test]
    fn outputs_are_held_to_tolerance_class_and_number() {
        let (inputs, reference) = (tensor(&[2, 1], &[0.0, 1.0]), tensor(&[2, 2], &[0.0, 1.0, 3.0, 2.0]));
        let expected = Expected { inputs: &inputs, reference: &reference, labels: Some(&[1, 1]) };
        let try_with = |data: &[f32]| {
            let mut sample = crate::cell::blank_sample(&plan().id, zktee_core::vocabulary::Phase::Infer, 0, 0);
            // A worker may flatten its outputs: the number of them is what counts.
            let result = outputs(&tensor(&[data.len()], data), &expected, &plan(), &mut sample);
            (outcome(&result), sample)
        };
        let (good, sample) = try_with(&[0.0, 1.05, 3.0, 2.0]);
        assert_eq!(good, None);
        assert!((sample.max_abs_error.unwrap() - 0.05).abs() < 1e-6);
        assert_eq!((sample.class_agreement, sample.accuracy), (Some(1.0), Some(0.5)));
        assert_eq!(try_with(&[0.0, 1.5, 3.0, 2.0]).0, Some(Outcome::Wrong), "beyond the tolerance");
        assert_eq!(try_with(&[1.0, 0.0, 3.0, 2.0]).0, Some(Outcome::Wrong), "another class");
        assert_eq!(try_with(&[0.0, 1.0]).0, Some(Outcome::Wrong), "too few");
    }

    #[test]
    fn a_verifier_is_believed_only_about_these_inputs_and_outputs() {
        let (inputs, reference) = (tensor(&[2, 1], &[0.0, 1.0]), tensor(&[2, 1], &[0.5, 1.5]));
        let expected = Expected { inputs: &inputs, reference: &reference, labels: None };
        let good = PhaseReport {
            valid: Some(true),
            inputs: Some(tensor(&[2], &[0.001, 1.0])),
            input_tolerance: Some(0.01),
            outputs: Some(reference.clone()),
            ..PhaseReport::default()
        };
        let mut trust = Trust::no_evidence();
        trust.binds = vec![Part::Output];
        let check = |report: &PhaseReport| outcome(&verified(report, Some(&reference), &expected, &trust));
        assert_eq!(check(&good), None);
        assert_eq!(check(&PhaseReport { valid: Some(false), ..good.clone() }), Some(Outcome::Wrong));
        assert_eq!(check(&PhaseReport { valid: None, ..good.clone() }), Some(Outcome::Wrong));
        let some = StagePart { done: 1, of: 2, unit: "segments".to_owned() };
        let stages = vec![Stage { part: Some(some), ..Stage::new("verify", 0.0, 0.0) }];
        assert_eq!(check(&PhaseReport { stages, ..good.clone() }), Some(Outcome::Wrong));
        let other_inputs = Some(tensor(&[2], &[0.5, 1.0]));
        assert_eq!(check(&PhaseReport { inputs: other_inputs, ..good.clone() }), Some(Outcome::Wrong));
        let other_outputs = Some(tensor(&[2], &[0.5, 1.6]));
        assert_eq!(check(&PhaseReport { outputs: other_outputs, ..good.clone() }), Some(Outcome::Wrong));
        assert_eq!(check(&PhaseReport { outputs: None, ..good.clone() }), Some(Outcome::Crashed));
        assert_eq!(outcome(&part(&PhaseReport { outputs: None, ..good.clone() })), None);
        for valid in [Some(false), None] {
            assert_eq!(outcome(&part(&PhaseReport { valid, ..good.clone() })), Some(Outcome::Wrong));
        }
    }
}
