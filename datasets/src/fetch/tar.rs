//! Finds one file in a gzipped tar archive: as much of the ustar format as npm's packages use.

use std::io::{self, Read};

use flate2::read::GzDecoder;

const BLOCK: u64 = 512;

/// The content of the regular file `name` in the archive, or none if it is not there, is longer than `limit` or stands behind
/// something that is no tar header.
pub(super) fn member(archive: impl Read, name: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut archive = GzDecoder::new(archive);
    let mut header = [0; BLOCK as usize];
    loop {
        archive.read_exact(&mut header)?;
        // The archive ends with a block of zeros.
        let Some(size) = octal(&header[124..136]).filter(|_| header[0] != 0) else {
            return Ok(None);
        };
        if text(&header[..100]) == name.as_bytes() {
            if size > limit {
                return Ok(None);
            }
            let mut content = Vec::new();
            archive.take(size).read_to_end(&mut content)?;
            return Ok(Some(content));
        }
        let padded = size.next_multiple_of(BLOCK);
        if io::copy(&mut archive.by_ref().take(padded), &mut io::sink())? < padded {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// A field up to its first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// A number in octal digits, at most eleven of them: `next_multiple_of` cannot overflow on it.
fn octal(field: &[u8]) -> Option<u64> {
    u64::from_str_radix(str::from_utf8(text(field)).ok()?.trim(), 8).ok()
}
