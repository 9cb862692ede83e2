//! The programs.

/// A program for the virtual machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guest {
    /// The answers of an integer model.
    Predict,
    /// That a model is the least-squares fit to its inputs, and its answers.
    Fit,
}

/// `name image-id`, a line each; written by `zk/risc0/build-guests`.
const IMAGE_IDS: &str = include_str!("../../elf/IMAGE_IDS");

impl Guest {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Predict, Self::Fit];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Predict => "predict",
            Self::Fit => "fit",
        }
    }

    /// Its committed image id; none where the committed file does not have one.
    pub fn image_id(self) -> Option<[u8; 32]> {
        let of_it = |line: &'static str| line.split_once(' ').filter(|(name, _)| *name == self.name());
        let (_, hex) = IMAGE_IDS.lines().find_map(of_it)?;
        let mut id = [0; 32];
        if hex.len() != 2 * id.len() {
            return None;
        }
        for (byte, digits) in id.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(id)
    }
}
