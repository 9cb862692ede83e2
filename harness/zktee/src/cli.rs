//! The command line as a user types it.

mod compare;
mod results;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use zktee_report::Price;

pub(crate) use compare::{CompareArguments, Format, HistoryCommand};
use results::instance;
pub(crate) use results::{PublishArguments, ReportArguments, VerifyArguments};

/// What verifiable machine learning costs: zkML and TEE ML measured side by side.
///
/// Run `zktee run --quick` for a first look (3 minutes), `zktee run` for the whole table (25 minutes on 2 cores), and open
/// report.html in the folder that it names.
#[derive(Debug, Parser)]
#[command(name = "zktee", version, about, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 done, 2 command line, 3 bad input file, 4 a cell failed, 5 storage, 6 a check failed, \
    7 a regression, 8 nothing could have been shown, 9 not all could be verified, 130 interrupted (resume with --resume)."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure: plan the cells, run each phase in a process of its own, record, report
    Run(Box<RunArguments>),
    /// Show workloads and backends, and which of them can be had here
    List(ListArguments),
    /// Say what this machine lacks and the command that mends it
    Doctor(DoctorArguments),
    /// Show which halo2 circuit a model gets, why, and what it is estimated to cost
    #[command(after_help = "Examples:
  zktee explain lenet-mnist
  zktee explain lenet-mnist --measure 10 --picture layout.png")]
    Explain(ExplainArguments),
    /// Let 1, 8 and 64 clients ask an enclave at a time: requests a second, and how long answers take
    #[command(after_help = "Examples:
  zktee load
  zktee load --workload lenet-mnist --clients 1 --clients 4 --requests 10000
  zktee load --workload mlp-iris --out results/mine && zktee report results/mine")]
    Load(LoadArguments),
    /// Measure work of a known size: do the recorded times and memory say the truth, and what does the runner add?
    #[command(after_help = "Exit codes: 0 all within 2 % or 200 us (memory: 2 % or 1 MiB), 6 something was not.

Examples:
  zktee selftest
  zktee selftest --samples 20 --json
  zktee run --backend selftest                  the same workers in an ordinary table")]
    Selftest(SelftestArguments),
    /// Put the parts of a run, or runs of several machines, together into one table
    #[command(after_help = "Examples:
  zktee merge parts/1 parts/2 parts/3 --out results/all
  zktee merge results/here results/there --out results/both    rows of two kinds of machine stay apart

How to spread a run over a cluster: docs/cluster.md")]
    Merge(MergeArguments),
    /// Rebuild cells.csv, report.md, report.html and the plots of a run from its recorded samples
    #[command(after_help = "Examples:
  zktee report results/2026-11-23T051500
  zktee report reports/published --format json,tex       report.json for programs, report.tex for a paper
  zktee report reports/published --instance c6a.xlarge   what an inference would cost on such a machine")]
    Report(ReportArguments),
    /// Make a run ready to be committed: its record, its evidence and its report, without paths of this machine
    #[command(
        after_help = "Example: zktee publish results/2026-11-23T051500 reports/published && zktee verify reports/published"
    )]
    Publish(PublishArguments),
    /// Did it get slower? Compare two runs, or two git revisions that take turns
    Compare(Box<CompareArguments>),
    /// Keep runs in short, find where cells became slower or faster, and draw it
    #[command(after_help = "Examples:
  zktee history add results/2031-05-04T100000
  zktee history plot --out plots")]
    History {
        #[command(subcommand)]
        command: HistoryCommand,
    },
    /// Write a commented zktee.toml for models and workers of your own
    Init {
        /// The file to write
        #[arg(default_value = "zktee.toml")]
        file: PathBuf,
    },
    /// Get data that the repository does not hold
    Data {
        #[command(subcommand)]
        command: DataCommand,
    },
    /// Verify again, in fresh processes and without the network, the last evidence of every cell of a run
    #[command(
        after_help = "Exit codes: 0 all was accepted; 6 something was not, or is missing; 9 what could be looked at was accepted, but
not all could be: evidence that was left out, or a verifier that this machine has not.

Examples:
  zktee verify results/2026-11-23T051500
  zktee verify reports/published --json"
    )]
    Verify(VerifyArguments),
    /// Check an attestation document: its chain, signature, age, measurements, nonce and what it binds
    #[command(after_help = "Exit codes: 0 accepted, 6 rejected.

