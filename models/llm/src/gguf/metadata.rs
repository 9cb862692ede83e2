//! What a GGUF file says about its model: names and values.

use std::collections::BTreeMap;

use super::cursor::Cursor;
use crate::error::LlmError;

/// Longest name that is taken, bytes; the format's own limit.
const MAX_KEY: usize = 65_535;

/// A value. Numbers of all widths are held as the widest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
    Text(&'a str),
    /// Integers, signed or not, without those above `i64::MAX`.
    Integers(Vec<i64>),
    Floats(Vec<f32>),
    Texts(Vec<&'a str>),
    /// An array that nothing here asks for: of booleans.
    Bools(Vec<bool>),
}

/// Names and values of a file.
#[derive(Debug)]
pub(crate) struct Metadata<'a>(BTreeMap<&'a str, Value<'a>>);

impl<'a> Metadata<'a> {
    /// Reads so many names and values.
    pub(super) fn parse(cursor: &mut Cursor<'a>, entries: u64) -> Result<Self, LlmError> {
        // A name's length, a type and a value.
        cursor.check_count(entries, 8 + 4 + 1, "metadata entries")?;
        let mut metadata = BTreeMap::new();
        for _ in 0..entries {
            let key = cursor.text(MAX_KEY, "the name of a metadata entry")?;
            let kind = cursor.u32(key)?;
            let value = if kind == 9 { array(cursor, key)? } else { scalar(cursor, kind, key)? };
            if metadata.insert(key, value).is_some() {
                return Err(LlmError::Damaged(format!("{key} is said twice")));
            }
        }
        Ok(Self(metadata))
    }

    /// A value as it stands in the file.
    pub(crate) fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.0.get(key)
    }

    /// Names and values, in the order of the names.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, &Value<'a>)> {
        self.0.iter().map(|(key, value)| (*key, value))
    }

    /// A value by a reader of it; an error where there is one that the reader does not take.
    fn read<'b, T>(
        &'b self,
        key: &str,
        kind: &str,
        read: impl FnOnce(&'b Value<'a>) -> Option<T>,
    ) -> Result<Option<T>, LlmError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| LlmError::Damaged(format!("{key} is no {kind}")))
    }

    /// A count, where there is one.
    pub(crate) fn count(&self, key: &str) -> Result<Option<usize>, LlmError> {
        self.read(key, "count", |value| match *value {
            Value::Unsigned(count) => usize::try_from(count).ok(),
            Value::Signed(count) => usize::try_from(count).ok(),
            _ => None,
        })
    }

    /// A finite number, where there is one.
    pub(crate) fn float(&self, key: &str) -> Result<Option<f32>, LlmError> {
        self.read(key, "finite number", |value| match *value {
            Value::Float(number) => Some(number as f32).filter(|number| number.is_finite()),
            _ => None,
        })
    }

    /// True or false, where it is said.
    pub(crate) fn bool(&self, key: &str) -> Result<Option<bool>, LlmError> {
        self.read(key, "boolean", |value| match *value {
            Value::Bool(bool) => Some(bool),
            _ => None,
        })
    }

    /// A text, where there is one.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, LlmError> {
        self.read(key, "text", |value| match *value {
            Value::Text(text) => Some(text),
            _ => None,
        })
    }

    /// Texts, where there are some.
    pub(crate) fn texts(&self, key: &str) -> Result<Option<&[&'a str]>, LlmError> {
        self.read(key, "array of texts", |value| match value {
            Value::Texts(texts) => Some(&texts[..]),
            _ => None,
        })
    }

    /// Integers, where there are some.
    pub(crate) fn integers(&self, key: &str) -> Result<Option<&[i64]>, LlmError> {
        self.read(key, "array of integers", |value| match value {
            Value::Integers(integers) => Some(&integers[..]),
            _ => None,
        })
    }

    /// Floats, where there are some.
    pub(crate) fn floats(&self, key: &str) -> Result<Option<&[f32]>, LlmError> {
        self.read(key, "array of floats", |value| match value {
            Value::Floats(floats) => Some(&floats[..]),
            _ => None,
        })
    }
}

/// Bytes of a value of one of the format's types; for a text, those of its length.
const fn width(kind: u32) -> Option<usize> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        8 | 10..=12 => Some(8),
        _ => None,
    }
}

fn scalar<'a>(cursor: &mut Cursor<'a>, kind: u32, key: &str) -> Result<Value<'a>, LlmError> {
    Ok(match kind {
        0 => Value::Unsigned(u8::from_le_bytes(cursor.array(key)?).into()),
        1 => Value::Signed(i8::from_le_bytes(cursor.array(key)?).into()),
        2 => Value::Unsigned(u16::from_le_bytes(cursor.array(key)?).into()),
        3 => Value::Signed(i16::from_le_bytes(cursor.array(key)?).into()),
        4 => Value::Unsigned(cursor.u32(key)?.into()),
        5 => Value::Signed(i32::from_le_bytes(cursor.array(key)?).into()),
        6 => Value::Float(f32::from_le_bytes(cursor.array(key)?).into()),
        7 => match cursor.array(key)? {
            [0] => Value::Bool(false),
            [1] => Value::Bool(true),
            [other] => return Err(LlmError::Damaged(format!("{key} is neither true nor false but {other}"))),
        },
        8 => Value::Text(cursor.text(usize::MAX, key)?),
        10 => Value::Unsigned(cursor.u64(key)?),
        11 => Value::Signed(i64::from_le_bytes(cursor.array(key)?)),
        12 => Value::Float(f64::from_le_bytes(cursor.array(key)?)),
        _ => return Err(LlmError::Damaged(format!("{key} has type {kind}, which GGUF does not know"))),
    })
}

fn array<'a>(cursor: &mut Cursor<'a>, key: &str) -> Result<Value<'a>, LlmError> {
    let kind = cursor.u32(key)?;
    let count = cursor.u64(key)?;
    let width = width(kind).ok_or_else(|| {
        LlmError::Damaged(format!("{key} is an array of type {kind}: arrays of arrays are not taken"))
    })?;
    let count = cursor.check_count(count, width, key)?;
    let unfit = || LlmError::Damaged(format!("{key} holds another value than its type says, or one that is too large"));
    // Collects values of one type.
    macro_rules! each {
        ($pattern:pat => $value:expr) => {
            (0..count)
                .map(|_| match scalar(cursor, kind, key)? {
                    $pattern => $value.ok_or_else(unfit),
                    _ => Err(unfit()),
                })
                .collect::<Result<_, _>>()?
        };
    }
    Ok(match kind {
        0 | 2 | 4 | 10 => Value::Integers(each!(Value::Unsigned(number) => i64::try_from(number).ok())),
        1 | 3 | 5 | 11 => Value::Integers(each!(Value::Signed(number) => Some(number))),
        6 | 12 => Value::Floats(each!(Value::Float(number) => Some(number as f32))),
        7 => Value::Bools(each!(Value::Bool(bool) => Some(bool))),
        _ => Value::Texts(each!(Value::Text(text) => Some(text))),
    })
}
