//! IDX, the format of MNIST: the data sets' own reader, for every element type.

use std::path::Path;

use ndarray::ArrayD;
use zktee_core::tensor::Tensor;
use zktee_datasets::DataError;
use zktee_datasets::idx::{self, Element};

use super::{InputError, tensor};

pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Tensor, InputError> {
    // The type stands inside the stream, which may be compressed: the reader for the usual one says what it found.
    let code = match idx::read::<u8>(path, bytes) {
        Ok(array) => return convert(path, array, f32::from),
        // A rank of 0 is wrong with every type.
        Err(DataError::Magic { got: [0, 0, code, rank], .. }) if rank > 0 => code,
        Err(error) => return Err(error.into()),
    };
    match code {
        i8::CODE => convert(path, idx::read::<i8>(path, bytes)?, f32::from),
        i16::CODE => convert(path, idx::read::<i16>(path, bytes)?, f32::from),
        i32::CODE => convert(path, idx::read::<i32>(path, bytes)?, |x| x as f32),
        f64::CODE => convert(path, idx::read::<f64>(path, bytes)?, |x| x as f32),
        // An unknown type is refused as another than this one.
        _ => convert(path, idx::read::<f32>(path, bytes)?, |x| x),
    }
}

fn convert<T: Copy>(path: &Path, array: ArrayD<T>, to_f32: impl Fn(T) -> f32) -> Result<Tensor, InputError> {
    tensor(path, array.shape().to_vec(), array.into_iter().map(to_f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Tensor, InputError> {
        parse(Path::new("x-idx"), bytes)
    }

    #[test]
    fn every_element_type_is_read() {
        let file = |code: u8, element: &[u8]| [&[0, 0, code, 2, 0, 0, 0, 1, 0, 0, 0, 1], element].concat();
        for (code, element, value) in [
            (0x08, vec![200], 200.0),
            (0x09, vec![0xff], -1.0),
            (0x0b, vec![1, 0], 256.0),
            (0x0c, vec![0, 1, 0, 0], 65536.0),
            (0x0d, 1.5f32.to_be_bytes().to_vec(), 1.5),
            (0x0e, 2.5f64.to_be_bytes().to_vec(), 2.5),
        ] {
            assert_eq!(read(&file(code, &element)).unwrap(), Tensor::new(vec![1, 1], vec![value]).unwrap());
        }
        assert!(matches!(read(&file(0x0d, &f32::INFINITY.to_be_bytes())), Err(InputError::NotFinite { .. })));
    }

    #[test]
    fn what_is_no_idx_file_is_an_error_that_names_it() {
        for bytes in [&b""[..], b"\0\0\x08", b"\0\0\x07\x01\0\0\0\x01\x01", b"\0\0\x0d\0", b"\x1f\x8bgzip"] {
            let error = read(bytes).unwrap_err().to_string();
            assert!(error.starts_with("x-idx: "), "{error}");
        }
    }
}
