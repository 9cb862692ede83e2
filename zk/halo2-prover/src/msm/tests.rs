use super::FixedBase;
use super::shape::Shape;
use halo2curves_axiom::bn256::{Fr, G1, G1Affine};
use halo2curves_axiom::ff::{Field, FromUniformBytes};
use halo2curves_axiom::group::prime::PrimeCurveAffine;
use halo2curves_axiom::group::{Curve, Group};
use proptest::prelude::*;
use rayon::prelude::*;

/// Scalars without a pattern: a quadratic sequence.
fn scalars(count: usize, seed: u64) -> Vec<Fr> {
    let step = Fr::from(0x9e37_79b9_7f4a_7c15).square();
    std::iter::successors(Some(Fr::from(seed) + step), |s| Some(s.square() * s + step)).skip(8).take(count).collect()
}

/// Points with their multipliers of the generator, by which sums over them are known at once.
struct Known {
    points: Vec<G1Affine>,
    logarithms: Vec<Fr>,
}

impl Known {
    fn new(logarithms: Vec<Fr>) -> Self {
        let points: Vec<G1> = logarithms.iter().map(|s| G1::generator() * s).collect();
        let mut affine = vec![G1Affine::identity(); points.len()];
        G1::batch_normalize(&points, &mut affine);
        Self { points: affine, logarithms }
    }

    /// Distinct points without a small relation among them.
    fn scattered(count: usize) -> Self {
        Self::new(scalars(count, 77))
    }

    fn sum(&self, scalars: &[Fr]) -> G1 {
        let pairs = scalars.iter().zip(&self.logarithms);
        G1::generator() * pairs.fold(Fr::ZERO, |sum, (s, logarithm)| sum + s * logarithm)
    }

    fn agree(&self, fixed: &FixedBase, scalars: &[Fr], what: &str) {
        let sum = self.sum(scalars);
        assert_eq!(fixed.msm(scalars), sum, "{what}, {} scalars", scalars.len());
        assert_eq!(fixed.msm_parallel(scalars), sum, "{what}, {} scalars in parallel", scalars.len());
    }
}

fn naive(scalars: &[Fr], bases: &[G1Affine]) -> G1 {
    scalars.iter().zip(bases).fold(G1::identity(), |sum, (s, base)| sum + base * s)
}

fn signed(value: i64) -> Fr {
    let size = Fr::from(value.unsigned_abs());
    if value < 0 { -size } else { size }
}

/// One scalar a point, of each kind that has a path of its own.
fn kinds(count: usize) -> Vec<(&'static str, Vec<Fr>)> {
    let random = scalars(count, 3);
    let by = |f: &dyn Fn(i64) -> Fr| (0..count as i64).map(f).collect::<Vec<_>>();
    vec![
        ("random", random.clone()),
        ("zero", by(&|_| Fr::ZERO)),
        ("one", by(&|_| Fr::ONE)),
        ("minus one", by(&|_| -Fr::ONE)),
        ("small", by(&|i| signed(i * 37 % 2001))),
        ("minus small", by(&|i| signed(-(i * 37 % 2001)))),
        ("either sign", by(&|i| signed(i * 911 % 2001 - 1000))),
        ("r − 1 and 1", by(&|i| if i % 3 == 0 { -Fr::ONE } else { Fr::ONE })),
        ("multiples of 2^64", by(&|i| Fr::from(i as u64 + 1) * Fr::from(2).pow_vartime([64]))),
        ("equal", vec![random[0]; count]),
        ("half of r", vec![Fr::from(2).invert().unwrap(); count]),
        (
            "mixed",
            random.iter().enumerate().map(|(i, s)| if i % 10 == 0 { *s } else { signed(i as i64 % 99 - 50) }).collect(),
        ),
    ]
}

#[test]
fn agrees_with_the_naive_sum() {
    let bases = Known::scattered(64).points;
    let fixed = FixedBase::new(&bases);
    for (what, scalars) in kinds(64) {
        assert_eq!(fixed.msm(&scalars), naive(&scalars, &bases), "{what}");
    }
}

#[test]
fn agrees_for_each_number_of_scalars() {
    let known = Known::scattered(2048);
    let fixed = FixedBase::new(&known.points);
    for (what, scalars) in kinds(2048) {
        for length in [0, 1, 2, 31, 2047, 2048] {
            known.agree(&fixed, &scalars[..length], what);
        }
    }
}

#[test]
fn agrees_for_each_number_of_points() {
    for count in [1, 2, 31, 32, 64, 100, 512, 4096] {
        let known = Known::scattered(count);
        let fixed = FixedBase::new(&known.points);
        for (what, scalars) in kinds(count) {
            known.agree(&fixed, &scalars, what);
        }
    }
}

#[test]
fn no_points_sum_to_the_identity() {
    let fixed = FixedBase::new(&[]);
    assert_eq!(fixed.msm(&[]), G1::identity());
    assert_eq!(fixed.msm_small(&[]), G1::identity());
}

#[test]
#[should_panic(expected = "3 scalars for 2 points")]
fn more_scalars_than_points_are_refused() {
    FixedBase::new(&Known::scattered(2).points).msm(&[Fr::ONE; 3]);
}

