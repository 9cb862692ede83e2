//! The programs for the virtual machine.

/// `name image-id`, a line each.
const IMAGE_IDS: &str = include_str!("../elf/IMAGE_IDS");

/// A program for the virtual machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The answers of an integer model.
    Predict,
    /// That a model is the least-squares fit to its inputs, and its answers.
    Fit,
}

impl Program {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Predict, Self::Fit];

    /// The backend that proves it.
    pub const fn backend(self) -> &'static str {
        match self {
            Self::Predict => "risc0/predict",
            Self::Fit => "risc0/fit",
        }
    }

    /// Its name among the committed programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Predict => "predict",
            Self::Fit => "fit",
        }
    }

    /// The program that a backend proves.
    pub fn of(backend: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|program| program.backend() == backend)
    }

    /// Its committed image id: the digest of the memory that the machine starts with, in hexadecimal.
    pub fn image_id(self) -> Option<&'static str> {
        let of_it = |line: &'static str| line.split_once(' ').filter(|(name, _)| *name == self.name());
        IMAGE_IDS.lines().find_map(of_it).map(|(_, id)| id)
    }
}
