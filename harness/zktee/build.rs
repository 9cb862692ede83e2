//! Bakes into the binary what a result must say of it: compiler, target, profile and commit.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the binary is made from, relative to the workspace: a change in any of it makes the commit `+dirty`.
const SOURCES: [&str; 10] = [
    ".cargo",
    "Cargo.toml",
    "Cargo.lock",
    "datasets",
    "harness",
    "models",
    "reports",
    "rust-toolchain.toml",
    "tee",
    "zk",
];

/// Instruction sets that arithmetic in fields, hashes and inference are written for.
const FEATURES: [&str; 18] = [
    "adx",
    "aes",
    "avx",
    "avx2",
    "avx512bw",
    "avx512dq",
    "avx512f",
    "avx512ifma",
    "avx512vl",
    "bmi1",
    "bmi2",
    "f16c",
    "fma",
    "gfni",
    "neon",
    "sha",
    "sha2",
    "vpclmulqdq",
];

fn main() {
    let manifest = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let workspace = manifest.ancestors().nth(2).unwrap_or(&manifest);
    println!("cargo::rustc-env=ZKTEE_RUSTC={}", rustc().unwrap_or_else(|| "unknown".into()));
    println!("cargo::rustc-env=ZKTEE_BUILD={}", build());
    watch(workspace);
    // Left unset where there is no commit to name: the code asks with `option_env!`.
    if let Some(commit) = commit(workspace) {
        println!("cargo::rustc-env=ZKTEE_COMMIT={commit}");
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

fn rustc() -> Option<String> {
    output(Command::new(env::var_os("RUSTC")?).arg("--version"))
}

/// Target, profile and flags: what decides which instructions the code may use.
fn build() -> String {
    // `PROFILE` knows release and debug alone; the name of a profile of one's own is a folder of the target folder.
    let out = PathBuf::from(variable("OUT_DIR"));
    let profile = out.ancestors().nth(3).and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let profile = profile.unwrap_or_else(|| variable("PROFILE"));
    let mut parts = vec![variable("TARGET"), profile, format!("opt-level {}", variable("OPT_LEVEL"))];
    let flags = variable("CARGO_ENCODED_RUSTFLAGS").replace('\u{1f}', " ");
    if !flags.is_empty() {
        parts.push(format!("rustflags {flags}"));
    }
    // What "native" came to: two builds with the same flags on different machines are not the same program.
    let enabled = variable("CARGO_CFG_TARGET_FEATURE");
    let known = |feature: &&str| FEATURES.contains(feature);
    let features: Vec<&str> = enabled.split(',').filter(known).collect();
    if !features.is_empty() {
        parts.push(format!("instructions {}", features.join(" ")));
    }
    parts.join(", ").replace('\n', " ")
}

/// The commit of the workspace, with `+dirty` where tracked sources differ from it; none outside a checkout.
fn commit(workspace: &Path) -> Option<String> {
    // A release unpacked inside somebody's repository is not that repository's commit.
    let top = git(workspace, &["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != workspace.canonicalize().ok()? {
        return None;
    }
    let commit = git(workspace, &["rev-parse", "--verify", "HEAD"])?;
    let mut status = vec!["status", "--porcelain", "--untracked-files=no", "--"];
    status.extend(present(workspace));
    let dirty = git(workspace, &status).is_none_or(|changes| !changes.is_empty());
    Some(if dirty { commit + "+dirty" } else { commit })
}

/// Has this script run again when the commit or the sources change. A path that there is not would have it run each time.
fn watch(workspace: &Path) {
    println!("cargo::rerun-if-changed=build.rs");
    for source in present(workspace) {
        println!("cargo::rerun-if-changed={}", workspace.join(source).display());
    }
    // In a worktree `.git` is a file and the log is elsewhere; git knows where.
    for name in ["HEAD", "logs/HEAD"] {
        let Some(path) = git(workspace, &["rev-parse", "--git-path", name]) else { continue };
        let path = workspace.join(path);
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
}

fn present(workspace: &Path) -> impl Iterator<Item = &'static str> {
    SOURCES.into_iter().filter(move |source| workspace.join(source).exists())
}

fn git(folder: &Path, args: &[&str]) -> Option<String> {
    // Without the optional locks a build never gets in the way of a git command that runs beside it.
    output(Command::new("git").arg("--no-optional-locks").current_dir(folder).args(args))
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
