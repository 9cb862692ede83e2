//! How enclaves do when many ask at once: `load.csv` as a table.

use zktee_core::record::LoadRow;

use crate::table::{Column, Field, Style, Table};
use crate::units;

/// The table as aligned text, for a terminal.
pub fn load_text(rows: &[LoadRow]) -> String {
    load_table(rows).plain()
}

/// Throughput and latencies, a row a load.
pub(crate) fn load_table(rows: &[LoadRow]) -> Table {
    let mut table = Table::new(
        "Many clients at a time, each on a channel of its own with one request at a time",
        &[
            Column::text("Workload"),
            Column::text("Backend"),
            Column::text("Request"),
            Column::number("Clients"),
            Column::number("Requests a second"),
            Column::number("p50"),
            Column::number("p90"),
            Column::number("p99"),
            Column::number("Slowest"),
            Column::number("Failed"),
        ],
    );
    for row in rows {
        let latencies = [row.p50_s, row.p90_s, row.p99_s, row.max_s];
        let mut fields = vec![
            Field::new(Style::Strong, row.workload.clone()),
            row.backend.clone().into(),
            row.request.as_str().into(),
            units::count(u64::from(row.clients)).into(),
            units::count(row.throughput() as u64).into(),
        ];
        let seconds = |s: f64| if row.answered > 0 { units::seconds(s) } else { crate::table::NOTHING.to_owned() };
        fields.extend(latencies.map(|latency| Field::from(seconds(latency))));
        fields.push(format!("{} of {}", units::count(row.failed), units::count(row.answered + row.failed)).into());
        table.push(fields);
    }
    table
}

#[cfg(test)]
mod tests {
    use zktee_core::record::LoadRequest;

    use super::*;

    fn row() -> LoadRow {
        LoadRow {
            workload: "ols-iris".into(),
            backend: "enclave/process".into(),
            request: LoadRequest::InferAndAttest,
            clients: 8,
            answered: 999,
            failed: 1,
            elapsed_s: 0.5,
            p50_s: 0.001,
            p90_s: 0.002,
            p99_s: 0.004,
            max_s: 0.008,
        }
    }

    #[test]
    fn the_table_shows_rates_latencies_and_failures() {
        let text = load_table(&[row()]).plain();
        for part in ["infer-and-attest", "1 998", "1.00 ms", "4.00 ms", "1 of 1 000"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
