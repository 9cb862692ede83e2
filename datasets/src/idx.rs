//! The IDX format, in which MNIST is published: two zero bytes, the element type, the number of dimensions, each dimension
//! as a big-endian `u32`, then the elements, big-endian, row-major (the format is described where MNIST is published).

use std::path::Path;

use ndarray::{ArrayD, IxDyn};

use crate::{DataError, gz};

/// The most that one file may hold once decompressed, in bytes: five times the MNIST training images.
pub const MAX_BYTES: u64 = 256 << 20;

/// A number that IDX files can hold.
pub trait Element: Sized {
    /// Its code in the third byte of the magic.
    const CODE: u8;
    /// Its size in bytes.
    const SIZE: usize;
    /// The number in `bytes`, which are [`Self::SIZE`] long, big-endian.
    fn from_be(bytes: &[u8]) -> Self;
}

macro_rules! element {
    ($($type:ty = $code:literal),*) => { $(
        impl Element for $type {
            const CODE: u8 = $code;
            const SIZE: usize = size_of::<Self>();
            fn from_be(bytes: &[u8]) -> Self {
                Self::from_be_bytes(bytes.try_into().expect("the caller cuts chunks of SIZE"))
            }
        }
    )* };
}
element!(u8 = 0x08, i8 = 0x09, i16 = 0x0b, i32 = 0x0c, f32 = 0x0d, f64 = 0x0e);

/// Reads an IDX file, raw or gzipped, of any number of dimensions; `file` is what errors call it.
///
/// # Errors
/// A damaged gzip stream, another magic or element type, dimensions that overflow or pass [`MAX_BYTES`], and fewer or more
/// elements than the dimensions say. No memory is reserved on the header's word: it is bounded by what the file holds.
pub fn read<T: Element>(file: &Path, bytes: &[u8]) -> Result<ArrayD<T>, DataError> {
    parse(file, &gz::content(file, bytes, MAX_BYTES)?)
}

/// Reads an IDX file that is already decompressed.
pub(crate) fn parse<T: Element>(file: &Path, bytes: &[u8]) -> Result<ArrayD<T>, DataError> {
    let truncated = |expected: u64| DataError::Truncated { file: file.into(), expected, got: bytes.len() as u64 };
    let Some((&magic, rest)) = bytes.split_first_chunk::<4>() else {
        return Err(truncated(4));
    };
    let [0, 0, code, rank] = magic else {
        return Err(wrong_magic::<T>(file, magic));
    };
    if code != T::CODE || rank == 0 {
        return Err(wrong_magic::<T>(file, magic));
    }

    let rank = usize::from(rank);
    let header = 4 + 4 * rank;
    if rest.len() < 4 * rank {
        return Err(truncated(header as u64));
    }
    let (dims, elements) = rest.split_at(4 * rank);
    let dims: Vec<usize> =
        dims.chunks_exact(4).map(|dim| u32::from_be_bytes(dim.try_into().expect("chunks of four")) as usize).collect();

    // A zero must not hide an overflow of the other dimensions: ndarray counts those too.
    let most = dims
        .iter()
        .try_fold(T::SIZE, |size, &dim| size.checked_mul(dim.max(1)))
        .filter(|&size| size as u64 <= MAX_BYTES)
        .ok_or_else(|| DataError::Oversize { file: file.into(), dims: dims.clone(), limit: MAX_BYTES })?;
    let expected = if dims.contains(&0) { 0 } else { most };
    if elements.len() < expected {
        return Err(truncated((header + expected) as u64));
    }
    if elements.len() > expected {
        return Err(DataError::TooLong {
            file: file.into(),
            expected: (header + expected) as u64,
            got: bytes.len() as u64,
        });
    }

    let elements: Vec<T> = elements.chunks_exact(T::SIZE).map(T::from_be).collect();
    Ok(ArrayD::from_shape_vec(IxDyn(&dims), elements).expect("as many elements as the dimensions say"))
}

