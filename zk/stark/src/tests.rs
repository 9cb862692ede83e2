//! Honest proofs, and forgeries through the real prover and verifier.

use zktee_testing as models;

/// Tests that are the same for a public and for a hidden input.
macro_rules! for_profiles {
    ($($name:ident,)+) => {
        mod fast {
            $(#[test]
            fn $name() {
                super::$name(crate::Profile::Fast);
            })+
        }
        mod zk {
            $(#[test]
            fn $name() {
                super::$name(crate::Profile::Zk);
            })+
        }
    };
}

mod adversary;
mod bounds;
mod first;
mod hidden;
mod honest;
mod hostile;
mod parameters;
mod phases;
mod random;
mod second;
mod statement;
mod zk;
