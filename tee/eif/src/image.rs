//! An image: its parts, its bytes, its measurements.

use std::collections::BTreeMap;
use std::fmt;

use zktee_attestation::{Pcr, pcr};

use crate::EifError;

/// The most bytes of an image; those of this project have some tens of megabytes.
pub const MAX_IMAGE: u64 = 1 << 30;

/// Sections that the head has room for.
pub(crate) const MAX_SECTIONS: usize = 32;
pub(crate) const MAGIC: [u8; 4] = *b".eif";
pub(crate) const VERSION: u16 = 4;
/// Bytes of the head, the checksum its last four.
pub(crate) const HEAD_BYTES: usize = 4 + 2 + 2 + 8 + 8 + 2 + 2 + 2 * 8 * MAX_SECTIONS + 4 + 4;
/// Bytes before a section's content.
pub(crate) const SECTION_HEAD_BYTES: usize = 2 + 2 + 8;

/// Memory (bytes) and processors that the head proposes; whoever runs the image says what it gets.
const DEFAULT_MEMORY: u64 = 1 << 30;
const DEFAULT_PROCESSORS: u64 = 2;

/// Kinds of sections, by number.
pub(crate) mod kind {
    pub(crate) const KERNEL: u16 = 1;
    pub(crate) const CMDLINE: u16 = 2;
    pub(crate) const RAMDISK: u16 = 3;
    pub(crate) const METADATA: u16 = 5;
}

/// The parts of an image for `x86_64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The kernel, as its boot protocol has it (bzImage).
    pub kernel: Vec<u8>,
    /// Its command line.
    pub cmdline: String,
    /// Ramdisks as the kernel unpacks them, one over the other. The first boots, the others are the application.
    pub ramdisks: Vec<Vec<u8>>,
    /// JSON about the build. Nothing measures it.
    pub metadata: Vec<u8>,
}

/// What an image measures as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measurements {
    /// Registers 0 to 2, by index.
    pub pcrs: BTreeMap<u8, Pcr>,
}

/// As `{"PCR0": "…", "PCR1": "…", "PCR2": "…"}`, hexadecimal, which is how AWS's tools name them.
impl fmt::Display for Measurements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = "{";
        for (index, register) in &self.pcrs {
            write!(f, "{before}\"PCR{index}\": \"")?;
            register.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            write!(f, "\"")?;
            before = ", ";
        }
        write!(f, "}}")
    }
}

impl Image {
    /// The registers of an enclave that runs this image outside of debug mode.
    pub fn measure(&self) -> Measurements {
        let mut boot = vec![self.kernel.as_slice(), self.cmdline.as_bytes()];
        boot.extend(self.ramdisks.first().map(Vec::as_slice));
        let application: Vec<&[u8]> = self.ramdisks.iter().skip(1).map(Vec::as_slice).collect();
        let all = [boot.as_slice(), &application].concat();
        let pcrs = [(0, measured(&all)), (1, measured(&boot)), (2, measured(&application))];
        Measurements { pcrs: BTreeMap::from(pcrs) }
    }

    /// The image as a file: the same bytes for the same parts.
    ///
    /// # Errors
    ///
    /// [`EifError::Missing`] without a kernel, command line, ramdisk or metadata (no loader takes an image without); [`EifError::TooMuch`]
    /// with more than 29 ramdisks or [`MAX_IMAGE`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, EifError> {
        let required = [
            ("a kernel", self.kernel.is_empty()),
            ("a command line", self.cmdline.is_empty()),
            ("metadata", self.metadata.is_empty()),
            ("a ramdisk", self.ramdisks.is_empty() || self.ramdisks.iter().any(Vec::is_empty)),
        ];
        if let Some((what, _)) = required.into_iter().find(|(_, missing)| *missing) {
            return Err(EifError::Missing(what));
        }
        let mut sections = vec![
            (kind::KERNEL, self.kernel.as_slice()),
            (kind::CMDLINE, self.cmdline.as_bytes()),
            (kind::METADATA, &self.metadata),
        ];
        sections.extend(self.ramdisks.iter().map(|ramdisk| (kind::RAMDISK, ramdisk.as_slice())));
        limit("sections of an image", sections.len() as u64, MAX_SECTIONS as u64)?;
        let content: u64 = sections.iter().map(|(_, content)| (SECTION_HEAD_BYTES + content.len()) as u64).sum();
        limit("bytes of an image", HEAD_BYTES as u64 + content, MAX_IMAGE)?;
        Ok(write(&sections))
    }
}

pub(crate) fn limit(what: &'static str, found: u64, most: u64) -> Result<(), EifError> {
    if found > most { Err(EifError::TooMuch { what, found, most }) } else { Ok(()) }
}

fn measured(parts: &[&[u8]]) -> Pcr {
    pcr::measure(&parts.concat())
}

/// Head and sections. There are at most [`MAX_SECTIONS`] of them.
fn write(sections: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_be_bytes());
    bytes.extend(0_u16.to_be_bytes());
    bytes.extend(DEFAULT_MEMORY.to_be_bytes());
    bytes.extend(DEFAULT_PROCESSORS.to_be_bytes());
    bytes.extend(0_u16.to_be_bytes());
    bytes.extend((sections.len() as u16).to_be_bytes());
    let mut offsets = [0_u64; MAX_SECTIONS];
    let mut sizes = [0_u64; MAX_SECTIONS];
    let mut at = HEAD_BYTES;
    for ((offset, size), (_, content)) in offsets.iter_mut().zip(&mut sizes).zip(sections) {
        (*offset, *size) = (at as u64, content.len() as u64);
        at += SECTION_HEAD_BYTES + content.len();
    }
    bytes.extend(offsets.iter().chain(&sizes).flat_map(|number| number.to_be_bytes()));
    bytes.extend(0_u32.to_be_bytes());
    let checksum_at = bytes.len();
    bytes.extend([0; 4]);
    for (kind, content) in sections {
        bytes.extend(kind.to_be_bytes());
        bytes.extend(0_u16.to_be_bytes());
        bytes.extend((content.len() as u64).to_be_bytes());
        bytes.extend(*content);
    }
    let checksum = checksum(&bytes);
    bytes[checksum_at..checksum_at + 4].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// CRC-32 (ISO-HDLC) of a whole image but the four bytes that hold it. `bytes` has at least a head.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..HEAD_BYTES - 4]);
    hasher.update(&bytes[HEAD_BYTES..]);
    hasher.finalize()
}
