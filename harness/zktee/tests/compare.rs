//! `zktee compare` and `zktee history` on runs of the real binary, with a worker whose times are made up and therefore known.

mod support;

use std::path::Path;
use std::process::Command;

use support::{Done, House};

/// A run of an actor whose every call takes so many seconds, by its own account.
fn run(house: &House, out: &str, seconds: &str, samples: &str) {
    let args = ["run", "--workload", "ols-iris", "--backend", "actor/good", "--out", out, "--samples", samples];
    Done::of(&house.command(&args).env("ACTOR_SECONDS", seconds).output().unwrap()).exits(0);
}

fn json(done: &Done) -> serde_json::Value {
    serde_json::from_str(&done.out).unwrap_or_else(|e| panic!("{e}: {}", done.out))
}

#[test]
fn a_slow_down_has_its_own_exit_code_and_reads_well_in_every_form() {
    let house = House::new().actor("good");
    run(&house, "before", "0.0010", "5");
    run(&house, "after", "0.0011", "5");
    let slower = house.zktee(&["compare", "before", "after"]);
    slower.exits(7).says("regressed").says("+10.0 %").says("4 regressed, 0 improved");
    slower.says("Both sides are the same code");
    house.zktee(&["compare", "after", "before"]).exits(0).says("4 improved");
    house.zktee(&["compare", "before", "before"]).exits(0).says("4 same");
    house.zktee(&["compare", "before", "after", "--min-effect", "20%"]).exits(0).says("4 same");
    let md = house.zktee(&["compare", "before", "after", "--format", "md"]);
    md.exits(7).says("### zktee compare: slower").says("| `ols-iris@actor/good` | setup | wall |");
    let it = house.zktee(&["compare", "before", "after", "--format", "json", "--times", "cpu"]);
    let it = json(it.exits(7));
    assert_eq!(it["rows"].as_array().unwrap().len(), 2, "{it}");
    assert_eq!((&it["rows"][0]["verdict"], &it["rows"][0]["metric"]), (&"regressed".into(), &"cpu".into()));
    assert!((it["rows"][0]["ratio"].as_f64().unwrap() - 1.1).abs() < 1e-9 && it["tests"] == 2, "{it}");
}

#[test]
fn a_comparison_that_cannot_show_anything_is_no_success() {
    let house = House::new().actor("good").actor("good-prover");
    run(&house, "before", "0.001", "3");
    run(&house, "after", "0.900", "3");
    house.zktee(&["compare", "before", "after"]).exits(8).says("NOTHING COULD HAVE BEEN SHOWN").says("cannot tell");
    let other = ["run", "--workload", "ols-iris", "--backend", "actor/good-prover", "--out", "other", "--samples", "1"];
    house.zktee(&other).exits(0);
    house.zktee(&["compare", "before", "other"]).exits(3).says("nothing to compare").says("not planned");
    house.zktee(&["compare", "before", "nowhere"]).exits(3).says("nowhere is not a results folder");
    std::fs::create_dir(house.path("empty")).unwrap();
    house.zktee(&["compare", "before", "empty"]).exits(3).says("holds no run");
    let samples = house.path("after/samples.csv");
    let text = std::fs::read_to_string(&samples).unwrap();
    std::fs::write(&samples, text.replacen("measured", "measured,", 1)).unwrap();
    house.zktee(&["compare", "before", "after"]).exits(3).says("samples.csv, line 2");
}

#[test]
fn what_worked_and_fails_now_is_a_regression_and_machines_that_differ_are_said_loudly() {
    let house = House::new().actor("good");
    run(&house, "before", "0.001", "4");
    run(&house, "after", "0.001", "4");
    let environment = house.path("after/environment.json");
    let text = std::fs::read_to_string(&environment).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value["cpu"] = "Another CPU | <b>9000</b>".into();
    value["commit"] = "f".repeat(40).into();
    std::fs::write(&environment, value.to_string()).unwrap();
    let said = house.zktee(&["compare", "before", "after"]);
    said.exits(0).says("!! THE MACHINE IS NOT THE SAME").says("Another CPU").says("code     commit:");
    house.zktee(&["compare", "before", "after", "--format", "md"]).exits(0).says("&lt;b&gt;9000");

    let samples = house.path("after/samples.csv");
    let text = std::fs::read_to_string(&samples).unwrap();
    let failed = text.replacen("infer,,0,0,measured,,", "infer,,0,0,crashed,it fell over,", 1);
    assert_ne!(failed, text);
    std::fs::write(&samples, failed).unwrap();
    house.zktee(&["compare", "before", "after"]).exits(7).says("BROKE").says("it fell over").says("1 cell(s) broke");
    house.zktee(&["compare", "after", "before"]).exits(3).says("works now");
}

