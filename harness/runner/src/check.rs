//! Is the answer right, and is the evidence about it?

use zktee_core::protocol::{Completion, PhaseReport};
use zktee_core::record::{CellPlan, Sample, Task};
use zktee_core::tensor::Tensor;
use zktee_core::vocabulary::{Part, Trust};

use crate::asked::{Answer, Expected, Question};
use crate::estimate::estimate;
use crate::failure::Failure;

/// Outputs that went through a proof are decoded from integers; two decodings of the same integer may differ in the last bits.
const SAME_OUTPUT: f64 = 1e-5;

/// Compares an answer with the reference's, and writes what it finds into the sample.
pub(crate) fn answer(got: &Answer, expected: &Expected, plan: &CellPlan, sample: &mut Sample) -> Result<(), Failure> {
    match (got, &expected.reference) {
        (Answer::Outputs(got), Answer::Outputs(reference)) => {
            outputs(got, reference, expected.labels.as_deref(), plan, sample)
        }
        (Answer::Completion(got), Answer::Completion(reference)) => completion(got, reference, "the reference's"),
        _ => Err(Failure::crashed("protocol: an answer of another kind of model")),
    }
}

/// A language model says exactly what the reference says: where they part, the one computes something else.
fn completion(got: &Completion, right: &Completion, whose: &str) -> Result<(), Failure> {
    let differing = |what: &str, got: &[u32], right: &[u32]| {
        let same = got.iter().zip(right).take_while(|(a, b)| a == b).count();
        let one = |tokens: &[u32]| tokens.get(same).map_or_else(|| "none".to_owned(), u32::to_string);
        format!("{what} differ from {whose} at position {same}: {} instead of {}", one(got), one(right))
    };
    let what = if got.prompt_tokens != right.prompt_tokens {
        differing("the prompt's tokens", &got.prompt_tokens, &right.prompt_tokens)
    } else if got.tokens != right.tokens {
        differing("the response's tokens", &got.tokens, &right.tokens)
    } else if got.text != right.text {
        let same = got.text.bytes().zip(right.text.bytes()).take_while(|(a, b)| a == b).count();
        format!("the text differs from {whose} at byte {same}, though the tokens are the same")
    } else if got.finish != right.finish {
        format!("the response ended otherwise than {whose}: {:?} instead of {:?}", got.finish, right.finish)
    } else {
        return Ok(());
    };
    Err(Failure::wrong(what))
}

