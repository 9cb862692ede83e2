//! A prover for halo2-axiom circuits of gates alone.