#[test]
fn command_lines_that_make_no_sense_say_so() {
    let house = House::new();
    for args in [
        &["compare"][..],
        &["compare", "one"],
        &["compare", "one", "two", "--ab", "a", "b"],
        &["compare", "one", "two", "--rounds", "3"],
        &["compare", "one", "two", "--", "--quick"],
        &["compare", "one", "two", "--level", "5"],
        &["compare", "one", "two", "--level", "0"],
        &["compare", "one", "two", "--min-effect", "a lot"],
        &["history"],
        &["history", "add"],
        &["history", "plot", "--level", "0.01%"],
    ] {
        house.zktee(args).exits(2);
    }
    house.zktee(&["compare", "--help"]).exits(0).says("cannot tell").says("--ab main HEAD").says("Exit codes");
    house.zktee(&["compare", "--ab", "HEAD", "HEAD"]).exits(2).says("no git checkout");
}

#[test]
fn a_history_is_added_to_drawn_and_survives_half_a_line() {
    let house = House::new().actor("good");
    for (i, seconds) in ["0.00100", "0.00101", "0.00099", "0.00100", "0.00102", "0.00101"].into_iter().enumerate() {
        run(&house, &format!("fast-{i}"), seconds, "1");
        run(&house, &format!("slow-{i}"), &seconds.replace("0.00", "0.01"), "1");
    }
    house.zktee(&["history", "plot"]).exits(3).says("no history");
    // Added in any order: a run's place is when it began. So the fast ones and the slow ones alternate, and nothing changes.
    let all: Vec<String> = (0..6).flat_map(|i| [format!("slow-{i}"), format!("fast-{i}")]).collect();
    let args: Vec<&str> = ["history", "add"].into_iter().chain(all.iter().map(String::as_str)).collect();
    house.zktee(&args).exits(0).says("fast-4 is in history.jsonl");
    house.zktee(&args).exits(0).says("fast-4 was in history.jsonl already");
    house.zktee(&["history", "plot"]).exits(0).says("0 change(s)").says("history-ols-iris_actor_good.png");
    assert!(house.path("history-plots/history-ols-iris_actor_good.svg").is_file());

    // The slow ones are made the later ones.
    let path = house.path("history.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let later: Vec<String> = text
        .lines()
        .map(|line| {
            let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
            if value["cells"][0]["times"][0]["wall_s"].as_f64().unwrap() > 0.005 {
                let began = value["started_at"].as_str().unwrap().to_owned();
                value["started_at"] = format!("2099{}", &began[4..]).into();
            }
            value.to_string()
        })
        .collect();
    std::fs::write(&path, later.join("\n") + "\n{\"schema\":1,\"started_at\":\"2031-").unwrap();
    let plotted = house.zktee(&["history", "plot", "--out", "pictures"]);
    plotted
        .exits(0)
        .says("4 change(s)")
        .says("13: not written to its end")
        .says("setup wall: 11x (1.01 ms to 11.0 ms)");
    house.zktee(&["history", "add", "fast-0"]).exits(0).says("already");
    house.zktee(&["history", "plot", "--history", "zktee.toml"]).exits(3).says("no line that is a run");
}

/// The program of a revision. Its record names its revision, which is a part of the path at which it was built.
const PROGRAM: &str = r#"
fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let mut real = std::process::Command::new(std::env::var_os("REAL_ZKTEE").unwrap());
    let status = real.args(&arguments[1..]).env("ACTOR_SECONDS", "@LONG@").status().unwrap();
    let own = std::env::current_exe().unwrap();
    let revision = own.ancestors().nth(3).unwrap().file_name().unwrap().to_str().unwrap();
    let record = std::path::Path::new(&arguments[3]).join("environment.json");
    if let (Ok(text), None) = (std::fs::read_to_string(&record), std::env::var_os("STRANGER")) {
        let begin = text.find("\"commit\"").unwrap();
        let end = begin + text[begin..].find('\n').unwrap();
        let line = format!("\"commit\": \"{revision}\",");
        std::fs::write(record, format!("{}{line}{}", &text[..begin], &text[end..])).unwrap();
    }
    std::process::exit(status.code().unwrap_or(1));
}
"#;