/// Compares outputs with the float reference and the labels.
fn outputs(
    got: &Tensor,
    reference: &Tensor,
    labels: Option<&[usize]>,
    plan: &CellPlan,
    sample: &mut Sample,
) -> Result<(), Failure> {
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
        sample.accuracy = labels.map(|labels| share(ours.iter().zip(labels).map(|(a, b)| a == b)));
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
    claimed: Option<&Answer>,
    question: &Question,
    trust: &Trust,
) -> Result<(), Failure> {
    if report.valid != Some(true) {
        let notes = report.notes.join(" | ");
        return Err(Failure::wrong(format!("its own verifier rejected the evidence {notes}").trim_end().to_owned()));
    }
    if estimate(report).is_some() {
        return Err(Failure::wrong("only a part of the evidence was verified, though it is said to be whole"));
    }
    let asked = match question {
        Question::Inputs(inputs) => inputs,
        Question::Generation(_) => return bound_text(report, claimed, question, trust),
    };
    let claimed = match claimed {
        Some(Answer::Outputs(outputs)) => Some(outputs),
        Some(Answer::Completion(_)) => return Err(Failure::crashed("a text is claimed where tensors were asked for")),
        None => None,
    };
    if let Some(inputs) = &report.inputs {
        let tolerance = report.input_tolerance.unwrap_or(0.0);
        let far = distance(inputs, asked);
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

/// Checks what the evidence about a language model's answer says: exactly what was asked and claimed.
fn bound_text(
    report: &PhaseReport,
    claimed: Option<&Answer>,
    question: &Question,
    trust: &Trust,
) -> Result<(), Failure> {
    let Some((asked, said)) = &report.bound else {
        let binds = trust.binds.contains(&Part::Output) || trust.binds.contains(&Part::Input);
        let reason = "protocol: `verify` reports no `bound` although the evidence is said to bind question and answer";
        return if binds { Err(Failure::crashed(reason)) } else { Ok(()) };
    };
    if *question != Question::Generation(asked.clone()) {
        return Err(Failure::wrong("the evidence binds another question than the one asked"));
    }
    match claimed {
        Some(Answer::Completion(claimed)) => completion(said, claimed, "the claimed one's"),
        _ => Err(Failure::wrong("the evidence binds an answer, and none is claimed")),
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
            language: None,
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
        let expected = Expected {
            question: Question::Inputs(inputs),
            reference: Answer::Outputs(reference),
            labels: Some(vec![1, 1]),
        };
        let try_with = |data: &[f32]| {
            let mut sample = crate::cell::blank_sample(&plan().id, zktee_core::vocabulary::Phase::Infer, 0, 0);
            // A worker may flatten its outputs: the number of them is what counts.
            let result = answer(&Answer::Outputs(tensor(&[data.len()], data)), &expected, &plan(), &mut sample);
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
        let (asked, claimed) = (Question::Inputs(inputs), Answer::Outputs(reference.clone()));
        let good = PhaseReport {
            valid: Some(true),
            inputs: Some(tensor(&[2], &[0.001, 1.0])),
            input_tolerance: Some(0.01),
            outputs: Some(reference.clone()),
            ..PhaseReport::default()
        };
        let mut trust = Trust::no_evidence();
        trust.binds = vec![Part::Output];
        let check = |report: &PhaseReport| outcome(&verified(report, Some(&claimed), &asked, &trust));
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

    fn said() -> Completion {
        Completion {
            prompt_tokens: vec![1, 2],
            tokens: vec![3, 4, 5],
            text: "abc".to_owned(),
            finish: zktee_core::protocol::Finish::Length,
        }
    }

    /// Each with one thing changed, and a word of what is then said.
    fn changed() -> Vec<(Completion, &'static str)> {
        vec![
            (Completion { prompt_tokens: vec![1], ..said() }, "prompt's tokens differ from"),
            (Completion { tokens: vec![3, 4, 6], ..said() }, "at position 2: 6 instead of 5"),
            (Completion { tokens: vec![3, 4], ..said() }, "at position 2: none instead of 5"),
            (Completion { text: "abd".to_owned(), ..said() }, "at byte 2"),
            (Completion { finish: zktee_core::protocol::Finish::Stop, ..said() }, "Stop instead of Length"),
        ]
    }

    fn reason(result: Result<(), Failure>) -> String {
        match result {
            Err(Failure::Cell { outcome: Outcome::Wrong, reason }) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_language_model_says_what_the_reference_says() {
        let question =
            zktee_core::protocol::Generation { prompt: "x".into(), max_tokens: 3, temperature: 0.0, seed: 0 };
        let expected =
            Expected { question: Question::Generation(question), reference: Answer::Completion(said()), labels: None };
        let mut sample = crate::cell::blank_sample(&plan().id, zktee_core::vocabulary::Phase::Infer, 0, 0);
        let mut check = |got: Answer| answer(&got, &expected, &plan(), &mut sample);
        assert_eq!(check(Answer::Completion(said())), Ok(()));
        for (other, words) in changed() {
            let reason = reason(check(Answer::Completion(other)));
            assert!(reason.contains(words), "{reason}");
        }
        assert_eq!(outcome(&check(Answer::Outputs(tensor(&[1], &[0.0])))), Some(Outcome::Crashed), "another kind");
    }

    #[test]
    fn evidence_about_another_text_is_not_believed() {
        let asked = zktee_core::protocol::Generation { prompt: "x".into(), max_tokens: 3, temperature: 0.0, seed: 0 };
        let mut trust = Trust::no_evidence();
        trust.binds = vec![Part::Input, Part::Output];
        let good = PhaseReport { valid: Some(true), bound: Some((asked.clone(), said())), ..PhaseReport::default() };
        let check = |report: &PhaseReport, claimed: &Completion| {
            let (claimed, question) = (Answer::Completion(claimed.clone()), Question::Generation(asked.clone()));
            verified(report, Some(&claimed), &question, &trust)
        };
        assert_eq!(check(&good, &said()), Ok(()));
        for (other, words) in changed() {
            let reason =
                reason(check(&PhaseReport { bound: Some((asked.clone(), other.clone())), ..good.clone() }, &said()));
            assert!(reason.contains(words), "{reason}");
            assert!(check(&good, &other).is_err());
        }
        let others: [fn(&mut zktee_core::protocol::Generation); 4] =
            [|it| it.prompt.push('y'), |it| it.max_tokens = 4, |it| it.temperature = 0.5, |it| it.seed = 1];
        for change in others {
            let mut other = asked.clone();
            change(&mut other);
            let report = PhaseReport { bound: Some((other, said())), ..good.clone() };
            assert!(reason(check(&report, &said())).contains("another question"));
        }
        assert_eq!(outcome(&check(&PhaseReport { bound: None, ..good.clone() }, &said())), Some(Outcome::Crashed));
        assert!(check(&PhaseReport { valid: Some(false), ..good }, &said()).is_err());
    }
}
