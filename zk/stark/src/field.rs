//! The field, its extension, and Plonky3's building blocks over them.

use p3_blake3::Blake3;
use p3_challenger::{HashChallenger, SerializingChallenger32};
use p3_commit::ExtensionMmcs;
use p3_field::extension::BinomialExtensionField;
use p3_field::{BasedVectorSpace, ExtensionField, Field, PackedValue, PrimeCharacteristicRing, PrimeField32};
use p3_fri::TwoAdicFriPcs;
use p3_koala_bear::KoalaBear;
use p3_merkle_tree::MerkleTreeMmcs;
use p3_monty_31::dft::RecursiveDft;
use p3_symmetric::{CompressionFunctionFromHasher, MerkleCap, SerializingHasher};

/// `p = 2^31 - 2^24 + 1`.
pub(crate) type Val = KoalaBear;

/// The extension of degree 4, in which challenges lie: about `2^123.96` elements.
pub(crate) type Ext = BinomialExtensionField<Val, DEGREE>;

/// The degree of [`Ext`] over [`Val`].
pub(crate) const DEGREE: usize = 4;

/// As many field elements as the processor works on at once.
pub(crate) type Packed = <Val as Field>::Packing;

/// The same of the extension.
pub(crate) type PackedExt = <Ext as ExtensionField<Val>>::ExtensionPacking;

/// Merkle trees of Blake3 over rows of field elements.
pub(crate) type Tree =
    MerkleTreeMmcs<Val, u8, SerializingHasher<Blake3>, CompressionFunctionFromHasher<Blake3, 2, 32>, 2, 32>;

/// The same over rows of extension elements.
pub(crate) type FoldedTree = ExtensionMmcs<Val, Ext, Tree>;

/// What a tree is known by.
pub(crate) type Commitment = MerkleCap<Val, [u8; 32]>;

/// Fourier transforms.
pub(crate) type Transform = RecursiveDft<Val>;

/// The commitment scheme for polynomials.
pub(crate) type Scheme = TwoAdicFriPcs<Val, Transform, Tree, FoldedTree>;

/// The transcript.
pub(crate) type Challenger = SerializingChallenger32<Val, HashChallenger<u8, Blake3, 32>>;

/// `p`, as an integer.
pub(crate) const MODULUS: u32 = Val::ORDER_U32;

/// An integer, negative ones as the field's negatives.
pub(crate) fn integer(value: i64) -> Val {
    Val::from_i64(value)
}

/// The coordinates of an extension element.
pub(crate) fn coordinates(value: &Ext) -> &[Val] {
    value.as_basis_coefficients_slice()
}

/// `sums[i] += values[i] * factor`.
pub(crate) fn add_scaled(sums: &mut [Val], values: &[Val], factor: Val) {
    let (packed_sums, sums) = Packed::pack_slice_with_suffix_mut(sums);
    let (packed, values) = Packed::pack_slice_with_suffix(values);
    let broadcast = Packed::from(factor);
    for (sum, &value) in packed_sums.iter_mut().zip(packed) {
        *sum += value * broadcast;
    }
    for (sum, &value) in sums.iter_mut().zip(values) {
        *sum += value * factor;
    }
}

/// `1, base, base^2, …`, so many.
pub(crate) fn powers(base: Ext, count: usize) -> Vec<Ext> {
    base.powers().collect_n(count)
}
