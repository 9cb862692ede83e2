//! Evidence after the run: forgeries that verifiers are shown, and `zktee verify` on what was kept.

mod support;

use support::House;

#[test]
fn real_verifiers_reject_every_forgery_and_take_the_kept_evidence_again() {
    let house = House::new();
    let backends = [
        "halo2/public-input",
        "halo2/private-input",
        "stark/fast",
        "stark/small",
        "stark/zk",
        "enclave/process",
        "enclave/process-sealed",
    ];
    let wanted = ["--workload", "ols-iris", "--backend", "halo2/*", "--backend", "stark/*", "--backend", "enclave/*"];
    house.zktee(&[&["run", "--samples", "1", "--out", "r"][..], &wanted].concat()).exits(0);
    let probes = house.csv("r/probes.csv");
    for backend in backends {
        let of_it: Vec<_> = probes.iter().filter(|probe| probe["backend"] == backend).collect();
        assert!(of_it.len() > 20, "{backend}: {}", of_it.len());
        for probe in &of_it {
            assert_eq!(probe["verdict"], "rejected", "{probe:?}");
        }
        assert!(of_it.iter().any(|probe| probe["probe"] == "other-output"), "{backend}");
        assert!(of_it.iter().any(|probe| probe["probe"].starts_with("key-of-")), "{backend}");
    }
    assert!(probes.iter().any(|probe| probe["probe"] == "other-nonce"), "documents are asked for with a nonce");
    for cell in house.cells("r").values() {
        assert_eq!(cell["probes_tried"], cell["probes_rejected"], "{cell:?}");
    }

    house.zktee(&["verify", "r"]).exits(0).says("7 of 7 accepted");
    a_published_copy_is_verified_too(&house);
    // One changed byte in what was kept is found before any verifier sees it, a changed digest by the verifier.
    let folder = house.path("r/evidence/ols-iris@halo2+public-input");
    let statement: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("statement.json")).unwrap()).unwrap();
    let evidence = folder.join(statement["evidence"].as_str().unwrap());
    let honest = std::fs::read(&evidence).unwrap();
    let mut forged = honest.clone();
    forged[honest.len() / 2] ^= 1;
    std::fs::write(&evidence, &forged).unwrap();
    house.zktee(&["verify", "r"]).exits(6).says("its digest differs").says("6 of 7 accepted");
    std::fs::write(&evidence, &honest).unwrap();
    let outputs = folder.join("claimed-outputs.json");
    std::fs::remove_file(&outputs).unwrap();
    house.zktee(&["verify", "r", "--json"]).exits(6);
}

/// The copy has record, evidence and report, no path of this machine, and goes without what is too much.
fn a_published_copy_is_verified_too(house: &House) {
    house.zktee(&["publish", "r", "p"]).exits(0).says("evidence (7 of the cells)");
    house.zktee(&["verify", "p", "--no-setup"]).exits(0).says("7 of 7 accepted");
    for name in ["run.log", ".lock", "work"] {
        assert!(!house.path("p").join(name).exists(), "{name}");
    }
    let text = |name: &str| std::fs::read_to_string(house.path(name)).unwrap();
    let here = house.path("").display().to_string();
    for name in ["p/run.json", "p/samples.csv", "p/environment.json", "p/report.md"] {
        assert!(!text(name).contains(here.trim_end_matches('/')), "{name}");
    }
    // Again, over the first one, with less room.
    house.zktee(&["publish", "r", "p", "--most-evidence", "12kB"]).exits(0).says("left out");
    house.zktee(&["verify", "p"]).exits(9).says("left out of this folder").says("zktee run --samples 1");
    house.zktee(&["verify", "p", "--json"]).exits(9).says("\"left-out\"");
    // Sound evidence of something else than the table is none of it.
    house.zktee(&["publish", "r", "p"]).exits(0);
    let samples = text("p/samples.csv");
    let statement: serde_json::Value =
        serde_json::from_str(&text("p/evidence/ols-iris@halo2+public-input/statement.json")).unwrap();
    let digest = statement["sha256"][statement["evidence"].as_str().unwrap()].as_str().unwrap();
    assert!(samples.contains(digest));
    std::fs::write(house.path("p/samples.csv"), samples.replace(digest, &"0".repeat(64))).unwrap();
    house
        .zktee(&["verify", "p"])
        .exits(6)
        .says("no sample of the run has evidence of this digest")
        .says("6 of 7 accepted, 1 rejected");
    // No other folder is replaced.
    std::fs::write(house.path("p/thesis.tex"), "mine").unwrap();
    house.zktee(&["publish", "r", "p"]).exits(2).says("thesis.tex");
    assert_eq!(text("p/thesis.tex"), "mine");
}

