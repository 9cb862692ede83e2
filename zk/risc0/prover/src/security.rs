//! How many bits of security a segment's proof has, by RISC Zero's own analysis (`risc0_zkp::prove::soundness`).

use risc0_circuit_rv32im::CircuitImpl;
use risc0_zkp::adapter::TapsProvider as _;
use risc0_zkp::field::ExtElem as _;
use risc0_zkp::field::baby_bear::{BabyBear, BabyBearExtElem};
use risc0_zkp::hal::cpu::CpuHal;
use risc0_zkp::prove::soundness;

/// Bits of security for segments of `2^po2` rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bits {
    /// Up to the Johnson bound: a theorem.
    pub(crate) proven: f64,
    /// Nearly up to the code's capacity: Conjecture 8.4 of "Proximity Gaps for Reed-Solomon Codes" (2020).
    pub(crate) conjectured: f64,
    /// By the toy problem of the ethSTARK documentation: the figure that RISC Zero states.
    pub(crate) toy: f64,
}

/// The analysis for segments of this size.
pub(crate) fn bits(po2: usize) -> Bits {
    type Hal = CpuHal<BabyBear>;
    let taps = CircuitImpl.get_taps();
    let coefficients = (1_usize << po2) * BabyBearExtElem::EXT_SIZE;
    Bits {
        proven: soundness::proven::<Hal>(taps, coefficients).into(),
        conjectured: soundness::conjectured_strict::<Hal>(taps, coefficients).into(),
        toy: soundness::toy_model_security::<Hal>(taps, coefficients).into(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_worker_states_what_the_analysis_says_of_the_largest_segment() {
        let bits = super::bits(18);
        // `BITS` of zk/risc0/src/worker.rs.
        assert_eq!([bits.toy, bits.conjectured, bits.proven].map(f64::floor), [98.0, 78.0, 45.0]);
    }
}
