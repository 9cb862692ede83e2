//! The manifest: what the image is built with, and what it must not be.

use std::path::Path;

use zktee_enclave_guest::{MANIFEST, ManifestError, read_manifest};
use zktee_models::workload::builtins;

/// The image's application, as `scripts/enclave/build-eif` puts it together.
fn application(manifest: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    std::fs::create_dir(folder.path().join("models")).unwrap();
    for name in ["ols-iris.onnx", "mlp-iris.onnx", "lenet-mnist.onnx"] {
        std::fs::copy(models.join(name), folder.path().join("models").join(name)).unwrap();
    }
    std::fs::write(folder.path().join(MANIFEST), manifest).unwrap();
    folder
}

#[test]
fn the_images_manifest_has_every_workload_of_the_table() {
    let folder = application(include_str!("../../../scripts/enclave/models.json"));
    let inside = read_manifest(folder.path()).unwrap();
    let workloads = builtins().unwrap();
    assert_eq!(inside.len(), workloads.len());
    for ((named, onnx), workload) in inside.iter().zip(&workloads) {
        assert_eq!(named.name, workload.name);
        assert_eq!(named.batch, workload.batch, "{}", workload.name);
        assert_eq!(onnx, &*workload.onnx, "{}", workload.name);
    }
}

#[test]
fn manifests_that_cannot_be_are_refused() {
    let entry = |file: &str| format!(r#"[{{"name": "a", "file": "{file}", "batch": 1}}]"#);
    let content = [
        "[]".to_owned(),
        entry("../models/ols-iris.onnx"),
        entry("/etc/passwd"),
        format!("[{0}, {0}]", r#"{"name": "a", "file": "models/ols-iris.onnx", "batch": 1}"#),
        format!("[{}]", vec![r#"{"name": "a", "file": "x", "batch": 1}"#; 65].join(",")),
    ];
    for manifest in content {
        let found = read_manifest(application(&manifest).path());
        assert!(matches!(found, Err(ManifestError::Content(_))), "{manifest}: {found:?}");
    }
    for manifest in ["", "{}", r#"[{"name": "a", "file": "x", "batch": -1}]"#, r#"[{"name": "a"}]"#] {
        assert!(matches!(read_manifest(application(manifest).path()), Err(ManifestError::Form(_))), "{manifest}");
    }
    let missing = read_manifest(application(&entry("models/none.onnx")).path());
    assert!(matches!(missing, Err(ManifestError::Io { .. })));
    let large = read_manifest(application(&" ".repeat(100_000)).path());
    assert!(matches!(large, Err(ManifestError::Io { .. })));
}
