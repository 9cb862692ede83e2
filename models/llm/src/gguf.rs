//! GGUF, llama.cpp's file: metadata, and tensors whose weights stand in blocks.
//!
//! Read strictly and without copying: every count and length is compared with the bytes that are left before anything is made for it, and
//! what is said twice, overlaps or lies outside is refused. Layout: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

mod cursor;
mod metadata;
mod tokenizer;
#[cfg(test)]
pub(crate) mod writer;

use std::collections::BTreeMap;

use self::cursor::Cursor;
use self::metadata::{Metadata, Value};
pub(crate) use self::tokenizer::GgufTokenizer;
use crate::error::LlmError;
use crate::kind::Kind;

/// Longest name of a tensor that is taken, bytes; ggml's own limit.
const MAX_NAME: usize = 64;
/// Most dimensions of a tensor; ggml's own limit.
const MAX_DIMENSIONS: usize = 4;
/// Bytes at whose multiples tensors begin, where the file says nothing else.
const DEFAULT_ALIGNMENT: u64 = 32;
/// The largest such number that is taken.
const MAX_ALIGNMENT: u64 = 1 << 20;

/// A tensor of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tensor<'a> {
    /// Rows: the product of all dimensions but the innermost.
    pub(crate) rows: usize,
    /// Weights of a row: the innermost dimension.
    pub(crate) columns: usize,
    /// How its weights are held.
    pub(crate) kind: Kind,
    /// Its bytes, row after row.
    pub(crate) data: &'a [u8],
}

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Gguf<'a> {
    /// What it says about the model.
    pub(crate) metadata: Metadata<'a>,
    tensors: BTreeMap<&'a str, Tensor<'a>>,
}

/// A tensor as the head describes it.
struct Described<'a> {
    name: &'a str,
    rows: usize,
    columns: usize,
    kind: Kind,
    offset: u64,
    bytes: usize,
}

impl<'a> Gguf<'a> {
    /// Reads a file.
    ///
    /// # Errors
    /// [`LlmError::Damaged`] and [`LlmError::Unsupported`], with what is wrong.
    pub(crate) fn parse(file: &'a [u8]) -> Result<Self, LlmError> {
        let mut cursor = Cursor::new(file);
        if cursor.take(4, "its magic number")? != b"GGUF" {
            return Err(LlmError::Damaged("no GGUF: another magic number".into()));
        }
        let version = cursor.u32("its version")?;
        if !(2..=3).contains(&version) {
            return Err(LlmError::Unsupported(format!("version {version} of GGUF; 2 and 3 are read")));
        }
        let tensors = cursor.u64("the number of tensors")?;
        let entries = cursor.u64("the number of metadata entries")?;
        let metadata = Metadata::parse(&mut cursor, entries)?;
        // A name's length, a number of dimensions, one of them, a type and an offset.
        cursor.check_count(tensors, 8 + 4 + 8 + 4 + 8, "tensors")?;
        let described = (0..tensors).map(|_| Described::parse(&mut cursor)).collect::<Result<Vec<_>, _>>()?;
        let alignment = match metadata.get("general.alignment") {
            None => DEFAULT_ALIGNMENT,
            Some(Value::Unsigned(alignment))
                if alignment.is_power_of_two() && (8..=MAX_ALIGNMENT).contains(alignment) =>
            {
                *alignment
            }
            Some(_) => return Err(LlmError::Damaged("general.alignment is no power of two from 8 to 2^20".into())),
        };
        let start = (cursor.position() as u64).next_multiple_of(alignment);
        // Where there is no tensor, nothing need follow the head.
        let data = usize::try_from(start).ok().and_then(|start| file.get(start..)).unwrap_or_default();
        Ok(Self { metadata, tensors: place(described, data, alignment)? })
    }

    /// A tensor by its name.
    pub(crate) fn find(&self, name: &str) -> Option<Tensor<'a>> {
        self.tensors.get(name).copied()
    }

    /// A tensor by its name, which must be there in this shape.
    pub(crate) fn tensor(&self, name: &str, rows: usize, columns: usize) -> Result<Tensor<'a>, LlmError> {
        let tensor = self.find(name).ok_or_else(|| LlmError::Damaged(format!("there is no tensor {name}")))?;
        if (tensor.rows, tensor.columns) != (rows, columns) {
            return Err(LlmError::Damaged(format!(
                "tensor {name} is {} by {}, where {rows} by {columns} is needed",
                tensor.rows, tensor.columns
            )));
        }
        Ok(tensor)
    }

    /// All tensors, in the order of their names.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = (&'a str, &Tensor<'a>)> {
        self.tensors.iter().map(|(name, tensor)| (*name, tensor))
    }
}

impl<'a> Described<'a> {
    fn parse(cursor: &mut Cursor<'a>) -> Result<Self, LlmError> {
        let name = cursor.text(MAX_NAME, "a tensor's name")?;
        let damaged = |what: &str| LlmError::Damaged(format!("tensor {name}: {what}"));
        let count = cursor.u32("a tensor's number of dimensions")? as usize;
        if !(1..=MAX_DIMENSIONS).contains(&count) {
            return Err(damaged(&format!("{count} dimensions; it has from 1 to {MAX_DIMENSIONS}")));
        }
        let mut dimensions = [1_usize; MAX_DIMENSIONS];
        for dimension in &mut dimensions[..count] {
            *dimension = usize::try_from(cursor.u64("a tensor's dimension")?)
                .ok()
                .filter(|&dimension| dimension > 0)
                .ok_or_else(|| damaged("a dimension that is none"))?;
        }
        let number = cursor.u32("a tensor's type")?;
        let kind = Kind::of_ggml(number)
            .ok_or_else(|| LlmError::Unsupported(format!("tensor {name} has weights of ggml's type {number}")))?;
        let offset = cursor.u64("a tensor's offset")?;
        let [columns, outer @ ..] = dimensions;
        let rows = outer.iter().try_fold(1_usize, |rows, &dimension| rows.checked_mul(dimension));
        let rows = rows.ok_or_else(|| damaged("more weights than can be counted"))?;
        if !columns.is_multiple_of(kind.block()) {
            return Err(damaged(&format!("rows of {columns} weights, no multiple of {kind}'s {}", kind.block())));
        }
        let bytes = (columns / kind.block()).checked_mul(kind.bytes()).and_then(|row| row.checked_mul(rows));
        let bytes = bytes.ok_or_else(|| damaged("more bytes than can be counted"))?;
        Ok(Self { name, rows, columns, kind, offset, bytes })
    }
}

/// Gives each tensor its bytes.
fn place<'a>(
    mut described: Vec<Described<'a>>,
    data: &'a [u8],
    alignment: u64,
) -> Result<BTreeMap<&'a str, Tensor<'a>>, LlmError> {
    described.sort_by_key(|tensor| tensor.offset);
    let mut placed = BTreeMap::new();
    let mut free = 0;
    for Described { name, rows, columns, kind, offset, bytes } in described {
        let damaged = |what: &str| Err(LlmError::Damaged(format!("tensor {name} {what}")));
        if !offset.is_multiple_of(alignment) {
            return damaged(&format!("begins at byte {offset}, no multiple of {alignment}"));
        }
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        if start < free {
            return damaged("overlaps the one before it");
        }
        let Some(data) = start.checked_add(bytes).and_then(|end| data.get(start..end)) else {
            return damaged("reaches beyond the end of the file");
        };
        free = start + bytes;
        if placed.insert(name, Tensor { rows, columns, kind, data }).is_some() {
            return damaged("is there twice");
        }
    }
    Ok(placed)
}

#[cfg(test)]
mod tests;
