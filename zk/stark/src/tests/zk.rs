//! Zero knowledge: what is opened is masked, each mask is needed, and two inputs with the same outputs cannot be told apart.
//!
//! The distinguisher knows everything but which of two inputs was proven. From a proof's challenges he works out what would have been
//! opened for either input without masks, and looks at the difference from what was.

use p3_dft::TwoAdicSubgroupDft;
use p3_field::{Field, PrimeCharacteristicRing, PrimeField32};
use p3_matrix::dense::RowMajorMatrix;
use rand::SeedableRng;
use rand::rngs::StdRng;
use zktee_models::integer::IntegerModel;

use super::adversary::Case;
use super::first::case;
use super::models::{Numbers, all, builtin, dense, model, relu, shallow};
use crate::challenges::Challenges;
use crate::degrees::Degrees;
use crate::evidence::Evidence;
use crate::field::{Challenger, DEGREE, Ext, MODULUS, Val, coordinates, powers};
use crate::key::Key;
use crate::masks::{Part, extend, is_basis};
use crate::parameters::Profile;
use crate::preamble::transcript;
use crate::proof::Proof;
use crate::prove::Meddler;
use crate::relation::Public;
use crate::second::Second;
use crate::security::PIECES;

const PARTS: [Part; 5] = [Part::First, Part::Helpers, Part::Sums, Part::Quotient, Part::Codeword];

/// Draws masks from a seed, and leaves some of them out.
struct Without<'a> {
    seed: u64,
    dropped: &'a [Part],
}

impl Meddler for Without<'_> {
    fn randomness(&mut self) -> StdRng {
        StdRng::seed_from_u64(self.seed)
    }

    fn mask(&mut self, part: Part, mask: &mut RowMajorMatrix<Val>) {
        if self.dropped.contains(&part) {
            mask.values.fill(Val::ZERO);
        }
    }
}

/// A model that has the same output for any input whose first layer is negative throughout, and two such inputs.
fn twins() -> (IntegerModel, [Vec<i64>; 2]) {
    let mut n = Numbers(61);
    let (mut seen, model) = (Vec::<(Vec<i64>, Vec<i64>)>::new(), {
        let mut n = Numbers(7);
        model(&[4], 60, vec![n.dense([2, 4], relu(4)), n.dense([2, 2], None)])
    });
    loop {
        let inputs = n.inputs(&model, 1);
        let Ok(outputs) = model.infer(&inputs) else { continue };
        if let Some((other, _)) = seen.iter().find(|(other, same)| *same == outputs && *other != inputs) {
            return (model, [other.clone(), inputs]);
        }
        seen.push((inputs, outputs));
    }
}

/// What stands in a proof beside what would stand there for this table without masks.
struct Seen {
    point: Ext,
    /// Opened less expected, over the rows' vanishing polynomial at the point: the mask's own value.
    first: Vec<Ext>,
    helpers: Vec<Ext>,
    sums: Vec<Ext>,
    quotient: Vec<Ext>,
    codeword: Vec<Ext>,
}

/// A column at a point, given on the rows.
fn at(key: &Key, columns: &RowMajorMatrix<Val>, point: Ext) -> Vec<Ext> {
    let coefficients = key.transform.idft_batch(columns.clone());
    let powers = powers(point, key.layout.rows());
    let column = |index| {
        let column = coefficients.values.iter().skip(index).step_by(coefficients.width);
        column.zip(&powers).map(|(&coefficient, &power)| power * coefficient).sum()
    };
    (0..coefficients.width).map(column).collect()
}