#[test]
fn every_shape_agrees() {
    let known = Known::scattered(24);
    for shape in Shape::all() {
        let fixed = FixedBase::with_shape(&known.points, shape);
        for (what, scalars) in kinds(24) {
            known.agree(&fixed, &scalars, &format!("{what} {shape:?}"));
        }
    }
}

/// Points for which the formula of the chord fails somewhere on the way.
fn awkward(count: usize) -> Vec<(&'static str, Known)> {
    let plain = scalars(count, 77);
    let by = |f: &dyn Fn(usize) -> Fr| Known::new((0..count).map(f).collect());
    vec![
        ("repeated", by(&|i| plain[i / 2])),
        ("all the same", by(&|_| plain[0])),
        ("with the identity", by(&|i| if i % 5 == 0 { Fr::ZERO } else { plain[i] })),
        ("the identity alone", by(&|_| Fr::ZERO)),
        ("opposite", by(&|i| if i % 2 == 0 { plain[i] } else { -plain[i - 1] })),
        ("doubles", by(&|i| plain[i / 7] * Fr::from(1 << (i % 7)))),
        ("a progression", by(&|i| Fr::from(i as u64))),
    ]
}

#[test]
fn awkward_points_are_added_right() {
    for (name, known) in awkward(300) {
        for fixed in [FixedBase::new(&known.points), FixedBase::plain(&known.points)] {
            for (what, scalars) in kinds(300) {
                known.agree(&fixed, &scalars, &format!("{name}, {what}"));
            }
        }
    }
}

#[test]
fn small_integers_agree_with_scalars() {
    let known = Known::scattered(600);
    let values: Vec<i32> = (0..600).map(|i: i32| i.wrapping_mul(0x3779_b9f1)).collect();
    let extremes = [i32::MIN, i32::MAX, -1, 0, 1, i32::MIN + 1];
    for fixed in [FixedBase::new(&known.points), FixedBase::plain(&known.points)] {
        for values in [&values[..], &extremes[..], &[i32::MIN; 600][..], &[][..], &[5; 33][..]] {
            let scalars: Vec<Fr> = values.iter().map(|&v| signed(i64::from(v))).collect();
            assert_eq!(fixed.msm_small(values), known.sum(&scalars));
        }
    }
}

#[test]
fn points_without_a_table_are_summed() {
    let bases = vec![G1Affine::generator(); (1 << 15) + 1];
    let fixed = FixedBase::new(&bases);
    assert_eq!(fixed.bytes(), 64 * bases.len());
    assert_eq!(fixed.msm_small(&[1; 40]), bases[0] * Fr::from(40));
}

#[test]
fn tables_are_bounded() {
    for count in [32, 512, 2048] {
        let fixed = FixedBase::new(&vec![G1Affine::generator(); count]);
        assert!(fixed.bytes() > 64 * count && fixed.bytes() <= 256 << 20);
    }
}

#[test]
fn calls_on_many_threads_agree() {
    let known = Known::scattered(256);
    let fixed = FixedBase::new(&known.points);
    let right = (0..16).into_par_iter().all(|seed| {
        let scalars = scalars(256, seed);
        fixed.msm(&scalars) == known.sum(&scalars)
    });
    assert!(right);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_scalars_and_points_agree(
        terms in prop::collection::vec((any::<[u8; 32]>(), 0_u32..=254, any::<bool>(), -6_i64..=6), 0..70),
        width in 2_u32..=16,
    ) {
        // Few different points, of both signs and with the identity; scalars of all lengths.
        let known = Known::new(terms.iter().map(|t| signed(t.3)).collect());
        let scalars: Vec<Fr> = terms.iter().map(|(bytes, bits, negative, _)| {
            let mut wide = [0; 64];
            wide[..32].copy_from_slice(bytes);
            for bit in *bits..256 {
                wide[bit as usize / 8] &= !(1 << (bit % 8));
            }
            let scalar = Fr::from_uniform_bytes(&wide);
            if *negative { -scalar } else { scalar }
        }).collect();
        let expected = known.sum(&scalars);
        prop_assert_eq!(FixedBase::new(&known.points).msm(&scalars), expected);
        let shape = Shape { width };
        prop_assert_eq!(FixedBase::with_shape(&known.points, shape).msm(&scalars), expected);
    }
}

#[test]
fn sums_over_points_that_come_once_agree() {
    assert_eq!(super::msm(&[], &[]), G1::identity());
    for count in [1, 2, 3, 16, 131, 700] {
        let known = Known::scattered(count);
        for (kind, scalars) in kinds(count) {
            assert_eq!(super::msm(&scalars, &known.points), known.sum(&scalars), "{kind}, {count} points");
        }
    }
}

#[test]
fn points_that_come_once_may_be_anybodys() {
    let random = scalars(40, 5);
    let identity = vec![Fr::ZERO; 40];
    let same = vec![Fr::from(9); 40];
    let opposite: Vec<Fr> = (0..40).map(|i| if i % 2 == 0 { random[i] } else { -random[i - 1] }).collect();
    let multiples: Vec<Fr> = (0..40).map(|i| Fr::from(i / 3)).collect();
    for logarithms in [identity, same, opposite, multiples] {
        let known = Known::new(logarithms);
        for (kind, scalars) in kinds(40) {
            assert_eq!(super::msm(&scalars, &known.points), known.sum(&scalars), "{kind}");
        }
    }
}
