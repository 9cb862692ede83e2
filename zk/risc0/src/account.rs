//! What a run takes, in numbers and in words, and whether it is proven whole.

use std::collections::BTreeMap;

use zktee_core::protocol::WorkerError;
use zktee_integer::invalid;

use crate::prover::{Executed, Proven};

/// Of runs of more rows than this the first segment alone is proven.
const MOST_ROWS: u64 = 1 << 20;
/// Sets another limit.
const MOST_ROWS_VARIABLE: &str = "ZKTEE_RISC0_MAX_ROWS";

/// The most rows that are proven whole.
pub(crate) fn most_rows() -> Result<u64, WorkerError> {
    match std::env::var(MOST_ROWS_VARIABLE) {
        Ok(text) => text.parse().map_err(|_| invalid(format!("{MOST_ROWS_VARIABLE}={text} is no number"))),
        Err(_) => Ok(MOST_ROWS),
    }
}

/// The rows of a run's first segment, where it has more rows than may be proven and there are segments that can be left out.
pub(crate) fn first_of_too_many(executed: &Executed, most: u64) -> Option<u64> {
    let first = executed.po2s.first().filter(|_| executed.po2s.len() > 1 && executed.total_cycles > most)?;
    1_u64.checked_shl(*first)
}

/// What was proven, in words for the sample's notes.
pub(crate) fn account(executed: &Executed, proven: &Proven, in_part: bool) -> String {
    let Executed { user_cycles, paging_cycles, reserved_cycles, total_cycles, po2s, .. } = executed;
    let sizes: Vec<String> = po2s.iter().map(|po2| format!("2^{po2}")).collect();
    let Proven { proven_bits, conjectured_bits, toy_problem_bits, .. } = proven;
    format!(
        "{}, Poseidon2, {} segments of {} rows: {user_cycles} cycles of the program, {paging_cycles} of paging, \
         {reserved_cycles} reserved, {total_cycles} with padding; bits of security: {proven_bits:.1} proven, {conjectured_bits:.1} by the \
         proximity-gap conjecture, {toy_problem_bits:.1} by the toy problem",
        if in_part { "proof of the first segment alone" } else { "composite receipt" },
        po2s.len(),
        sizes.join(", "),
    )
}

pub(crate) fn metrics(executed: &Executed, proven: &Proven) -> BTreeMap<String, f64> {
    let numbers = [
        // The two that have columns of their own.
        ("cycles", executed.user_cycles as f64),
        ("rows", executed.total_cycles as f64),
        ("paging_cycles", executed.paging_cycles as f64),
        ("reserved_cycles", executed.reserved_cycles as f64),
        ("segments", executed.po2s.len() as f64),
        ("largest_segment_po2", f64::from(executed.po2s.iter().copied().max().unwrap_or_default())),
        ("proven_bits", proven.proven_bits),
        ("conjectured_bits", proven.conjectured_bits),
        ("toy_problem_bits", proven.toy_problem_bits),
    ];
    numbers.into_iter().map(|(name, number)| (name.to_owned(), number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_proven_in_part_where_it_has_parts() {
        let run = |po2s: &[u32]| Executed {
            user_cycles: 0,
            paging_cycles: 0,
            reserved_cycles: 0,
            total_cycles: po2s.iter().map(|po2| 1_u64 << po2).sum(),
            po2s: po2s.to_vec(),
            journal: Vec::new(),
        };
        assert_eq!(first_of_too_many(&run(&[18, 18, 17]), 1 << 19), Some(1 << 18));
        assert_eq!(first_of_too_many(&run(&[18, 18]), 1 << 19), None, "as many as may be");
        assert_eq!(first_of_too_many(&run(&[18]), 1 << 16), None, "there is nothing to leave out");
    }
}
