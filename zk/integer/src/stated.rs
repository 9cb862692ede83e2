//! The numbers of a statement: how many there must be and what they can be, whatever proof comes with them.

use zktee_models::integer::ACCUMULATOR_BOUND;

/// A statement that no run of the model can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// Another number of values than the model has.
    #[error("{expected} {what} expected, got {got}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// An input or output that no run of the model can have.
    #[error("{what} {index} is {value}: expected {min}..={max}")]
    Range {
        /// Input or output.
        what: &'static str,
        /// Which one.
        index: usize,
        /// Its value.
        value: i64,
        /// Least legal value.
        min: i64,
        /// Largest legal value.
        max: i64,
    },
}

impl Illegal {
    /// Checks a number of things.
    ///
    /// # Errors
    /// [`Illegal::Count`].
    pub const fn unless_count(what: &'static str, expected: usize, got: usize) -> Result<(), Self> {
        if expected == got { Ok(()) } else { Err(Self::Count { what, expected, got }) }
    }

    /// Checks inputs: so many, each in the model's range.
    ///
    /// # Errors
    /// [`Illegal`].
    pub fn unless_inputs(inputs: &[i64], expected: usize, [min, max]: [i64; 2]) -> Result<(), Self> {
        Self::unless_count("input values", expected, inputs.len())?;
        Self::unless_range("input", inputs, min, max)
    }

    /// Checks outputs: so many, each within the accumulator's bound. No model's outputs reach it, and beyond it an integer might not be the only
    /// one of its class modulo a field.
    ///
    /// # Errors
    /// [`Illegal`].
    pub fn unless_outputs(outputs: &[i64], expected: usize) -> Result<(), Self> {
        Self::unless_count("output values", expected, outputs.len())?;
        Self::unless_range("output", outputs, 1 - ACCUMULATOR_BOUND, ACCUMULATOR_BOUND - 1)
    }

    fn unless_range(what: &'static str, values: &[i64], min: i64, max: i64) -> Result<(), Self> {
        match values.iter().enumerate().find(|(_, value)| !(min..=max).contains(*value)) {
            Some((index, &value)) => Err(Self::Range { what, index, value, min, max }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_run_can_have_is_illegal() {
        assert_eq!(Illegal::unless_inputs(&[-8, 7], 2, [-8, 7]), Ok(()));
        let count = Illegal::Count { what: "input values", expected: 3, got: 2 };
        assert_eq!(Illegal::unless_inputs(&[-8, 7], 3, [-8, 7]), Err(count));
        let range = Illegal::Range { what: "input", index: 1, value: 8, min: -8, max: 7 };
        assert_eq!(Illegal::unless_inputs(&[-8, 8], 2, [-8, 7]), Err(range));
        let most = ACCUMULATOR_BOUND - 1;
        assert_eq!(Illegal::unless_outputs(&[most, -most], 2), Ok(()));
        for outside in [most + 1, -most - 1] {
            assert!(matches!(Illegal::unless_outputs(&[outside], 1), Err(Illegal::Range { what: "output", .. })));
        }
        assert!(matches!(Illegal::unless_outputs(&[], 1), Err(Illegal::Count { what: "output values", .. })));
    }
}
