//! CSV: rows of numbers with an optional header.

use std::path::Path;

use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};
use zktee_core::tensor::Tensor;

use super::{InputError, MAX_NUMBERS, tensor};

/// What some spreadsheets write first.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Tensor, InputError> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(bytes);
    let mut record = StringRecord::new();
    let mut header: Option<StringRecord> = None;
    let mut width = None;
    let mut rows = 0;
    let mut data: Vec<f32> = Vec::new();
    while reader.read_record(&mut record).map_err(|error| damaged(path, bytes, &error))? {
        let line = || line(bytes, record.position());
        if width.is_none() && header.is_none() && is_header(&record) {
            header = Some(record.clone());
            continue;
        }
        let expected = *width.get_or_insert_with(|| header.as_ref().map_or(record.len(), StringRecord::len));
        if record.len() != expected {
            let problem = format!("{} cells in a row where {expected} are expected", record.len());
            let column = record.len().to_string();
            return Err(InputError::Cell { path: path.into(), line: line(), column, problem });
        }
        if data.len() + expected > MAX_NUMBERS {
            return Err(InputError::TooLarge { path: path.into() });
        }
        for (index, cell) in record.iter().enumerate() {
            data.push(number(cell).map_err(|problem| {
                let column = column(index, header.as_ref());
                InputError::Cell { path: path.into(), line: line(), column, problem }
            })?);
        }
        rows += 1;
    }
    tensor(path, vec![rows, width.unwrap_or(0)], data)
}

/// A row of names: one number in it makes it data, so that a typing error in the first row is not taken for a header.
fn is_header(record: &StringRecord) -> bool {
    record.iter().all(|cell| cell.parse::<f32>().is_err()) && record.iter().any(|cell| !cell.is_empty())
}

fn number(cell: &str) -> Result<f32, String> {
    if cell.is_empty() {
        return Err("an empty cell; every cell must hold a number".into());
    }
    match cell.parse::<f32>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(format!("`{}` is not finite as an f32", shortened(cell))),
        Err(_) if cell.contains([';', '\t']) => {
            Err(format!("`{}` is not a number; separate cells by commas", shortened(cell)))
        }
        Err(_) => Err(format!("`{}` is not a number", shortened(cell))),
    }
}

fn column(index: usize, header: Option<&StringRecord>) -> String {
    match header.and_then(|header| header.get(index)) {
        Some(name) if !name.is_empty() => format!("{} (`{}`)", index + 1, shortened(name)),
        _ => (index + 1).to_string(),
    }
}

/// A cell for a message: a binary file named .csv must not fill the screen.
fn shortened(cell: &str) -> String {
    let mut text: String = cell.chars().take(40).flat_map(char::escape_debug).collect();
    if cell.chars().nth(40).is_some() {
        text.push('…');
    }
    text
}

/// The line of the record at a position, from 1. The parser's own count is that of the record before: it stops at blank lines.
fn line(bytes: &[u8], position: Option<&csv::Position>) -> u64 {
    let offset = position.map_or(0, |position| position.byte() as usize).min(bytes.len());
    let blank = bytes[offset..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    bytes[..offset + blank].split(|byte| *byte == b'\n').count() as u64
}

fn damaged(path: &Path, bytes: &[u8], error: &csv::Error) -> InputError {
    let (column, problem) = match error.kind() {
        ErrorKind::Utf8 { err, .. } => (err.field() + 1, "not UTF-8 text".to_owned()),
        _ => (1, error.to_string()),
    };
    let line = line(bytes, error.position());
    InputError::Cell { path: path.into(), line, column: column.to_string(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Tensor, InputError> {
        parse(Path::new("x.csv"), text.as_bytes())
    }

    fn message(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn with_and_without_a_header() {
        let expected = Tensor::new(vec![2, 2], vec![1.0, -2.5, 3e2, 4.0]).unwrap();
        assert_eq!(read("1, -2.5\n3e2,4\n").unwrap(), expected);
        assert_eq!(read("a,b\r\n1,-2.5\r\n\r\n3e2,4").unwrap(), expected);
        assert_eq!(read("\u{feff}a,b\n1,-2.5\n300,4").unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        assert_eq!(message("a,b\n1,2\n3,four\n"), "x.csv: line 3, column 2 (`b`): `four` is not a number");
        assert_eq!(message("1,2\n3\n"), "x.csv: line 2, column 1: 1 cells in a row where 2 are expected");
        assert_eq!(message("1,2\n\n3,\n"), "x.csv: line 3, column 2: an empty cell; every cell must hold a number");
        assert_eq!(message("1,NaN\n"), "x.csv: line 1, column 2: `NaN` is not finite as an f32");
        assert_eq!(message("1,2\n1e39,2\n"), "x.csv: line 2, column 1: `1e39` is not finite as an f32");
        assert_eq!(message("a,b,c\n1,2\n"), "x.csv: line 2, column 2: 2 cells in a row where 3 are expected");
        assert!(message("1;2;3\n1;2;3\n2;3;4").ends_with("separate cells by commas"));
    }

    #[test]
    fn one_number_in_the_first_row_makes_it_data() {
        assert_eq!(message("5.1,1o5\n1,2\n"), "x.csv: line 1, column 2: `1o5` is not a number");
    }

    #[test]
    fn nothing_in_it_is_an_error() {
        for text in ["", "\n\n", "a,b\n"] {
            assert!(matches!(read(text), Err(InputError::Empty { .. })), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_text_is_an_error_with_its_line() {
        let error = parse(Path::new("x.csv"), b"1,2\n3,\xff\n").unwrap_err().to_string();
        assert_eq!(error, "x.csv: line 2, column 2: not UTF-8 text");
    }
}
