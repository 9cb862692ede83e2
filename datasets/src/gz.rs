//! Gzip or raw, told apart by the first two bytes, read up to a limit.

use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::DataError;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The content of `bytes`, decompressed if they are gzip. Memory grows with what the stream really holds and stops at
/// `limit` + 1 bytes, whatever any header claims: a small file cannot ask for a large buffer.
pub(crate) fn content(file: &Path, bytes: &[u8], limit: u64) -> Result<Vec<u8>, DataError> {
    let mut content = Vec::new();
    if bytes.starts_with(&GZIP_MAGIC) {
        MultiGzDecoder::new(bytes)
            .take(limit + 1)
            .read_to_end(&mut content)
            .map_err(|source| DataError::Gzip { file: file.into(), source })?;
    } else {
        let kept = bytes.len().min(usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1));
        content.extend_from_slice(&bytes[..kept]);
    }
    if content.len() as u64 > limit {
        return Err(DataError::TooLong { file: file.into(), expected: limit, got: content.len() as u64 });
    }
    Ok(content)
}

#[cfg(test)]
pub(crate) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::read::GzEncoder::new(bytes, flate2::Compression::best());
    let mut out = Vec::new();
    gz.read_to_end(&mut out).unwrap();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_and_gzip_give_the_same_content() {
        let file = Path::new("f");
        assert_eq!(content(file, b"hello", 5).unwrap(), b"hello");
        assert_eq!(content(file, &compress(b"hello"), 5).unwrap(), b"hello");
    }

    #[test]
    fn a_broken_off_gzip_stream_is_an_error_that_names_the_file() {
        let whole = compress(&[7; 1000]);
        for kept in 2..whole.len() {
            let error = content(Path::new("half.gz"), &whole[..kept], 1000).unwrap_err();
            assert!(matches!(error, DataError::Gzip { .. }), "{kept} bytes: {error}");
            assert!(error.to_string().starts_with("half.gz: "), "{error}");
        }
    }

    #[test]
    fn a_gzip_bomb_stops_at_the_limit() {
        let bomb = compress(&vec![0; 10_000_000]);
        assert!(bomb.len() < 20_000);
        let error = content(Path::new("bomb.gz"), &bomb, 100).unwrap_err();
        assert!(matches!(error, DataError::TooLong { expected: 100, got: 101, .. }), "{error}");
    }
}