/// A repository that has everything that `--ab` needs of this one, but builds in a second: its program hands all to the real one and
/// makes the actor as slow as its revision says.
struct Repository(House);

impl Repository {
    fn new() -> Self {
        let it = Self(House::new().actor("good"));
        it.git(&["init", "--quiet", "--initial-branch", "main"]);
        it.commit("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"harness/zktee\"]\n");
        it.commit("Cargo.lock", "version = 4\n\n[[package]]\nname = \"zktee\"\nversion = \"0.1.0\"\n");
        it.commit("harness/zktee/Cargo.toml", "[package]\nname = \"zktee\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        it
    }

    fn git(&self, args: &[&str]) {
        let identity = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").args(identity).args(args).current_dir(self.0.path("")).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {output:?}");
    }

    fn commit(&self, file: &str, text: &str) {
        let path = self.0.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self.git(&["add", file]);
        self.git(&["commit", "--quiet", "--message", file]);
    }

    fn revision(&self, name: &str, seconds: &str) {
        let program = PROGRAM.replace("@LONG@", seconds);
        self.commit("harness/zktee/src/main.rs", &program);
        self.git(&["tag", name]);
    }

    fn ab(&self, args: &[&str]) -> Done {
        let mut command = self.0.command(&["compare", "--ab"]);
        Done::of(&command.args(args).env("REAL_ZKTEE", env!("CARGO_BIN_EXE_zktee")).output().unwrap())
    }
}

const CELLS: [&str; 5] = ["--", "--workload", "ols-iris", "--backend", "actor/good"];

#[test]
fn two_revisions_take_turns_and_the_slower_one_is_found_twice() {
    let it = Repository::new();
    it.revision("fast", "0.0010");
    it.revision("slow", "0.0012");

    let same =
        it.ab(&[&["fast", "fast", "--rounds", "5", "--out", "aa", "--format", "json"][..], &CELLS, &["-b", "native"]]
            .concat());
    let same = json(same.says("round 5 of 5"));
    assert_eq!((same["base"]["runs"].as_u64(), same["unit"].as_str()), (Some(5), Some("run")), "{same}");
    let rows = same["rows"].as_array().unwrap();
    let of = |cell: &str| rows.iter().filter(|row| row["cell"] == cell).collect::<Vec<_>>();
    assert_eq!((of("ols-iris@native").len(), of("ols-iris@actor/good").len()), (4, 4), "{same}");

    let slower = it.ab(&[&["fast", "slow", "--rounds", "5", "--out", "ab", "--confirm"][..], &CELLS].concat());
    slower.exits(7).says("4 regressed").says("confirmed by the re-run: +20.0 %").says("measuring 1 cell(s) again");
    assert!(it.0.path("ab/again/new/0005/samples.csv").is_file());
    // What it left can be compared again, by itself.
    it.0.zktee(&["compare", "ab/base", "ab/new", "--min-effect", "50%"]).exits(0).says("4 same");
    it.0.zktee(&["compare", "ab/base", "aa/base"]).exits(0).says("4 same").says("only in new");
}

#[test]
fn what_cannot_take_turns_says_why() {
    let it = Repository::new();
    it.revision("good", "0.001");
    it.commit("harness/zktee/src/main.rs", "fn main() { this is no Rust }\n");
    it.git(&["tag", "broken"]);
    // A program that is not of its revision is not compared.
    let mut stranger = it.0.command(&["compare", "--ab", "good", "good", "--rounds", "2", "--out", "x"]);
    stranger.args(CELLS).env("REAL_ZKTEE", env!("CARGO_BIN_EXE_zktee")).env("STRANGER", "1");
    Done::of(&stranger.output().unwrap()).exits(3).says("says that it was built from");
    it.ab(&["good", "nonesuch"]).exits(2).says("`nonesuch` is no revision");
    it.ab(&["good", "good", "--", "--out", "x"]).exits(2).says("--ab sets --out itself");
    it.ab(&["good", "good", "--out", "harness"]).exits(2).says("is not empty");
    it.ab(&["good", "broken", "--rounds", "2"]).exits(3).says("broken").says("does not build");
    let wrong = it.ab(&["good", "good", "--rounds", "2", "--", "--backend", "nonesuch"]);
    wrong.exits(3).says("matches none of").says("ended with exit status: 2");
    assert!(Path::new(&it.0.path("cache/compare")).is_dir());
}
