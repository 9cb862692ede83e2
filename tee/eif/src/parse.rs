//! Reading an image: what [`Image::to_bytes`] writes, and other builders' images of the same parts.

use crate::EifError;
use crate::image::{
    HEAD_BYTES, Image, MAGIC, MAX_IMAGE, MAX_SECTIONS, SECTION_HEAD_BYTES, VERSION, checksum, kind, limit,
};

/// Where things are in the head.
const FLAGS_AT: usize = 6;
const SECTIONS_AT: usize = 26;
const OFFSETS_AT: usize = 28;
const SIZES_AT: usize = OFFSETS_AT + 8 * MAX_SECTIONS;

impl Image {
    /// Reads an unsigned image for `x86_64` whose sections follow each other without gaps, as all known builders write them.
    ///
    /// # Errors
    ///
    /// [`EifError::Form`], [`EifError::Missing`], [`EifError::Twice`], [`EifError::Checksum`]; never more than the input is allocated.
    pub fn parse(bytes: &[u8]) -> Result<Self, EifError> {
        limit("bytes of an image", bytes.len() as u64, MAX_IMAGE)?;
        let head = bytes.get(..HEAD_BYTES).ok_or(EifError::Form("it is shorter than a head"))?;
        if head[..4] != MAGIC || head[4..6] != VERSION.to_be_bytes() {
            return Err(EifError::Form("another format or version"));
        }
        if head[FLAGS_AT..FLAGS_AT + 2] != [0, 0] {
            return Err(EifError::Form("flags: it is for another architecture"));
        }
        let count = usize::from(u16::from_be_bytes([head[SECTIONS_AT], head[SECTIONS_AT + 1]]));
        if count > MAX_SECTIONS {
            return Err(EifError::Form("more sections than a head has room for"));
        }
        let mut found = Found::default();
        let mut at = HEAD_BYTES;
        for index in 0..count {
            let offset = number(head, OFFSETS_AT + 8 * index);
            let size = number(head, SIZES_AT + 8 * index);
            if offset != at as u64 {
                return Err(EifError::Form("a section is not where the one before it ends"));
            }
            let (kind, content) = section(&bytes[at..], size)?;
            found.take(kind, content)?;
            at += SECTION_HEAD_BYTES + content.len();
        }
        if at != bytes.len() {
            return Err(EifError::Form("bytes after the last section"));
        }
        let stated = u32::from_be_bytes([
            head[HEAD_BYTES - 4],
            head[HEAD_BYTES - 3],
            head[HEAD_BYTES - 2],
            head[HEAD_BYTES - 1],
        ]);
        let computed = checksum(bytes);
        if stated != computed {
            return Err(EifError::Checksum { found: stated, computed });
        }
        found.image()
    }
}

/// Eight bytes of the head; `at` is among them.
fn number(head: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&head[at..at + 8]);
    u64::from_be_bytes(bytes)
}

/// The section that `bytes` begin with.
fn section(bytes: &[u8], size: u64) -> Result<(u16, &[u8]), EifError> {
    let (head, rest) = bytes.split_at_checked(SECTION_HEAD_BYTES).ok_or(EifError::Form("a section is cut off"))?;
    if head[2..4] != [0, 0] {
        return Err(EifError::Form("a section with flags"));
    }
    if head[4..12] != size.to_be_bytes() {
        return Err(EifError::Form("a section and the head disagree on its size"));
    }
    let content = usize::try_from(size).ok().and_then(|size| rest.get(..size));
    Ok((u16::from_be_bytes([head[0], head[1]]), content.ok_or(EifError::Form("a section is cut off"))?))
}

#[derive(Default)]
struct Found {
    kernel: Option<Vec<u8>>,
    cmdline: Option<String>,
    ramdisks: Vec<Vec<u8>>,
    metadata: Option<Vec<u8>>,
}

impl Found {
    fn take(&mut self, kind: u16, content: &[u8]) -> Result<(), EifError> {
        match kind {
            kind::KERNEL => once("kernel", &mut self.kernel, content.to_vec()),
            kind::CMDLINE => {
                let text =
                    std::str::from_utf8(content).map_err(|_| EifError::Form("a command line that is no text"))?;
                once("command line", &mut self.cmdline, text.to_owned())
            }
            kind::RAMDISK => {
                self.ramdisks.push(content.to_vec());
                Ok(())
            }
            kind::METADATA => once("metadata", &mut self.metadata, content.to_vec()),
            _ => Err(EifError::Form("a section of another kind; signed images are not read")),
        }
    }

    fn image(self) -> Result<Image, EifError> {
        if self.ramdisks.is_empty() {
            return Err(EifError::Missing("a ramdisk"));
        }
        Ok(Image {
            kernel: self.kernel.ok_or(EifError::Missing("a kernel"))?,
            cmdline: self.cmdline.ok_or(EifError::Missing("a command line"))?,
            ramdisks: self.ramdisks,
            metadata: self.metadata.ok_or(EifError::Missing("metadata"))?,
        })
    }
}

fn once<T>(what: &'static str, slot: &mut Option<T>, value: T) -> Result<(), EifError> {
    if slot.replace(value).is_some() { Err(EifError::Twice(what)) } else { Ok(()) }
}
