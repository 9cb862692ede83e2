//! Frames, cut anywhere.

use proptest::collection::vec;
use proptest::prelude::*;
use zktee_enclave_protocol::{Event, FrameError, Framing, PART_BYTES, Reader, frames};

/// What a reader makes of bytes that arrive `step` at a time: messages, parts and acknowledgements.
fn read(mut bytes: &[u8], step: usize, limit: usize) -> Result<(Vec<Vec<u8>>, usize, usize), FrameError> {
    let mut reader = Reader::new(limit);
    let (mut messages, mut parts, mut acks) = (Vec::new(), 0, 0);
    while !bytes.is_empty() {
        let (mut now, later) = bytes.split_at(step.clamp(1, bytes.len()));
        while !now.is_empty() {
            reader.fill(&mut now).expect("a slice gives its bytes");
            while let Some(event) = reader.next_event()? {
                match event {
                    Event::Message(message) => messages.push(message.to_vec()),
                    Event::Part => parts += 1,
                    Event::Ack => acks += 1,
                }
            }
        }
        bytes = later;
    }
    Ok((messages, parts, acks))
}

fn framed(message: &[u8], framing: Framing) -> Vec<Vec<u8>> {
    frames([&[0; 4], message].concat(), framing)
}

proptest! {
    #[test]
    fn messages_come_back_however_they_arrive(
        lengths in vec(1_usize..60_000, 1..4),
        step in prop_oneof![1_usize..10, 1_usize..100_000],
        framing in prop_oneof![Just(Framing::Whole), Just(Framing::Parts)],
    ) {
        let messages: Vec<Vec<u8>> =
            lengths.iter().map(|length| (0..*length).map(|at| (at * 7 % 256) as u8).collect()).collect();
        let all: Vec<Vec<u8>> = messages.iter().flat_map(|message| framed(message, framing)).collect();
        if framing == Framing::Parts {
            prop_assert!(all.iter().all(|frame| frame.len() <= PART_BYTES));
        }
        let (read, parts, acks) = read(&all.concat(), step, 60_000).expect("frames");
        prop_assert_eq!(parts, all.len() - messages.len());
        prop_assert_eq!(acks, 0);
        prop_assert_eq!(read, messages);
    }

    #[test]
    fn bytes_of_any_kind_do_not_panic(bytes in vec(any::<u8>(), 0..300), step in 1_usize..300) {
        let _ = read(&bytes, step, 1000);
    }
}

#[test]
fn a_frame_is_its_length_and_its_bytes() {
    assert_eq!(framed(b"abc", Framing::Whole), [b"\0\0\0\x03abc"]);
    let parts = framed(&[7; PART_BYTES], Framing::Parts);
    assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [PART_BYTES, 8]);
    assert_eq!(parts[0][..4], [0x80, 0, 0x3f, 0xfc]);
    assert_eq!(parts[1][..4], [0, 0, 0, 4]);
    assert_eq!(read(&[0, 0, 0, 0], 4, 10), Ok((Vec::new(), 0, 1)));
}

#[test]
fn the_limit_holds_before_the_bytes_are_there_and_over_parts() {
    assert_eq!(read(&[0, 0, 0, 11], 4, 10), Err(FrameError::TooLong { claimed: 11, limit: 10 }));
    assert_eq!(read(&[0x7f, 0xff, 0xff, 0xff], 4, 10), Err(FrameError::TooLong { claimed: 0x7fff_ffff, limit: 10 }));
    assert_eq!(read(&[0x80, 0, 0, 0], 4, 10), Err(FrameError::EmptyPart));
    let parts = b"\x80\0\0\x0612345\n\0\0\0\x05";
    assert_eq!(read(parts, 3, 10), Err(FrameError::TooLong { claimed: 11, limit: 10 }));
}