/// The distinguisher's work with one candidate.
fn seen(case: &Case, proof: &Proof) -> Seen {
    use p3_challenger::{CanObserve, FieldChallenger};
    let key = &case.key;
    let mut challenger: Challenger = transcript(key, &case.statement);
    challenger.observe(proof.first.clone());
    let drawn = Challenges::draw(&mut challenger);
    challenger.observe(proof.second.clone());
    let alpha: Ext = challenger.sample_algebra_element();
    challenger.observe(proof.quotient.clone());
    let point: Ext = challenger.sample_algebra_element();
    let public = Public::new(key, &case.statement, &drawn).unwrap();
    let [helpers, sums] = Second::new(&key.layout, &public, &case.first).unwrap().into_matrices(key.layout.lanes.len());
    let factor = (point.exp_u64(key.layout.rows() as u64) - Ext::ONE).inverse();
    let less = |opened: &[Ext], expected: Vec<Ext>| -> Vec<Ext> {
        assert_eq!(opened.len(), expected.len());
        opened.iter().zip(expected).map(|(&opened, expected)| (opened - expected) * factor).collect()
    };
    let opened = &proof.opened;
    // The quotient without any mask.
    let points = key.degrees.bound << key.parameters.log_blowup;
    let unmasked = |columns: &RowMajorMatrix<Val>| {
        extend(&key.transform, columns.clone(), &RowMajorMatrix::new(Vec::new(), columns.width), points)
    };
    let extended = [&case.first, &helpers, &sums].map(unmasked);
    let [first, of_helpers, of_sums] = extended.each_ref().map(RowMajorMatrix::as_view);
    let extended = crate::quotient::Extended { first, helpers: of_helpers, sums: of_sums };
    let pieces = crate::quotient::quotient(&key.layout, &key.degrees, &key.transform, &public, alpha, &extended);
    let powers = powers(point, key.degrees.bound);
    let piece = |index| {
        let column = pieces.values.iter().skip(index).step_by(pieces.width);
        column.zip(&powers).map(|(&coefficient, &power)| power * coefficient).sum()
    };
    let (quotient, codeword) = opened.quotient.split_at(PIECES * DEGREE);
    Seen {
        point,
        first: less(&opened.first, at(key, &case.first, point)),
        helpers: less(&opened.helpers, at(key, &helpers, point)),
        sums: less(&opened.sum, at(key, &sums, point)),
        quotient: less(quotient, (0..PIECES * DEGREE).map(piece).collect()),
        codeword: codeword.to_vec(),
    }
}

impl Seen {
    fn part(&self, part: Part) -> &[Ext] {
        match part {
            Part::First => &self.first,
            Part::Helpers => &self.helpers,
            Part::Sums => &self.sums,
            Part::Quotient => &self.quotient,
            Part::Codeword => &self.codeword,
        }
    }

    /// Whether a part's openings are those of this candidate's columns, or in case of the random polynomial nothing at all.
    fn tells(&self, part: Part) -> bool {
        self.part(part).iter().all(|&mask| mask == Ext::ZERO)
    }
}

#[test]
fn two_inputs_with_one_statement_are_both_proven() {
    let (model, [one, other]) = twins();
    let key = Key::new(model, 1, Profile::Zk).unwrap();
    let [first, second] = [&one, &other].map(|inputs| key.prove(inputs).unwrap().evidence);
    assert!(first.inputs.is_empty() && second.inputs.is_empty());
    assert_eq!(first.outputs, second.outputs);
    for evidence in [&first, &second] {
        assert_eq!(key.verify(evidence), Ok(()));
    }
    assert_eq!(key.verify(&Evidence { outputs: first.outputs.clone(), ..second }), Ok(()));
}

