//! A plan split into parts that several machines or jobs measure, each for itself.
//!
//! The cells are dealt out longest first, each to the part that has least to do so far: R. Graham, "Bounds on multiprocessing timing
//! anomalies", SIAM Journal on Applied Mathematics 17 (1969), 416-429, shows that the longest part is then at most 4/3 of the shortest that
//! is possible. Nothing but the plan and the estimates of this build decides, so that every part knows the others without asking.

use std::fmt;
use std::str::FromStr;

/// More parts than anybody has machines.
const MOST_PARTS: u32 = 10_000;

/// One part of a plan, written `2/5`: the second of five.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    index: u32,
    count: u32,
}

/// A text that names no part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no part of a whole; write 1/4 for the first of four parts (at most {MOST_PARTS})")]
pub struct PartitionError(String);

impl Partition {
    /// Which part, from 1.
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many parts there are.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Which of the cells are this part's, given what each is expected to cost; none where that is not known.
    pub fn of(self, costs: &[Option<f64>]) -> Vec<bool> {
        deal(costs, self.count as usize).into_iter().map(|part| part + 1 == self.index as usize).collect()
    }
}

impl FromStr for Partition {
    type Err = PartitionError;

    fn from_str(text: &str) -> Result<Self, PartitionError> {
        let wrong = || PartitionError(text.chars().take(40).collect());
        let (index, count) = text.split_once('/').ok_or_else(wrong)?;
        let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
        let (index, count) = (number(index)?, number(count)?);
        if index == 0 || index > count || count > MOST_PARTS { Err(wrong()) } else { Ok(Self { index, count }) }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// The part of each cell, from 0.
fn deal(costs: &[Option<f64>], parts: usize) -> Vec<usize> {
    let known: Vec<f64> = costs.iter().copied().flatten().filter(|cost| cost.is_finite() && *cost >= 0.0).collect();
    // What is not known is taken for average.
    let average = if known.is_empty() { 1.0 } else { known.iter().sum::<f64>() / known.len() as f64 };
    let cost = |cell: usize| costs[cell].filter(|cost| cost.is_finite() && *cost >= 0.0).unwrap_or(average);
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by(|&a, &b| cost(b).total_cmp(&cost(a)).then(a.cmp(&b)));
    let mut load = vec![(0.0_f64, 0_usize); parts];
    let mut part_of = vec![0; costs.len()];
    for cell in order {
        // With equal loads the part with fewer cells: cells that cost next to nothing are spread too.
        let least = load.iter().enumerate().min_by(|(_, a), (_, b)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let Some((part, _)) = least else { break };
        part_of[cell] = part;
        load[part].0 += cost(cell);
        load[part].1 += 1;
    }
    part_of
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_as_people_write_them() {
        let part: Partition = "2/5".parse().unwrap();
        assert_eq!((part.index(), part.count(), part.to_string()), (2, 5, "2/5".to_owned()));
        for text in ["", "0/5", "6/5", "1", "1/0", "-1/2", "1/10001", "1/2/3", "a/b"] {
            assert!(text.parse::<Partition>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_dear_cells_are_dealt_out_first() {
        let costs = [1.0, 8.0, 2.0, 7.0, 3.0].map(Some);
        assert_eq!(deal(&costs, 2), [0, 0, 0, 1, 1]);
        // One of unknown cost counts as average (6.5) and goes after the 8 and before the 5.
        assert_eq!(deal(&[Some(5.0), None, Some(8.0)], 2), [1, 1, 0]);
        // Cells that cost nothing are not heaped on one part.
        assert_eq!(deal(&[Some(0.0); 4], 2), [0, 1, 0, 1]);
        assert_eq!(deal(&[Some(f64::NAN), Some(-1.0), Some(1.0)], 3), [0, 1, 2]);
    }

    fn costs() -> impl Strategy<Value = Vec<Option<f64>>> {
        proptest::collection::vec(proptest::option::of(0.0..1e4_f64), 0..80)
    }

    proptest! {
        #[test]
        fn every_cell_is_in_exactly_one_part(costs in costs(), count in 1_u32..40) {
            let mut times = vec![0; costs.len()];
            for index in 1..=count {
                let part = Partition { index, count };
                prop_assert_eq!(part.of(&costs), part.of(&costs), "the same each time");
                for (times, taken) in times.iter_mut().zip(part.of(&costs)) {
                    *times += u32::from(taken);
                }
            }
            prop_assert!(times.iter().all(|times| *times == 1), "{:?}", times);
        }

        #[test]
        fn no_part_has_more_than_another_by_more_than_one_cell(costs in costs(), parts in 1_usize..40) {
            let costs: Vec<f64> = costs.into_iter().flatten().collect();
            let known: Vec<Option<f64>> = costs.iter().copied().map(Some).collect();
            let mut load = vec![0.0; parts];
            for (part, cost) in deal(&known, parts).into_iter().zip(&costs) {
                load[part] += cost;
            }
            let dearest = costs.iter().copied().fold(0.0, f64::max);
            let (least, most) = load.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), &x| (a.min(x), b.max(x)));
            prop_assert!(most - least <= dearest * (1.0 + 1e-9), "{:?}", load);
        }
    }
}
