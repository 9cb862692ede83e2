//! The files of a model.

use std::path::{Path, PathBuf};

use crate::error::LlmError;

/// A model's files, as they were read, or came over a channel.
#[derive(Debug)]
pub struct ModelFiles {
    /// A GGUF file, safetensors of the GPT-2 family, or a recipe of random weights (JSON).
    pub model: Vec<u8>,
    /// `config.json`, which goes with safetensors.
    pub config: Option<Vec<u8>>,
    /// `tokenizer.json`, where the model's file holds no tokenizer.
    pub tokenizer: Option<Vec<u8>>,
}

/// Where a model's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPaths {
    /// A GGUF file, safetensors of the GPT-2 family, or a recipe of random weights (JSON).
    pub model: PathBuf,
    /// `config.json`, which goes with safetensors.
    pub config: Option<PathBuf>,
    /// `tokenizer.json`, where the model's file holds no tokenizer.
    pub tokenizer: Option<PathBuf>,
}

impl ModelPaths {
    /// Reads the files whole.
    ///
    /// # Errors
    /// [`LlmError::Io`] names the file.
    pub fn read(&self) -> Result<ModelFiles, LlmError> {
        let read = |path: &Path| std::fs::read(path).map_err(|source| LlmError::Io { path: path.to_owned(), source });
        Ok(ModelFiles {
            model: read(&self.model)?,
            config: self.config.as_deref().map(read).transpose()?,
            tokenizer: self.tokenizer.as_deref().map(read).transpose()?,
        })
    }
}

/// What a model's file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// llama.cpp's file.
    Gguf,
    /// Hugging Face's file of tensors.
    Safetensors,
    /// A [`Recipe`](crate::recipe::Recipe).
    Recipe,
}

impl Format {
    /// Tells by the first bytes: GGUF has its name there; safetensors the length of a JSON object, which follows; a recipe is a JSON object.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, LlmError> {
        if bytes.starts_with(b"GGUF") {
            return Ok(Self::Gguf);
        }
        if let Some((length, rest)) = bytes.split_first_chunk()
            && usize::try_from(u64::from_le_bytes(*length)).is_ok_and(|length| length <= rest.len())
            && rest.first() == Some(&b'{')
        {
            return Ok(Self::Safetensors);
        }
        if bytes.trim_ascii_start().starts_with(b"{") {
            return Ok(Self::Recipe);
        }
        Err(LlmError::Unsupported(
            "its first bytes are of no GGUF, no safetensors and no recipe of random weights".into(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_format() {
        assert_eq!(Format::of(b"GGUF\x03\0\0\0").unwrap(), Format::Gguf);
        assert_eq!(Format::of(b"\x02\0\0\0\0\0\0\0{}").unwrap(), Format::Safetensors);
        // A length whose first byte is a brace.
        let long = [b"\x7b\0\0\0\0\0\0\0{".as_slice(), &[b' '; 122]].concat();
        assert_eq!(Format::of(&long).unwrap(), Format::Safetensors);
        assert_eq!(Format::of(b" {\"zktee_recipe\":1}").unwrap(), Format::Recipe);
        for none in [b"".as_slice(), b"GGU", b"\x03\0\0\0\0\0\0\0{}", b"PK\x03\x04 a zip"] {
            assert!(matches!(Format::of(none), Err(LlmError::Unsupported(_))), "{none:?}");
        }
    }
}
