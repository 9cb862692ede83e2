use std::fs;
use std::sync::{Arc, Mutex};

use super::super::{blank, read};
use super::*;

fn sample(n: u32) -> Sample {
    Sample { workload: "ols-iris".to_owned(), backend: "native".to_owned(), sample: n, wall_s: Some(0.5), ..blank() }
}

#[test]
fn it_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("samples.csv");
    for n in 0..3 {
        Journal::open(&path).unwrap().append(&sample(n)).unwrap();
    }
    assert_eq!(read(&path).unwrap().rows, [sample(0), sample(1), sample(2)]);
}

#[test]
fn a_torn_last_line_is_cut_off_and_the_rows_before_it_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("samples.csv");
    let mut journal = Journal::open(&path).unwrap();
    journal.append(&sample(0)).unwrap();
    drop(journal);
    let whole = fs::read(&path).unwrap();
    for torn in [&b"ols-iris,nat"[..], b"\"", b"x"] {
        fs::write(&path, [&whole[..], torn].concat()).unwrap();
        drop(Journal::open(&path).unwrap());
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
    // A header that was torn is written again.
    fs::write(&path, &whole[..10]).unwrap();
    Journal::open(&path).unwrap().append(&sample(0)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn a_sample_is_there_with_all_its_stages_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("samples.csv");
    let stage = |n, name: &str| Sample { stage: Some(name.to_owned()), ..sample(n) };
    let rows = |n| [sample(n), stage(n, "a"), stage(n, "b")];
    let mut journal = Journal::open(&path).unwrap();
    journal.append_all(&rows(0)).unwrap();
    let first = fs::read(&path).unwrap();
    journal.append_all(&rows(1)).unwrap();
    drop(journal);
    let both = fs::read(&path).unwrap();
    for kept in first.len()..both.len() {
        fs::write(&path, &both[..kept]).unwrap();
        drop(Journal::open(&path).unwrap());
        assert_eq!(fs::read(&path).unwrap(), first, "{kept} bytes");
    }
    // Files of earlier versions have the stages after the whole.
    let old = [sample(0), stage(0, "a"), stage(0, "b")];
    fs::remove_file(&path).unwrap();
    let mut journal = Journal::open(&path).unwrap();
    for row in &old {
        journal.append(row).unwrap();
    }
    drop(journal);
    drop(Journal::open(&path).unwrap());
    assert_eq!(read(&path).unwrap().rows, old);
}

#[test]
fn another_header_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("samples.csv");
    fs::write(&path, "a,b\n1,2").unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Header { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"a,b\n1,2");
}

#[test]
fn two_runs_cannot_write_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("samples.csv");
    let first = Journal::open(&path).unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Busy { .. })));
    drop(first);
    assert!(Journal::open(&path).is_ok());
}

#[test]
fn a_number_that_no_clock_has_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("samples.csv");
    let mut journal = Journal::open(&path).unwrap();
    let bad = Sample { wall_s: Some(f64::NAN), ..sample(0) };
    assert!(matches!(journal.append(&bad), Err(JournalError::BadNumber { column: "wall_s", .. })));
    journal.append(&sample(0)).unwrap();
    assert_eq!(read(&path).unwrap().rows.len(), 1);
}

/// A disk with so much room and no more: it takes the part of a write that fits, as a real one does.
struct SmallDisk {
    bytes: Arc<Mutex<Vec<u8>>>,
    room: usize,
}

impl Storage for SmallDisk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.bytes.lock().unwrap();
        let fits = bytes.len().min(self.room - disk.len());
        disk.extend(&bytes[..fits]);
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.bytes.lock().unwrap().truncate(len as usize);
        Ok(())
    }
}

#[test]
fn a_full_disk_costs_the_row_and_nothing_before_it() {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let header = columns().join(",") + "\n";
    bytes.lock().unwrap().extend(header.as_bytes());
    let disk = SmallDisk { bytes: bytes.clone(), room: header.len() + 200 };
    let mut journal = Journal { storage: Box::new(disk), path: PathBuf::from("samples.csv"), len: header.len() as u64 };
    let mut kept = 0;
    let error = loop {
        match journal.append(&sample(kept)) {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(kept >= 1 && matches!(error, JournalError::Full { .. }), "{kept} {error}");
    assert!(error.to_string().contains("free some space"));
    let text = String::from_utf8(bytes.lock().unwrap().clone()).unwrap();
    assert!(text.ends_with('\n'));
    assert_eq!(text.lines().count() as u32, kept + 1);
}