Examples:
  zktee verify-attestation document.cbor --root aws --pcr 0=HEX --pcr 1=HEX --pcr 2=HEX --nonce HEX
  zktee verify-attestation old.cbor --root aws --at 2025-01-06T16:07:05Z        a recorded document, at its own time
  zktee verify-attestation document.cbor --root test-root.pem --user-data HEX --json")]
    VerifyAttestation(Box<VerifyAttestationArguments>),
    /// Put a worker program through the rules of the worker protocol
    #[command(after_help = "Example: zktee conformance -- python3 my_worker.py")]
    Conformance {
        /// Print the findings as JSON
        #[arg(long)]
        json: bool,
        /// The program and its arguments
        #[arg(last = true, required = true)]
        program: Vec<String>,
    },
    /// Print a completion script for your shell
    #[command(after_help = "Example: zktee completions bash > ~/.local/share/bash-completion/completions/zktee")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Make a structured reference string of 2^LOGROWS powers, for benchmarks alone: its maker could forge proofs
    #[command(hide = true)]
    Srs {
        /// Base-2 logarithm of the number of powers
        logrows: u32,
        /// The file to write
        file: PathBuf,
    },
    /// Speak the worker protocol on standard input and output, as a built-in backend
    #[command(hide = true)]
    Worker {
        /// The backend
        backend: String,
    },
    /// Be the program inside `enclave/process`: measure, shut in, and serve on the listening socket that is standard input
    #[command(hide = true)]
    Enclave {
        /// The test root (private key and certificate) under which answers are attested
        #[arg(long, value_name = "FILE.pem")]
        root: PathBuf,
        /// A model to serve: its name, the inputs of one call, its ONNX file; may be repeated
        #[arg(long, value_name = "NAME=BATCH=FILE.onnx", required_unless_present = "llm_memory")]
        model: Vec<zktee_enclave::PlacedModel>,
        /// Take language models over the channel, and let them have so many bytes of memory
        #[arg(long, value_name = "BYTES")]
        llm_memory: Option<u64>,
        /// Threads that compute a language model's response
        #[arg(long, value_name = "N", default_value_t = 1)]
        llm_threads: usize,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Download the MNIST training set, for retraining alone: the benchmark itself needs nothing beyond the repository
    Fetch {
        /// Where to put it
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
        #[command(flatten)]
        cache: CacheArguments,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CacheArguments {
    /// Folder kept between runs: EZKL's Python environment, reference strings, language models [default: zktee in the user's cache folder]
    #[arg(long, value_name = "DIR", env = "ZKTEE_CACHE")]
    pub(crate) cache: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArguments {
    /// Further workloads and workers; ./zktee.toml is read where there is one
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Powers of tau for the `halo2/*` backends, in halo2's format, instead of a string made here for benchmarks
    #[arg(long, value_name = "FILE")]
    pub(crate) srs: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// The workload: a built-in one or one of the configuration
    pub(crate) workload: String,
    /// The circuit that commits to the input instead of revealing it
    #[arg(long)]
    pub(crate) private_input: bool,
    /// Prove N times and set the measured cost beside the estimate
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) measure: Option<u32>,
    /// Draw the layout: columns from left to right, rows from top to bottom, filled cells in colour
    #[arg(long, value_name = "FILE.png")]
    pub(crate) picture: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
}

#[derive(Debug, Args)]
pub(crate) struct LoadArguments {
    /// These workloads (globs; may be repeated): a request is one call of one of them
    #[arg(long, short, value_name = "GLOB", default_values = ["ols-iris"])]
    pub(crate) workload: Vec<String>,
    /// Clients at a time; may be repeated
    #[arg(long, value_name = "N", default_values_t = [1, 8, 64], value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) clients: Vec<u32>,
    /// Requests of each kind for each number of clients
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(crate) requests: u64,
    /// The folder of a run: write load.csv there, from which its report shows the table
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
}

#[derive(Debug, Args)]
pub(crate) struct MergeArguments {
    /// Folders of runs: of the same code, with the same settings
    #[arg(required = true)]
    pub(crate) dirs: Vec<PathBuf>,
    /// The folder of the merged run, new or empty
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Put together what there is, though parts of the plan are missing
    #[arg(long)]
    pub(crate) incomplete: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SelftestArguments {
    /// Samples of each kind of work; the one that other programs disturbed least counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) samples: u32,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyAttestationArguments {
    /// The document, as the security module gave it (`COSE_Sign1`)
    pub(crate) file: PathBuf,
    /// Where the chain of certificates must begin: `aws` for the root of AWS Nitro Enclaves, or a certificate (PEM or DER)
    #[arg(long, value_name = "aws|FILE", value_parser = root)]
    pub(crate) root: RootArgument,
    /// A register that must have this value, e.g. 0=9373…; may be repeated
    #[arg(long, value_name = "N=HEX", value_parser = pcr)]
    pub(crate) pcr: Vec<(u8, zktee_attestation::Pcr)>,
    /// The nonce that must be in it
    #[arg(long, value_name = "HEX", value_parser = hex_bytes)]
    pub(crate) nonce: Option<Bytes>,
    /// The user data that must be in it
    #[arg(long, value_name = "HEX", value_parser = hex_bytes)]
    pub(crate) user_data: Option<Bytes>,
    /// Oldest document that is accepted
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "5min")]
    pub(crate) max_age: Duration,
    /// The time to check at, for recorded documents [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) at: Option<SystemTime>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Bytes that were written in hexadecimal.
pub(crate) type Bytes = Vec<u8>;

/// Whose word counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RootArgument {
    /// AWS's, compiled in.
    Aws,
    /// A certificate in a file.
    File(PathBuf),
}

#[expect(clippy::unnecessary_wraps, reason = "what clap takes")]
fn root(text: &str) -> Result<RootArgument, String> {
    Ok(if text == "aws" { RootArgument::Aws } else { RootArgument::File(text.into()) })
}

fn pcr(text: &str) -> Result<(u8, zktee_attestation::Pcr), String> {
    let (index, value) = text.split_once('=').ok_or("write the register's number, `=` and 96 hexadecimal digits")?;
    let index = index.parse().ok().filter(|index| *index < 32).ok_or("registers are numbered from 0 to 31")?;
    let value = hex_bytes(value)?.try_into().map_err(|_| "a register has 96 hexadecimal digits".to_owned())?;
    Ok((index, value))
}

fn hex_bytes(text: &str) -> Result<Bytes, String> {
    let wrong = || "write pairs of hexadecimal digits".to_owned();
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) || !text.len().is_multiple_of(2) {
        return Err(wrong());
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or_else(wrong))
        .collect()
}

