//! The tall circuit's columns by name, for tests.

use std::collections::BTreeMap;

use super::{Layout, TallColumns};
use crate::logup::Argument;

impl TallColumns {
    /// Indices of advice columns.
    pub(crate) fn by_name(&self) -> BTreeMap<&'static str, Vec<usize>> {
        let indices = |columns: &[halo2_proofs::plonk::Column<_>]| {
            columns.iter().map(halo2_proofs::plonk::Column::index).collect::<Vec<_>>()
        };
        let sums = |sums: Option<super::circuit::SumColumns>| {
            sums.map_or_else(Vec::new, |sums| vec![sums.across.index(), sums.down.index()])
        };
        BTreeMap::from([
            ("magnitude", indices(&self.magnitude)),
            ("sign", indices(&self.positive)),
            ("remainder", indices(&self.remainder)),
            ("maximum", indices(&self.maximum)),
            ("private input", self.private_input.iter().map(halo2_proofs::plonk::Column::index).collect()),
            ("count", indices(self.ranges.count_columns())),
            ("operand", vec![self.operand.index()]),
            ("coefficient", vec![self.coefficient.index()]),
            ("input sums", sums(self.input_sums)),
            ("hidden sums", sums(self.hidden_sums)),
            ("total", vec![self.total.index()]),
            ("helper", indices(self.ranges.helper_columns())),
        ])
    }

    /// The range checks.
    pub(crate) fn argument(&self) -> &Argument {
        &self.ranges
    }

    /// The rows.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }
}
