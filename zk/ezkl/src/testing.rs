//! Stand-ins for Python in unit tests.

use std::io::Write as _;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder with a `python3` that is this shell script. A child writes it: were the file open for writing in this process, a
/// child that another test forks just then would inherit that, and the kernel would refuse to run it ("text file busy").
pub(crate) fn fake_python(script: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("python3");
    let mut writer = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(&program)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    write!(writer.stdin.take().unwrap(), "#!/bin/sh\n{script}\n").unwrap();
    assert!(writer.wait().unwrap().success());
    folder
}

/// A Python that passes the probe, answers `-m venv` by copying itself there, and does `on_pip` for all else.
pub(crate) fn healthy_python(on_pip: &str) -> TempDir {
    fake_python(&format!(
        r#"case "$*" in
*sysconfig*) echo '{{"version":[3,11],"platform":"linux-x86_64","libc":"glibc","missing":[]}}' ;;
*"-m venv"*) for folder; do :; done; mkdir -p "$folder/bin" && cp "$0" "$folder/bin/python" ;;
*) {on_pip} ;;
esac"#
    ))
}
