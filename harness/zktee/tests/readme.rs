//! The README's table is the published run's: made from its record, never typed.
//!
//! `UPDATE_README=1 cargo test --release --test readme` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use zktee_core::vocabulary::Outcome;
use zktee_report::cell::{Cell, CellFlag};
use zktee_report::claims::{Claims, Figure, matches_any};
use zktee_report::{LanguageCell, Run, cells, language_cells, load, not_here, units};

const BEGIN: &str = "<!-- made from reports/published by harness/zktee/tests/readme.rs -->\n";
const END: &str = "<!-- end of what is made -->\n";

/// The workloads of the table, with what they are.
const WORKLOADS: [(&str, &str); 4] = [
    ("ols-iris", "OLS, Iris, 150 rows"),
    ("mlp-iris", "MLP, Iris, 500 inputs in one call"),
    ("mlp-iris-each", "MLP, Iris, 500 inputs, a call each"),
    ("lenet-mnist", "LeNet-5, MNIST, 1 image"),
];

fn table(all: &[Cell]) -> String {
    let claims = Claims::built_in();
    let mut out = String::from(
        "| workload | backend | prove or attest | its CPU time | verify | total | peak memory | proof | claimed by the article |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for (name, title) in WORKLOADS {
        let mut title = title;
        let here = |cell: &&Cell| cell.workload == name && cell.outcome != Outcome::Unavailable;
        for cell in all.iter().filter(here) {
            let row = row(cell, claim(&claims, cell));
            let _ = writeln!(out, "| {title} | `{}` | {row} |", cell.backend);
            title = "";
        }
    }
    if let Some(missing) = not_here(all) {
        let _ =
            writeln!(out, "\n{missing} Why, and what mends it: [report.md](reports/published/report.md#all-cells).");
    }
    out
}

