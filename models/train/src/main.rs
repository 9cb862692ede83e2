//! Retrains the committed models from their data, or checks that retraining still gives them.

mod check;
mod evaluate;
mod fit;
mod lenet;
mod mlp;
mod model;
mod net;
mod ols;
mod store;
mod unfold;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};
use zktee_datasets::{Mnist, fetch, mnist_train};

use crate::model::{Data, Model};

/// Retrains the models in models/ from their data, seeded; measures each through its ONNX file.
///
/// One thread is fastest for networks this small: set `RAYON_NUM_THREADS=1`.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Which model.
    #[arg(value_enum)]
    what: What,

    /// Where initial weights and the order of the rows come from.
    #[arg(long, default_value_t = model::SEED)]
    seed: u64,

    /// The folder that holds the ONNX files, SHA256SUMS and metrics.json.
    #[arg(long, value_name = "DIR", default_value = "models")]
    out: PathBuf,

    /// Write nothing: retrain and compare with what is in the folder; exit code 1 if it differs.
    #[arg(long)]
    check: bool,

    /// A folder with the MNIST training set, raw or .gz. Without it the set is fetched into the cache folder.
    #[arg(long, value_name = "DIR")]
    mnist_folder: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Petal width by ordinary least squares.
    Ols,
    /// Iris species by a 4-20-20-3 perceptron.
    Mlp,
    /// Handwritten digits by LeNet-5.
    Lenet,
    /// All three.
    All,
}

impl What {
    fn models(self) -> &'static [Model] {
        match self {
            Self::Ols => &[Model::Ols],
            Self::Mlp => &[Model::Mlp],
            Self::Lenet => &[Model::Lenet],
            Self::All => &Model::ALL,
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let models = arguments.what.models();
    let mut say = |line: &str| eprintln!("{line}");
    let data = Data {
        iris: zktee_datasets::iris()?,
        mnist_test: zktee_datasets::mnist_test()?,
        mnist_train: if models.contains(&Model::Lenet) {
            Some(training_set(arguments.mnist_folder, &mut say)?)
        } else {
            None
        },
    };
    for &model in models {
        say(&format!("{}: training, seed {}", model.name(), arguments.seed));
        let trained = model.train(&data, arguments.seed, &mut say)?;
        let metrics = if arguments.check {
            check::check(model, &trained, &data, &arguments.out)?
        } else {
            store::write(model, &trained, &data, &arguments.out)?
        };
        println!("{}: {metrics}", model.name());
    }
    Ok(())
}

fn training_set(folder: Option<PathBuf>, say: &mut dyn FnMut(&str)) -> Result<Mnist> {
    if let Some(folder) = folder {
        return Ok(mnist_train(&folder)?);
    }
    let folder = fetch::default_folder().context("no home folder; name one with --mnist-folder")?;
    fetch::mnist_train(&folder, say)?;
    Ok(mnist_train(&folder)?)
}
