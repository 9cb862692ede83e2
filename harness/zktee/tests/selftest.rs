//! Is what a run records true? Work of a known size, through the real binary.

mod support;

use support::House;

#[test]
fn recorded_times_and_memory_are_true_and_lies_are_flagged() {
    let house = House::new();
    let done = house.zktee(&["selftest", "--samples", "5", "--json"]);
    done.exits(0);
    let found: serde_json::Value = serde_json::from_str(&done.out).expect("JSON");
    let findings = found["findings"].as_array().expect("findings");
    let of = |backend: &str, what: &str| {
        let is_it = |it: &&serde_json::Value| it["backend"] == format!("selftest/{backend}") && it["what"] == what;
        let it = findings.iter().find(is_it).unwrap_or_else(|| panic!("{backend} {what}: {findings:?}"));
        (it["recorded"].as_f64().expect("a number"), it["truth"].as_f64().expect("a number"))
    };
    // The exit code says that both are near each other; here is that the work was done at all.
    for (backend, wall_s, cpu_s) in [("sleep", 0.05, 0.0), ("spin", 0.05, 0.05), ("children", 0.1, 0.2)] {
        assert!(of(backend, "wall").0 >= wall_s && of(backend, "cpu").0 >= 0.98 * cpu_s, "{backend}: {findings:?}");
    }
    let (peak, _) = of("allocate", "peak memory");
    assert!(
        peak >= f64::from(64 << 20) && peak < f64::from(192 << 20),
        "{peak}: the block before it is not in the peak"
    );
    for (lie, flag) in [("wall", "clock"), ("cpu", "cpu"), ("stages", "stage")] {
        assert_eq!(of(&format!("lies-{lie}"), &format!("{flag}-mismatch")), (5.0, 5.0));
    }
    assert!(found["overhead"]["sample_s"].as_f64().expect("a number") > 0.0);
    house.zktee(&["selftest", "--samples", "0"]).exits(2).says("--samples");
}

#[test]
fn calibration_is_in_a_run_only_by_name() {
    let house = House::new();
    for args in [&["run", "--dry-run"][..], &["run", "--dry-run", "--backend", "*"]] {
        let done = house.zktee(args);
        done.exits(0).says("ezkl/tuned");
        assert!(!done.out.contains("selftest"), "{}", done.out);
    }
    house.zktee(&["list"]).exits(0).says("selftest/spin").says("only by name");
    let args = ["run", "--workload", "ols-iris", "--backend", "selftest", "--samples", "1", "--out", "run"];
    house.zktee(&args).exits(0);
    let cells = house.cells("run");
    assert_eq!(cells["selftest/spin"]["outcome"], "measured");
    assert!(cells["selftest/lies-wall"]["flags"].contains("clock-mismatch"));
    assert_eq!(
        house.csv("run/samples.csv").iter().filter(|row| row["stage"] == "first half").count(),
        4,
        "one a spinner"
    );
}
