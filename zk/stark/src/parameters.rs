//! The profiles, and the numbers that FRI takes.

use p3_blake3::Blake3;
use p3_commit::ExtensionMmcs;
use p3_fri::FriParameters;
use p3_symmetric::{CompressionFunctionFromHasher, SerializingHasher};
use serde::{Deserialize, Serialize};

use crate::degrees::Degrees;
use crate::field::{Scheme, Transform, Tree};
use crate::key::KeyError;
use crate::layout::Layout;
use crate::security::{Regime, Security};

/// No key is made below so many proven bits, the errors of all terms added up.
pub const MIN_BITS: f64 = 100.0;

/// No profile asks for more queries.
const MOST_QUERIES: usize = 400;

/// A named choice of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// The fastest prover: rate 1/2, security proven within the unique-decoding radius.
    Fast,
    /// The smallest proof: rate 1/32 and more grinding, security proven up to the Johnson bound.
    Small,
    /// The input is hidden, and the proof is zero-knowledge: otherwise as [`Profile::Fast`].
    Zk,
}

impl Profile {
    /// All profiles, in the order of the tables.
    pub const ALL: [Self; 3] = [Self::Fast, Self::Small, Self::Zk];

    /// The backend with its profile.
    pub const fn backend(self) -> &'static str {
        match self {
            Self::Fast => "stark/fast",
            Self::Small => "stark/small",
            Self::Zk => "stark/zk",
        }
    }

    /// The profile of a backend's name.
    pub fn of(backend: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.backend() == backend)
    }

    /// Whether the input is no part of the statement, and what is opened says nothing of it.
    pub const fn hides_input(self) -> bool {
        matches!(self, Self::Zk)
    }

    /// Up to which radius its security is proven.
    pub(crate) const fn regime(self) -> Regime {
        match self {
            Self::Fast | Self::Zk => Regime::UniqueDecoding,
            Self::Small => Regime::Johnson,
        }
    }

    /// The parameters with so many queries.
    ///
    /// The last polynomial is long: at these sizes its coefficients are fewer bytes than the openings of a folding more, and no more work.
    pub(crate) const fn with_queries(self, layout: &Layout, queries: usize) -> Parameters {
        match self {
            Self::Fast | Self::Zk => Parameters {
                log_blowup: 1,
                log_final_length: last(7, layout),
                log_arity: 3,
                queries,
                batch_grinding: 0,
                commit_grinding: 0,
                query_grinding: 10,
            },
            Self::Small => Parameters {
                log_blowup: 5,
                log_final_length: last(6, layout),
                log_arity: 2,
                queries,
                batch_grinding: 14,
                commit_grinding: 10,
                query_grinding: 16,
            },
        }
    }

    /// The parameters with the fewest queries that give [`MIN_BITS`] proven bits to proofs of this shape.
    pub(crate) fn parameters(self, layout: &Layout) -> Result<(Parameters, Security), KeyError> {
        let worth = |queries| Security::of(layout, &self.with_queries(layout, queries), self.regime());
        // More queries are worth more, so the fewest that are enough lie between these two, and are the second in the end.
        let (mut few, mut enough) = (0, MOST_QUERIES.min(Degrees::most_queries(layout)));
        let best = worth(enough).proven_bits;
        if best < MIN_BITS {
            return Err(KeyError::Security { best, least: MIN_BITS });
        }
        while enough - few > 1 {
            let between = usize::midpoint(few, enough);
            if worth(between).proven_bits >= MIN_BITS {
                enough = between;
            } else {
                few = between;
            }
        }
        Ok((self.with_queries(layout, enough), worth(enough)))
    }
}

/// The logarithm of a length that is wanted, or of the longest that leaves something to fold.
const fn last(wanted: usize, layout: &Layout) -> usize {
    let longest = Degrees::log_bound(layout) - 1;
    if wanted < longest { wanted } else { longest }
}

/// What FRI takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Logarithm of the domain's size over the number of rows.
    pub log_blowup: usize,
    /// Logarithm of the number of coefficients of the last polynomial, which is sent as it is.
    pub log_final_length: usize,
    /// Logarithm of the most values that are folded into one.
    pub log_arity: usize,
    /// Places at which the prover is asked.
    pub queries: usize,
    /// Bits of work before openings are combined.
    pub batch_grinding: usize,
    /// Bits of work before each folding.
    pub commit_grinding: usize,
    /// Bits of work before the queries.
    pub query_grinding: usize,
}

impl Parameters {
    /// All of them, in the order of the fields.
    pub(crate) const fn list(&self) -> [usize; 7] {
        [
            self.log_blowup,
            self.log_final_length,
            self.log_arity,
            self.queries,
            self.batch_grinding,
            self.commit_grinding,
            self.query_grinding,
        ]
    }

    /// The commitment scheme with these parameters, for polynomials of degrees below this bound.
    pub(crate) fn scheme(&self, bound: usize) -> Scheme {
        let tree = Self::tree();
        let fri = FriParameters {
            log_blowup: self.log_blowup,
            log_final_poly_len: self.log_final_length,
            max_log_arity: self.log_arity,
            num_queries: self.queries,
            batch_proof_of_work_bits: self.batch_grinding,
            commit_proof_of_work_bits: self.commit_grinding,
            query_proof_of_work_bits: self.query_grinding,
            mmcs: ExtensionMmcs::new(tree.clone()),
        };
        Scheme::new(self.transform(bound), tree, fri)
    }

    /// Transforms of the lengths that these parameters lead to.
    pub(crate) fn transform(&self, bound: usize) -> Transform {
        Transform::new(bound << self.log_blowup.max(1))
    }

    /// The trees that all of it is committed to with.
    pub(crate) fn tree() -> Tree {
        Tree::new(SerializingHasher::new(Blake3), CompressionFunctionFromHasher::new(Blake3), 0)
    }
}
