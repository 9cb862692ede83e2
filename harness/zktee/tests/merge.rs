//! A run in parts, put together again, by the real binary.

mod support;

use std::collections::BTreeSet;

use support::House;

const CELLS: [&str; 6] = ["run", "--workload", "ols-iris", "--workload", "mlp-iris", "--samples"];

fn part<'a>(part: &'a str, out: &'a str) -> Vec<&'a str> {
    [&CELLS[..], &["1", "--backend", "native", "--backend", "stark", "--partition", part, "--out", out]].concat()
}

fn names(house: &House, run: &str) -> Vec<(String, String)> {
    let rows = house.csv(&format!("{run}/cells.csv"));
    rows.into_iter().map(|row| (row["workload"].clone(), row["backend"].clone())).collect()
}

#[test]
fn the_parts_of_a_run_are_the_run() {
    let house = House::new();
    for (index, out) in [("1/3", "one"), ("2/3", "two"), ("3/3", "three")] {
        house.zktee(&part(index, out)).exits(0);
    }
    let planned = house.zktee(&[&part("2/3", "x")[..], &["--dry-run"]].concat());
    planned.exits(0).says("part 2 of 3 of a plan of 8 cells");
    house.zktee(&["merge", "one", "three", "--out", "all"]).exits(3).says("parts 2 of 3 are missing");
    house.zktee(&["merge", "three", "one", "two", "--out", "all"]).exits(0).says("report.html");
    let order = ["native", "stark/fast", "stark/small", "stark/zk"];
    let expected: Vec<_> = ["ols-iris", "mlp-iris"]
        .iter()
        .flat_map(|w| order.iter().map(|b| ((*w).to_owned(), (*b).to_owned())))
        .collect();
    let merged = names(&house, "all");
    assert_eq!(merged, expected);
    let in_parts: Vec<_> = ["one", "two", "three"].iter().flat_map(|run| names(&house, run)).collect();
    assert_eq!(in_parts.len(), 8);
    assert_eq!(in_parts.into_iter().collect::<BTreeSet<_>>(), merged.into_iter().collect());
    assert!(house.csv("all/cells.csv").iter().all(|row| row["outcome"] == "measured"));
    // What was merged verifies, compares and reports like any run, but there is nothing to go on with.
    house.zktee(&["verify", "all"]).exits(0).says("6 of 6 accepted");
    house.zktee(&["compare", "all", "all"]).exits(8).says("NOTHING COULD HAVE BEEN SHOWN");
    house.zktee(&["report", "all"]).exits(0);
    house.zktee(&["run", "--resume", "all"]).exits(2).says("put together by `zktee merge`");
    house.zktee(&["merge", "one", "two", "three", "--out", "all"]).exits(2).says("is not empty");
    house.zktee(&["merge", "one", "two", "one", "--out", "again"]).exits(3).says("one is named twice");

    // Rows of another kind of machine stay apart, and their evidence is verified by the same backend.
    let environment = house.path("two/environment.json");
    let text = std::fs::read_to_string(&environment).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value["cpu"] = "Another CPU".into();
    std::fs::write(&environment, value.to_string()).unwrap();
    house.zktee(&["merge", "one", "two", "three", "--out", "mixed"]).exits(0).says("machine 2: Another CPU");
    let elsewhere =
        names(&house, "two").into_iter().map(|(workload, backend)| (workload, format!("{backend} (machine 2)")));
    let mixed = names(&house, "mixed");
    assert!(elsewhere.clone().count() > 0 && elsewhere.clone().all(|cell| mixed.contains(&cell)), "{mixed:?}");
    house.zktee(&["verify", "mixed"]).exits(0).says("6 of 6 accepted").says("(machine 2)");
    // Another commit is another thing.
    value["commit"] = "f".repeat(40).into();
    std::fs::write(&environment, value.to_string()).unwrap();
    house
        .zktee(&["merge", "one", "two", "three", "--out", "none"])
        .exits(3)
        .says("the commit is")
        .says("do not belong together");
}

#[test]
fn more_parts_than_cells_leave_some_with_nothing_to_do() {
    let house = House::new();
    for (index, out) in [("1/2", "one"), ("2/2", "two")] {
        let args = ["run", "-w", "ols-iris", "-b", "native", "--samples", "1", "--partition", index, "--out", out];
        house.zktee(&args).exits(0);
    }
    assert_eq!((names(&house, "one").len(), names(&house, "two").len()), (1, 0));
    house.zktee(&["merge", "two", "one", "--out", "all"]).exits(0);
    assert_eq!(names(&house, "all").len(), 1);
    for wrong in ["0/2", "3/2", "2", "a/b"] {
        house.zktee(&["run", "--partition", wrong]).exits(2).says("write 1/4");
    }
    house.zktee(&["run", "--resume", "one", "--partition", "1/2"]).exits(2);
    house.zktee(&["merge", "--out", "x"]).exits(2);
}
