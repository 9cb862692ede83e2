//! The command lines of `zktee compare` and `zktee history`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use zktee_compare::Metric;

use super::CacheArguments;

/// A form of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a terminal
    Text,
    /// For a comment on a pull request
    Md,
    /// For programs
    Json,
}

/// Which times are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Times {
    /// What a user waits for
    Wall,
    /// What the work costs; steadier on a shared machine
    Cpu,
    /// Both, each a test of its own
    Both,
    /// Instructions in user space, where the machine counts them: steadier still, and no time
    Instructions,
    /// Both times and instructions
    All,
}

impl Times {
    pub(crate) fn metrics(self) -> &'static [Metric] {
        match self {
            Self::Wall => &[Metric::Wall],
            Self::Cpu => &[Metric::Cpu],
            Self::Both => &Metric::TIMES,
            Self::Instructions => &[Metric::Instructions],
            Self::All => &Metric::ALL,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Verdicts:
  regressed    slower by --min-effect or more, and not by chance
  improved     faster by as much, and not by chance
  same         shown to differ by less than --min-effect; `not significant` alone is not `same`
  cannot tell  none of these was shown; it says which change would have been. With 3 samples a side no test can
               show anything, whatever the change: a single comparison takes 4, a whole table 8 or more

Two runs at two times differ by the weather on the machine too. --ab builds both revisions and takes turns, so that
drift hits both alike: that is what to gate on.

Exit codes: 0 nothing regressed, 7 something is slower or worked before and fails now, 8 no row had samples enough
to show any change, 3 no cell in common or a damaged folder.

Examples:
  zktee run --samples 10 --out results/before            then change the code, and
  zktee run --samples 10 --out results/after
  zktee compare results/before results/after
  zktee compare target/criterion@before target/criterion what cargo bench left, saved by --save-baseline before
  zktee compare --ab main HEAD -- --workload ols-iris --backend native,'halo2*'
  zktee compare --ab main HEAD --rounds 12 --confirm --format md -- --workload 'mlp*' --backend 'halo2*'
  zktee compare results/ab-x/base results/ab-x/new       what --ab left can be compared again

Method, sources and limits: docs/compare.md")]
pub(crate) struct CompareArguments {
    /// The folder of a run, a folder of runs of the same code, or what cargo bench left (FOLDER or FOLDER@NAME), before
    #[arg(required_unless_present = "ab", requires = "new")]
    pub(crate) base: Option<PathBuf>,
    /// The same, after
    pub(crate) new: Option<PathBuf>,
    /// Build two git revisions of this repository, let them take turns on this machine, and compare
    #[arg(long, num_args = 2, value_names = ["REV_A", "REV_B"], conflicts_with_all = ["base", "new"])]
    pub(crate) ab: Option<Vec<String>>,
    /// With --ab: how often each revision has its turn
    #[arg(long, value_name = "N", default_value_t = 10, conflicts_with = "base", value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub(crate) rounds: u32,
    /// With --ab: where a regression is found, measure those cells again, and call it one only if it is found twice
    #[arg(long, conflicts_with = "base")]
    pub(crate) confirm: bool,
    /// With --ab: the folder of the runs, new or empty [default: results/ab-TIME]
    #[arg(long, value_name = "DIR", conflicts_with = "base")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
    /// How the comparison is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// The smallest change that is called one
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "5%")]
    pub(crate) min_effect: f64,
    /// The chance that is allowed for one or more false alarms in the whole comparison
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "5%")]
    pub(crate) level: f64,
    /// Which times are compared; each counts for the correction
    #[arg(long, value_enum, default_value_t = Times::Both)]
    pub(crate) times: Times,
    /// With --ab: arguments of `zktee run`, such as --workload and --backend; one sample a turn unless they say --samples
    #[arg(last = true, value_name = "RUN ARGUMENTS", conflicts_with = "base")]
    pub(crate) run: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// Append runs to the history, each once
    Add {
        /// Folders of runs
        #[arg(required = true)]
        dirs: Vec<PathBuf>,
        /// The history: one line of JSON a run, only ever appended to
        #[arg(long, value_name = "FILE", default_value = HISTORY)]
        history: PathBuf,
    },
    /// Find where cells became slower or faster, and draw each cell run by run as SVG and PNG
    Plot {
        /// The history
        #[arg(long, value_name = "FILE", default_value = HISTORY)]
        history: PathBuf,
        /// The folder of the pictures
        #[arg(long, value_name = "DIR", default_value = "history-plots")]
        out: PathBuf,
        /// The smallest change that is called one
        #[arg(long, value_name = "SHARE", value_parser = share, default_value = "5%")]
        min_effect: f64,
        /// The chance of a change where there is none, for one series of runs
        #[arg(long, value_name = "SHARE", value_parser = share, default_value = "1%")]
        level: f64,
    },
}

/// Where a history is if nobody says.
const HISTORY: &str = "history.jsonl";

/// A share, as people write it: `5%` or `0.05`. A bare 5 could be meant as either.
fn share(text: &str) -> Result<f64, String> {
    let wrong = || format!("`{text}` is no share; write 5% or 0.05");
    let (digits, divisor) =
        text.trim().strip_suffix('%').map_or((text.trim(), 1.0), |digits| (digits.trim_end(), 100.0));
    let share = digits.parse::<f64>().map_err(|_| wrong())? / divisor;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_as_people_write_them() {
        assert_eq!((share("5%"), share("0.05"), share("2.5 %")), (Ok(0.05), Ok(0.05), Ok(0.025)));
        for text in ["5", "-1%", "nan", "inf", "five", "%", ""] {
            assert!(share(text).is_err(), "{text}");
        }
    }
}
