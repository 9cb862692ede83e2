//! What machines cost by the hour, as data: `reports/prices.toml`, built in. And what an inference costs by it.

use serde::Deserialize;
use zktee_core::record::{Environment, Settings};
use zktee_core::vocabulary::{Hardware, Outcome};

const TEXT: &str = include_str!("../../../reports/prices.toml");

/// The layout that is read.
const SCHEMA: u32 = 1;
/// The longest text that is read, bytes.
const MAX_BYTES: usize = 1 << 20;
/// The most that an hour may cost: a misplaced decimal point is more likely than such a machine.
const MAX_PER_HOUR: f64 = 1000.0;
/// The most virtual processors of a machine.
const MAX_VCPUS: u32 = 4096;
/// The most memory of a machine, GiB.
const MAX_GIB: f64 = 65_536.0;

/// A price table.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The layout: 1.
    pub schema: u32,
    /// The currency of all prices; `USD` is the only one that the columns of cells.csv have a name for.
    pub currency: String,
    /// The machines.
    #[serde(rename = "instance")]
    pub instances: Vec<Price>,
}

/// One machine's price.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The type, as the provider names it, e.g. `c6a.4xlarge`.
    #[serde(rename = "type")]
    pub name: String,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory, GiB.
    pub memory_gib: f64,
    /// What an hour costs.
    pub per_hour: f64,
    /// Where.
    pub region: String,
    /// Where the price can be looked up.
    pub source: String,
    /// The day on which it was last held against a source, `YYYY-MM-DD`.
    pub seen: String,
}

/// Why a price table is none.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// It is longer than any such table.
    #[error("the price table is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// It is not what a table looks like.
    #[error("the price table: {0}")]
    Parse(Box<toml::de::Error>),
    /// A value is not possible.
    #[error("the price table: {0}")]
    Value(String),
    /// The type is not in it.
    #[error("no price of `{name}` is known; there are {known}")]
    Unknown {
        /// The type.
        name: String,
        /// The types that there are.
        known: String,
    },
}

impl Prices {
    /// The table that is built in.
    ///
    /// # Panics
    /// Never: a test reads it.
    pub fn built_in() -> Self {
        Self::parse(TEXT).expect("reports/prices.toml is read by a test")
    }

