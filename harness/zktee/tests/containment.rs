//! Workers that would harm what is measured after them, and runs that get into each other's way: through the real binary.

mod support;

use std::process::Stdio;
use std::time::Instant;

use support::{Done, House, no_process_is_left, wait_for_rows};

#[test]
fn whatever_a_worker_floods_fills_or_leaves_behind_is_contained() {
    let parts = [
        ("floods", "crashed", "a line of more than"),
        ("floods-lines", "crashed", "protocol: "),
        ("floods-errors", "measured", ""),
        ("fills-disk", "crashed", "--disk-limit"),
        ("fills-disk-at-once", "crashed", "--disk-limit"),
        ("ignores-sigterm", "timeout", "--timeout"),
        ("daemon-and-hangs", "timeout", "--timeout"),
        ("leaves-a-child", "measured", ""),
        ("leaves-a-daemon", "measured", ""),
        ("good", "measured", ""),
    ];
    let house = parts.iter().fold(House::new(), |house, (part, ..)| house.actor(part));
    let mut args =
        vec!["run", "--workload", "ols-iris", "--backend", "actor", "--out", "run", "--samples", "1", "--keep-scratch"];
    args.extend(["--timeout", "6s", "--disk-limit", "100MiB"]);
    house.zktee(&args).exits(4);
    let cells = house.cells("run");
    for (part, outcome, reason) in parts {
        let cell = &cells[&format!("actor/{part}")];
        assert_eq!(cell["outcome"], outcome, "{part}: {}", cell["reason"]);
        assert!(cell["reason"].contains(reason), "{part}: {}", cell["reason"]);
    }
    for part in ["leaves-a-child", "leaves-a-daemon"] {
        let notes = &cells[&format!("actor/{part}")]["notes"];
        assert!(notes.contains("of its processes running"), "{part}: {notes}");
    }
    assert_eq!(cells["actor/good"]["notes"], "");
    no_process_is_left(&house.path("run"));
    let size = |name: &str| std::fs::metadata(house.path("run").join(name)).map_or(0, |meta| meta.len());
    assert!(size("run.log") < 20 << 20, "the log holds {} bytes", size("run.log"));
    for part in ["fills-disk", "fills-disk-at-once"] {
        let cells = house.path("run").join("work").join("cells");
        let left = std::fs::read_dir(cells.join(format!("ols-iris@actor+{part}"))).expect("its folder");
        assert_eq!(
            left.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("block")).count(),
            0,
            "{part}"
        );
    }
}

#[test]
fn two_runs_in_one_folder_are_refused() {
    let house = House::new().actor("slow-prover");
    let args = ["run", "--workload", "ols-iris", "--backend", "actor", "--out", "run", "--samples", "3"];
    let mut first = house.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("zktee starts");
    wait_for_rows(&house, 1);
    house.zktee(&args).exits(2).says("is not empty");
    house.zktee(&["run", "--resume", "run"]).exits(2).says("another run is at work");
    first.kill().expect("it can be killed");
    first.wait().expect("it ends");
    house.zktee(&["run", "--resume", "run"]).exits(0);
    no_process_is_left(&house.path("run"));
}

#[test]
fn two_runs_that_begin_at_once_do_not_share_a_folder() {
    let house = House::new();
    let args = ["run", "--workload", "ols-iris", "--backend", "native", "--out", "run", "--samples", "1"];
    let start = || house.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("zktee starts");
    let both = [start(), start()].map(|child| Done::of(&child.wait_with_output().expect("it ends")));
    let mut codes = both.each_ref().map(|done| done.code);
    codes.sort_unstable();
    assert_eq!(codes, [0, 2], "{}\n{}", both[0].err, both[1].err);
    assert_eq!(house.csv("run/samples.csv").len(), 2, "setup and infer, once");
}

/// Uniform in 0..1; Marsaglia's xorshift, so that a failure can be played again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

const SAMPLES: u32 = 6;