fn moment(text: &str) -> Result<SystemTime, String> {
    let time: jiff::Timestamp = text.parse().map_err(|error| format!("{error}; write e.g. 2025-01-06T16:07:05Z"))?;
    Ok(time.into())
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// The folder that runs will write to
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) out: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  zktee run --quick                                   a first look
  zktee run --llm model.gguf                          a language model of your own
  zktee run --workload 'mlp*' --backend 'ezkl/*'      some cells (quote the globs)
  zktee run --workload 'mlp-scale-*'                  the scaling study, 1k to 8m multiplications
  zktee run --backend ezkl --samples 5 --out results/ezkl
  zktee run --resume results/ezkl                     go on where it was stopped or killed")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct RunArguments {
    /// Only these workloads (globs; may be repeated). The scaling study is taken only by a glob that writes out `scale`, the shape of
    /// GPT2-XL only by one that writes out `shape`
    #[arg(long, short, value_name = "GLOB")]
    pub(crate) workload: Vec<String>,
    /// Only these backends (globs; `ezkl` means all its profiles; may be repeated)
    #[arg(long, short, value_name = "GLOB")]
    pub(crate) backend: Vec<String>,
    /// One sample of what is cheap, within 3 minutes; cells are marked as having few samples
    #[arg(long)]
    pub(crate) quick: bool,
    /// Samples of each phase, as far as the time budget goes [default: 10, or 1 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) samples: Option<u32>,
    /// Begin no sample that would end later than this; the first of each phase is always taken, but by --quick, which
    /// leaves out what would not fit [default: 22min, or 160s with --quick]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) time_budget: Option<Duration>,
    /// Longest time for one call of a worker
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "15min")]
    pub(crate) timeout: Duration,
    /// Most memory of one worker, e.g. 6GiB [default: 95 % of the machine's]
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    pub(crate) memory_limit: Option<u64>,
    /// Most room that one worker's folder may take on the disk [default: 90 % of what is free]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) disk_limit: Option<u64>,
    /// Threads of each worker [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(crate) threads: Option<u16>,
    /// Reckon what an inference costs as if this machine were such an instance (reports/prices.toml); reports say that it is assumed. An
    /// instance of EC2 that has a price there is recognised without
    #[arg(long, value_name = "TYPE", value_parser = instance)]
    pub(crate) instance: Option<Price>,
    /// Folder of the run, new or empty [default: results/TIME]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Go on with the run in DIR: nothing finished is lost or repeated; with --time-budget, until that is used up
    #[arg(long, value_name = "DIR", conflicts_with_all = [
        "out", "workload", "backend", "quick", "samples", "threads", "memory_limit", "disk_limit", "dry_run", "no_probes",
        "partition", "instance",
    ])]
    pub(crate) resume: Option<PathBuf>,
    /// Measure the I-th of N parts of the plan alone, split by estimated cost; `zktee merge` puts the parts together
    #[arg(long, value_name = "I/N")]
    pub(crate) partition: Option<zktee_runner::Partition>,
    #[command(flatten)]
    pub(crate) llm: LlmArguments,
    /// Print the plan and an estimate, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Show verifiers no forgeries after the timed samples
    #[arg(long)]
    pub(crate) no_probes: bool,
    /// Set up nothing that is missing: such cells become `unavailable`
    #[arg(long)]
    pub(crate) no_setup: bool,
    /// Keep the workers' scratch files (keys: gigabytes) after a complete run
    #[arg(long)]
    pub(crate) keep_scratch: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
}

