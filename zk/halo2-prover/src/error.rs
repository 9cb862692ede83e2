//! What can go wrong.

/// Why a circuit cannot be proved here, or its keys do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// The circuit has copy constraints.
    #[error("the circuit has a permutation argument")]
    Permutation,
    /// The circuit has lookups.
    #[error("the circuit has a lookup argument")]
    Lookup,
    /// The circuit has selectors, whose replacement upstream may have changed degrees by.
    #[error("the circuit has selectors other than fixed columns")]
    Selectors,
    /// A gate's degree is above what upstream's domain was made for: its verifier expects fewer pieces of the quotient.
    #[error("a gate has degree {gate}, but the verifier reckons with {verifier} at most; see `set_minimum_degree`")]
    Degree {
        /// Degree of the gate.
        gate: usize,
        /// Degree of the verifying key.
        verifier: usize,
    },
    /// One column is read at two rotations that are the same row.
    #[error("rotations of a column differ by a multiple of the number of rows")]
    Rotation,
    /// The circuit has fewer rows than blinding takes.
    #[error("the circuit has too few rows for blinding")]
    TooFewRows,
    /// The reference string is not of the size that the keys were made with.
    #[error("the reference string has 2^{params} powers, but the keys are for 2^{keys} rows")]
    Size {
        /// The reference string's logarithm.
        params: u32,
        /// The keys' logarithm.
        keys: u32,
    },
    /// The reference string could not be read.
    #[error("the reference string cannot be taken apart")]
    Params,
}

/// Why there is no proof. That a witness does not satisfy the circuit is not among the reasons: such proofs are made, and rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// Not as many instance columns as the circuit has.
    #[error("the circuit has {expected} instance columns, not {got}")]
    InstanceColumns {
        /// What the circuit has.
        expected: usize,
        /// What was given.
        got: usize,
    },
    /// More values than usable rows.
    #[error("instance column {column} has {got} values for {usable} usable rows")]
    InstanceTooLong {
        /// Index of the column.
        column: usize,
        /// Number of values.
        got: usize,
        /// Number of rows.
        usable: usize,
    },
    /// Not as many advice columns as the phase has.
    #[error("phase {phase} has {expected} advice columns, not {got}")]
    AdviceColumns {
        /// The phase, from 0.
        phase: u8,
        /// What the circuit has.
        expected: usize,
        /// What was given.
        got: usize,
    },
    /// More values than usable rows.
    #[error("advice column {column} has {got} values for {usable} usable rows")]
    AdviceTooLong {
        /// Index of the column.
        column: usize,
        /// Number of values.
        got: usize,
        /// Number of rows.
        usable: usize,
    },
    /// A challenge of the transcript is a row's point, which happens with a chance of 2^−200 or so.
    #[error("a challenge fell on the domain")]
    Challenge,
    /// The transcript could not be written.
    #[error("the transcript cannot be written: {0}")]
    Transcript(String),
}

impl From<std::io::Error> for ProveError {
    fn from(error: std::io::Error) -> Self {
        Self::Transcript(error.to_string())
    }
}

/// Why a proof is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// Too short or too long.
    #[error("a proof has {expected} bytes, this one {got}")]
    Length {
        /// Bytes of any proof of the circuit.
        expected: usize,
        /// Bytes of this one.
        got: usize,
    },
    /// Bytes that are no point or no scalar.
    #[error("{0}")]
    Encoding(String),
    /// Instance columns that the circuit does not have.
    #[error("the instance columns are not those of the circuit")]
    Instances,
    /// A challenge of the transcript is a row's point, which happens with a chance of 2^−200 or so.
    #[error("a challenge fell on the domain")]
    Challenge,
    /// Commitments and values do not go together: the statement is wrong, or the proof.
    #[error("the polynomials do not have the values that they should")]
    Opening,
}