/// `ZKTEE_KILLS` sets how many (50), `ZKTEE_SEED` which moments.
#[test]
fn kills_at_random_moments_lose_and_repeat_nothing() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (mut kills, seed) = (number("ZKTEE_KILLS").unwrap_or(50), number("ZKTEE_SEED").unwrap_or(0x5eed));
    let mut random = Random(seed.max(1));
    let begin = [
        "run",
        "--workload",
        "ols-iris",
        "--backend",
        "native",
        "--backend",
        "selftest/spin",
        "--samples",
        "6",
        "--out",
        "run",
    ];
    let whole_run = {
        let (house, start) = (House::new(), Instant::now());
        house.zktee(&begin).exits(0);
        start.elapsed()
    };
    let (mut resumed, mut folders) = (0, 0);
    while kills > 0 {
        let house = House::new();
        folders += 1;
        let mut before: Vec<Row> = Vec::new();
        loop {
            // A run that was killed before it had a record is begun anew, without a word about the folder.
            let has_record = house.path("run/run.json").is_file();
            let args: &[&str] = if has_record { &["run", "--resume", "run"] } else { &begin };
            resumed += u64::from(has_record);
            let mut child =
                house.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("zktee starts");
            if kills > 0 {
                std::thread::sleep(whole_run.mul_f64(0.6 * random.next()));
                kills -= 1;
                child.kill().expect("it can be killed");
            }
            let done = Done::of(&child.wait_with_output().expect("it ends"));
            no_process_is_left(&house.path("run"));
            let now = whole_rows(&house);
            assert_eq!(now[..before.len()], before[..], "seed {seed}, {kills} kills to go: what was recorded stands");
            before = now;
            if done.code != -1 {
                // It came to its end, killed too late or not at all.
                done.exits(0);
                break;
            }
        }
        before.sort();
        let of = |backend: &str, phase: &str| {
            (0..SAMPLES).map(move |n| [backend, phase, &n.to_string()].map(str::to_owned)).collect::<Vec<_>>()
        };
        let mut wanted = [of("native", "setup"), of("native", "infer"), of("selftest/spin", "infer")].concat();
        wanted.sort();
        assert_eq!(before, wanted, "seed {seed}: every sample once");
        let stages = house.csv("run/samples.csv").into_iter().filter(|row| !row["stage"].is_empty()).count();
        assert_eq!(stages, 2 * SAMPLES as usize, "seed {seed}: every stage once");
        for (backend, cell) in house.cells("run") {
            assert_eq!(cell["outcome"], "measured", "{backend}: {}", cell["reason"]);
        }
    }
    println!("seed {seed}: {resumed} times resumed in {folders} folders");
}

type Row = [String; 3];

/// Backend, phase and number of every sample on the disk, in the file's order; a torn last line is none.
fn whole_rows(house: &House) -> Vec<Row> {
    let text = std::fs::read_to_string(house.path("run/samples.csv")).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut reader = csv::Reader::from_reader(whole.as_bytes());
    let rows = reader.deserialize().map(|row| row.expect("a row"));
    let rows = rows.filter(|row: &std::collections::BTreeMap<String, String>| row["stage"].is_empty());
    rows.map(|row| ["backend", "phase", "sample"].map(|column| row[column].clone())).collect()
}

#[test]
fn a_run_that_was_killed_before_its_first_sample_can_be_begun_or_resumed() {
    let house = House::new();
    let begin = ["run", "--workload", "ols-iris", "--backend", "native", "--samples", "1", "--out", "run"];
    std::fs::create_dir(house.path("run")).expect("a folder");
    for file in [".lock", "run.tmp"] {
        std::fs::write(house.path("run").join(file), "{\"sch").expect("what a kill leaves");
    }
    house.zktee(&begin).exits(0);
    for file in ["environment.json", "samples.csv", "cells.csv"] {
        std::fs::remove_file(house.path("run").join(file)).expect("a file of the run");
    }
    house.zktee(&["run", "--resume", "run"]).exits(0);
    assert_eq!(house.csv("run/samples.csv").len(), 2);
    assert!(house.path("run/environment.json").is_file());
}
