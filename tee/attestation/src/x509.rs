//! What a chain check asks of one certificate (RFC 5280), read strictly: version 3, ECDSA over P-384 with SHA-384, DER throughout.

use aws_lc_rs::signature::{ECDSA_P384_SHA384_ASN1, UnparsedPublicKey};
use thiserror::Error;
use x509_cert::{
    TbsCertificate,
    certificate::Version,
    der::{
        Decode, Encode, Reader as _, SliceReader,
        asn1::{BitStringRef, ObjectIdentifier},
    },
    ext::{
        Extension,
        pkix::{BasicConstraints, KeyUsage},
    },
    spki::AlgorithmIdentifierOwned,
};

const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");

/// Bytes of a P-384 point, uncompressed: 4, x, y.
const POINT_BYTES: usize = 97;

/// What is wrong with one certificate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CertificateFault {
    /// Not the DER of a certificate.
    #[error("is no DER certificate: {0}")]
    Malformed(String),
    /// Not X.509 version 3.
    #[error("is not of version 3")]
    Version,
    /// Signed otherwise than with ecdsa-with-SHA384, by its two statements of it.
    #[error("is signed with {0}, not ecdsa-with-SHA384")]
    SignatureAlgorithm(String),
    /// A key that is not an uncompressed point on P-384.
    #[error("has a key that is not on P-384")]
    Key,
    /// An extension twice.
    #[error("has extension {0} twice")]
    RepeatedExtension(String),
    /// An extension that must be understood, and is not.
    #[error("has critical extension {0}, which is unknown here")]
    CriticalExtension(String),
    /// Before its time.
    #[error("is valid from {not_before}, and it is {now} (seconds since 1970)")]
    NotYetValid {
        /// The first valid second.
        not_before: u64,
        /// The policy's time.
        now: u64,
    },
    /// After its time.
    #[error("was valid until {not_after}, and it is {now} (seconds since 1970)")]
    Expired {
        /// The last valid second.
        not_after: u64,
        /// The policy's time.
        now: u64,
    },
    /// Another name as issuer than the subject of the one above.
    #[error("is issued by another than the certificate above it")]
    Issuer,
    /// Not signed by the key of the one above.
    #[error("is not signed by the certificate above it")]
    Signature,
    /// One that signs certificates must be a CA by its basic constraints.
    #[error("is no certificate authority")]
    NotAuthority,
    /// The signer of documents must not be one.
    #[error("is a certificate authority and must not sign documents")]
    Authority,
    /// More authorities below it than it allows.
    #[error("allows {allowed} authorities below it, and there are {found}")]
    PathLength {
        /// Its constraint.
        allowed: u8,
        /// What the chain has.
        found: usize,
    },
    /// A key that is not for this use.
    #[error("has a key that may not be used for {0}")]
    KeyUsage(&'static str),
}

/// One certificate, read.
#[derive(Debug)]
pub(crate) struct Certificate<'a> {
    /// What its issuer signed.
    tbs: &'a [u8],
    /// That signature, DER.
    signature: &'a [u8],
    /// Names as DER: they are compared byte by byte.
    issuer: Vec<u8>,
    subject: Vec<u8>,
    /// The subject for people (RFC 4514).
    pub(crate) name: String,
    /// Seconds since 1970, both within.
    pub(crate) not_before: u64,
    pub(crate) not_after: u64,
    /// The uncompressed point.
    pub(crate) key: Vec<u8>,
    /// Absent is not an authority.
    constraints: Option<BasicConstraints>,
    usage: Option<KeyUsage>,
}

impl<'a> Certificate<'a> {
    /// Reads DER, to its last byte.
    ///
    /// # Errors
    ///
    /// The faults from `Malformed` to `CriticalExtension`.
    pub(crate) fn read(der: &'a [u8]) -> Result<Self, CertificateFault> {
        let (tbs, outer, signature) = split(der).map_err(malformed)?;
        let content = TbsCertificate::from_der(tbs).map_err(malformed)?;
        if content.version() != Version::V3 {
            return Err(CertificateFault::Version);
        }
        for algorithm in [&outer, content.signature()] {
            if algorithm.oid != ECDSA_WITH_SHA384 || algorithm.parameters.is_some() {
                return Err(CertificateFault::SignatureAlgorithm(algorithm.oid.to_string()));
            }
        }
        let spki = content.subject_public_key_info();
        let curve = spki.algorithm.parameters.as_ref().and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
        let key = spki.subject_public_key.as_bytes().filter(|point| point.len() == POINT_BYTES && point[0] == 4);
        let (EC_PUBLIC_KEY, Some(SECP384R1), Some(key)) = (spki.algorithm.oid, curve, key) else {
            return Err(CertificateFault::Key);
        };
        let extensions = content.extensions().map_or(&[][..], Vec::as_slice);
        check_extensions(extensions)?;
        Ok(Self {
            tbs,
            signature,
            issuer: content.issuer().to_der().map_err(malformed)?,
            subject: content.subject().to_der().map_err(malformed)?,
            name: content.subject().to_string(),
            not_before: content.validity().not_before.to_unix_duration().as_secs(),
            not_after: content.validity().not_after.to_unix_duration().as_secs(),
            key: key.to_vec(),
            constraints: extension(extensions, BASIC_CONSTRAINTS)?,
            usage: extension(extensions, KEY_USAGE)?,
        })
    }

