//! A web server that has the gzipped files under their published names.

use std::path::Path;
use std::time::Duration;

use ureq::Agent;

use super::{Reason, Way};
use crate::MnistFile;

const CONNECT: Duration = Duration::from_secs(10);
/// For one whole file, the largest being 10 MB.
const TRANSFER: Duration = Duration::from_mins(5);

/// A mirror by its base address.
pub(super) struct Mirror {
    base: String,
    agent: Agent,
}

impl Mirror {
    /// `base` has no slash at the end. A mirror named with https stays with https, redirects included.
    pub(super) fn new(base: &str) -> Self {
        let config = Agent::config_builder()
            .https_only(base.starts_with("https://"))
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(TRANSFER))
            .build();
        Self { base: base.into(), agent: config.into() }
    }
}

impl Way for Mirror {
    fn name(&self) -> String {
        self.base.clone()
    }

    fn get(&mut self, file: &MnistFile, _scratch: &Path) -> Result<Vec<u8>, Reason> {
        let http = |error| Reason::Http(Box::new(error));
        let url = format!("{}/{}.gz", self.base, file.name);
        let mut response = self.agent.get(url).call().map_err(http)?;
        response.body_mut().with_config().limit(file.most_bytes()).read_to_vec().map_err(http)
    }
}
