//! The command line of what is done with a run that is there: report, publish, verify.

use std::path::PathBuf;

use clap::Args;
use zktee_report::{Price, Prices, PricesError};

use super::{CacheArguments, ConfigArguments, size};

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// The folder of a run
    pub(crate) dir: PathBuf,
    /// Only these forms, separated by commas [default: csv,md,html and the plots]
    #[arg(long, value_name = "FORM", value_delimiter = ',')]
    pub(crate) format: Vec<ReportFormat>,
    /// Reckon what an inference costs as if the machine were such an instance (reports/prices.toml), instead of what the run recorded
    #[arg(long, value_name = "TYPE", value_parser = instance)]
    pub(crate) instance: Option<Price>,
}

/// A form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ReportFormat {
    /// report.md and the plots as SVG and PNG
    Md,
    /// report.html, one file that needs no network
    Html,
    /// cells.csv
    Csv,
    /// report.json
    Json,
    /// report.tex
    Tex,
}

impl From<ReportFormat> for zktee_report::Format {
    fn from(format: ReportFormat) -> Self {
        match format {
            ReportFormat::Md => Self::Md,
            ReportFormat::Html => Self::Html,
            ReportFormat::Csv => Self::Csv,
            ReportFormat::Json => Self::Json,
            ReportFormat::Tex => Self::Tex,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct PublishArguments {
    /// The folder of a run
    pub(crate) run: PathBuf,
    /// The folder to write: new, empty, or an earlier published one, which is replaced
    pub(crate) dest: PathBuf,
    /// Most bytes of evidence; what is more goes without, the largest cells first
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "15MB")]
    pub(crate) most_evidence: u64,
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The folder of a run
    pub(crate) dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Set up no backend that is missing: its cells are then not verified
    #[arg(long)]
    pub(crate) no_setup: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
}

/// A type of machine that has a price.
pub(super) fn instance(text: &str) -> Result<Price, PricesError> {
    Prices::built_in().of(text).cloned()
}
