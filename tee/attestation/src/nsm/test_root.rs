//! A root of one's own for documents that show how the code works, and nothing about hardware.

use std::fmt;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P384_SHA384,
};
use thiserror::Error;
use time::{Duration, OffsetDateTime};
use x509_cert::der::pem::{self, LineEnding};

use crate::{
    Root,
    root::RootError,
    x509::{Certificate, CertificateFault},
};

/// How long a test root is valid.
const LIFETIME: Duration = Duration::days(365);
/// How far certificates reach back, for clocks that are behind.
pub(super) const BACKDATED: Duration = Duration::minutes(5);
const NAME: &str = "zktee test root (simulated, no hardware)";

/// Why text is no test root.
#[derive(Debug, Error)]
pub enum TestRootError {
    /// Not the two blocks that [`TestRoot::to_pem`] writes.
    #[error("not the PEM of a test root: {0}")]
    Pem(String),
    /// The key cannot be read.
    #[error("the private key of a test root: {0}")]
    Key(#[from] rcgen::Error),
    /// The certificate cannot be read.
    #[error(transparent)]
    Root(#[from] RootError),
    /// Key and certificate are no pair.
    #[error("the private key is not that of the test root's certificate")]
    Mismatch,
}

/// A self-signed authority with its private key: ECDSA over P-384. Whoever has it can sign any document under it.
pub struct TestRoot {
    key: KeyPair,
    certificate: Vec<u8>,
}

impl TestRoot {
    /// Draws a key and signs its certificate, valid for a year from now.
    ///
    /// # Errors
    ///
    /// [`rcgen::Error`] if the system gives no randomness.
    pub fn generate() -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?;
        let now = OffsetDateTime::now_utc();
        let mut params = params(NAME, Some(BasicConstraints::Unconstrained));
        (params.not_before, params.not_after) = (now - BACKDATED, now + LIFETIME);
        let certificate = params.self_signed(&key)?.der().to_vec();
        Ok(Self { key, certificate })
    }

    /// What verifiers need: the certificate alone.
    ///
    /// # Panics
    ///
    /// Never: the certificate was made here or read before.
    pub fn root(&self) -> Root {
        Root::from_der(&self.certificate).expect("a root that was made or read here")
    }

    /// The private key (PKCS #8) and the certificate, for another process. Secret as far as a test root has secrets.
    pub fn to_pem(&self) -> String {
        [("PRIVATE KEY", self.key.serialized_der()), ("CERTIFICATE", &self.certificate)]
            .map(|(label, der)| pem::encode_string(label, LineEnding::LF, der).unwrap_or_default())
            .concat()
    }

    /// Reads what [`TestRoot::to_pem`] wrote.
    ///
    /// # Errors
    ///
    /// [`TestRootError`] for anything else.
    pub fn from_pem(text: &str) -> Result<Self, TestRootError> {
        let at = text
            .find("-----BEGIN CERTIFICATE")
            .ok_or_else(|| TestRootError::Pem("it has no certificate".to_owned()))?;
        let (key, certificate) = text.split_at(at);
        let root = Root::from_pem(certificate)?;
        let (label, der) = pem::decode_vec(key.as_bytes()).map_err(|error| TestRootError::Pem(error.to_string()))?;
        if label != "PRIVATE KEY" {
            return Err(TestRootError::Pem(format!("it begins with a {label}")));
        }
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&der.as_slice().into(), &PKCS_ECDSA_P384_SHA384)?;
        let read = |der: &[u8]| Certificate::read(der).map(|certificate| certificate.key);
        if read(root.der()).map_err(RootError::Certificate)? != key.public_key_raw() {
            return Err(TestRootError::Mismatch);
        }
        Ok(Self { key, certificate: root.der().to_vec() })
    }

    pub(super) fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// As the issuer of other certificates.
    pub(super) fn issuer(&self) -> Issuer<'static, &KeyPair> {
        Issuer::new(params(NAME, Some(BasicConstraints::Unconstrained)), &self.key)
    }

    /// Whether the certificate is one that [`TestRoot::issuer`] can stand for: with this crate's name in it.
    pub(super) fn check_issuer(&self, intermediate: &[u8]) -> Result<(), CertificateFault> {
        Certificate::read(intermediate)?.check_issuer(&Certificate::read(&self.certificate)?)
    }
}

impl fmt::Debug for TestRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key stays out of logs.
        write!(f, "TestRoot({:?})", self.root())
    }
}

/// A certificate as AWS's are: an authority with `constraints`, or without them a signer of documents.
pub(super) fn params(name: &str, constraints: Option<BasicConstraints>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "zktee");
    params.distinguished_name.push(DnType::CommonName, name);
    match constraints {
        Some(constraints) => {
            params.is_ca = IsCa::Ca(constraints);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        }
        None => {
            params.is_ca = IsCa::ExplicitNoCa;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        }
    }
    params.use_authority_key_identifier_extension = true;
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_survives_its_text() {
        let root = TestRoot::generate().unwrap();
        let text = root.to_pem();
        let again = TestRoot::from_pem(&text).unwrap();
        assert_eq!(again.root(), root.root());
        assert_eq!(again.to_pem(), text);
        assert!(!root.root().is_aws());
    }

    #[test]
    fn what_is_no_root_is_refused() {
        let (one, other) = (TestRoot::generate().unwrap().to_pem(), TestRoot::generate().unwrap().to_pem());
        let at = |text: &str| text.find("-----BEGIN CERTIFICATE").unwrap();
        let mixed = format!("{}{}", &one[..at(&one)], &other[at(&other)..]);
        assert!(matches!(TestRoot::from_pem(&mixed), Err(TestRootError::Mismatch)));
        assert!(matches!(TestRoot::from_pem(&one[..at(&one)]), Err(TestRootError::Pem(_))));
        assert!(matches!(TestRoot::from_pem(&one[at(&one)..]), Err(TestRootError::Pem(_))));
        assert!(matches!(TestRoot::from_pem(""), Err(TestRootError::Pem(_))));
        for length in 0..one.len() - 1 {
            assert!(TestRoot::from_pem(&one[..length]).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn the_key_is_not_in_what_debugging_prints() {
        let root = TestRoot::generate().unwrap();
        assert!(!format!("{root:?}").contains("KEY"));
        assert!(format!("{root:?}").contains(&root.root().fingerprint()));
    }
}
