//! The chain from the policy's root to the signer of the document.
//!
//! A document brings its chain in order, so no path is searched for: each certificate must be issued by the one before it. That is
//! stricter than RFC 5280 asks, and bounds the work at one signature a certificate.

use super::{CertificateFault, Position, Rejected, checked::Report};
use crate::{Content, Root, root::fingerprint, x509::Certificate};

/// Gives the signer's key (an uncompressed point), having checked every certificate at `now`, in seconds since 1970.
pub(super) fn check(content: &Content, root: &Root, now: u64, report: &mut Report) -> Result<Vec<u8>, Rejected> {
    // The whole certificate must be the root's, so that no other with the root's name or key can stand in for it.
    let first = content.cabundle.first().map_or(&[][..], Vec::as_slice);
    if first != root.der() {
        return Err(Rejected::Root { expected: root.fingerprint(), found: fingerprint(first) });
    }
    report.checked("root", format!("{}, SHA-256 {}", root.name(), root.fingerprint()));

    let length = content.cabundle.len();
    let mut above: Option<Certificate<'_>> = None;
    for (index, der) in content.cabundle.iter().chain([&content.certificate]).enumerate() {
        let position = match index {
            0 => Position::Root,
            _ if index == length => Position::Signer,
            _ => Position::Intermediate(index),
        };
        let certificate = check_one(der, above.as_ref(), (length - 1).checked_sub(index), now)
            .map_err(|fault| Rejected::Certificate { position, fault })?;
        report.checked(
            "certificate",
            format!(
                "{position}, {:?}, valid from {} to {}",
                certificate.name, certificate.not_before, certificate.not_after
            ),
        );
        above = Some(certificate);
    }
    // The signer's, since the loop ends with it.
    Ok(above.map(|signer| signer.key).unwrap_or_default())
}

/// `below`: how many authorities follow; none for the signer itself.
fn check_one<'a>(
    der: &'a [u8],
    above: Option<&Certificate<'_>>,
    below: Option<usize>,
    now: u64,
) -> Result<Certificate<'a>, CertificateFault> {
    let certificate = Certificate::read(der)?;
    certificate.check_time(now)?;
    match below {
        Some(below) => certificate.check_authority(below)?,
        None => certificate.check_signer()?,
    }
    // The root is trusted for being the policy's; what it says of itself with its signature adds nothing.
    if let Some(above) = above {
        certificate.check_issuer(above)?;
        certificate.check_signature(above)?;
    }
    Ok(certificate)
}
