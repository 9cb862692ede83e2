//! `zktee verify-attestation` on a document that AWS's hardware signed.

use std::path::Path;
use std::process::{Command, Output};

/// Within the validity of the document's certificates.
const THEN: [&str; 2] = ["--at", "2025-01-06T16:07:05Z"];

fn verify(arguments: &[&str]) -> Output {
    let document =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tee/attestation/tests/fixtures/aws-eu-central-1.cose");
    Command::new(env!("CARGO_BIN_EXE_zktee")).arg("verify-attestation").arg(document).args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_recorded_document_holds_at_its_own_time_alone() {
    let then = verify(&[&["--root", "aws"][..], &THEN].concat());
    assert_eq!(then.status.code(), Some(0), "{then:?}");
    assert!(text(&then).contains("held         signature") && text(&then).contains("not checked  nonce"), "{then:?}");
    let now = verify(&["--root", "aws"]);
    assert_eq!(now.status.code(), Some(6), "{now:?}");
    assert!(text(&now).contains("was valid until"), "{now:?}");
}

#[test]
fn what_is_expected_and_not_there_is_named() {
    let other = "0=".to_owned() + &"ab".repeat(48);
    for (expected, why) in
        [(["--nonce", "00ff"], "nonce"), (["--pcr", &other], "PCR0"), (["--user-data", "01"], "user")]
    {
        let output = verify(&[&["--root", "aws", "--json"][..], &THEN, &expected].concat());
        assert_eq!(output.status.code(), Some(6), "{output:?}");
        let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(verdict["accepted"], false);
        assert!(verdict["reason"].as_str().unwrap().contains(why), "{verdict}");
    }
}

#[test]
fn a_line_that_is_not_understood_says_so() {
    for arguments in [&["--root", "aws", "--pcr", "0=ab"][..], &["--root", "aws", "--nonce", "0"], &["--json"]] {
        assert_eq!(verify(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let output = verify(&["--root", file.to_str().unwrap()]);
    assert_ne!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--root"), "{output:?}");
}
