//! Columns, as a witness gives them and as the prover keeps them.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;

use crate::wide::{Multiples, Multiplier, Products, limbs};

/// The values of one advice column, from row 0. Rows beyond are 0, and the last rows are the prover's, who fills them at random.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// Small integers, negative ones for the field's negatives: cheap to commit to.
    Small(Vec<i32>),
    /// Elements of the field. Values that are small, or whose negatives are, cost less than others here, too.
    Field(Vec<Fr>),
}

impl Column {
    /// Number of values.
    pub const fn len(&self) -> usize {
        match self {
            Self::Small(values) => values.len(),
            Self::Field(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a circuit's advice columns hold.
pub trait Witness {
    /// The advice columns of this phase (0, 1, 2), in the order of their indices.
    ///
    /// `challenges` are those that were drawn after earlier phases, in the order of their indices. Each column may have as many values
    /// as there are usable rows at most.
    fn columns(&mut self, phase: u8, challenges: &[Fr]) -> Vec<Column>;
}

/// A column of all rows: small integers first, the rest as elements. Either part may be empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values {
    pub(crate) small: Vec<i64>,
    pub(crate) field: Vec<Fr>,
}

/// Fixed values are small up to here.
const SMALL: u64 = 1 << 62;

/// The integer that an element stands for, if it or its negative is small.
pub(crate) fn small(value: &Fr) -> Option<i64> {
    let magnitude = |value: &Fr| {
        let bytes = value.to_repr();
        let (words, _) = bytes.as_chunks::<8>();
        let [low, rest @ ..] = std::array::from_fn::<_, 4, _>(|i| u64::from_le_bytes(words[i]));
        (rest == [0; 3] && low < SMALL).then_some(low as i64)
    };
    magnitude(value).or_else(|| magnitude(&-value).map(|value| -value))
}

impl Values {
    /// A column, kept as integers if all its values are small.
    pub(crate) fn new(values: &[Fr]) -> Self {
        match values.iter().map(small).collect() {
            Some(small) => Self { small, field: Vec::new() },
            None => Self { small: Vec::new(), field: values.to_vec() },
        }
    }

    /// All values, times a factor.
    pub(crate) fn scaled(&self, factor: &Fr) -> Vec<Fr> {
        let multiplier = Multiplier::new(factor);
        let small = self.small.iter().map(|&value| multiplier.times(value));
        small.chain(self.field.iter().map(|value| value * factor)).collect()
    }

    /// `Σ weights[row]·value of the row`.
    pub(crate) fn dot(&self, weights: &[Fr]) -> Fr {
        let (of_small, of_field) = weights.split_at(self.small.len());
        let mut multiples = Multiples::default();
        for (value, weight) in self.small.iter().zip(of_small) {
            if *value != 0 {
                multiples.add(&limbs(weight), *value);
            }
        }
        let mut products = Products::default();
        for (value, weight) in self.field.iter().zip(of_field) {
            products.add(&limbs(value), &limbs(weight));
        }
        multiples.sum() + products.sum()
    }
}
