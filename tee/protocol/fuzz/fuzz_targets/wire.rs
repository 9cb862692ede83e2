//! Any bytes, arriving in any pieces: never a panic, never more memory than the limit, and what is a message has one encoding only.

#![no_main]

use libfuzzer_sys::fuzz_target;
use zktee_enclave_protocol::{Event, Reader, Request, Response};

/// Bytes of the longest message.
const LIMIT: usize = 64 * 1024;

fn message(bytes: &[u8]) {
    let mut again = Vec::new();
    if let Ok(request) = Request::decode(bytes) {
        request.encode(&mut again).expect("what was read is within the limits");
        assert_eq!(again, bytes, "a second encoding");
    } else if let Ok(response) = Response::decode(bytes) {
        response.encode(&mut again).expect("what was read is within the limits");
        assert_eq!(again, bytes, "a second encoding");
    }
}

fuzz_target!(|data: &[u8]| {
    message(data);
    let Some((step, mut bytes)) = data.split_first() else { return };
    let mut reader = Reader::new(LIMIT);
    while !bytes.is_empty() {
        let (mut piece, rest) = bytes.split_at(bytes.len().min(usize::from(*step) + 1));
        bytes = rest;
        while !piece.is_empty() {
            reader.fill(&mut piece).expect("a slice gives its bytes");
            loop {
                match reader.next_event() {
                    Ok(Some(Event::Message(bytes))) => {
                        assert!(bytes.len() <= LIMIT, "beyond the limit");
                        message(bytes);
                    }
                    Ok(Some(Event::Part | Event::Ack)) => {}
                    Ok(None) => break,
                    Err(_) => return,
                }
            }
        }
    }
});
