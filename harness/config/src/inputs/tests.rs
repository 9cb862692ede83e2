use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn write(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

#[test]
fn the_format_is_told_by_name_and_else_by_content() {
    const IDX: &[u8] = &[0, 0, 8, 1, 0, 0, 0, 2, 7, 9];
    for name in ["x.idx", "x-idx1-ubyte", "x-idx1-ubyte.gz", "x.bin"] {
        assert_eq!(parse(Path::new(name), IDX).unwrap().data, [7.0, 9.0], "{name}");
    }
    assert_eq!(parse(Path::new("X.CSV"), b"7,9").unwrap().shape, [1, 2]);
    assert!(matches!(parse(Path::new("x.txt"), b"7,9"), Err(InputError::Format { .. })));
    assert!(matches!(parse(Path::new("x.csv.gz"), b""), Err(InputError::Compressed { .. })));
}

#[test]
fn a_missing_file_and_a_folder_are_named() {
    let (dir, path) = write("x.csv", b"1");
    assert_eq!(read(&path).unwrap().data, [1.0]);
    let missing = dir.path().join("absent.csv");
    assert!(read(&missing).unwrap_err().to_string().contains("absent.csv: cannot be read"));
    assert!(matches!(read(dir.path()), Err(InputError::NotAFile { .. })));
}

#[test]
fn labels_are_whole_numbers_in_one_column() {
    let (_dir, path) = write("y.csv", b"species\n0\n2\n1.0\n");
    assert_eq!(labels(&path).unwrap(), [0, 2, 1]);
    for (text, part) in [("0\n1.5\n", "label 1 (from 0) is 1.5"), ("-1\n", "is -1"), ("0,1\n", "one column")] {
        let (_dir, path) = write("y.csv", text.as_bytes());
        let error = labels(&path).unwrap_err().to_string();
        assert!(error.contains("y.csv") && error.contains(part), "{error}");
    }
}

#[test]
fn a_row_takes_the_shape_of_the_models_input() {
    let path = Path::new("x.idx");
    let images = Tensor::new(vec![2, 2, 3], vec![0.0; 12]).unwrap();
    assert_eq!(fit(path, images.clone(), &[1, 2, 3]).unwrap().shape, [2, 1, 2, 3]);
    assert_eq!(fit(path, images.clone(), &[6]).unwrap().shape, [2, 6]);
    let error = fit(path, images.clone(), &[4]).unwrap_err().to_string();
    assert!(error.contains("[2, 2, 3]") && error.contains("[4]"), "{error}");
    assert!(fit(path, images, &[usize::MAX, 2]).is_err());
}

proptest! {
    #[test]
    fn no_reader_panics_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let path = Path::new("x");
        let _ = csv::parse(path, &bytes);
        let _ = npy::parse(path, &bytes);
        let _ = idx::parse(path, &bytes);
    }

    #[test]
    fn nor_on_what_begins_right(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        header in "[{}()\\[\\]'\",:a-z0-9<> ]{0,80}",
        shape in prop::collection::vec(any::<u32>(), 0..5),
    ) {
        let path = Path::new("x");
        let npy_file = |header: &str| {
            let length = (header.len() as u16 + 1).to_le_bytes();
            [npy::MAGIC, &[1, 0], &length, header.as_bytes(), b"\n", &bytes].concat()
        };
        let _ = npy::parse(path, &npy_file(&header));
        let good = format!("{{'descr': '<f4', 'fortran_order': True, 'shape': {shape:?}, }}");
        let _ = npy::parse(path, &npy_file(&good.replace('[', "(").replace(']', ",)")));
        let _ = idx::parse(path, &[&[0, 0, 0x0c, 3], &bytes[..]].concat());
        let _ = idx::parse(path, &[&[0x1f, 0x8b, 8, 0], &bytes[..]].concat());
    }

    #[test]
    fn csv_text_is_read_back_or_refused_with_its_place(text in "[0-9a-z.,;\"\n -]{0,120}") {
        match csv::parse(Path::new("x.csv"), text.as_bytes()) {
            Ok(tensor) => prop_assert!(tensor.check().is_ok() && !tensor.data.is_empty()),
            Err(error) => prop_assert!(error.to_string().starts_with("x.csv: "), "{}", error),
        }
    }

    #[test]
    fn finite_numbers_survive_csv(rows in prop::collection::vec(prop::array::uniform3(-1e30f32..1e30), 1..20)) {
        let text = rows.iter().map(|[a, b, c]| format!("{a},{b},{c}")).collect::<Vec<_>>().join("\n");
        let tensor = csv::parse(Path::new("x.csv"), text.as_bytes()).unwrap();
        prop_assert_eq!(tensor.data, rows.concat());
    }
}
