use std::fs;

use tempfile::TempDir;
use zktee_core::protocol::Description;
use zktee_core::record::{CellPlan, ProbeRow, ProbeVerdict, SCHEMA, Sample, Settings, Shard, Task};
use zktee_core::vocabulary::{Phase, Trust};
use zktee_report::{cells, write_rows};

use super::*;

/// A folder of runs.
struct House(TempDir);

/// A run that is not written yet; tests change what they are about.
struct Draft {
    record: RunRecord,
    environment: Environment,
}

fn draft(cells: &[&str]) -> Draft {
    let plan = |cell: &&str| CellPlan {
        id: cell.parse().unwrap(),
        batch: 1,
        repeat: 1,
        task: Task::Regression,
        tolerance: 0.1,
        min_class_agreement: 0.0,
        multiplications: None,
        model_sha256: "aa".to_owned(),
        inputs_sha256: "bb".to_owned(),
        language: None,
        decided: None,
    };
    let cells: Vec<CellPlan> = cells.iter().map(plan).collect();
    let description = Description {
        name: "system".to_owned(),
        version: "1".to_owned(),
        phases: vec![Phase::Infer],
        prove_includes_infer: false,
        trust: Trust::no_evidence(),
    };
    let descriptions = cells.iter().map(|cell| (cell.id.backend.clone(), description.clone())).collect();
    let settings = Settings {
        threads: 2,
        samples: 1,
        min_samples: 1,
        warmup: 0,
        time_budget_s: None,
        timeout_s: 60.0,
        memory_limit_bytes: Some(1_000_000_000),
        disk_limit_bytes: None,
        assumed_instance: None,
        quick: false,
        probes: true,
    };
    let environment = Environment {
        cpu: "Example CPU 9000".to_owned(),
        instance: None,
        cpu_features: Vec::new(),
        cores: 2,
        memory_bytes: 16_000_000_000,
        os: "Debian".to_owned(),
        kernel: "6.1".to_owned(),
        virtualisation: None,
        governor: None,
        instructions_uncounted: None,
        rustc: "rustc 1.95".to_owned(),
        build: "release".to_owned(),
        commit: Some("0123abc".to_owned()),
        versions: BTreeMap::new(),
        load_1m: None,
    };
    let record = RunRecord {
        schema: SCHEMA,
        zktee_version: "0.1.0".to_owned(),
        started_at: "2031-05-04T10:00:00Z".to_owned(),
        command: vec!["zktee".to_owned(), "run".to_owned()],
        settings,
        cells,
        descriptions,
        language_descriptions: BTreeMap::new(),
        shard: None,
        merged: Vec::new(),
    };
    Draft { record, environment }
}

impl Draft {
    fn shard(mut self, index: u32, count: u32, plan: &[&str]) -> Self {
        let plan = plan.iter().map(|cell| cell.parse().unwrap()).collect();
        self.record.shard = Some(Shard { index, count, plan });
        self
    }
}

impl House {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a run with one sample, one forgery and one file of evidence a cell.
    fn run(&self, name: &str, draft: &Draft) -> PathBuf {
        let dir = self.path(name);
        let folder = RunFolder::create(&dir).unwrap();
        folder.write_record(&draft.record).unwrap();
        folder.write_environment(&draft.environment).unwrap();
        let ids = || draft.record.cells.iter().map(|cell| &cell.id);
        let samples: Vec<Sample> = ids()
            .map(|id| Sample {
                started_at: draft.record.started_at.clone(),
                wall_s: Some(0.25),
                iterations: Some(1),
                ..Sample::blank(id, Phase::Infer)
            })
            .collect();
        let probes: Vec<ProbeRow> = ids()
            .map(|id| ProbeRow {
                workload: id.workload.clone(),
                backend: id.backend.clone(),
                probe: "other-output".to_owned(),
                changes_statement: true,
                verdict: ProbeVerdict::Rejected,
                detail: None,
            })
            .collect();
        if !samples.is_empty() {
            write_rows(&folder.samples(), &samples).unwrap();
            write_rows(&dir.join(names::PROBES), &probes).unwrap();
        }
        for id in ids() {
            let evidence = dir.join(names::EVIDENCE).join(id.folder());
            fs::create_dir_all(&evidence).unwrap();
            fs::write(evidence.join("proof.bin"), name).unwrap();
        }
        fs::write(dir.join(names::LOG), format!("log of {name}\n")).unwrap();
        dir
    }

