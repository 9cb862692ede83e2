//! Files as a user meets them: of EZKL's making, of this crate's, and damaged.

use std::fs;
use std::path::{Path, PathBuf};

use halo2curves_axiom::bn256::{Fr, G1Affine, G2Affine};
use halo2curves_axiom::group::Curve;
use halo2curves_axiom::group::prime::PrimeCurveAffine;
use halo2curves_axiom::serde::SerdeObject;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use zktee_srs::{
    Depth, G1_BYTES, G2_BYTES, MAX_K, MIN_K, Position, Relation, SrsError, VERIFIER_BYTES, check, check_to, file_bytes,
    generate, verifier_part, write_atomically,
};

/// Made by `ezkl.gen_srs` of EZKL 23.0.5 with k = 4.
const OF_EZKL: &[u8] = include_bytes!("fixtures/ezkl-k4.srs");

const K: u32 = 4;
const LAGRANGE: usize = 4 + (G1_BYTES << K);
const G2: usize = 4 + (G1_BYTES << (K + 1));
const SECRET_G2: usize = G2 + G2_BYTES;

/// A file with these bytes, in a directory that goes when it is dropped.
fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.srs");
    fs::write(&path, bytes).unwrap();
    (directory, path)
}

fn check_both(bytes: &[u8], k: u32) -> Result<(), SrsError> {
    let (_directory, path) = file(bytes);
    let quick = check(&path, k);
    let full = check_to(&path, k, Depth::Full);
    assert_eq!(quick.is_ok(), full.is_ok(), "{quick:?} {full:?}");
    quick
}

fn made(k: u32, seed: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    generate(&mut bytes, k, 2, &mut ChaCha20Rng::seed_from_u64(seed), |_, _| ()).unwrap();
    bytes
}

/// The file of EZKL with other bytes at a place.
fn with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = OF_EZKL.to_vec();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

fn power(i: usize) -> usize {
    4 + i * G1_BYTES
}

fn lagrange(i: usize) -> usize {
    LAGRANGE + i * G1_BYTES
}

fn multiple(i: u64) -> Vec<u8> {
    (G1Affine::generator() * Fr::from(i)).to_affine().to_raw_bytes()
}

#[test]
fn a_string_of_ezkl_is_accepted() {
    check_both(OF_EZKL, K).unwrap();
}

#[test]
fn strings_of_every_small_size_are_accepted() {
    for k in MIN_K..=11 {
        let bytes = made(k, 1);
        assert_eq!(bytes.len() as u64, file_bytes(k).unwrap());
        check_both(&bytes, k).unwrap();
    }
}

#[test]
fn a_seed_decides_and_another_gives_another_string() {
    assert_eq!(made(5, 1), made(5, 1));
    assert_ne!(made(5, 1), made(5, 2));
}

#[test]
fn a_written_file_is_whole_and_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("k6.srs");
    fs::write(&path, "what was there").unwrap();
    let mut told = Vec::new();
    write_atomically(&path, 6, 2, |done, total| told.push((done, total))).unwrap();
    check(&path, 6).unwrap();
    assert_eq!(told.last(), Some(&(128, 128)));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let first = fs::read(&path).unwrap();
    write_atomically(&path, 6, 2, |_, _| ()).unwrap();
    assert_ne!(first, fs::read(&path).unwrap(), "the secret is drawn anew");
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let error = write_atomically(Path::new("no/such/directory/k6.srs"), 6, 1, |_, _| ()).unwrap_err();
    assert!(matches!(error, SrsError::File { .. }), "{error:?}");
    assert!(error.to_string().contains("k6.srs"), "{error}");
}

#[test]
fn a_sink_that_fails_is_an_error() {
    let error = generate(&mut [0_u8; 300][..], 4, 1, &mut ChaCha20Rng::seed_from_u64(1), |_, _| ()).unwrap_err();
    assert!(matches!(error, SrsError::Sink { .. }), "{error:?}");
}

#[test]
fn sizes_out_of_range_are_refused() {
    let (_directory, path) = file(OF_EZKL);
    for k in [0, MAX_K + 1, 64, u32::MAX] {
        assert_eq!(file_bytes(k), None);
        assert!(matches!(write_atomically(&path, k, 1, |_, _| ()), Err(SrsError::SizeOutOfRange { .. })));
        assert!(matches!(check(&path, k), Err(SrsError::SizeOutOfRange { .. })));
        let error = check_both(&with(0, &k.to_le_bytes()), K).unwrap_err();
        assert!(matches!(error, SrsError::FileSizeOutOfRange { got, .. } if got == k), "{error:?}");
    }
}

