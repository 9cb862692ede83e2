//! Images: their bytes, their measurements, and what is no image.

use proptest::prelude::*;
use zktee_attestation::pcr;
use zktee_eif::{EifError, Image};

const HEAD: usize = 548;

fn image() -> Image {
    Image {
        kernel: b"kernel".to_vec(),
        cmdline: "console=ttyS0".to_owned(),
        ramdisks: vec![b"boot".to_vec(), b"application".to_vec(), b"more".to_vec()],
        metadata: b"{}".to_vec(),
    }
}

#[test]
fn registers_cover_what_nitro_says_they_cover() {
    let registers = image().measure().pcrs;
    assert_eq!(registers[&0], pcr::measure(b"kernelconsole=ttyS0bootapplicationmore"));
    assert_eq!(registers[&1], pcr::measure(b"kernelconsole=ttyS0boot"));
    assert_eq!(registers[&2], pcr::measure(b"applicationmore"));
    let other = Image { metadata: b"{\"ImageName\":\"other\"}".to_vec(), ..image() };
    assert_eq!(other.measure(), image().measure(), "metadata is not measured");
}

#[test]
fn the_application_measures_alike_under_every_kernel() {
    let other = Image { kernel: b"newer".to_vec(), ..image() };
    assert_eq!(other.measure().pcrs[&2], image().measure().pcrs[&2]);
    assert_ne!(other.measure().pcrs[&1], image().measure().pcrs[&1]);
}

/// The head against the format's own description, by hand.
#[test]
fn the_bytes_are_the_formats() {
    let image = Image { ramdisks: vec![b"boot".to_vec()], ..image() };
    let bytes = image.to_bytes().unwrap();
    assert_eq!(bytes.len(), HEAD + 4 * 12 + 6 + 13 + 2 + 4);
    assert_eq!(bytes[..8], *b".eif\0\x04\0\0");
    assert_eq!(bytes[8..24], [0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    assert_eq!(bytes[24..28], [0, 0, 0, 4]);
    let offsets: Vec<u64> =
        bytes[28..60].chunks(8).map(|number| u64::from_be_bytes(number.try_into().unwrap())).collect();
    assert_eq!(offsets, [548, 566, 591, 605]);
    assert_eq!(bytes[548..560], [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6]);
    assert_eq!(bytes[560..566], *b"kernel");
    assert_eq!(bytes[591..593], [0, 5], "metadata comes before the ramdisks, as AWS's builder has it");
    assert_eq!(bytes[605..607], [0, 3]);
}

#[test]
fn what_is_written_is_read() {
    let bytes = image().to_bytes().unwrap();
    assert_eq!(Image::parse(&bytes).unwrap(), image());
    assert_eq!(image().to_bytes().unwrap(), bytes);
}

#[test]
fn every_changed_bit_and_every_cut_is_noticed() {
    let whole = image().to_bytes().unwrap();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(Image::parse(&changed).is_err(), "byte {at}");
        assert!(Image::parse(&whole[..at]).is_err(), "cut at {at}");
    }
    assert!(matches!(Image::parse(&[whole.as_slice(), b"x"].concat()), Err(EifError::Form(_))));
}

#[test]
fn parts_that_no_loader_would_do_without_are_asked_for() {
    let without = [
        Image { kernel: Vec::new(), ..image() },
        Image { cmdline: String::new(), ..image() },
        Image { metadata: Vec::new(), ..image() },
        Image { ramdisks: Vec::new(), ..image() },
        Image { ramdisks: vec![b"boot".to_vec(), Vec::new()], ..image() },
    ];
    for image in without {
        assert!(matches!(image.to_bytes(), Err(EifError::Missing(_))), "{image:?}");
    }
    let many = Image { ramdisks: vec![b"x".to_vec(); 30], ..image() };
    assert!(matches!(many.to_bytes(), Err(EifError::TooMuch { found: 33, most: 32, .. })));
}

proptest! {
    #[test]
    fn any_bytes_are_an_image_or_an_error(mut bytes in proptest::collection::vec(any::<u8>(), 0..2000), honest_head: bool) {
        if honest_head {
            let whole = image().to_bytes().unwrap();
            let head = whole.len().min(bytes.len()).min(HEAD);
            bytes[..head].copy_from_slice(&whole[..head]);
        }
        prop_assert!(Image::parse(&bytes).is_err());
    }
}
