//! MNIST: the test set embedded, the training set from a folder.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use ndarray::{Array1, Array3, ArrayD};

use crate::{DataError, digest, gz, idx};

/// Handwritten digits.
#[derive(Debug, Clone, PartialEq)]
pub struct Mnist {
    /// (n, 28, 28): rows from the top, columns from the left, 0 is paper and 255 is ink.
    pub images: Array3<u8>,
    /// n digits from 0 to 9.
    pub labels: Vec<u8>,
}

/// One of the four published files: what it must be once decompressed.
#[derive(Debug, Clone, Copy)]
pub struct MnistFile {
    /// Its published name, without `.gz`.
    pub name: &'static str,
    /// Its dimensions: (n, 28, 28) for images, (n) for labels; one byte an element.
    pub dims: &'static [usize],
    /// SHA-256 of the raw file.
    pub sha256: &'static str,
}

/// Images and labels of the test set.
pub const TEST_FILES: [MnistFile; 2] = [
    MnistFile {
        name: "t10k-images-idx3-ubyte",
        dims: &[10_000, 28, 28],
        sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    },
    MnistFile {
        name: "t10k-labels-idx1-ubyte",
        dims: &[10_000],
        sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
];

/// Images and labels of the training set.
pub const TRAIN_FILES: [MnistFile; 2] = [
    MnistFile {
        name: "train-images-idx3-ubyte",
        dims: &[60_000, 28, 28],
        sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    },
    MnistFile {
        name: "train-labels-idx1-ubyte",
        dims: &[60_000],
        sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
];

/// What gzip may add to a file of MNIST's size that it cannot compress. Also lets through a raw file a little too long, so that
/// the IDX reader can say what is wrong with it.
const SLACK: u64 = 64 << 10;

/// The embedded test set: 10 000 images with their labels.
///
/// # Errors
/// None unless the crate was built from damaged files: shape and SHA-256 are checked all the same.
pub fn mnist_test() -> Result<Mnist, DataError> {
    let [images, labels] = &TEST_FILES;
    let images = images.decode(
        Path::new("datasets/mnist/t10k-images-idx3-ubyte.gz"),
        include_bytes!("../mnist/t10k-images-idx3-ubyte.gz"),
    )?;
    let labels = labels.decode(
        Path::new("datasets/mnist/t10k-labels-idx1-ubyte.gz"),
        include_bytes!("../mnist/t10k-labels-idx1-ubyte.gz"),
    )?;
    Ok(Mnist::from_arrays(images, labels))
}

/// The training set out of `folder`: 60 000 images with their labels, each file raw or with `.gz`.
///
/// # Errors
/// The first file that is missing, damaged or not the published one, by path.
pub fn mnist_train(folder: &Path) -> Result<Mnist, DataError> {
    let [images, labels] = &TRAIN_FILES;
    let images = images.load(folder)?;
    let labels = labels.load(folder)?;
    Ok(Mnist::from_arrays(images, labels))
}

impl Mnist {
    /// `images` of three dimensions and `labels` of one, as [`MnistFile::decode`] has seen to.
    fn from_arrays(images: ArrayD<u8>, labels: ArrayD<u8>) -> Self {
        let images: Array3<u8> = images.into_dimensionality().expect("three dimensions");
        let labels: Array1<u8> = labels.into_dimensionality().expect("one dimension");
        Self { images, labels: labels.into_raw_vec_and_offset().0 }
    }
}

impl MnistFile {
    /// Length of the raw file in bytes, header included.
    pub fn raw_bytes(&self) -> u64 {
        let header = 4 + 4 * self.dims.len();
        (header + self.dims.iter().product::<usize>()) as u64
    }

    /// Decodes `bytes`, raw or gzipped, and checks that they are this file; `file` is what errors call them.
    ///
    /// # Errors
    /// Whatever differs from the published file, structure first, SHA-256 last.
    pub fn decode(&self, file: &Path, bytes: &[u8]) -> Result<ArrayD<u8>, DataError> {
        self.decode_raw(file, &self.unpack(file, bytes)?)
    }

    /// The raw file out of `bytes`, raw or gzipped, checked like [`Self::decode`].
    pub(crate) fn raw(&self, file: &Path, bytes: &[u8]) -> Result<Vec<u8>, DataError> {
        let raw = self.unpack(file, bytes)?;
        self.decode_raw(file, &raw)?;
        Ok(raw)
    }

    /// Reads this file out of `folder`, raw or with `.gz`, raw first.
    ///
    /// # Errors
    /// As [`Self::decode`], or [`DataError::Missing`], or what the operating system says.
    pub fn load(&self, folder: &Path) -> Result<ArrayD<u8>, DataError> {
        let raw = folder.join(self.name);
        for path in [raw.clone(), folder.join(format!("{}.gz", self.name))] {
            if let Some(bytes) = self.read_bounded(&path)? {
                return self.decode(&path, &bytes);
            }
        }
        Err(DataError::Missing { file: raw })
    }

    /// More bytes than any form of this file takes, raw or compressed.
    pub(crate) fn most_bytes(&self) -> u64 {
        self.raw_bytes() + SLACK
    }

    fn unpack(&self, file: &Path, bytes: &[u8]) -> Result<Vec<u8>, DataError> {
        gz::content(file, bytes, self.most_bytes())
    }

    fn decode_raw(&self, file: &Path, raw: &[u8]) -> Result<ArrayD<u8>, DataError> {
        let array = idx::parse::<u8>(file, raw)?;
        if array.shape() != self.dims {
            return Err(DataError::Dimensions {
                file: file.into(),
                expected: self.dims.to_vec(),
                got: array.shape().to_vec(),
            });
        }
        digest::check(file, raw, self.sha256)?;
        Ok(array)
    }

    /// The bytes at `path`, none if nothing is there. A file that is too long is not read to its end.
    fn read_bounded(&self, path: &Path) -> Result<Option<Vec<u8>>, DataError> {
        let failed = |source| DataError::Read { file: path.into(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let limit = self.most_bytes();
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > limit {
            return Err(DataError::TooLong { file: path.into(), expected: limit, got: bytes.len() as u64 });
        }
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five bytes of labels: 1 2 3 4 5.
    const RAW: [u8; 13] = [0, 0, 8, 1, 0, 0, 0, 5, 1, 2, 3, 4, 5];
    const SMALL: MnistFile = MnistFile {
        name: "small",
        dims: &[5],
        sha256: "592083e858daf64e118a8fe9199d4873739ee931d0a35cbeeb07a8a78dc2bfe5",
    };

    fn refused(bytes: &[u8]) -> DataError {
        SMALL.decode(Path::new("dir/small.gz"), bytes).unwrap_err()
    }

    #[test]
    fn the_test_set_has_the_published_counts() {
        let test = mnist_test().unwrap();
        assert_eq!(test.images.dim(), (10_000, 28, 28));
        let mut counts = [0; 10];
        for &label in &test.labels {
            counts[usize::from(label)] += 1;
        }
        assert_eq!(counts, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
        assert_eq!(test.labels[..5], [7, 2, 1, 0, 4]);
    }

    #[test]
    fn the_lengths_are_those_published() {
        assert_eq!(TRAIN_FILES.map(|file| file.raw_bytes()), [47_040_016, 60_008]);
        assert_eq!(TEST_FILES.map(|file| file.raw_bytes()), [7_840_016, 10_008]);
    }

    #[test]
    fn each_kind_of_damage_has_its_own_error_and_names_the_file() {
        let mut magic = RAW;
        magic[2] = 9;
        assert!(matches!(refused(&magic), DataError::Magic { .. }));
        assert!(matches!(refused(&RAW[..12]), DataError::Truncated { .. }));
        assert!(matches!(refused(&[&RAW[..], &[6]].concat()), DataError::TooLong { .. }));
        let gz = gz::compress(&RAW);
        assert!(matches!(refused(&gz[..gz.len() - 1]), DataError::Gzip { .. }));
        let mut shape = RAW[..12].to_vec();
        shape[7] = 4;
        assert!(matches!(refused(&shape), DataError::Dimensions { .. }));
        let mut content = RAW;
        content[12] = 6;
        let error = refused(&content);
        assert!(matches!(error, DataError::Digest { .. }), "{error}");
        assert!(error.to_string().starts_with("dir/small.gz: wrong SHA-256"), "{error}");
    }

    #[test]
    fn a_folder_holds_the_file_raw_or_gzipped() {
        for (name, bytes) in [("small", RAW.to_vec()), ("small.gz", gz::compress(&RAW))] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join(name), bytes).unwrap();
            assert_eq!(SMALL.load(folder.path()).unwrap().as_slice().unwrap(), &RAW[8..]);
        }
    }

    #[test]
    fn a_missing_file_is_told_with_the_command_and_the_flag() {
        let folder = tempfile::tempdir().unwrap();
        let error = mnist_train(folder.path()).unwrap_err().to_string();
        for part in ["train-images-idx3-ubyte: not found", "zktee data fetch", "--mnist-folder"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_folder_in_a_files_place_and_an_endless_file_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("small")).unwrap();
        assert!(matches!(SMALL.load(folder.path()).unwrap_err(), DataError::Read { .. }));
        std::fs::remove_dir(folder.path().join("small")).unwrap();
        std::fs::write(folder.path().join("small"), vec![0; 100_000]).unwrap();
        assert!(matches!(SMALL.load(folder.path()).unwrap_err(), DataError::TooLong { .. }));
    }
}