    /// Reads a table and checks every value.
    ///
    /// # Errors
    /// [`PricesError`] for the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, PricesError> {
        if text.len() > MAX_BYTES {
            return Err(PricesError::TooLong);
        }
        let prices: Self = toml::from_str(text).map_err(|error| PricesError::Parse(Box::new(error)))?;
        let wrong = |what: String| Err(PricesError::Value(what));
        if prices.schema != SCHEMA {
            return wrong(format!("schema {}, this version knows {SCHEMA}", prices.schema));
        }
        if prices.currency != "USD" {
            return wrong(format!("currency `{}`, only USD is known", prices.currency));
        }
        for (i, it) in prices.instances.iter().enumerate() {
            let within = |value: f64, most: f64| value.is_finite() && value > 0.0 && value <= most;
            if !is_word(&it.name) || !is_word(&it.region) {
                return wrong(format!("`{}` in `{}`: not the names of a type and a region", it.name, it.region));
            }
            if !within(it.per_hour, MAX_PER_HOUR) || !within(it.memory_gib, MAX_GIB) {
                return wrong(format!("{}: price or memory is not possible", it.name));
            }
            if it.vcpus == 0 || it.vcpus > MAX_VCPUS {
                return wrong(format!("{}: {} virtual processors", it.name, it.vcpus));
            }
            if !is_day(&it.seen) || it.source.trim().is_empty() {
                return wrong(format!("{}: a price has a source and a day (YYYY-MM-DD) on which it was seen", it.name));
            }
            if prices.instances[..i].iter().any(|other| other.name == it.name) {
                return wrong(format!("{} stands there twice", it.name));
            }
        }
        Ok(prices)
    }

    /// The price of a type.
    ///
    /// # Errors
    /// [`PricesError::Unknown`] with those that there are.
    pub fn of(&self, name: &str) -> Result<&Price, PricesError> {
        self.instances.iter().find(|it| it.name == name).ok_or_else(|| PricesError::Unknown {
            name: name.chars().take(60).collect(),
            known: self.instances.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

fn is_word(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

fn is_day(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| text.get(range).and_then(|it| it.parse::<u32>().ok()).unwrap_or(0);
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() })
        && (2000..2200).contains(&digits(0..4))
        && (1..=12).contains(&digits(5..7))
        && (1..=31).contains(&digits(8..10))
}

/// The price that a run's cells are reckoned with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rate {
    pub(crate) price: Price,
    /// Whether the machine is of another type, and somebody named this one.
    pub(crate) assumed: bool,
}

impl Rate {
    /// The type that was named for the run, else that of its machine; none where neither has a price.
    pub(crate) fn of(settings: &Settings, environment: Option<&Environment>) -> Option<Self> {
        let prices = Prices::built_in();
        let here = environment.and_then(|it| it.instance.as_deref());
        let named = settings.assumed_instance.as_deref();
        let price = prices.of(named.or(here)?).ok()?.clone();
        Some(Self { assumed: here != Some(price.name.as_str()), price })
    }

    /// What an input costs, USD: the whole machine for the time of the total. None of a cell without times, of simulated hardware, and of one
    /// that took more memory than the machine has or more threads than it has processors.
    pub(crate) fn of_input(
        &self,
        outcome: Outcome,
        hardware: Option<Hardware>,
        seconds: Option<f64>,
        peak_rss_bytes: Option<u64>,
        threads: usize,
    ) -> Option<f64> {
        let simulated = outcome == Outcome::Simulated || hardware == Some(Hardware::Simulated);
        let memory = self.price.memory_gib * f64::from(1 << 30);
        let fits = peak_rss_bytes.is_none_or(|bytes| bytes as f64 <= memory) && threads <= self.price.vcpus as usize;
        seconds.filter(|_| outcome.has_times() && !simulated && fits).map(|s| s * self.price.per_hour / 3600.0)
    }

    /// The price and what it rests on, in a sentence.
    pub(crate) fn sentence(&self, cores: Option<usize>) -> String {
        let it = &self.price;
        let assumed = match (self.assumed, cores) {
            (true, Some(cores)) => format!(
                " This machine ({cores} cores) is no such instance: the cost is what it would be if {} were as fast, which nobody measured.",
                it.name
            ),
            (true, None) => " That the machine was one is an assumption.".to_owned(),
            (false, _) => String::new(),
        };
        format!(
            "Cost: the whole machine for the time of the total, at {} USD an hour for {} ({} vCPU, {} GiB, {}, on demand; {}, seen {}).{assumed} \
             Cells of simulated hardware have no cost, nor have those that need more memory than it has.",
            it.per_hour, it.name, it.vcpus, it.memory_gib, it.region, it.source, it.seen
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_that_is_built_in_holds_together() {
        let prices = Prices::built_in();
        let it = prices.of("c6a.4xlarge").unwrap();
        assert_eq!((it.vcpus, it.memory_gib.round() as u32), (16, 32));
        let error = prices.of("c6a.huge").unwrap_err().to_string();
        assert!(error.contains("c6a.huge") && error.contains("c6a.large"), "{error}");
    }

    #[test]
    fn a_value_that_cannot_be_is_refused() {
        let all = TEXT;
        assert!(Prices::parse(all).is_ok());
        for (from, to) in [
            ("schema = 1", "schema = 2"),
            ("\"USD\"", "\"EUR\""),
            ("per_hour = 0.0765", "per_hour = 0.0"),
            ("per_hour = 0.0765", "per_hour = -1.0"),
            ("per_hour = 0.0765", "per_hour = nan"),
            ("per_hour = 0.0765", "per_hour = 76500.0"),
            ("vcpus = 4", "vcpus = 0"),
            ("vcpus = 4", "vcpus = 5000"),
            ("memory_gib = 4.0", "memory_gib = inf"),
            ("seen = \"2026-11-26\"", "seen = \"2026-13-26\""),
            ("seen = \"2026-11-26\"", "seen = \"yesterday\""),
            ("type = \"c6a.xlarge\"", "type = \"c6a.large\""),
            ("type = \"c6a.large\"", "type = \"c6a large\""),
            ("region = \"us-east-1\"", "region = \"\""),
            ("currency", "currencies"),
        ] {
            assert!(all.contains(from), "{from}");
            assert!(Prices::parse(&all.replacen(from, to, 1)).is_err(), "{to}");
        }
        assert!(matches!(Prices::parse(&" ".repeat(MAX_BYTES + 1)), Err(PricesError::TooLong)));
    }

    #[test]
    fn what_an_input_costs_and_what_has_no_cost() {
        let rate = Rate { price: Prices::built_in().of("c6a.large").unwrap().clone(), assumed: true };
        let cost = |outcome, hardware, bytes, threads| {
            rate.of_input(outcome, Some(hardware), Some(3600.0), Some(bytes), threads)
        };
        let plain = cost(Outcome::Measured, Hardware::None, 1 << 30, 2).unwrap();
        assert!((plain - 0.0765).abs() < 1e-12, "an hour of it: {plain}");
        assert!(
            cost(Outcome::Measured, Hardware::Real, 1, 2).is_some()
                && cost(Outcome::Estimated, Hardware::None, 1, 2).is_some()
        );
        assert_eq!(cost(Outcome::Simulated, Hardware::Simulated, 1, 2), None, "simulated");
        assert_eq!(cost(Outcome::Simulated, Hardware::None, 1, 2), None, "simulated, whatever else is said");
        assert_eq!(cost(Outcome::Estimated, Hardware::Simulated, 1, 2), None, "simulated, whatever else is said");
        assert_eq!(cost(Outcome::Measured, Hardware::None, 5 << 30, 2), None, "more memory than it has");
        assert_eq!(cost(Outcome::Measured, Hardware::None, 1, 3), None, "more threads than it has processors");
        assert_eq!(cost(Outcome::Timeout, Hardware::None, 1, 2), None, "no times");
    }
}