    fn merge(&self, dirs: &[PathBuf], completeness: Completeness) -> Result<Merged, MergeError> {
        merge(dirs, &self.path("merged"), vec!["zktee".to_owned(), "merge".to_owned()], completeness)
    }

    fn refuses(&self, dirs: &[PathBuf], says: &[&str]) {
        let error = self.merge(dirs, Completeness::Whole).unwrap_err().to_string();
        for text in says {
            assert!(error.contains(text), "no `{text}` in: {error}");
        }
        assert!(!self.path("merged").join(names::RUN).exists(), "nothing may look like a merged run");
    }
}

const PLAN: [&str; 4] = ["one@a", "one@b/x", "two@a", "two@b/x"];

#[test]
fn the_parts_of_a_plan_become_the_plan() {
    let house = House::new();
    let mut later = draft(&["two@b/x", "one@a"]).shard(2, 3, &PLAN);
    later.record.started_at = "2031-05-04T11:00:00Z".to_owned();
    later.record.settings.memory_limit_bytes = Some(900_000_000);
    let dirs = [
        house.run("p2", &later),
        house.run("p1", &draft(&["two@a", "one@b/x"]).shard(1, 3, &PLAN)),
        // More parts than there is to do: one has nothing.
        house.run("p3", &draft(&[]).shard(3, 3, &PLAN)),
    ];
    let merged = house.merge(&dirs, Completeness::Whole).unwrap();
    assert!(merged.notes.is_empty(), "{:?}", merged.notes);
    let run = load(merged.folder.root()).unwrap();
    assert!(run.warnings.is_empty(), "{:?}", run.warnings);
    let ids: Vec<String> = run.record.cells.iter().map(|cell| cell.id.to_string()).collect();
    assert_eq!(ids, PLAN);
    assert_eq!((run.samples.len(), run.probes.len()), (4, 4));
    assert!(cells(&run).iter().all(|cell| cell.outcome == zktee_core::vocabulary::Outcome::Measured));
    assert_eq!(run.record.started_at, "2031-05-04T10:00:00Z");
    assert_eq!(run.record.settings.memory_limit_bytes, Some(900_000_000));
    assert_eq!(run.record.merged.iter().map(|it| it.shard).collect::<Vec<_>>(), [Some(2), Some(1), Some(3)]);
    let evidence = merged.folder.root().join(names::EVIDENCE).join("one@b+x/proof.bin");
    assert_eq!(fs::read_to_string(evidence).unwrap(), "p1");
    let log = fs::read_to_string(merged.folder.root().join(names::LOG)).unwrap();
    assert!(log.contains("log of p1") && log.contains("log of p2"), "{log}");
}

#[test]
fn what_is_missing_is_named_and_may_be_left_out() {
    let house = House::new();
    let dirs = [house.run("p2", &draft(&["one@a"]).shard(2, 4, &PLAN))];
    house.refuses(&dirs, &["parts 1, 3, 4 of 4 are missing", "--partition I/4", "--incomplete"]);
    let merged = house.merge(&dirs, Completeness::Any).unwrap();
    assert!(merged.notes[0].contains("parts 1, 3, 4 of 4"), "{:?}", merged.notes);
}

