//! `zktee explain`: the halo2 circuit of a workload, its estimated cost, and on request the measured one.

use anyhow::Context as _;
use serde::Serialize;
use zktee_config::Workload;
use zktee_core::protocol::Timed;
use zktee_halo2::{Explanation, Plan, ProvingKey, Source};
use zktee_models::integer::IntegerModel;

use crate::backends;
use crate::cli::ExplainArguments;
use crate::exit::{Code, UsageError};

/// What one call of the prover took.
#[derive(Debug, Clone, Copy, Serialize)]
struct Measured {
    proofs: u32,
    median_wall_s: f64,
    median_cpu_s: f64,
    /// Measured CPU time over the estimate.
    over_estimate: f64,
    proof_bytes: usize,
}

#[derive(Debug, Serialize)]
struct Report {
    workload: String,
    integer_model: String,
    circuit: Explanation,
    measured: Option<Measured>,
}

/// Prints the plan of a workload.
pub(crate) fn explain(arguments: &ExplainArguments) -> anyhow::Result<Code> {
    let known = backends::known(&arguments.config)?;
    let workload = find(known.workloads, &arguments.workload)?;
    let tensors = workload.tensors().ok_or_else(|| {
        UsageError(format!(
            "`{}` is a language model: no circuit is made of it; explain a workload of tensors",
            workload.name
        ))
    })?;
    let model = zktee_integer::twin(&workload.name, &tensors.onnx, Some(&tensors.calibration))?;
    let plan = Plan::new(&model, tensors.batch, arguments.private_input)?;
    let each = model.input_len() * tensors.batch;
    let inputs = model.quantise_inputs(tensors.inputs.data.get(..each).unwrap_or(&tensors.inputs.data))?;
    if let Some(path) = &arguments.picture {
        plan.spec.draw(&model, &inputs, path)?;
    }
    let circuit = plan.explain();
    let estimate_s = circuit.estimate.total_s() * circuit.proofs as f64;
    let source = match &arguments.config.srs {
        Some(file) => Source::File(file.clone()),
        None => Source::Cache(known.cache.join("srs")),
    };
    let keys = known.cache.join("halo2-keys");
    let measure = |count| measured(plan, &model, &inputs, count, estimate_s, &source, &keys);
    let measured = arguments.measure.map(measure).transpose()?;
    let report = Report { workload: workload.name.clone(), integer_model: model.digest(), circuit, measured };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(Code::Success);
    }
    println!("{}, integer model {}\n\n{}", report.workload, report.integer_model, report.circuit);
    if let Some(measured) = report.measured {
        println!(
            "measured over {} calls: median {:.1} ms of wall time, {:.1} ms of CPU time ({:.2} times the estimate), {} bytes of proof",
            measured.proofs,
            measured.median_wall_s * 1e3,
            measured.median_cpu_s * 1e3,
            measured.over_estimate,
            measured.proof_bytes
        );
    }
    if let Some(path) = &arguments.picture {
        println!("{}", path.display());
    }
    Ok(Code::Success)
}

fn find(workloads: Vec<Workload>, name: &str) -> anyhow::Result<Workload> {
    let names: Vec<_> = workloads.iter().map(|workload| workload.name.clone()).collect();
    if let Some(workload) = workloads.into_iter().find(|workload| workload.name == name) {
        return Ok(workload);
    }
    // A member of a family is made when it is asked for.
    if let Some(language) = zktee_config::language(name) {
        return Ok(language);
    }
    zktee_config::builtin(name).with_context(|| {
        format!("no workload `{name}`; there are {}, and the families of `zktee list`", names.join(", "))
    })
}

fn measured(
    plan: Plan,
    model: &IntegerModel,
    inputs: &[i64],
    count: u32,
    estimate_s: f64,
    source: &Source,
    keys: &std::path::Path,
) -> anyhow::Result<Measured> {
    let srs = source.get(plan.spec.design.k())?;
    let (key, _) = ProvingKey::cached(keys, plan.spec, &srs)?;
    // The first is not counted: it warms caches up.
    let mut proof_bytes = key.prove(model, inputs)?.evidence.proofs.iter().map(Vec::len).sum();
    let (mut walls, mut cpus) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let mut timed = Timed::default();
        let proven = timed.call(|| key.prove(model, inputs))?;
        proof_bytes = proven.evidence.proofs.iter().map(Vec::len).sum();
        if let Some(reading) = timed.reading() {
            walls.push(reading.wall_s);
            cpus.push(reading.user_s + reading.system_s);
        }
    }
    let (median_wall_s, median_cpu_s) = (median(walls), median(cpus));
    let over_estimate = median_cpu_s / estimate_s;
    Ok(Measured { proofs: count, median_wall_s, median_cpu_s, over_estimate, proof_bytes })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
