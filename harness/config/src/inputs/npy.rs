//! NPY, numpy's file of one array (`numpy.save`): <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::path::Path;

use ndarray::{ArrayD, IxDyn, ShapeBuilder};
use ndarray_npy::ReadableElement;
use ndarray_npy::npy::header::Header;
use zktee_core::tensor::Tensor;

use super::{InputError, MAX_NUMBERS, tensor};

/// The first bytes of every NPY file.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// The longest header that is parsed, in bytes; numpy writes 128 for a plain array.
const MAX_HEADER: usize = 4096;

/// The deepest brackets that are parsed: a dictionary that holds a tuple, and one to spare.
const MAX_DEPTH: usize = 3;

pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Tensor, InputError> {
    let fail = |problem: String| InputError::Damaged { path: path.into(), problem };
    guard_header(bytes).map_err(&fail)?;
    let mut rest = bytes;
    let header = Header::from_reader(&mut rest).map_err(|error| fail(format!("not an NPY file: {error}")))?;
    let Some(len) = header.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d.max(1))).filter(|n| *n <= MAX_NUMBERS)
    else {
        return Err(InputError::TooLarge { path: path.into() });
    };
    if header.shape.is_empty() {
        return Err(fail("holds a single number; the first dimension must count inputs".into()));
    }
    let len = if header.shape.contains(&0) { 0 } else { len };
    let kind = header.type_descriptor.to_string();
    let element = kind.trim_matches(['\'', '"']);
    let size = match element.trim_start_matches(['<', '>', '=', '|']) {
        "f4" => 4,
        "f8" | "i8" => 8,
        "u1" => 1,
        _ => {
            let problem = format!("numbers of type `{element}` are not read; save `array.astype(numpy.float32)`");
            return Err(fail(problem));
        }
    };
    // Nothing is reserved on the header's word: what it promises must be there.
    if rest.len() != len * size {
        let shape = &header.shape;
        return Err(fail(format!("shape {shape:?} takes {} bytes, the file has {}", len * size, rest.len())));
    }
    let data = match element.trim_start_matches(['<', '>', '=', '|']) {
        "f4" => elements::<f32>(&header, rest, len, |x| x),
        "f8" => elements::<f64>(&header, rest, len, |x| x as f32),
        "i8" => elements::<i64>(&header, rest, len, |x| x as f32),
        _ => elements::<u8>(&header, rest, len, f32::from),
    };
    tensor(path, header.shape.clone(), data.map_err(fail)?)
}

/// Row-major numbers of the file.
fn elements<T: ReadableElement + Clone>(
    header: &Header,
    bytes: &[u8],
    len: usize,
    to_f32: impl Fn(T) -> f32,
) -> Result<Vec<f32>, String> {
    let read = T::read_to_end_exact_vec(bytes, &header.type_descriptor, len).map_err(|error| error.to_string())?;
    let data: Vec<f32> = read.into_iter().map(to_f32).collect();
    if !header.layout.is_fortran() {
        return Ok(data);
    }
    let array = ArrayD::from_shape_vec(IxDyn(&header.shape).set_f(true), data).map_err(|error| error.to_string())?;
    Ok(array.iter().copied().collect())
}