/// A language model of the user's, without a configuration.
#[derive(Debug, Args)]
#[command(next_help_heading = "A language model of your own")]
pub(crate) struct LlmArguments {
    /// Measure this language model: a .gguf file, .safetensors with config.json and tokenizer.json beside it, a folder with those three, or
    /// a recipe of random weights (.json). Without --workload it alone is measured
    #[arg(long, value_name = "PATH")]
    pub(crate) llm: Option<PathBuf>,
    /// The text that it is to go on with [default: the article's prompt]
    #[arg(long, value_name = "TEXT", requires = "llm")]
    pub(crate) llm_prompt: Option<String>,
    /// Tokens of its response at most, 1 to 8192 [default: 36]
    #[arg(long, value_name = "N", requires = "llm")]
    pub(crate) llm_max_tokens: Option<u32>,
    /// 0 takes the likeliest token each time; above, tokens are drawn [default: 0]
    #[arg(long, value_name = "T", requires = "llm", allow_negative_numbers = true)]
    pub(crate) llm_temperature: Option<f32>,
    /// Of the random numbers that tokens are drawn with [default: 0]
    #[arg(long, value_name = "N", requires = "llm")]
    pub(crate) llm_seed: Option<u64>,
}

fn duration(text: &str) -> Result<Duration, String> {
    // A bare number is taken for seconds, as most tools do.
    let parsed = text.parse::<u64>().map(Duration::from_secs).or_else(|_| humantime::parse_duration(text));
    match parsed {
        Ok(time) if time.is_zero() => Err("must be more than nothing".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(format!("{error}; write e.g. 90s, 20min or 1h30m")),
    }
}

fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        unit => return Err(format!("`{unit}` is no unit; write e.g. 512MiB or 6GiB")),
    };
    let number: u64 = digits.trim().parse().map_err(|_| "write a whole number and a unit, e.g. 6GiB".to_owned())?;
    Ok(number.checked_mul(factor).ok_or("too large")?)
}

fn memory(text: &str) -> Result<u64, String> {
    let bytes = size(text)?;
    if bytes < 16 << 20 { Err("less than 16 MiB: no worker fits".to_owned()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn registers_and_bytes_are_hexadecimal() {
        assert_eq!(hex_bytes("00fF"), Ok(vec![0, 255]));
        for text in ["0", "0g", "+1", "é"] {
            assert!(hex_bytes(text).is_err(), "{text}");
        }
        let digits = "ab".repeat(48);
        assert_eq!(pcr(&format!("2={digits}")), Ok((2, [0xab; 48])));
        for text in [digits.clone(), format!("32={digits}"), format!("0={}", &digits[2..]), format!("-1={digits}")] {
            assert!(pcr(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_and_sizes_as_people_write_them() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_mins(90)));
        assert!(duration("0").is_err() && duration("soon").is_err());
        assert_eq!(size("6GiB"), Ok(6 << 30));
        assert_eq!(size("512MB"), Ok(512_000_000));
        assert!(size("6 apples").is_err() && memory("1").is_err() && size("99999999999GiB").is_err());
    }
}
