//! Factors of gates that are the same on every row: constants, challenges and what is made of them.

use std::collections::HashMap;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;

/// Which coefficient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Coefficient(u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Definition {
    Constant(Fr),
    Challenge(usize),
    /// What tells gates apart.
    Separator,
    Sum(Coefficient, Coefficient),
    Product(Coefficient, Coefficient),
}

/// All coefficients of a circuit; equal ones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Coefficients {
    definitions: Vec<Definition>,
    known: HashMap<Definition, Coefficient>,
}

impl Coefficients {
    fn intern(&mut self, definition: Definition) -> Coefficient {
        let next = Coefficient(self.definitions.len() as u32);
        let coefficient = *self.known.entry(definition).or_insert(next);
        if coefficient == next {
            self.definitions.push(definition);
        }
        coefficient
    }

    /// A constant.
    pub(crate) fn constant(&mut self, value: Fr) -> Coefficient {
        self.intern(Definition::Constant(value))
    }

    /// A challenge of the circuit's.
    pub(crate) fn challenge(&mut self, index: usize) -> Coefficient {
        self.intern(Definition::Challenge(index))
    }

    /// `y`.
    pub(crate) fn separator(&mut self) -> Coefficient {
        self.intern(Definition::Separator)
    }

    /// Its value, if that is the same in every proof.
    pub(crate) fn value(&self, coefficient: Coefficient) -> Option<Fr> {
        match self.definitions[coefficient.0 as usize] {
            Definition::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// Whether it is 0 in every proof.
    pub(crate) fn is_zero(&self, coefficient: Coefficient) -> bool {
        self.value(coefficient) == Some(Fr::ZERO)
    }

    /// The sum of two.
    pub(crate) fn add(&mut self, a: Coefficient, b: Coefficient) -> Coefficient {
        match (self.value(a), self.value(b)) {
            (Some(a), Some(b)) => self.constant(a + b),
            (Some(Fr::ZERO), _) => b,
            (_, Some(Fr::ZERO)) => a,
            _ => self.intern(Definition::Sum(a.min(b), a.max(b))),
        }
    }

    /// The product of two.
    pub(crate) fn multiply(&mut self, a: Coefficient, b: Coefficient) -> Coefficient {
        match (self.value(a), self.value(b)) {
            (Some(a), Some(b)) => self.constant(a * b),
            (Some(Fr::ZERO), _) | (_, Some(Fr::ONE)) => a,
            (Some(Fr::ONE), _) | (_, Some(Fr::ZERO)) => b,
            _ => self.intern(Definition::Product(a.min(b), a.max(b))),
        }
    }

    /// Of all definitions those that `wanted` need, renumbered, and `wanted` in the new numbers.
    pub(crate) fn only(&self, wanted: &[Coefficient]) -> (Definitions, Vec<usize>) {
        let mut used = vec![false; self.definitions.len()];
        for coefficient in wanted {
            used[coefficient.0 as usize] = true;
        }
        // Definitions come after what they are made of.
        for (index, definition) in self.definitions.iter().enumerate().rev() {
            if let (true, Definition::Sum(a, b) | Definition::Product(a, b)) = (used[index], definition) {
                used[a.0 as usize] = true;
                used[b.0 as usize] = true;
            }
        }
        let mut numbers = vec![Coefficient(0); used.len()];
        let mut kept = Vec::new();
        for (index, definition) in self.definitions.iter().enumerate().filter(|(index, _)| used[*index]) {
            numbers[index] = Coefficient(kept.len() as u32);
            let number = |old: Coefficient| numbers[old.0 as usize];
            kept.push(match *definition {
                Definition::Sum(a, b) => Definition::Sum(number(a), number(b)),
                Definition::Product(a, b) => Definition::Product(number(a), number(b)),
                other => other,
            });
        }
        let wanted = wanted.iter().map(|coefficient| numbers[coefficient.0 as usize].0 as usize).collect();
        (Definitions(kept), wanted)
    }
}

/// What coefficients are worked out from, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Definitions(Vec<Definition>);

impl Definitions {
    /// The values in one proof.
    pub(crate) fn evaluate(&self, challenges: &[Fr], separator: Fr) -> Vec<Fr> {
        let mut values: Vec<Fr> = Vec::with_capacity(self.0.len());
        for definition in &self.0 {
            let value = |of: Coefficient| values[of.0 as usize];
            values.push(match *definition {
                Definition::Constant(constant) => constant,
                Definition::Challenge(index) => challenges[index],
                Definition::Separator => separator,
                Definition::Sum(a, b) => value(a) + value(b),
                Definition::Product(a, b) => value(a) * value(b),
            });
        }
        values
    }
}
