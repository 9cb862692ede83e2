//! Integer models as halo2 circuits with KZG on BN254.
