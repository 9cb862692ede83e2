//! Finds a Python 3 and asks it what it can do.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use zktee_python::{last_lines, locate, run};

use crate::OLDEST_PYTHON;
use crate::error::EzklError;

/// One line of JSON, so that an unexpected word on standard output cannot be taken for an answer.
const PROBE: &str = "\
import json, sys, sysconfig, platform
missing = []
for name in ('venv', 'ensurepip'):
    try: __import__(name)
    except ImportError: missing.append(name)
print(json.dumps({'version': list(sys.version_info[:2]), 'platform': sysconfig.get_platform(), \
'libc': platform.libc_ver()[0], 'missing': missing}))
";

/// A Python that can hold EZKL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Python {
    pub(crate) program: PathBuf,
}

#[derive(serde::Deserialize)]
struct Answer {
    version: (u32, u32),
    platform: String,
    libc: String,
    missing: Vec<String>,
}

/// Finds the Python and checks version, platform and modules. `search_path` stands in for `PATH` where given.
pub(crate) fn find(search_path: Option<&OsStr>) -> Result<Python, EzklError> {
    let program = locate(search_path).ok_or(EzklError::NoPython)?;
    let answer = probe(&program)?;
    if answer.version < OLDEST_PYTHON {
        return Err(EzklError::OldPython { python: program, found: answer.version });
    }
    // Before the modules: nothing helps where there is no wheel.
    if !has_wheel(&answer.platform, &answer.libc) {
        let libc = if answer.libc.is_empty() { String::new() } else { format!(" ({})", answer.libc) };
        return Err(EzklError::NoWheel { platform: answer.platform + &libc });
    }
    if let Some(module) = answer.missing.into_iter().next() {
        return Err(EzklError::NoVenvModule { python: program, module });
    }
    Ok(Python { program })
}

fn probe(program: &Path) -> Result<Answer, EzklError> {
    let broken = |said: String| EzklError::BrokenPython { python: program.to_owned(), said };
    let output = run(Command::new(program).args(["-I", "-c", PROBE])).map_err(|error| broken(error.to_string()))?;
    if !output.status.success() {
        return Err(broken(last_lines(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| broken(format!("unexpected answer: {error}")))
}

/// The platforms of the wheels in requirements.txt.
fn has_wheel(platform: &str, libc: &str) -> bool {
    let (system, machine) = platform.split_once('-').unwrap_or((platform, ""));
    match system {
        "linux" => machine == "x86_64" || (machine == "aarch64" && libc != "glibc"),
        "macosx" => platform.ends_with("x86_64") || platform.ends_with("arm64") || platform.ends_with("universal2"),
        "win" => machine == "amd64",
        "win32" => true,
        _ => false,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::testing::fake_python;

    #[test]
    fn an_empty_path_has_no_python() {
        let folder = tempfile::tempdir().unwrap();
        let error = find(Some(folder.path().as_os_str())).unwrap_err();
        assert!(matches!(error, EzklError::NoPython), "{error}");
        assert!(error.fix().contains("python3-venv"));
    }

    #[test]
    fn an_old_python_is_named_with_its_version() {
        let answer = r#"{"version":[3,6],"platform":"linux-x86_64","libc":"glibc","missing":[]}"#;
        let folder = fake_python(&format!("echo '{answer}'"));
        let error = find(Some(folder.path().as_os_str())).unwrap_err();
        assert!(error.reason().contains("is Python 3.6, older than 3.8"), "{error}");
    }

    #[test]
    fn debian_without_python3_venv_is_told_the_package() {
        let answer = r#"{"version":[3,11],"platform":"linux-x86_64","libc":"glibc","missing":["ensurepip"]}"#;
        let folder = fake_python(&format!("echo '{answer}'"));
        let error = find(Some(folder.path().as_os_str())).unwrap_err();
        assert!(
            error.reason().contains("`ensurepip`") && error.fix().contains("apt-get install python3-venv"),
            "{error}"
        );
    }

    #[test]
    fn linux_on_arm_has_a_wheel_for_musl_alone() {
        let answer = r#"{"version":[3,12],"platform":"linux-aarch64","libc":"glibc","missing":[]}"#;
        let folder = fake_python(&format!("echo '{answer}'"));
        let error = find(Some(folder.path().as_os_str())).unwrap_err();
        assert!(error.reason().contains("no wheel of ezkl 23.0.5 for linux-aarch64 (glibc)"), "{error}");
        assert!(has_wheel("linux-aarch64", ""));
        assert!(has_wheel("macosx-14.0-arm64", "") && has_wheel("win-amd64", "") && has_wheel("win32", ""));
        assert!(!has_wheel("freebsd-14-amd64", "") && !has_wheel("linux-riscv64", "glibc"));
    }

    #[test]
    fn what_is_no_python_is_called_broken() {
        for script in ["echo hello", "echo no such luck >&2; exit 3"] {
            let folder = fake_python(script);
            let error = find(Some(folder.path().as_os_str())).unwrap_err();
            assert!(matches!(error, EzklError::BrokenPython { .. }), "{error}");
        }
    }
}
