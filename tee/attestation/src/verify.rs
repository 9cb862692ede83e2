//! Whether a document says what a policy expects, and on whose word.
//!
//! The checks come in this order, each only when all before it have held, so that nothing is compared that nobody has signed:
//!
//! 1. the form of the document (see [`document`]), its algorithm and digest;
//! 2. the chain: the policy's root, then each certificate's time, use, issuer and signature, from the root downwards;
//! 3. the document's signature by the chain's last key;
//! 4. its age;
//! 5. no debug mode;
//! 6. every expected register;
//! 7. the nonce;
//! 8. the user data.

mod chain;
mod checked;
mod policy;
mod rejected;

use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};

pub use crate::x509::CertificateFault;
pub use checked::{Check, Verified};
pub use policy::{Clock, DEFAULT_MAX_AGE, FUTURE_SKEW, Policy};
pub use rejected::{Position, Rejected};

use checked::Report;

use crate::{
    Content, document,
    hex::encode,
    pcr::{self, Pcr},
};

/// The registers that measure an image; all zero in debug mode.
const IMAGE_PCRS: [u8; 3] = [0, 1, 2];

/// Checks a document, as bytes, against a policy.
///
/// # Errors
///
/// [`Rejected`]: the first check that failed.
pub fn verify(document: &[u8], policy: &Policy) -> Result<Verified, Rejected> {
    let now = policy.clock.unix_millis()?;
    let bytes = document.len();
    let document = document::parse(document)?;
    let mut report = Report::default();
    report.checked("form", format!("COSE_Sign1 of {bytes} bytes, ES384, digest SHA384"));

    let content = &document.content;
    let signer = chain::check(content, &policy.root, now / 1000, &mut report)?;
    UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, &signer)
        .verify(&document.signed_bytes(), &document.signature)
        .map_err(|_| Rejected::Signature)?;
    report.checked("signature", "ES384 by the key of the signer's certificate, over header and payload".to_owned());

    check_age(content, policy, now, &mut report)?;
    check_debug(content, policy, &mut report)?;
    check_pcrs(content, policy, &mut report)?;
    check_nonce(content, policy, &mut report)?;
    check_user_data(content, policy, &mut report)?;
    Ok(report.verified(&policy.root, now, document.content))
}

fn check_age(content: &Content, policy: &Policy, now: u64, report: &mut Report) -> Result<(), Rejected> {
    let timestamp = content.timestamp;
    let (max_age, skew) = (millis(policy.max_age), millis(FUTURE_SKEW));
    if timestamp.saturating_sub(now) > skew {
        return Err(Rejected::Future { timestamp, now });
    }
    let age = now.saturating_sub(timestamp);
    if age > max_age {
        return Err(Rejected::TooOld { age, max_age });
    }
    report.checked("age", format!("{age} ms, at most {max_age} ms"));
    Ok(())
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn check_debug(content: &Content, policy: &Policy, report: &mut Report) -> Result<(), Rejected> {
    if policy.allow_debug {
        report.unchecked("debug mode", "the policy allows it");
        return Ok(());
    }
    for index in IMAGE_PCRS {
        match content.pcrs.get(&index) {
            None => return Err(Rejected::MissingPcr(index)),
            Some(value) if *value == pcr::ZERO => return Err(Rejected::Debug(index)),
            Some(_) => {}
        }
    }
    report.checked("debug mode", "PCR0, PCR1 and PCR2 are there and not zero".to_owned());
    Ok(())
}

fn check_pcrs(content: &Content, policy: &Policy, report: &mut Report) -> Result<(), Rejected> {
    if policy.pcrs.is_empty() {
        report.unchecked("PCRs", "the policy expects none: any image passes");
    }
    for (index, expected) in &policy.pcrs {
        let found: &Pcr = content.pcrs.get(index).ok_or(Rejected::MissingPcr(*index))?;
        if found != expected {
            return Err(Rejected::Pcr { index: *index, expected: Box::new(*expected), found: Box::new(*found) });
        }
        report.checked("PCR", format!("PCR{index} = {}", encode(found)));
    }
    Ok(())
}

fn check_nonce(content: &Content, policy: &Policy, report: &mut Report) -> Result<(), Rejected> {
    let Some(expected) = &policy.nonce else {
        report.unchecked("nonce", "the policy expects none: the document may be a replay within its age limit");
        return Ok(());
    };
    let found = content.nonce.as_ref().ok_or(Rejected::MissingNonce)?;
    if found != expected {
        return Err(Rejected::Nonce { expected: expected.clone(), found: found.clone() });
    }
    report.checked("nonce", encode(found));
    Ok(())
}

fn check_user_data(content: &Content, policy: &Policy, report: &mut Report) -> Result<(), Rejected> {
    let Some(expected) = &policy.user_data else {
        report.unchecked("user data", "the policy expects none: the document binds no computation");
        return Ok(());
    };
    let found = content.user_data.as_ref().ok_or(Rejected::MissingUserData)?;
    if found != expected {
        return Err(Rejected::UserData { expected: expected.clone(), found: found.clone() });
    }
    report.checked("user data", encode(found));
    Ok(())
}
