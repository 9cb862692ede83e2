//! A security module of software: real documents with real signatures, under a test root. It isolates nothing.

use std::{
    collections::BTreeMap,
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair},
};
use rcgen::{BasicConstraints, Issuer, KeyPair, PKCS_ECDSA_P384_SHA384};
use time::{Duration, OffsetDateTime};

use super::{
    AttestationRequest, Nsm, NsmError, NsmKind, TestRoot, encode,
    test_root::{BACKDATED, params},
};
use crate::{Content, Pcr, document::signed_bytes, hex, pcr};

/// How long the signer's certificate is valid, as on AWS: a module that is older signs documents that are rejected.
pub const SIGNER_LIFETIME: std::time::Duration = std::time::Duration::from_hours(3);

/// Signs with a key of its own, whose certificate hangs on a test root by one intermediate. Keys and chain are made once, so that a
/// document costs one signature.
pub struct SoftwareNsm {
    key: EcdsaKeyPair,
    random: SystemRandom,
    /// All of a document that stays: module, registers, certificates.
    content: Content,
    protected: Vec<u8>,
}

impl SoftwareNsm {
    /// A module with these registers, as locked as they can be, and a signer valid for [`SIGNER_LIFETIME`].
    ///
    /// # Errors
    ///
    /// [`NsmError::Pcrs`] unless there are 1 to 32, each below 32; [`NsmError::Keys`] if keys or certificates cannot be made.
    pub fn new(root: &TestRoot, pcrs: BTreeMap<u8, Pcr>) -> Result<Self, NsmError> {
        Self::with_lifetime(root, pcrs, SIGNER_LIFETIME)
    }

    /// The same with a signer that is valid for `lifetime` from now: for services that run longer.
    ///
    /// # Errors
    ///
    /// As [`SoftwareNsm::new`]; [`NsmError::Sign`] for a lifetime that no certificate can name.
    pub fn with_lifetime(
        root: &TestRoot,
        pcrs: BTreeMap<u8, Pcr>,
        lifetime: std::time::Duration,
    ) -> Result<Self, NsmError> {
        if pcrs.is_empty() || pcrs.keys().any(|index| *index >= pcr::COUNT) {
            return Err(NsmError::Pcrs("a document holds 1 to 32 registers, PCR0 to PCR31".to_owned()));
        }
        let now = OffsetDateTime::now_utc();
        let until = Duration::try_from(lifetime).ok().and_then(|lifetime| now.checked_add(lifetime));
        let until = until.ok_or(NsmError::Sign("a lifetime beyond the calendar"))?;

        let mut above = params("zktee test intermediate", Some(BasicConstraints::Constrained(0)));
        (above.not_before, above.not_after) = (now - BACKDATED, until);
        let above_key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?;
        let intermediate = above.signed_by(&above_key, &root.issuer())?.der().to_vec();
        root.check_issuer(&intermediate).map_err(|_| NsmError::Sign("the test root has another name"))?;

        let signer_key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?;
        let module_id = format!("simulated-{}", hex::encode(&signer_key.public_key_raw()[1..9]));
        let mut signer = params(&module_id, None);
        (signer.not_before, signer.not_after) = (now - BACKDATED, until);
        let certificate = signer.signed_by(&signer_key, &Issuer::new(above, above_key))?.der().to_vec();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, signer_key.serialized_der())
            .map_err(|_| NsmError::Sign("its key was refused"))?;

        let content = Content {
            module_id,
            timestamp: 0,
            pcrs,
            certificate,
            cabundle: vec![root.certificate().to_vec(), intermediate],
            public_key: None,
            user_data: None,
            nonce: None,
        };
        Ok(Self { key, random: SystemRandom::new(), content, protected: encode::protected() })
    }
}

impl Nsm for SoftwareNsm {
    fn attest(&self, request: &AttestationRequest) -> Result<Vec<u8>, NsmError> {
        request.check()?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| NsmError::Sign("it is before 1970"))?;
        let AttestationRequest { nonce, user_data, public_key } = request.clone();
        let timestamp = since.as_millis() as u64;
        let payload = encode::payload(&Content { timestamp, public_key, user_data, nonce, ..self.content.clone() });
        let signature = self
            .key
            .sign(&self.random, &signed_bytes(&self.protected, &payload))
            .map_err(|_| NsmError::Sign("no randomness"))?;
        Ok(encode::document(&self.protected, &payload, signature.as_ref()))
    }

    fn pcrs(&self) -> Result<BTreeMap<u8, Pcr>, NsmError> {
        Ok(self.content.pcrs.clone())
    }

    fn kind(&self) -> NsmKind {
        NsmKind::Software
    }
}

impl fmt::Debug for SoftwareNsm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key stays out of logs.
        f.debug_struct("SoftwareNsm").field("content", &self.content).finish_non_exhaustive()
    }
}