#[test]
fn without_a_mask_a_part_gives_the_input_away_and_with_it_no_part_does() {
    let (model, inputs) = twins();
    let [one, other] = inputs.map(|inputs| Case::of(Profile::Zk, model.clone(), &inputs));
    assert_eq!(one.statement, other.statement);
    let none = Without { seed: 0, dropped: &PARTS };
    for (proven, not) in [(&one, &other), (&other, &one)] {
        // No masks at all: every part tells, and which of the two it was.
        let proof = proven.proof(&mut Without { ..none });
        assert_eq!(proven.key.verify_proof(&proven.statement, proof.clone()), Ok(()));
        for part in PARTS {
            assert!(seen(proven, &proof).tells(part), "{part:?}");
            assert_eq!(seen(not, &proof).tells(part), part == Part::Codeword, "{part:?}");
        }
        // All of them: none does.
        let proof = proven.proof(&mut Without { seed: 1, dropped: &[] });
        assert_eq!(proven.key.verify_proof(&proven.statement, proof.clone()), Ok(()));
        for part in PARTS {
            assert!(!seen(proven, &proof).tells(part) && !seen(not, &proof).tells(part), "{part:?}");
        }
        // All but one: that one does. The quotient's pieces are what they would be only if the columns have no masks either.
        for part in PARTS.into_iter().filter(|&part| part != Part::Quotient) {
            let proof = proven.proof(&mut Without { seed: 2, dropped: &[part] });
            for other in PARTS {
                assert_eq!(seen(proven, &proof).tells(other), other == part, "{part:?} {other:?}");
            }
        }
        // Nothing but one: that one does not.
        for part in PARTS {
            let dropped: Vec<Part> = PARTS.into_iter().filter(|&other| other != part).collect();
            let proof = proven.proof(&mut Without { seed: 3, dropped: &dropped });
            assert!(!seen(proven, &proof).tells(part), "{part:?}");
        }
    }
}

/// The statistic of Pearson's test that values are spread evenly over the field, with sixteen classes.
fn chi_square(values: &[Val]) -> f64 {
    const CLASSES: usize = 16;
    let mut counts = [0_u32; CLASSES];
    for value in values {
        counts[(u64::from(value.as_canonical_u32()) * CLASSES as u64 / u64::from(MODULUS)) as usize] += 1;
    }
    let expected = values.len() as f64 / CLASSES as f64;
    counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum()
}

/// Fifteen degrees of freedom: a uniform sample is beyond it once in ten million times.
const UNLIKELY: f64 = 62.0;

#[test]
fn opened_values_are_uniform_whichever_input_was_proven() {
    const PROOFS: u64 = 40;
    let (model, inputs) = twins();
    let cases = inputs.map(|inputs| Case::of(Profile::Zk, model.clone(), &inputs));
    let flat = |values: &[Ext]| values.iter().flat_map(coordinates).copied().collect::<Vec<Val>>();
    for proven in &cases {
        let proofs: Vec<Proof> =
            (0..PROOFS).map(|seed| proven.proof(&mut Without { seed: 100 + seed, dropped: &[] })).collect();
        // The masks that either candidate would need: a part of its own for each, and all that is opened as it is.
        for candidate in &cases {
            let seen: Vec<Seen> = proofs.iter().map(|proof| seen(candidate, proof)).collect();
            for part in PARTS {
                let values: Vec<Val> = seen.iter().flat_map(|seen| flat(seen.part(part))).collect();
                assert!(chi_square(&values) < UNLIKELY, "{part:?} {}", chi_square(&values));
            }
        }
        for tree in 0..3 {
            let rows = |proof: &Proof| proof.opening.input_openings[tree].opened_values.clone();
            let values: Vec<Val> = proofs.iter().flat_map(rows).flatten().flatten().collect();
            assert!(chi_square(&values) < UNLIKELY, "tree {tree}");
        }
        let last: Vec<Val> = proofs.iter().flat_map(|proof| flat(&proof.opening.final_poly)).collect();
        assert!(chi_square(&last) < UNLIKELY);
    }
    // The test can fail: small numbers are not spread evenly.
    let small: Vec<Val> = (0..2000).map(Val::from_u32).collect();
    assert!(chi_square(&small) > UNLIKELY);
}

/// The rank of a matrix.
fn rank(mut rows: Vec<Vec<Val>>) -> usize {
    let mut rank = 0;
    for column in 0..rows.first().map_or(0, Vec::len) {
        let Some(pivot) = (rank..rows.len()).find(|&row| rows[row][column] != Val::ZERO) else { continue };
        rows.swap(rank, pivot);
        let inverse = rows[rank][column].inverse();
        let (above, below) = rows.split_at_mut(rank + 1);
        for row in below {
            let factor = row[column] * inverse;
            if factor != Val::ZERO {
                row.iter_mut().zip(&above[rank]).for_each(|(value, &pivot)| *value -= pivot * factor);
            }
        }
        rank += 1;
    }
    rank
}