/// Refuses a header that would take the parser of Python literals long or deep: its grammar tries every bracket twice.
fn guard_header(bytes: &[u8]) -> Result<(), String> {
    let damaged = |what: &str| Err(format!("not an NPY file: {what}"));
    if !bytes.starts_with(MAGIC) {
        return damaged("other first bytes");
    }
    let (start, length) = match bytes.get(6..12) {
        Some([1, 0, a, b, ..]) => (10, usize::from(u16::from_le_bytes([*a, *b]))),
        Some([2 | 3, 0, a, b, c, d]) => (12, u32::from_le_bytes([*a, *b, *c, *d]) as usize),
        Some([major, minor, ..]) => return damaged(&format!("unknown version {major}.{minor}")),
        _ => return damaged("truncated header"),
    };
    if length > MAX_HEADER {
        return damaged(&format!("a header of {length} bytes, more than {MAX_HEADER}"));
    }
    let Some(header) = bytes.get(start..start + length) else {
        return damaged("truncated header");
    };
    let mut depth = 0usize;
    for byte in header {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return damaged("a structured or nested type");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use ndarray_npy::WriteNpyExt;

    fn file(array: &impl WriteNpyExt) -> Vec<u8> {
        let mut bytes = Vec::new();
        array.write_npy(&mut bytes).unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Tensor, InputError> {
        parse(Path::new("x.npy"), bytes)
    }

    fn raw(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = [MAGIC, &[1, 0]].concat();
        bytes.extend((header.len() as u16 + 1).to_le_bytes());
        bytes.extend(header.bytes().chain([b'\n']));
        bytes.extend(data);
        bytes
    }

    #[test]
    fn every_type_and_both_layouts_give_the_same_tensor() {
        let expected = Tensor::new(vec![2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let floats: Array2<f32> = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        for bytes in [
            file(&floats),
            file(&floats.mapv(f64::from)),
            file(&floats.mapv(|x| x as u8)),
            file(&floats.mapv(|x| x as i64)),
            file(&array![[1.0f32, 4.0], [2.0, 5.0], [3.0, 6.0]].reversed_axes()),
        ] {
            assert_eq!(read(&bytes).unwrap(), expected);
        }
        let big_endian = raw("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", &1.5f32.to_be_bytes());
        assert_eq!(read(&big_endian).unwrap().data, [1.5]);
    }

    #[test]
    fn another_type_is_refused_with_what_mends_it() {
        let error = read(&file(&array![1i32, 2])).unwrap_err().to_string();
        assert!(error.starts_with("x.npy: ") && error.contains("`<i4`") && error.contains("float32"), "{error}");
        let error = read(&file(&array![true])).unwrap_err().to_string();
        assert!(error.contains("`|b1`"), "{error}");
    }

    #[test]
    fn a_header_cannot_ask_for_memory_or_time() {
        let promise =
            |shape: &str| raw(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"), &[]);
        assert!(matches!(read(&promise("(4611686018427387904, 4)")), Err(InputError::TooLarge { .. })));
        assert!(matches!(read(&promise("(0, 4611686018427387904, 16)")), Err(InputError::TooLarge { .. })));
        let error = read(&promise("(1000, 1000)")).unwrap_err().to_string();
        assert_eq!(error, "x.npy: shape [1000, 1000] takes 4000000 bytes, the file has 0");
        for deep in ["{", "(", "["] {
            assert!(read(&raw(&deep.repeat(4000), &[])).unwrap_err().to_string().contains("nested"));
        }
        let long = [MAGIC, &[2, 0, 0xff, 0xff, 0xff, 0xff]].concat();
        assert!(read(&long).unwrap_err().to_string().contains("4294967295 bytes"));
    }

    #[test]
    fn truncated_extended_scalar_and_empty_files_are_errors() {
        let whole = file(&array![[1.0f32, 2.0], [3.0, 4.0]]);
        for kept in 0..whole.len() {
            assert!(read(&whole[..kept]).is_err(), "{kept} bytes");
        }
        assert!(read(&[&whole[..], &[0]].concat()).is_err());
        assert!(read(&raw("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", &[0; 4])).is_err());
        assert!(matches!(read(&file(&Array2::<f32>::zeros((0, 3)))), Err(InputError::Empty { .. })));
    }

    #[test]
    fn a_number_that_is_not_finite_is_named() {
        let error = read(&file(&array![[1.0f32, 2.0], [f32::NAN, 4.0]])).unwrap_err().to_string();
        assert!(error.starts_with("x.npy: number 2 of shape [2, 2]"), "{error}");
        assert!(matches!(read(&file(&array![1e300f64])), Err(InputError::NotFinite { .. })));
    }
}
