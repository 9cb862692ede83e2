//! Documents of hardware, of a software module and of an adversary, against the verifier.

mod arbitrary;
mod aws;
mod chains;
mod emulator;
mod forge;
mod form;
mod policy;
mod unsigned;
