//! The wide circuit's columns by name, for tests.

use std::collections::BTreeMap;

use super::WideColumns;
use crate::logup::Argument;

impl WideColumns {
    /// Indices of advice columns.
    pub(crate) fn by_name(&self) -> BTreeMap<&'static str, Vec<usize>> {
        let indices = |columns: &[halo2_proofs::plonk::Column<_>]| {
            columns.iter().map(halo2_proofs::plonk::Column::index).collect::<Vec<_>>()
        };
        let (counts, helpers) = self
            .argument()
            .map_or((&[][..], &[][..]), |argument| (argument.count_columns(), argument.helper_columns()));
        BTreeMap::from([
            ("magnitude", indices(&self.magnitude)),
            ("sign", indices(&self.positive)),
            ("remainder", indices(&self.remainder)),
            ("private input", indices(&self.private_input)),
            ("count", indices(counts)),
            ("helper", indices(helpers)),
            ("total", self.total().into_iter().map(|column| column.index()).collect()),
        ])
    }

    /// The range checks.
    pub(crate) fn argument(&self) -> Option<&Argument> {
        self.ranges.as_ref().map(|ranges| &ranges.argument)
    }
}
