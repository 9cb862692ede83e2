//! The heartbeat's exchange, on a socket pair in the place of vsock.
#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::thread;

use zktee_enclave_init::{HEARTBEAT, HeartbeatError, exchange};

/// What the exchange comes to with a parent that answers so.
fn with(answer: &'static [u8]) -> Result<(), HeartbeatError> {
    let (enclave, mut parent) = UnixStream::pair().unwrap();
    let parent = thread::spawn(move || {
        let mut beat = [0];
        parent.read_exact(&mut beat).unwrap();
        assert_eq!(beat, [HEARTBEAT]);
        parent.write_all(answer).unwrap();
    });
    let result = exchange(enclave);
    parent.join().unwrap();
    result
}

#[test]
fn the_same_byte_is_the_answer() {
    with(&[HEARTBEAT]).unwrap();
    assert!(matches!(with(&[1]), Err(HeartbeatError::Wrong(1))));
    assert!(matches!(with(&[]), Err(HeartbeatError::Io(_))));
}