    /// Whether it is valid at `now`, in seconds since 1970; its first and last second are.
    pub(crate) fn check_time(&self, now: u64) -> Result<(), CertificateFault> {
        if now < self.not_before {
            return Err(CertificateFault::NotYetValid { not_before: self.not_before, now });
        }
        if now > self.not_after {
            return Err(CertificateFault::Expired { not_after: self.not_after, now });
        }
        Ok(())
    }

    /// Whether it may sign certificates with `below` authorities between it and the signer of documents.
    pub(crate) fn check_authority(&self, below: usize) -> Result<(), CertificateFault> {
        match &self.constraints {
            Some(BasicConstraints { ca: true, path_len_constraint }) => match path_len_constraint {
                Some(allowed) if usize::from(*allowed) < below => {
                    return Err(CertificateFault::PathLength { allowed: *allowed, found: below });
                }
                _ => {}
            },
            _ => return Err(CertificateFault::NotAuthority),
        }
        match &self.usage {
            Some(usage) if usage.key_cert_sign() => Ok(()),
            _ => Err(CertificateFault::KeyUsage("signing certificates")),
        }
    }

    /// Whether it may sign documents, and nothing above that.
    pub(crate) fn check_signer(&self) -> Result<(), CertificateFault> {
        if self.constraints.as_ref().is_some_and(|constraints| constraints.ca)
            || self.usage.as_ref().is_some_and(KeyUsage::key_cert_sign)
        {
            return Err(CertificateFault::Authority);
        }
        match &self.usage {
            Some(usage) if usage.digital_signature() => Ok(()),
            _ => Err(CertificateFault::KeyUsage("signing documents")),
        }
    }

    /// Whether `issuer` is named as its issuer.
    pub(crate) fn check_issuer(&self, issuer: &Certificate<'_>) -> Result<(), CertificateFault> {
        if self.issuer == issuer.subject { Ok(()) } else { Err(CertificateFault::Issuer) }
    }

    /// Whether `issuer`'s key signed it.
    pub(crate) fn check_signature(&self, issuer: &Certificate<'_>) -> Result<(), CertificateFault> {
        UnparsedPublicKey::new(&ECDSA_P384_SHA384_ASN1, &issuer.key)
            .verify(self.tbs, self.signature)
            .map_err(|_| CertificateFault::Signature)
    }
}

/// The signed part as it stands there, the algorithm named beside it, the signature.
fn split(der: &[u8]) -> x509_cert::der::Result<(&[u8], AlgorithmIdentifierOwned, &[u8])> {
    let mut reader = SliceReader::new(der)?;
    let parts = reader.sequence(|reader| {
        let tbs = reader.tlv_bytes()?;
        let algorithm = AlgorithmIdentifierOwned::decode(reader)?;
        let signature = BitStringRef::decode(reader)?;
        let bytes = signature.as_bytes().ok_or_else(|| x509_cert::der::Tag::BitString.value_error())?;
        Ok::<_, x509_cert::der::Error>((tbs, algorithm, bytes))
    })?;
    reader.finish()?;
    Ok(parts)
}

fn malformed(error: x509_cert::der::Error) -> CertificateFault {
    CertificateFault::Malformed(error.to_string())
}

/// No extension twice, and none critical but the two that are looked at.
fn check_extensions(extensions: &[Extension]) -> Result<(), CertificateFault> {
    for (index, extension) in extensions.iter().enumerate() {
        if extensions[..index].iter().any(|earlier| earlier.extn_id == extension.extn_id) {
            return Err(CertificateFault::RepeatedExtension(extension.extn_id.to_string()));
        }
        if extension.critical && ![BASIC_CONSTRAINTS, KEY_USAGE].contains(&extension.extn_id) {
            return Err(CertificateFault::CriticalExtension(extension.extn_id.to_string()));
        }
    }
    Ok(())
}

fn extension<'e, T: Decode<'e, Error = x509_cert::der::Error>>(
    extensions: &'e [Extension],
    id: ObjectIdentifier,
) -> Result<Option<T>, CertificateFault> {
    extensions
        .iter()
        .find(|extension| extension.extn_id == id)
        .map(|extension| T::from_der(extension.extn_value.as_bytes()).map_err(malformed))
        .transpose()
}
