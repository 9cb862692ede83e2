//! `zktee list`: the workloads and backends that there are, and which of them can be had here.

mod language;

use std::fmt;
use std::path::Path;

use serde::Serialize;
use zktee_config::{SCALE_FAMILIES, SHAPE_NAME, ScaleFamily, ScaleMember, Workload};
use zktee_core::provider::{Availability, Provider};
use zktee_core::record::Task;

/// What there is, for text and for JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct List {
    workloads: Vec<WorkloadLine>,
    /// Language models.
    languages: Vec<language::LanguageLine>,
    /// The scaling study, which no plain run takes.
    families: Vec<FamilyLine>,
    backends: Vec<BackendLine>,
}

/// A workload in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct WorkloadLine {
    name: String,
    summary: String,
    inputs: usize,
    batch: usize,
    calls: u64,
    task: Task,
    labels: bool,
    /// Where the model came from: a path, or `built-in`.
    model: String,
    /// Shape of one input.
    input_shape: Vec<usize>,
    /// Numbers in the model's weights; none where the file cannot be read.
    parameters: Option<u64>,
}

/// A family of the scaling study in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct FamilyLine {
    /// What the members' names begin with, and what `--workload` takes for all of them.
    name: &'static str,
    summary: &'static str,
    members: Vec<MemberLine>,
}

/// A member of a family: what is known of it before its weights are drawn.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct MemberLine {
    name: &'static str,
    summary: String,
    /// Multiplications by a weight for its one input.
    multiplications: u64,
    /// Numbers in its weights.
    parameters: u64,
    /// Shape of one input.
    input_shape: Vec<usize>,
}

/// A backend profile in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct BackendLine {
    backend: String,
    summary: String,
    availability: &'static str,
    /// What is missing, or what a setup will do.
    detail: Option<String>,
    /// What mends it.
    fix: Option<String>,
}

/// The workloads, and the profiles of these families of backends.
pub(crate) fn list<'a>(
    workloads: &[Workload],
    families: impl IntoIterator<Item = &'a dyn Provider>,
    cache: &Path,
) -> List {
    let shape = zktee_config::language(SHAPE_NAME);
    List {
        workloads: workloads.iter().filter_map(workload).collect(),
        languages: workloads.iter().chain(&shape).filter_map(|it| language::language(it, cache)).collect(),
        families: SCALE_FAMILIES.iter().map(family).collect(),
        backends: families.into_iter().flat_map(backends).collect(),
    }
}

fn workload(workload: &Workload) -> Option<WorkloadLine> {
    let tensors = workload.tensors()?;
    Some(WorkloadLine {
        name: workload.name.clone(),
        summary: workload.summary.clone(),
        inputs: tensors.inputs.rows(),
        batch: tensors.batch,
        calls: tensors.repeat(),
        task: tensors.task,
        labels: tensors.labels.is_some(),
        model: workload.origin.clone(),
        input_shape: tensors.inputs.shape.get(1..).unwrap_or_default().to_vec(),
        parameters: zktee_models::onnx::inspect(&tensors.onnx).ok().map(|facts| facts.parameters),
    })
}

fn family(family: &ScaleFamily) -> FamilyLine {
    let member = |member: &ScaleMember| MemberLine {
        name: member.name,
        summary: member.summary(),
        multiplications: member.multiplications(),
        parameters: member.parameters(),
        input_shape: member.input_shape(),
    };
    FamilyLine { name: family.name, summary: family.summary, members: family.members.iter().map(member).collect() }
}

fn backends(family: &dyn Provider) -> Vec<BackendLine> {
    // Asked once a family: it may start a program.
    let (availability, detail, fix) = in_words(family.availability());
    let line = |profile: zktee_core::provider::Profile| BackendLine {
        backend: profile.backend,
        summary: profile.summary,
        availability,
        detail: detail.clone(),
        fix: fix.clone(),
    };
    family.profiles().into_iter().map(line).collect()
}

/// A word, with what is missing or what a setup will do, and what mends it.
fn in_words(availability: Availability) -> (&'static str, Option<String>, Option<String>) {
    match availability {
        Availability::Ready => ("ready", None, None),
        Availability::NeedsSetup { what, estimate } => {
            ("needs-setup", Some(format!("{what}; about {} s", estimate.as_secs().max(1))), None)
        }
        Availability::Unavailable(why) => ("unavailable", Some(why.reason), Some(why.fix)),
    }
}

/// What is missing and what mends it, below a line.
fn below(f: &mut fmt::Formatter<'_>, indent: usize, detail: Option<&str>, fix: Option<&str>) -> fmt::Result {
    if let Some(detail) = detail {
        writeln!(f, "{:indent$}{detail}", "")?;
    }
    if let Some(fix) = fix {
        writeln!(f, "{:indent$}fix: {fix}", "")?;
    }
    Ok(())
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = |names: &mut dyn Iterator<Item = &str>| names.map(|name| name.chars().count()).max().unwrap_or(0);
        let width = widest(&mut self.workloads.iter().map(|w| w.name.as_str())).max("workload".len());
        writeln!(f, "{:<width$}  {:>6}  {:>6}  {:>7}  what", "workload", "inputs", "batch", "weights")?;
        for line in &self.workloads {
            let weights = line.parameters.map_or_else(|| "?".to_owned(), |n| n.to_string());
            let WorkloadLine { name, summary, inputs, batch, model, .. } = line;
            let from = if model == "built-in" { String::new() } else { format!(" ({model})") };
            writeln!(f, "{name:<width$}  {inputs:>6}  {batch:>6}  {weights:>7}  {summary}{from}")?;
        }
        language::show(&self.languages, f)?;
        self.study(f)?;
        let width = widest(&mut self.backends.iter().map(|b| b.backend.as_str())).max("backend".len());
        writeln!(f, "\n{:<width$}  {:<11}  what", "backend", "here")?;
        for line in &self.backends {
            let BackendLine { backend, summary, availability, detail, fix } = line;
            writeln!(f, "{backend:<width$}  {availability:<11}  {summary}")?;
            below(f, width + 15, detail.as_deref(), fix.as_deref())?;
        }
        Ok(())
    }
}