#[test]
fn what_is_opened_of_a_column_are_independent_numbers_of_its_mask() {
    // As many places as there are queries, drawn without repetition, and one leaf more; the point of a real proof. All values that are
    // opened of a column are linear in its mask: if the matrix has full rank, they are uniform.
    let case = case(Profile::Zk, &shallow());
    let proof = case.proof(&mut Without { seed: 7, dropped: &[] });
    let (key, point) = (&case.key, seen(&case, &proof).point);
    let size = key.degrees.bound << key.parameters.log_blowup;
    let root = <Val as p3_field::TwoAdicField>::two_adic_generator(size.trailing_zeros() as usize);
    let step = root.exp_u64((size / key.layout.rows()) as u64);
    let place = |query: usize| Val::GENERATOR * root.exp_u64((query * 7 % size) as u64);
    let queries = key.parameters.queries + 1;
    let of_place = |place: Val, terms: usize| place.powers().collect_n(terms);
    let of_point = |point: Ext, terms: usize| -> Vec<Vec<Val>> {
        let powers = powers(point, terms);
        (0..DEGREE).map(|index| powers.iter().map(|power| coordinates(power)[index]).collect()).collect()
    };
    let Degrees { column, sum, quotient, .. } = key.degrees;
    for terms in [column, quotient] {
        let mut rows: Vec<Vec<Val>> = (0..queries).map(|query| of_place(place(query), terms)).collect();
        rows.extend(of_point(point, terms));
        assert_eq!((rank(rows.clone()), rows.len()), (terms, terms));
    }
    // The running sum: two points, and at each query the next row as well.
    let mut rows: Vec<Vec<Val>> = Vec::new();
    for query in 0..queries - 1 {
        rows.extend([place(query), place(query) * step].map(|place| of_place(place, sum)));
    }
    rows.push(of_place(place(queries - 1), sum));
    rows.extend([point, point * step].into_iter().flat_map(|point| of_point(point, sum)));
    assert_eq!((rank(rows.clone()), rows.len()), (sum, sum));
}

#[test]
fn every_key_has_room_for_its_masks() {
    let models = all().into_iter().map(|model| (model, 1)).chain([(dense(), 3000)]);
    let named = [("ols-iris", 150), ("mlp-iris", 500), ("lenet-mnist", 1)];
    let named = named.map(|(name, batch)| (builtin(name, batch).0, batch));
    for (model, batch) in models.chain(named) {
        let key = Key::new(model, batch, Profile::Zk).unwrap();
        let (rows, queries) = (key.layout.rows(), key.parameters.queries);
        let Degrees { bound, column, sum, quotient } = key.degrees;
        // Points and queries and a leaf; of a running sum, both its points and both its rows.
        assert!(column > queries + DEGREE && quotient > queries + DEGREE && sum > 2 * (queries + DEGREE));
        assert!(bound == 2 * rows && rows + sum <= bound && sum <= rows);
        // The largest product is of three columns; divided by x^N - 1 it goes into the two pieces.
        assert!(3 * (rows + column - 1) - rows < key.degrees.cut() + bound);
        // A leaf without five random numbers in it could be guessed.
        assert!(key.layout.first_columns() >= 5);
    }
    // Without hidden inputs there are none.
    let key = Key::new(dense(), 1, Profile::Fast).unwrap();
    let rows = key.layout.rows();
    assert_eq!(key.degrees, Degrees { bound: rows, column: 0, sum: 0, quotient: 0 });
}

#[test]
fn subfields_are_no_basis() {
    let x = Ext::new([0, 1, 0, 0].map(Val::from_u32));
    assert!(is_basis(x) && is_basis(x + Ext::TWO));
    // x^4 is in the field, so x^2 is in the extension of degree 2.
    assert!(!is_basis(x * x) && !is_basis(x * x + Ext::TWO) && !is_basis(Ext::TWO) && !is_basis(Ext::ZERO));
}