#[test]
fn another_size_is_refused() {
    let error = check_both(OF_EZKL, 5).unwrap_err();
    assert!(matches!(error, SrsError::Size { expected: 5, got: 4, .. }), "{error:?}");
    let error = check_both(&with(0, &5_u32.to_le_bytes()), 5).unwrap_err();
    assert!(matches!(error, SrsError::Length { expected: 4356, got: 2308, .. }), "{error:?}");
}

#[test]
fn truncated_and_lengthened_files_are_refused() {
    let mut longer = OF_EZKL.to_vec();
    longer.push(0);
    for bytes in [&OF_EZKL[..0], &OF_EZKL[..3], &OF_EZKL[..4], &OF_EZKL[..LAGRANGE], &OF_EZKL[..2307], &longer] {
        let error = check_both(bytes, K).unwrap_err();
        assert!(matches!(&error, SrsError::Length { got, .. } if *got == bytes.len() as u64), "{error:?}");
        let (_directory, path) = file(bytes);
        assert!(matches!(verifier_part(&path), Err(SrsError::Length { .. })));
    }
}

#[test]
fn no_file_is_an_error_that_names_it() {
    let error = check(Path::new("no-such.srs"), K).unwrap_err();
    assert!(error.to_string().starts_with("cannot open no-such.srs"), "{error}");
    assert!(check(&std::env::temp_dir(), K).is_err());
}

#[test]
fn bytes_that_are_no_point_are_named() {
    let infinity = [0; G1_BYTES];
    let too_large = [0xff; G1_BYTES];
    for bad in [infinity, too_large] {
        for (at, position) in [
            (power(0), Position::Power(0)),
            (power(15), Position::Power(15)),
            (lagrange(0), Position::Lagrange(0)),
            (lagrange(9), Position::Lagrange(9)),
        ] {
            let error = check_both(&with(at, &bad), K).unwrap_err();
            assert!(matches!(error, SrsError::NotAPoint { position: p, .. } if p == position), "{error:?}");
        }
    }
    for (at, position) in [(G2, Position::G2), (SECRET_G2, Position::SecretG2)] {
        for bad in [[0; G2_BYTES], [0xff; G2_BYTES]] {
            let error = check_both(&with(at, &bad), K).unwrap_err();
            assert!(matches!(error, SrsError::NotAPoint { position: p, .. } if p == position), "{error:?}");
        }
    }
}

#[test]
fn a_point_outside_the_subgroup_of_g2_is_refused() {
    use halo2curves_axiom::CurveAffine;
    use halo2curves_axiom::bn256::Fq2;
    use halo2curves_axiom::ff::Field;
    use halo2curves_axiom::group::cofactor::CofactorGroup;
    // Most points of the twist are outside.
    let stray = (1..1000)
        .filter_map(|i| {
            let x = Fq2::from(i);
            let y = Option::from((x.square() * x + G2Affine::b()).sqrt())?;
            Option::<G2Affine>::from(G2Affine::from_xy(x, y))
        })
        .find(|p| !bool::from(p.to_curve().is_torsion_free()))
        .unwrap();
    let error = check_both(&with(SECRET_G2, &stray.to_raw_bytes()), K).unwrap_err();
    assert!(matches!(error, SrsError::NotAPoint { position: Position::SecretG2, .. }), "{error:?}");
}

#[test]
fn other_generators_are_refused() {
    let error = check_both(&with(power(0), &multiple(2)), K).unwrap_err();
    assert!(matches!(error, SrsError::Generator { position: Position::Power(0), .. }), "{error:?}");
    let error = check_both(&with(G2, &OF_EZKL[SECRET_G2..]), K).unwrap_err();
    assert!(matches!(error, SrsError::Generator { position: Position::G2, .. }), "{error:?}");
}

