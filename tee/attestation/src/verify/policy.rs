//! What a verifier expects.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::Rejected;
use crate::{Pcr, Root};

/// How old a document may be unless the policy says otherwise.
pub const DEFAULT_MAX_AGE: Duration = Duration::from_mins(5);

/// How far a document's clock may be ahead of the verifier's.
pub const FUTURE_SKEW: Duration = Duration::from_secs(5);

/// The time at which certificates must be valid and age is counted. Never the document's own: it would prove itself fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The system's, at the time of the call.
    Now,
    /// A given one, for recorded documents.
    At(SystemTime),
}

impl Clock {
    /// The time that is `millis` milliseconds after 1970 (UTC), as documents count.
    pub fn at_unix_millis(millis: u64) -> Self {
        // A time that the platform cannot hold becomes 1970, when no certificate is valid.
        Self::At(UNIX_EPOCH.checked_add(Duration::from_millis(millis)).unwrap_or(UNIX_EPOCH))
    }

    pub(super) fn unix_millis(self) -> Result<u64, Rejected> {
        let time = match self {
            Self::Now => SystemTime::now(),
            Self::At(time) => time,
        };
        let since = time.duration_since(UNIX_EPOCH).map_err(|_| Rejected::Clock)?;
        u64::try_from(since.as_millis()).map_err(|_| Rejected::Clock)
    }
}

/// What a verifier expects of a document. [`Policy::new`] gives one that expects a root and freshness; a policy that is worth
/// something also names the image's registers, a nonce and the user data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The certificate that the chain must begin with.
    pub root: Root,
    /// Registers that must be in the document with these values; others may be.
    pub pcrs: BTreeMap<u8, Pcr>,
    /// The nonce that must be in the document. `None` leaves it unchecked, and the report says so.
    pub nonce: Option<Vec<u8>>,
    /// The user data that must be in the document, byte by byte. `None` leaves it unchecked, and the report says so.
    pub user_data: Option<Vec<u8>>,
    /// The age from which on a document is refused.
    pub max_age: Duration,
    /// The time at which all of that is asked.
    pub clock: Clock,
    /// Whether to take documents of enclaves in debug mode, whose memory the parent reads and whose registers are zero.
    pub allow_debug: bool,
}

impl Policy {
    /// A chain to `root`, valid now; at most [`DEFAULT_MAX_AGE`] old; no debug mode; nothing expected of registers, nonce and user data.
    pub fn new(root: Root) -> Self {
        Self {
            root,
            pcrs: BTreeMap::new(),
            nonce: None,
            user_data: None,
            max_age: DEFAULT_MAX_AGE,
            clock: Clock::Now,
            allow_debug: false,
        }
    }
}