impl List {
    /// A line a family: its ends stand for its members.
    fn study(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |line: &FamilyLine| {
            let size = |member: Option<&MemberLine>| {
                let name = member.map_or("", |member| member.name);
                name.rsplit('-').next().unwrap_or_default()
            };
            format!("{}-{} to -{}", line.name, size(line.members.first()), size(line.members.last()))
        };
        let ranges: Vec<_> = self.families.iter().map(range).collect();
        let heading = "scaling study";
        let width = ranges.iter().map(String::len).max().unwrap_or(0).max(heading.len());
        writeln!(f, "\n{heading:<width$}  {:>7}  what (only where --workload writes out `scale`)", "members")?;
        for (line, range) in self.families.iter().zip(&ranges) {
            writeln!(f, "{range:<width$}  {:>7}  {}", line.members.len(), line.summary)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use zktee_config::{Kind, Tensors};
    use zktee_core::provider::{Profile, Unavailable, WorkerCommand};
    use zktee_core::tensor::Tensor;

    use super::*;

    struct Family(&'static str, Availability);

    impl Provider for Family {
        fn profiles(&self) -> Vec<Profile> {
            vec![Profile { backend: self.0.into(), summary: format!("{} proves", self.0) }]
        }

        fn availability(&self) -> Availability {
            self.1.clone()
        }

        fn provision(&self, _say: &mut dyn FnMut(&str)) -> Result<(), Unavailable> {
            unreachable!("a list changes nothing")
        }

        fn command(&self, _backend: &str) -> Result<WorkerCommand, Unavailable> {
            unreachable!("a list starts nothing")
        }
    }

    fn example() -> List {
        let inputs = Tensor::new(vec![6, 2], vec![0.0; 12]).unwrap();
        let workload = Workload {
            name: "mine".into(),
            summary: "my model".into(),
            origin: "my.onnx".into(),
            kind: Kind::Tensors(Box::new(Tensors {
                onnx: b"damaged".to_vec(),
                batch_symbol: None,
                calibration: inputs.clone(),
                inputs,
                labels: None,
                batch: 3,
                task: Task::Regression,
                tolerance: 0.05,
                min_class_agreement: 0.0,
            })),
            options: BTreeMap::new(),
        };
        let missing = Unavailable { reason: "no python3".into(), fix: "install it".into() };
        let families: [Family; 3] = [
            Family("native", Availability::Ready),
            Family(
                "ezkl/tuned",
                Availability::NeedsSetup { what: "a wheel".into(), estimate: Duration::from_secs(75) },
            ),
            Family("gone", Availability::Unavailable(missing)),
        ];
        list(&[workload], families.iter().map(|family| family as &dyn Provider), Path::new("cache"))
    }

    #[test]
    fn text_is_aligned_and_says_what_is_missing() {
        let expected = "\
workload  inputs   batch  weights  what
mine           6       3        ?  my model (my.onnx)

language model         size  here         what
llm-gpt2-xl-shape     130 B  ready        GPT2-XL's shape with random weights in 8 bits, asked the article's prompt for 36 tokens (only by name)

scaling study         members  what (only where --workload writes out `scale`)
mlp-scale-1k to -8m        14  multi-layer perceptron with two hidden layers and random weights, one input
cnn-scale-16k to -8m       10  two convolutions, average pooling and a dense layer with random weights, one image

backend     here         what
native      ready        native proves
ezkl/tuned  needs-setup  ezkl/tuned proves
                         a wheel; about 75 s
gone        unavailable  gone proves
                         no python3
                         fix: install it
";
        assert_eq!(example().to_string(), expected);
    }

    #[test]
    fn json_has_the_same() {
        let json = serde_json::to_value(example()).unwrap();
        assert_eq!(json["workloads"][0]["input_shape"], serde_json::json!([2]));
        assert_eq!((&json["workloads"][0]["calls"], &json["workloads"][0]["task"]), (&2.into(), &"regression".into()));
        assert_eq!(json["backends"][2]["fix"], "install it");
        let mlp = &json["families"][0];
        assert_eq!((&mlp["name"], mlp["members"].as_array().map(Vec::len)), (&"mlp-scale".into(), Some(14)));
        let member = serde_json::json!({
            "name": "mlp-scale-1k", "summary": "perceptron 20-20-20-10: 1000 multiplications",
            "multiplications": 1000, "parameters": 1050, "input_shape": [20],
        });
        assert_eq!(mlp["members"][0], member);
    }
}
