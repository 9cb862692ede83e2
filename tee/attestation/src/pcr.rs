//! Platform configuration registers (PCRs): what a document says about the image that runs.
//!
//! A register starts as 48 zero bytes and can only be extended: `PCR := SHA-384(PCR || data)`. An enclave image (EIF) is measured
//! with one extension by the digest of its content, so
//!
//! ```text
//!   PCR_i = SHA-384(48 zero bytes || SHA-384(content_i))
//! ```
//!
//! with PCR0 over the whole image, PCR1 over kernel and boot ramdisk, PCR2 over the application. Where there is no image, as for a
//! worker in a process, [`measure`] does the same to the bytes that stand in for it. AWS says how in "Where to find an enclave's
//! measurements" (Nitro Enclaves User Guide, Cryptographic attestation).

use std::io::{self, Read};

use aws_lc_rs::digest::{Context, SHA384, digest};

/// The value of a register: a SHA-384 digest.
pub type Pcr = [u8; 48];

/// A register that was never extended, and the sign of an enclave in debug mode.
pub const ZERO: Pcr = [0; 48];

/// How many registers there are: indices 0 to 31.
pub const COUNT: u8 = 32;

/// The register after one extension by the digest of `content`: what an image of that content measures as.
pub fn measure(content: &[u8]) -> Pcr {
    extend(&ZERO, digest(&SHA384, content).as_ref())
}

/// [`measure`] of all that `content` gives, without holding it in memory.
///
/// # Errors
///
/// Whatever reading gives.
pub fn measure_reader(mut content: impl Read) -> io::Result<Pcr> {
    let mut digest = Context::new(&SHA384);
    let mut chunk = vec![0; 1 << 16];
    loop {
        match content.read(&mut chunk) {
            Ok(0) => return Ok(extend(&ZERO, digest.finish().as_ref())),
            Ok(length) => digest.update(&chunk[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The register after an extension by `data`: `SHA-384(register || data)`.
pub fn extend(register: &Pcr, data: &[u8]) -> Pcr {
    let mut context = Context::new(&SHA384);
    context.update(register);
    context.update(data);
    let mut pcr = ZERO;
    pcr.copy_from_slice(context.finish().as_ref());
    pcr
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Held against `(head -c 48 /dev/zero; printf abc | openssl dgst -sha384 -binary) | openssl dgst -sha384`.
    #[test]
    fn measuring_is_one_extension_by_the_digest() {
        let expected =
            "93732e3733514a841c982cfa75ea76ab55fe011acb9cd980ef4523913c65be1b0998e04d77f8c174f81a82151619ca40";
        assert_eq!(crate::hex::encode(&measure(b"abc")), expected);
    }

    #[test]
    fn a_reader_measures_as_its_bytes() {
        let content: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
        assert_eq!(measure_reader(content.as_slice()).unwrap(), measure(&content));
        assert_ne!(measure(&content), measure(&content[1..]));
    }
}
