//! The evidence in reports/published is taken by this code, offline: a change of a proof's or a document's form that would leave it behind is
//! seen here.

mod support;

use std::path::Path;

use support::House;

#[test]
fn what_is_published_is_verified_without_the_network() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports/published");
    let house = House::new();
    let done = house.zktee(&["verify", &folder.display().to_string(), "--no-setup"]);
    // EZKL's cells need its wheel and RISC Zero's its prover, which this house has not; all others must be there and hold.
    done.exits(9).says("not checked here");
    let lines: Vec<&str> = done.out.lines().filter(|line| line.contains('@')).collect();
    for line in &lines {
        // What RISC Zero proves in part has no evidence.
        if line.contains("@risc0/") && line.contains("nothing to verify") {
            continue;
        }
        let elsewhere = line.contains("@ezkl/") || line.contains("@risc0/");
        let expected = if elsewhere { "not checked" } else { "accepted in" };
        assert!(line.contains(expected), "{line}");
    }
    assert!(lines.iter().filter(|line| line.contains("accepted in")).count() >= 20, "{}", done.out);
}
