//! The security module of an enclave, at `/dev/nsm`.

use std::collections::BTreeMap;

use super::{AttestationRequest, Nsm, NsmError, NsmKind};
use crate::Pcr;

/// What answers at `/dev/nsm`, through AWS's own driver library. Linux alone has it.
#[derive(Debug)]
pub struct NitroNsm {
    #[cfg(target_os = "linux")]
    device: device::Device,
}

#[cfg(target_os = "linux")]
impl NitroNsm {
    /// Opens the device.
    ///
    /// # Errors
    ///
    /// [`NsmError::NoDevice`] where there is none, as everywhere but in an enclave, or where it may not be opened.
    pub fn open() -> Result<Self, NsmError> {
        Ok(Self { device: device::Device::open()? })
    }
}

#[cfg(not(target_os = "linux"))]
impl NitroNsm {
    /// Fails, since enclaves run Linux.
    ///
    /// # Errors
    ///
    /// [`NsmError::NoDevice`].
    pub fn open() -> Result<Self, NsmError> {
        Err(NsmError::NoDevice("enclaves run Linux, and this is none".to_owned()))
    }
}

#[cfg(target_os = "linux")]
impl Nsm for NitroNsm {
    fn attest(&self, request: &AttestationRequest) -> Result<Vec<u8>, NsmError> {
        request.check()?;
        self.device.attest(request.clone())
    }

    fn pcrs(&self) -> Result<BTreeMap<u8, Pcr>, NsmError> {
        self.device.pcrs()
    }

    fn kind(&self) -> NsmKind {
        NsmKind::Device
    }
}

#[cfg(not(target_os = "linux"))]
impl Nsm for NitroNsm {
    fn attest(&self, request: &AttestationRequest) -> Result<Vec<u8>, NsmError> {
        request.check()?;
        Self::open()?.attest(request)
    }

    fn pcrs(&self) -> Result<BTreeMap<u8, Pcr>, NsmError> {
        Self::open()?.pcrs()
    }

    fn kind(&self) -> NsmKind {
        NsmKind::Device
    }
}

#[cfg(target_os = "linux")]
mod device {
    use std::{collections::BTreeMap, fs::OpenOptions};

    use aws_nitro_enclaves_nsm_api::{
        api::{Request, Response},
        driver::{nsm_exit, nsm_init, nsm_process_request},
    };
    use serde_bytes::ByteBuf;

    use super::{AttestationRequest, NsmError, Pcr};
    use crate::pcr;

    const PATH: &str = "/dev/nsm";

    /// An open device, closed when dropped.
    #[derive(Debug)]
    pub(super) struct Device(i32);

    impl Device {
        pub(super) fn open() -> Result<Self, NsmError> {
            // The library logs why it cannot open the device and returns -1; asked here first, so that the reason is in the error.
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(PATH)
                .map_err(|error| NsmError::NoDevice(error.to_string()))?;
            match nsm_init() {
                descriptor @ 0.. => Ok(Self(descriptor)),
                _ => Err(NsmError::NoDevice("it could be opened once and not twice".to_owned())),
            }
        }

        pub(super) fn attest(&self, request: AttestationRequest) -> Result<Vec<u8>, NsmError> {
            let AttestationRequest { nonce, user_data, public_key } = request;
            let bytes = |part: Option<Vec<u8>>| part.map(ByteBuf::from);
            let request = Request::Attestation {
                user_data: bytes(user_data),
                nonce: bytes(nonce),
                public_key: bytes(public_key),
            };
            match nsm_process_request(self.0, request) {
                Response::Attestation { document } => Ok(document),
                other => Err(unexpected(&other)),
            }
        }

        pub(super) fn pcrs(&self) -> Result<BTreeMap<u8, Pcr>, NsmError> {
            (0..pcr::COUNT)
                .map(|index| match nsm_process_request(self.0, Request::DescribePCR { index: index.into() }) {
                    Response::DescribePCR { data, .. } => match data.as_slice().try_into() {
                        Ok(value) => Ok((index, value)),
                        Err(_) => Err(NsmError::Device(format!("PCR{index} with {} bytes, not 48", data.len()))),
                    },
                    other => Err(unexpected(&other)),
                })
                .collect()
        }
    }

    /// An error code or an answer to another question.
    fn unexpected(response: &Response) -> NsmError {
        NsmError::Device(match response {
            Response::Error(code) => format!("the error {code:?}"),
            _ => "another question than was asked".to_owned(),
        })
    }

    impl Drop for Device {
        fn drop(&mut self) {
            nsm_exit(self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_is_no_device_the_error_says_so() {
        // Also true within an enclave, where it opens.
        if let Err(error) = NitroNsm::open() {
            assert!(error.to_string().starts_with("no Nitro security module at /dev/nsm: "), "{error}");
        }
    }
}