fn wrong_magic<T: Element>(file: &Path, got: [u8; 4]) -> DataError {
    DataError::Magic { file: file.into(), expected_type: T::CODE, got }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "some-idx";

    fn read_u8(bytes: &[u8]) -> Result<ArrayD<u8>, DataError> {
        read(Path::new(FILE), bytes)
    }

    /// Two rows of three: 1 2 3 / 4 5 6.
    const SOUND: [u8; 18] = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];

    #[test]
    fn reads_raw_and_gzipped() {
        let expected = ndarray::array![[1, 2, 3], [4, 5, 6]].into_dyn();
        assert_eq!(read_u8(&SOUND).unwrap(), expected);
        assert_eq!(read_u8(&gz::compress(&SOUND)).unwrap(), expected);
    }

    #[test]
    fn reads_every_element_type_big_endian() {
        let bytes = |code: u8, element: &[u8]| [&[0, 0, code, 1, 0, 0, 0, 1], element].concat();
        let file = Path::new(FILE);
        assert_eq!(read::<i8>(file, &bytes(0x09, &[0xff])).unwrap()[0], -1);
        assert_eq!(read::<i16>(file, &bytes(0x0b, &[0xff, 0xfe])).unwrap()[0], -2);
        assert_eq!(read::<i32>(file, &bytes(0x0c, &[0, 0, 1, 0])).unwrap()[0], 256);
        assert_eq!(read::<f32>(file, &bytes(0x0d, &1.5f32.to_be_bytes())).unwrap()[0].to_bits(), 1.5f32.to_bits());
        assert_eq!(read::<f64>(file, &bytes(0x0e, &2.5f64.to_be_bytes())).unwrap()[0].to_bits(), 2.5f64.to_bits());
    }

    #[test]
    fn another_magic_or_element_type_is_refused() {
        for (position, value) in [(0, 1), (1, 1), (2, 0x0d), (3, 0)] {
            let mut bytes = SOUND;
            bytes[position] = value;
            let error = read_u8(&bytes).unwrap_err();
            assert!(matches!(error, DataError::Magic { expected_type: 8, .. }), "{error}");
            assert!(error.to_string().starts_with("some-idx: wrong magic"), "{error}");
        }
    }

    #[test]
    fn every_truncation_is_an_error() {
        for kept in 0..SOUND.len() {
            let error = read_u8(&SOUND[..kept]).unwrap_err();
            assert!(matches!(error, DataError::Truncated { .. }), "{kept} bytes: {error}");
        }
        let error = read_u8(&SOUND[..17]).unwrap_err().to_string();
        assert_eq!(error, "some-idx: truncated: expected 18 bytes, got 17");
    }

    #[test]
    fn bytes_past_the_end_are_an_error() {
        let error = read_u8(&[&SOUND[..], &[0]].concat()).unwrap_err();
        assert!(matches!(error, DataError::TooLong { expected: 18, got: 19, .. }), "{error}");
    }

    #[test]
    fn dimensions_that_overflow_or_pass_the_limit_are_refused_without_an_allocation() {
        // 255 dimensions of 2^32 - 1: the product does not fit any machine word.
        let mut overflow = vec![0, 0, 8, 255];
        overflow.extend(std::iter::repeat_n(0xff, 4 * 255));
        assert!(matches!(read_u8(&overflow).unwrap_err(), DataError::Oversize { .. }));

        // One dimension of 4 GiB in a file of eight bytes.
        let huge = [0, 0, 8, 1, 0xff, 0xff, 0xff, 0xff];
        assert!(matches!(read_u8(&huge).unwrap_err(), DataError::Oversize { .. }));

        // Within the limit but not there: reported by what the file holds.
        let claimed = [0, 0, 8, 1, 0x0f, 0xff, 0xff, 0xff];
        assert!(matches!(read_u8(&claimed).unwrap_err(), DataError::Truncated { got: 8, .. }));
    }

    #[test]
    fn a_dimension_of_zero_is_an_empty_array_whatever_stands_beside_it() {
        let empty = [0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 9];
        assert_eq!(read_u8(&empty).unwrap().shape(), [0, 9]);
        // One zero beside three times 2^32 - 1.
        let mut hidden = vec![0, 0, 8, 4, 0, 0, 0, 0];
        hidden.extend([0xff; 12]);
        assert!(matches!(read_u8(&hidden).unwrap_err(), DataError::Oversize { .. }));
    }
}
