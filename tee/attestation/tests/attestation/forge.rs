//! An adversary's tools: documents and chains with anything in them. Written with other libraries than the crate's own writer where
//! there are others, so that the two check each other.

use std::time::{Duration, SystemTime};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair},
};
use ciborium::Value;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P384_SHA384,
};
use zktee_attestation::{Clock, Policy, Root};

/// A certificate to be, with its key.
pub(crate) struct Link {
    pub(crate) params: CertificateParams,
    pub(crate) key: KeyPair,
}

impl Link {
    fn new(name: &str, is_ca: IsCa, usage: KeyUsagePurpose) -> Self {
        let now = SystemTime::now();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = is_ca;
        params.key_usages = vec![usage];
        params.not_before = (now - Duration::from_hours(1)).into();
        params.not_after = (now + Duration::from_hours(1)).into();
        Self { params, key: KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap() }
    }

    pub(crate) fn authority(name: &str, constraints: BasicConstraints) -> Self {
        Self::new(name, IsCa::Ca(constraints), KeyUsagePurpose::KeyCertSign)
    }

    pub(crate) fn signer() -> Self {
        Self::new("signer", IsCa::ExplicitNoCa, KeyUsagePurpose::DigitalSignature)
    }
}

/// Root, two intermediates and a signer; each is signed by the one before it as it stands when [`Chain::certificates`] is called.
pub(crate) struct Chain {
    pub(crate) links: Vec<Link>,
}

impl Chain {
    pub(crate) fn good() -> Self {
        let links = vec![
            Link::authority("root", BasicConstraints::Unconstrained),
            Link::authority("upper", BasicConstraints::Constrained(1)),
            Link::authority("lower", BasicConstraints::Constrained(0)),
            Link::signer(),
        ];
        Self { links }
    }

    /// DER, root first, signer last.
    pub(crate) fn certificates(&self) -> Vec<Vec<u8>> {
        let root = &self.links[0];
        let first = root.params.self_signed(&root.key).unwrap().der().to_vec();
        let below = self.links.windows(2).map(|pair| {
            let issuer = Issuer::from_params(&pair[0].params, &pair[0].key);
            pair[1].params.signed_by(&pair[1].key, &issuer).unwrap().der().to_vec()
        });
        std::iter::once(first).chain(below).collect()
    }

    pub(crate) fn signer(&self) -> &KeyPair {
        &self.links.last().unwrap().key
    }
}

/// A policy for what [`Forged`] says of itself, at its time, and nothing more.
pub(crate) fn policy(root: &[u8]) -> Policy {
    Policy { clock: Clock::at_unix_millis(now()), ..Policy::new(Root::from_der(root).unwrap()) }
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64
}

/// A document in its parts.
pub(crate) struct Forged {
    pub(crate) tagged: bool,
    pub(crate) protected: Value,
    pub(crate) unprotected: Value,
    pub(crate) payload: Vec<(Value, Value)>,
    /// Instead of the true one.
    pub(crate) signature: Option<Vec<u8>>,
}

impl Forged {
    /// One that is in order, with these certificates.
    pub(crate) fn new(certificates: &[Vec<u8>]) -> Self {
        let (signer, above) = certificates.split_last().unwrap();
        let pcrs = (0..16_u8).map(|index| (Value::from(index), Value::from(vec![index + 1; 48]))).collect();
        let above = above.iter().map(|der| Value::from(der.clone())).collect();
        let payload = vec![
            (Value::from("module_id"), Value::from("forged")),
            (Value::from("digest"), Value::from("SHA384")),
            (Value::from("timestamp"), Value::from(now())),
            (Value::from("pcrs"), Value::Map(pcrs)),
            (Value::from("certificate"), Value::from(signer.clone())),
            (Value::from("cabundle"), Value::Array(above)),
            (Value::from("public_key"), Value::Null),
            (Value::from("user_data"), Value::from(vec![5; 48])),
            (Value::from("nonce"), Value::from(vec![6; 32])),
        ];
        let protected = Value::Map(vec![(Value::from(1), Value::from(-35))]);
        Self { tagged: false, protected, unprotected: Value::Map(Vec::new()), payload, signature: None }
    }

    /// A field's value, to be changed.
    pub(crate) fn field(&mut self, name: &str) -> &mut Value {
        let entry = self.payload.iter_mut().find(|(key, _)| key.as_text() == Some(name));
        &mut entry.unwrap().1
    }

    /// Signed by `key`.
    pub(crate) fn bytes(&self, key: &KeyPair) -> Vec<u8> {
        self.around(&cbor(&Value::Map(self.payload.clone())), key)
    }

    /// The same with other bytes as payload, signed too.
    pub(crate) fn around(&self, payload: &[u8], key: &KeyPair) -> Vec<u8> {
        let protected = cbor(&self.protected);
        let signature = self.signature.clone().unwrap_or_else(|| {
            let parts =
                ["Signature1".into(), protected.clone().into(), Value::Bytes(Vec::new()), payload.to_vec().into()];
            sign(&cbor(&Value::Array(parts.into())), key)
        });
        let parts = [protected.into(), self.unprotected.clone(), payload.to_vec().into(), signature.into()];
        let array = Value::Array(parts.into());
        cbor(&if self.tagged { Value::Tag(18, Box::new(array)) } else { array })
    }
}

pub(crate) fn cbor(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

fn sign(message: &[u8], key: &KeyPair) -> Vec<u8> {
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, key.serialized_der()).unwrap();
    key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
}
