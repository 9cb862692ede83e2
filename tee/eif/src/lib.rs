//! Enclave images (EIF, version 4): written, read, measured.
//!
//! An image is a kernel, its command line and ramdisks, one after the other with a head before each. What a Nitro hypervisor boots, and
//! QEMU's `nitro-enclave` machine too, is exactly that, and what they measure follows from the bytes:
//!
//! ```text
//!   PCR0 = measure(kernel || command line || ramdisk 0 || ramdisk 1 …)     the image
//!   PCR1 = measure(kernel || command line || ramdisk 0)                    what boots
//!   PCR2 = measure(ramdisk 1 …)                                            the application
//!   measure(x) = SHA-384(48 zero bytes || SHA-384(x))
//! ```
//!
//! The format is that of AWS's `aws-nitro-enclaves-image-format` 0.8 (its `src/defs`), all integers big-endian:
//!
//! ```text
//!   head      ".eif" | version u16 = 4 | flags u16 (bit 0: aarch64) | memory u64 | processors u64 | 0 u16 | sections u16
//!             | offsets 32 × u64 | sizes 32 × u64 | 0 u32 | CRC-32 u32 of everything else          548 bytes
//!   section   kind u16 (1 kernel, 2 command line, 3 ramdisk, 4 signature, 5 metadata) | flags u16 = 0 | size u64 | content
//! ```
//!
//! Metadata (JSON, who built what) and the head are in the checksum and in no register. AWS's own crate is not used: its library brings a
//! client for AWS's key management, tokio and OpenSSL for what is 200 lines here. That both measure alike is shown by what an emulated
//! security module puts into its documents (docs/enclave-qemu.md).

mod error;
mod image;
mod parse;
mod ramdisk;

pub use error::EifError;
pub use image::{Image, MAX_IMAGE, Measurements};
pub use ramdisk::{MAX_ENTRIES, Ramdisk};