#[test]
fn a_verifier_that_believes_anything_is_unsound_and_one_that_dies_is_named() {
    let house = House::new().actor("believes-anything").actor("good-prover");
    let wanted = ["--workload", "ols-iris", "--backend", "actor/*"];
    house.zktee(&[&["run", "--samples", "1", "--out", "r"][..], &wanted].concat()).exits(4).says("unsound");
    let cells = house.cells("r");
    let believer = &cells["actor/believes-anything"];
    assert_eq!(believer["outcome"], "unsound");
    assert!(believer["reason"].contains("other-output") && believer["total_wall_s_median"].is_empty(), "{believer:?}");
    let good = &cells["actor/good-prover"];
    assert_eq!(good["outcome"], "measured", "{good:?}");
    assert!(good["probes_accepted"].contains("the verifier died"), "{good:?}");
    assert!(!good["probes_accepted"].contains("other-"), "{good:?}");
    let report = std::fs::read_to_string(house.path("r/report.md")).unwrap();
    assert!(report.contains("~~"), "times of an unsound cell are struck through");
}

#[test]
fn a_run_without_evidence_is_not_verified() {
    let house = House::new();
    house.zktee(&["run", "--workload", "ols-iris", "--backend", "native", "--samples", "1", "--out", "r"]).exits(0);
    house.zktee(&["verify", "r"]).exits(6).says("0 of 0 accepted");
    house.zktee(&["verify", "nowhere"]).exits(3);
}

/// Outputs are there and right, times are four times what was done; but nothing was proven whole, so nothing is verified.
#[test]
fn a_part_that_was_proven_is_an_estimate_and_no_evidence() {
    let parts = ["proves-a-part", "rejects-its-part", "parts-of-nothing", "good-prover"];
    let house = parts.iter().fold(House::new(), |house, part| house.actor(part));
    let run = ["run", "--workload", "ols-iris", "--backend", "actor", "--out", "r", "--samples", "2"];
    house.zktee(&run).exits(4).says("estimated from a part");
    let cells = house.cells("r");
    let cell = &cells["actor/proves-a-part"];
    let how = "stage work took 0.0010 s and 0.0010 s of CPU for 1 of 4 rows, times 4.0000";
    assert_eq!(cell["outcome"], "estimated");
    assert_eq!(cell["reason"], format!("extrapolated: prove: {how}; extrapolated: verify: {how}"));
    assert!(cell["flags"].contains("extrapolated") && cell["flags"].contains("unverified"), "{}", cell["flags"]);
    let seconds = |column: &str| cell[column].parse::<f64>().unwrap();
    for column in ["prove_wall_s_median", "prove_cpu_s_median", "verify_wall_s_median"] {
        assert!((seconds(column) - 0.004).abs() < 1e-9, "{column}: {}", cell[column]);
    }
    assert!((seconds("infer_wall_s_median") - 0.001).abs() < 1e-9);
    assert_eq!(cell["probes_tried"], "");
    for row in house.csv("r/samples.csv").iter().filter(|row| row["backend"] == "actor/proves-a-part") {
        let (whole, of_part) = (row["stage"].is_empty(), row["phase"] == "prove" || row["phase"] == "verify");
        assert_eq!(row["outcome"] == "estimated", whole && of_part, "{row:?}");
        assert_eq!((&*row["verified"], &*row["evidence_sha256"]), ("", ""), "{row:?}");
        assert!(whole || row["wall_s"] == "0.001", "a stage stands as it was measured: {row:?}");
    }
    assert!(!house.path("r/evidence/ols-iris@actor+proves-a-part").join("statement.json").exists());
    let report = std::fs::read_to_string(house.path("r/report.md")).unwrap();
    assert!(report.contains("| actor/proves-a-part | **estimated** |"), "{report}");

    assert_eq!(cells["actor/rejects-its-part"]["outcome"], "wrong");
    assert!(cells["actor/parts-of-nothing"]["reason"].contains("a stage that did nothing"));
    assert_eq!(cells["actor/good-prover"]["outcome"], "measured");
    house.zktee(&["verify", "r"]).exits(0).says("nothing to verify").says("1 of 1 accepted, 1 estimated");
}