#[test]
fn valid_points_that_do_not_belong_are_found() {
    let relation_of = |bytes: &[u8]| match check_both(bytes, K) {
        Err(SrsError::Inconsistent { relation, .. }) => relation,
        other => panic!("{other:?}"),
    };
    assert_eq!(relation_of(&with(power(1), &multiple(77))), Relation::Secret);
    let other_secret = (G2Affine::generator() * Fr::from(5)).to_affine().to_raw_bytes();
    assert_eq!(relation_of(&with(SECRET_G2, &other_secret)), Relation::Secret);
    for i in 2..16 {
        assert_eq!(relation_of(&with(power(i), &multiple(77))), Relation::Powers, "power {i}");
    }
    for i in 0..16 {
        assert_eq!(relation_of(&with(lagrange(i), &multiple(77))), Relation::Lagrange, "Lagrange point {i}");
    }
}

#[test]
fn another_order_of_the_lagrange_basis_is_found() {
    let mut bytes = OF_EZKL.to_vec();
    let (one, two) = bytes[lagrange(3)..lagrange(5)].split_at_mut(G1_BYTES);
    one.swap_with_slice(two);
    let error = check_both(&bytes, K).unwrap_err();
    assert!(matches!(error, SrsError::Inconsistent { relation: Relation::Lagrange, .. }), "{error:?}");
}

#[test]
fn halves_of_two_strings_are_found() {
    let mut bytes = made(10, 1);
    let middle = 4 + (G1_BYTES << 10);
    bytes[middle..middle + (G1_BYTES << 10)].copy_from_slice(&made(10, 2)[middle..middle + (G1_BYTES << 10)]);
    let error = check_both(&bytes, 10).unwrap_err();
    assert!(matches!(error, SrsError::Inconsistent { relation: Relation::Lagrange, .. }), "{error:?}");
}

#[test]
fn the_full_check_finds_what_the_quick_one_says_that_it_may_miss() {
    let mut bytes = made(9, 1);
    let at = |i: usize| 4 + (G1_BYTES << 9) + i * G1_BYTES;
    let first = bytes[at(3)..at(4)].to_vec();
    bytes.copy_within(at(3 + 256)..at(4 + 256), at(3));
    bytes[at(3 + 256)..at(4 + 256)].copy_from_slice(&first);
    let (_directory, path) = file(&bytes);
    check(&path, 9).unwrap();
    assert!(matches!(
        check_to(&path, 9, Depth::Full),
        Err(SrsError::Inconsistent { relation: Relation::Lagrange, .. })
    ));
}

#[test]
fn a_verifier_gets_the_four_points() {
    let (_directory, path) = file(OF_EZKL);
    let part = verifier_part(&path).unwrap();
    assert_eq!(part.len(), VERIFIER_BYTES);
    assert_eq!(part[..4], [0; 4]);
    assert_eq!(part[4..68], OF_EZKL[4..68]);
    assert_eq!(part[68..132], OF_EZKL[4..68]);
    assert_eq!(part[132..], OF_EZKL[G2..]);
}

#[test]
fn a_verifier_gets_nothing_of_another_generator() {
    let (_directory, path) = file(&with(power(0), &multiple(2)));
    assert!(matches!(verifier_part(&path), Err(SrsError::Generator { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_flipped_bit_is_found(bit in 0..OF_EZKL.len() * 8) {
        let mut bytes = OF_EZKL.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(check_both(&bytes, K).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..3000), k in any::<u32>(), small in 0_u32..8) {
        let (_directory, path) = file(&bytes);
        for k in [k, small] {
            prop_assert!(check(&path, k).is_err());
        }
        prop_assert!(verifier_part(&path).is_err());
    }

    #[test]
    fn no_bytes_of_the_right_length_make_it_panic(
        k in MIN_K..=5, seed in prop::collection::vec(any::<u8>(), 64), valid in prop::collection::vec(any::<u8>(), 64),
    ) {
        // Each point is one of: arbitrary bytes, infinity, or a valid point.
        let mut bytes = k.to_le_bytes().to_vec();
        for i in 0..2 << k {
            match valid[i % 64] % 8 {
                0 => bytes.extend_from_slice(&seed),
                1 => bytes.extend_from_slice(&[0; G1_BYTES]),
                n => bytes.extend_from_slice(&multiple(u64::from(n))),
            }
        }
        bytes.extend_from_slice(&OF_EZKL[G2..]);
        let (_directory, path) = file(&bytes);
        prop_assert!(check(&path, k).is_err());
        prop_assert!(check_to(&path, k, Depth::Full).is_err());
        let _ = verifier_part(&path);
    }
}
