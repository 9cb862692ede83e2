//! Which backends this program knows: the built-in ones, then those of the user's configuration.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use etcetera::BaseStrategy;
use zktee_config::{Config, FILE_NAME, LANGUAGE_NAMES, Taken, Workload};
use zktee_core::provider::Provider;
use zktee_ezkl::Ezkl;
use zktee_halo2::Halo2;
use zktee_halo2_ipa::Halo2Ipa;
use zktee_native::Native;
use zktee_risc0::Risc0;
use zktee_runner::Providers;
use zktee_stark::Stark;

use crate::cli::{CacheArguments, ConfigArguments};
use crate::program::this_program;
use crate::selftest::Selftest;

/// The workloads and backends that a command works with.
pub(crate) struct Known {
    pub(crate) workloads: Vec<Workload>,
    pub(crate) providers: Providers,
    pub(crate) cache: PathBuf,
}

/// Built-in and configured workloads and backends together.
pub(crate) fn known(arguments: &ConfigArguments) -> anyhow::Result<Known> {
    let cache = cache_folder(&arguments.cache)?;
    let mut workloads = zktee_config::builtins().context("the built-in workloads cannot be read")?;
    workloads.extend(LANGUAGE_NAMES.into_iter().filter_map(zktee_config::language));
    // Where the running program cannot be found again, its name may do.
    let program = this_program().unwrap_or_else(|_| PathBuf::from("zktee"));
    // Workers start in folders of their own.
    let srs = arguments.srs.as_deref().map(std::path::absolute).transpose().context("--srs")?;
    let mut families: Vec<Box<dyn Provider>> = vec![
        Box::new(Native::new(program.clone())),
        Box::new(Ezkl::new(cache.clone()).srs_maker(program.clone())),
        Box::new(Halo2::new(program.clone()).srs(srs)),
        Box::new(Halo2Ipa::new(program.clone())),
        Box::new(Stark::new(program.clone())),
        Box::new(Risc0::new(program.clone(), &cache)),
    ];
    families.extend(zktee_enclave::providers(&program, &cache));
    families.push(Box::new(Selftest::new(program.clone())));
    let beside = Path::new(FILE_NAME);
    let file = arguments.config.as_deref().or_else(|| beside.is_file().then_some(beside));
    if let Some(file) = file {
        let names: Vec<_> = workloads.iter().map(|workload| workload.name.clone()).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let backends: Vec<_> = families.iter().flat_map(|family| family.profiles()).map(|p| p.backend).collect();
        let backends: Vec<_> = backends.iter().map(String::as_str).collect();
        let config = Config::load(file, Taken { workloads: &names, backends: &backends })?;
        workloads.extend(config.workloads);
        families.extend(config.workers.into_iter().map(|worker| Box::new(worker) as Box<dyn Provider>));
    }
    Ok(Known { workloads, providers: Providers::new(families), cache })
}

/// The folder that is kept between runs.
pub(crate) fn cache_folder(arguments: &CacheArguments) -> anyhow::Result<PathBuf> {
    let folder = match &arguments.cache {
        Some(folder) => folder.clone(),
        None => etcetera::choose_base_strategy()
            .context("no home folder, so no cache folder: name one with --cache or ZKTEE_CACHE")?
            .cache_dir()
            .join("zktee"),
    };
    std::path::absolute(&folder).with_context(|| format!("--cache {}", folder.display()))
}