/// Language models in a table of their own, in the article's form; none where the published run has none.
fn language_table(all: &[Cell], language: &[LanguageCell]) -> Option<String> {
    let mut out = String::from(
        "| language model | backend | tokens | tokens/s | first token | token, p50 | attest | verify | total | peak memory |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    let ns = |value: Option<f64>| or_none(value.map(|ns| units::seconds(ns * 1e-9)));
    let seconds = |value: Option<f64>| or_none(value.map(units::seconds));
    let mut last = "";
    for of in language {
        let Some(cell) = all.iter().find(|cell| cell.workload == of.workload && cell.backend == of.backend) else {
            continue;
        };
        let Some(total) = total(cell).filter(|_| of.answers > 0) else { continue };
        let weights = if of.random_weights { " (random weights)" } else { "" };
        let model = if of.workload == last { String::new() } else { format!("{}{weights}", of.workload) };
        last = &of.workload;
        let columns = [
            or_none(of.eval_count.map(units::count)),
            format!("**{}**", or_none(of.tokens_per_s_median.map(units::rate))),
            ns(of.first_token_ns_median),
            ns(of.token_latency_ns_p50.map(|ns| ns as f64)),
            seconds(of.prove_wall_s_median),
            seconds(of.verify_wall_s_median),
            total,
            or_none(of.peak_rss_bytes.map(units::bytes)),
        ];
        let _ = writeln!(out, "| {model} | `{}` | {} |", of.backend, columns.join(" | "));
    }
    let claims = Claims::built_in();
    let stated = |figure: &Option<Figure>| figure.as_ref().and_then(Figure::stated);
    for row in &claims.rows {
        let (Some(tokens), Some(speed), Some(total)) =
            (stated(&row.tokens), stated(&row.tokens_per_s), row.tee_total_s.stated())
        else {
            continue;
        };
        let _ = writeln!(
            out,
            "| *{}, claimed* | *{}* | *{}* | *{}* | – | – | – | – | *{}* | – |",
            row.model,
            row.machine.as_deref().unwrap_or("not stated"),
            tokens.text(|n| units::count(n as u64)),
            speed.text(units::rate),
            total.text(units::seconds)
        );
    }
    (!last.is_empty()).then_some(out)
}

fn or_none(text: Option<String>) -> String {
    text.unwrap_or_else(|| "–".to_owned())
}

/// The total with what must be known of it.
fn total(cell: &Cell) -> Option<String> {
    let mark = if cell.has_flag(CellFlag::FewSamples) { " †" } else { "" };
    let remark = match cell.outcome {
        Outcome::Measured => String::new(),
        other => format!(" ({other})"),
    };
    Some(format!("**{}**{mark}{remark}", units::seconds(cell.total()?)))
}

fn row(cell: &Cell, claim: String) -> String {
    let seconds = |value: Option<f64>| or_none(value.map(units::seconds));
    let bytes = |value: Option<u64>| or_none(value.map(units::bytes));
    let Some(total) = total(cell) else {
        return [&cell.outcome.to_string(), "–", "–", "–", "–", "–", &claim].join(" | ");
    };
    let columns = [
        seconds(cell.prove_wall_s_median),
        seconds(cell.prove_cpu_s_median),
        seconds(cell.verify_wall_s_median),
        total,
        bytes(cell.peak_rss_bytes),
        bytes(cell.proof_bytes),
        claim,
    ];
    columns.join(" | ")
}

/// What the article claims beside a cell, for the workloads that it speaks of.
fn claim(claims: &Claims, cell: &Cell) -> String {
    let stated = |figure: &Figure, who: &str| {
        let stated = figure.stated()?;
        Some(format!("*{} ({who})*", stated.text(units::seconds)))
    };
    let row = claims.rows.iter().find(|row| row.id == cell.workload);
    let claim = row.and_then(|row| {
        let zk = row.zk.iter().find(|zk| matches_any(&zk.beside, &cell.backend));
        zk.and_then(|zk| stated(&zk.total_s, &zk.framework)).or_else(|| {
            let beside = matches_any(&row.tee_beside, &cell.backend) || matches_any(&row.floor, &cell.backend);
            beside.then(|| stated(&row.tee_total_s, "enclave")).flatten()
        })
    });
    claim.unwrap_or_default()
}

/// Machine and commit, and what our circuits save beside EZKL's.
fn sentences(run: &Run, all: &[Cell]) -> String {
    let environment = run.environment.as_ref().expect("the published run names its machine");
    let commit: String = environment.commit.as_deref().unwrap_or("unknown").chars().take(7).collect();
    let mut out = format!(
        "{}, {} cores, {} of memory; `zktee` at commit {commit}",
        environment.cpu,
        environment.cores,
        units::bytes(environment.memory_bytes)
    );
    let lenet = |backend: &str| all.iter().find(|cell| cell.workload == "lenet-mnist" && cell.backend == backend);
    let cpu = |backend: &str| lenet(backend)?.prove_cpu_s_median;
    if let (Some(theirs), Some(ours)) = (cpu("ezkl/tuned"), cpu("halo2/public-input")) {
        let _ = write!(
            out,
            ". To prove LeNet-5, `ezkl/tuned` takes {} the CPU time of `halo2/public-input`",
            units::ratio(theirs / ours)
        );
    }
    let claims = Claims::built_in();
    let enclave = claims.rows.iter().find(|row| row.id == "lenet-mnist").and_then(|row| row.tee_total_s.stated());
    if let (Some(total), Some(enclave)) = (lenet("stark/fast").and_then(Cell::total), enclave) {
        let _ = write!(
            out,
            ". `stark/fast` has proven and verified it in {}; the article gives the enclave {} to run it",
            units::seconds(total),
            enclave.text(units::seconds)
        );
    }
    out + ".\n"
}

#[test]
fn the_table_is_that_of_the_published_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let run = load(&root.join("reports/published")).unwrap();
    let all = cells(&run);
    let language = language_table(&all, &language_cells(&run, &all)).map(|it| format!("\n{it}")).unwrap_or_default();
    let expected = format!("{}{language}\n{}", table(&all), sentences(&run, &all));
    let path = root.join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README marks where the table begins");
    let (shown, after) = rest.split_once(END).expect("the README marks where the table ends");
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, [before, BEGIN, "\n", &expected, "\n", END, after].concat()).unwrap();
        return;
    }
    assert_eq!(shown.trim(), expected.trim(), "UPDATE_README=1 cargo test --release --test readme");
}