#[test]
fn what_does_not_belong_together_is_refused_and_named() {
    type Change = fn(&mut Draft);
    let changes: [(Change, &[&str]); 12] = [
        (|it| it.environment.commit = Some("fffffff".to_owned()), &["the commit is 0123abc in", "but fffffff in"]),
        (|it| it.environment.build = "debug".to_owned(), &["the build is release"]),
        (|it| it.environment.rustc = "rustc 2".to_owned(), &["the compiler"]),
        (|it| it.record.zktee_version = "9".to_owned(), &["version of zktee"]),
        (|it| it.record.settings.threads = 8, &["--threads is 2 in", "but 8 in"]),
        (|it| it.record.settings.samples = 8, &["--samples"]),
        (|it| it.record.settings.time_budget_s = Some(60.0), &["--time-budget is none in", "but 60 s"]),
        (|it| it.record.settings.probes = false, &["--no-probes"]),
        (|it| it.record.cells[0].model_sha256 = "cc".to_owned(), &["model (SHA-256) of `one`", "aa", "cc"]),
        (|it| it.record.cells[0].inputs_sha256 = "cc".to_owned(), &["set of inputs (SHA-256) of `one`"]),
        (|it| it.record.cells[0].batch = 7, &["batch of `one`"]),
        (|it| it.record.cells[0].tolerance = 0.7, &["tolerance of `one`"]),
    ];
    for (i, (change, says)) in changes.into_iter().enumerate() {
        let house = House::new();
        let mut other = draft(&["one@b/x"]);
        change(&mut other);
        let dirs = [house.run("first", &draft(&["one@a"])), house.run("second", &other)];
        house.refuses(&dirs, &[says, &["first", "second"]].concat());
        assert!(!house.path("merged").exists(), "{i}");
    }
    let house = House::new();
    let dirs = [
        house.run("first", &draft(&["one@a"]).shard(1, 2, &PLAN)),
        house.run("second", &draft(&["one@b/x"]).shard(2, 2, &PLAN[..2])),
    ];
    house.refuses(&dirs, &["the whole plan"]);
    let mut newer = draft(&["two@a"]);
    newer.record.descriptions.get_mut("a").unwrap().version = "2".to_owned();
    house.refuses(&[dirs[0].clone(), house.run("third", &newer)], &["the system of a", "system 1", "system 2"]);
}

#[test]
fn a_cell_is_taken_once_from_a_kind_of_machine_and_rows_of_another_kind_stay_apart() {
    let house = House::new();
    let mut alike = draft(&["one@a"]);
    // The same kind: some pages of memory more, another load.
    (alike.environment.memory_bytes, alike.environment.load_1m) = (16_000_400_000, Some(3.0));
    let mut other = draft(&["one@a", "two@a"]);
    other.environment.cpu = "Other CPU 1".to_owned();
    let dirs = [house.run("first", &draft(&["one@a", "one@b/x"])), house.run("alike", &alike)];
    house.refuses(&dirs, &["`one@a` is in", "first", "alike", "same kind of machine"]);

    let merged = house.merge(&[dirs[0].clone(), house.run("other", &other)], Completeness::Whole).unwrap();
    let run = load(merged.folder.root()).unwrap();
    let ids: Vec<String> = run.record.cells.iter().map(|cell| cell.id.to_string()).collect();
    assert_eq!(ids, ["one@a", "one@a (machine 2)", "one@b/x", "two@a (machine 2)"]);
    assert!(
        run.samples.iter().filter(|sample| sample.backend == "a (machine 2)").count() == 2 && run.warnings.is_empty()
    );
    let note = run.record.descriptions["a (machine 2)"].trust.notes.last().unwrap();
    assert!(note.starts_with("measured on machine 2: Other CPU 1, 2 cores"), "{note}");
    assert!(run.record.descriptions["a"].trust.notes.is_empty());
    assert_eq!(run.environment.unwrap().cpu, "Example CPU 9000");
    assert!(merged.notes.iter().any(|note| note.contains("machine 2: Other CPU 1")), "{:?}", merged.notes);
    let evidence = merged.folder.root().join(names::EVIDENCE);
    assert!(evidence.join("one@a (machine 2)/proof.bin").is_file() && evidence.join("one@a/proof.bin").is_file());
    // A merged run is not merged again, nor gone on with.
    let path = merged.folder.root().to_owned();
    drop(merged);
    let error = merge(&[path], &house.path("again"), Vec::new(), Completeness::Whole).unwrap_err().to_string();
    assert!(error.contains("is a merged run itself"), "{error}");
}

#[test]
fn folders_that_are_in_use_of_unknown_origin_or_full_are_refused() {
    let house = House::new();
    let dirs = [house.run("first", &draft(&["one@a"])), house.run("second", &draft(&["one@b/x"]))];
    let at_work = RunFolder::open(&dirs[1]).unwrap();
    house.refuses(&dirs, &["another run is at work in"]);
    drop(at_work);
    fs::remove_file(dirs[1].join(names::ENVIRONMENT)).unwrap();
    house.refuses(&dirs, &["second has no environment.json"]);
    house.refuses(&[house.path("nowhere")], &["nowhere is not a results folder"]);
    fs::create_dir(house.path("merged")).unwrap();
    fs::write(house.path("merged/notes.txt"), "mine").unwrap();
    house.refuses(&dirs[..1], &["is not empty"]);
}
