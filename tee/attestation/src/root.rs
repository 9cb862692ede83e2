//! The one certificate that a policy trusts.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use thiserror::Error;
use x509_cert::der::pem;

use crate::{
    hex,
    x509::{Certificate, CertificateFault},
};

/// The root of AWS Nitro Enclaves, G1, valid from 2019-10-28 to 2049-10-28.
const AWS_NITRO_G1: &[u8] = include_bytes!("../roots/aws-nitro-g1.der");

/// The SHA-256 of that certificate (DER), as AWS publishes it in "Verifying the root of trust" (Nitro Enclaves User Guide), so that
/// a reader can compare it with AWS's page and a test with the file compiled in.
pub const AWS_NITRO_G1_SHA256: &str = "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b";

/// Why bytes are no root.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RootError {
    /// Not the PEM of one certificate.
    #[error("not the PEM of a certificate: {0}")]
    Pem(String),
    /// Not a certificate that could sign others here.
    #[error("the root certificate: {0}")]
    Certificate(#[source] CertificateFault),
}

/// The certificate that a chain must begin with: one for a policy, never several.
#[derive(Clone, PartialEq, Eq)]
pub struct Root {
    der: Vec<u8>,
}

impl Root {
    /// AWS's. Documents under it come from hardware.
    pub fn aws() -> Self {
        Self { der: AWS_NITRO_G1.to_vec() }
    }

    /// A root of one's own, which says nothing about hardware.
    ///
    /// # Errors
    ///
    /// [`RootError::Certificate`] if it is none that this crate can check a chain with: ECDSA over P-384 with SHA-384, version 3.
    pub fn from_der(der: &[u8]) -> Result<Self, RootError> {
        Certificate::read(der).map_err(RootError::Certificate)?;
        Ok(Self { der: der.to_vec() })
    }

    /// The same from PEM with one `CERTIFICATE`.
    ///
    /// # Errors
    ///
    /// [`RootError`] as for [`Root::from_der`], or if it is no such PEM.
    pub fn from_pem(text: &str) -> Result<Self, RootError> {
        match pem::decode_vec(text.as_bytes()) {
            Ok(("CERTIFICATE", der)) => Self::from_der(&der),
            Ok((label, _)) => Err(RootError::Pem(format!("it holds a {label}"))),
            Err(error) => Err(RootError::Pem(error.to_string())),
        }
    }

    /// The certificate as PEM, as [`Root::from_pem`] reads it.
    pub fn to_pem(&self) -> String {
        // Only a label of the wrong form could fail.
        pem::encode_string("CERTIFICATE", pem::LineEnding::LF, &self.der).unwrap_or_default()
    }

    /// The certificate.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its SHA-256 in hexadecimal.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.der)
    }

    /// Whether it is AWS's.
    pub fn is_aws(&self) -> bool {
        self.der == AWS_NITRO_G1
    }

    /// What a report calls it.
    pub fn name(&self) -> &'static str {
        if self.is_aws() { "AWS Nitro Enclaves root G1" } else { "a given root, not AWS's" }
    }
}

/// The SHA-256 of a certificate in hexadecimal.
pub(crate) fn fingerprint(der: &[u8]) -> String {
    hex::encode(digest(&SHA256, der).as_ref())
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({}, SHA-256 {})", self.name(), self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_compiled_in_is_the_one_that_aws_publishes() {
        assert_eq!(Root::aws().fingerprint(), AWS_NITRO_G1_SHA256);
        assert!(Root::from_der(AWS_NITRO_G1).unwrap().is_aws());
    }

    #[test]
    fn a_root_can_be_given_as_pem() {
        let text = pem::encode_string("CERTIFICATE", pem::LineEnding::LF, AWS_NITRO_G1).unwrap();
        assert_eq!(Root::from_pem(&text), Ok(Root::aws()));
        assert_eq!(Root::aws().to_pem(), text);
        let other = pem::encode_string("PRIVATE KEY", pem::LineEnding::LF, AWS_NITRO_G1).unwrap();
        assert!(matches!(Root::from_pem(&other), Err(RootError::Pem(_))));
        assert!(matches!(Root::from_pem("nothing"), Err(RootError::Pem(_))));
        assert!(matches!(Root::from_der(&AWS_NITRO_G1[1..]), Err(RootError::Certificate(_))));
    }
}
