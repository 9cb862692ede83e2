//! For every rule a witness that breaks it alone, which the mock prover names and the real verifier rejects: dot products, rescales,
//! copies, limbs. Maxima and free-standing `ReLU`s are in [`super::faults_maximum`].

use zcash_halo2_proofs::pasta::Fp;
use zcash_halo2_proofs::pasta::group::ff::Field;

use super::models::{dense, hidden, inputs, model};
use super::{broken, broken_cells, names};
use crate::circuit::field;
use crate::keys::cells;
use crate::layout::{Cell, Layout, Step};
use crate::plan::plan_with;
use crate::program::Program;
use crate::shape::{LimbCell, RescaleCell, Shape};
use crate::witness::{Overrides, Witness};
use crate::{Keys, verify};
use zktee_models::integer::IntegerModel;

/// Keys of a circuit, and what happens in it.
pub(super) struct Bench {
    pub(super) keys: Keys,
    pub(super) inputs: Vec<i64>,
}

impl Bench {
    /// With `2^k` rows and a table of `2^limb_bits`.
    pub(super) fn new(model: &IntegerModel, k: u32, limb_bits: u32, inputs: &[i64]) -> Self {
        let program = Program::new(model).unwrap();
        let shape = plan_with(&program, 1, k, limb_bits).expect("such a circuit");
        let keys = Keys::for_layout(model, 1, Layout::with_shape(&program, 1, shape)).unwrap();
        let bench = Self { keys, inputs: inputs.to_vec() };
        assert!(bench.accepted(&[]), "the honest witness");
        bench
    }

    pub(super) fn layout(&self) -> &Layout {
        self.keys.verifier().layout()
    }

    pub(super) fn shape(&self) -> &Shape {
        &self.layout().shape
    }

    pub(super) fn witness(&self, faults: &[(Cell, i64)]) -> Witness {
        Witness::new(self.layout(), &self.inputs, &faults.iter().copied().collect::<Overrides>())
    }

    /// The value of a cell in the honest witness.
    pub(super) fn honest(&self, cell: Cell) -> i64 {
        self.cell(&[], cell)
    }

    fn cell(&self, faults: &[(Cell, i64)], cell: Cell) -> i64 {
        self.witness(faults).advice[cell.column as usize][cell.row as usize]
    }

    fn verified(&self, witness: &Witness) -> bool {
        // A lookup of what is not in the table lets the prover give up; all else gives a proof that does not hold.
        let Ok(proven) = self.keys.prove_witness(witness) else { return false };
        let inputs = &witness.public[..self.inputs.len()];
        verify(self.keys.verifier(), inputs, &proven.outputs, &proven.proof).is_ok()
    }

    /// Whether mock prover and verifier accept.
    pub(super) fn accepted(&self, faults: &[(Cell, i64)]) -> bool {
        let witness = self.witness(faults);
        let broken = broken(self.layout(), &witness);
        let verified = self.verified(&witness);
        assert_eq!(broken.is_empty(), verified, "{broken:?}");
        verified
    }

    /// These values break these rules and no other, and prover with verifier notice.
    pub(super) fn breaks(&self, faults: &[(Cell, i64)], rules: &[&str]) {
        let witness = self.witness(faults);
        assert_eq!(broken(self.layout(), &witness), names(rules), "{faults:?}");
        assert!(!self.verified(&witness), "{rules:?}: {faults:?}");
    }

    /// Adds to an honest value.
    pub(super) fn plus(&self, cell: Cell, add: i64) -> (Cell, i64) {
        (cell, self.honest(cell) + add)
    }

    /// A cell of the nth rescale.
    fn rescale(&self, index: usize, cell: RescaleCell) -> Cell {
        let place = |step: &Step| match step {
            Step::Rescale { row, lane, source: Some(_) } => Some((*row as usize, *lane as usize)),
            _ => None,
        };
        let (row, lane) = self.layout().steps.iter().filter_map(place).nth(index).expect("so many rescales");
        Cell::new(self.shape().rescale(lane, cell), row)
    }

    /// Which of the three rescales has the honest cells wanted.
    fn which(&self, wanted: impl Fn(&dyn Fn(RescaleCell) -> i64) -> bool) -> usize {
        let fits = |index: &usize| wanted(&|cell| self.honest(self.rescale(*index, cell)));
        (0..3).find(fits).expect("such a rescale")
    }

    /// First row, chain and number of limbs of the chain for a cell.
    pub(super) fn chain(&self, cell: Cell) -> (usize, usize, usize) {
        let chain = |step: &Step| match step {
            Step::Limbs { row, chain, limbs, source } if *source == cell => {
                Some((*row as usize, *chain as usize, *limbs as usize))
            }
            _ => None,
        };
        self.layout().steps.iter().find_map(chain).expect("a chain")
    }
}

/// Quotients 1, -3 and 0; the tables hold bounds and remainders whole.
fn direct(relu: bool) -> Bench {
    let bench = Bench::new(&hidden(40, relu), 6, 4, &[5, -2]);
    assert!(bench.shape().bound_table && bench.shape().remainder_limbs == 1);
    bench
}

/// The same with every range in limbs.
fn limbed(relu: bool) -> Bench {
    let bench = Bench::new(&hidden(200, relu), 6, 2, &[25, -2]);
    assert!(!bench.shape().bound_table && bench.shape().remainder_limbs == 2);
    bench
}

#[test]
fn sums_and_copies() {
    let bench = direct(true);
    let steps = &bench.layout().steps;
    let dots: Vec<_> = steps
        .iter()
        .filter_map(|s| {
            if let Step::Dot { row, first_lane, first_sum, .. } = s {
                Some((
                    Cell { column: *first_lane, row: *row },
                    Cell::new(bench.shape().sum(*first_sum as usize), *row as usize),
                ))
            } else {
                None
            }
        })
        .collect();
    for (lane, sum) in [dots[0], *dots.last().unwrap()] {
        // A wrong sum with all that follows from it, and a lane that is no copy of its source.
        for add in [-1, 1] {
            bench.breaks(&[bench.plus(sum, 16 * add)], &["dot"]);
            bench.breaks(&[bench.plus(lane, add)], &["copy"]);
        }
    }
    bench.breaks(&[bench.plus(bench.rescale(0, RescaleCell::Sum), 16)], &["copy"]);
    // A product with another weight is a wrong sum: the weight is in the key.
    let (lane, sum) = dots[0];
    let x = bench.honest(lane);
    assert_ne!(x, 0);
    bench.breaks(&[bench.plus(sum, x)], &["dot"]);
}

#[test]
fn a_chained_sum() {
    let wide = model(&[9], [-8, 7], 1, vec![dense(&[&[1, 2, 3, 4, 5, 6, 7, 8, 9], &[1; 9]], &[5, 6], None)]);
    let program = Program::new(&wide).unwrap();
    let shape = Shape { k: 4, publics: 2, lanes: 4, sums: 2, activation_bound: 1, ..Shape::default() };
    let layout = Layout::with_shape(&program, 1, shape);
    assert_eq!(layout.rows, 4);
    let bench = Bench { keys: Keys::for_layout(&wide, 1, layout).unwrap(), inputs: inputs(&wide, 1, 1) };
    assert!(bench.accepted(&[]));
    for row in 1..4 {
        for sum in 0..2 {
            bench.breaks(&[bench.plus(Cell::new(bench.shape().sum(sum), row), 1)], &["dot"]);
        }
    }
}

#[test]
fn quotients_and_remainders_in_tables() {
    for relu in [false, true] {
        let bench = direct(relu);
        let positive = bench.which(|cell| cell(RescaleCell::Magnitude) > 0 && cell(RescaleCell::Sign) == 0);
        let negative = bench.which(|cell| cell(RescaleCell::Magnitude) > 0 && cell(RescaleCell::Sign) == 1);
        for index in [positive, negative] {
            let at = |cell| bench.rescale(index, cell);
            // q ± 1 with the remainder that the equation then asks for: r - D and r + D.
            for add in [-1, 1] {
                let faults = [bench.plus(at(RescaleCell::Magnitude), add)];
                let remainder = bench.cell(&faults, at(RescaleCell::Remainder));
                assert!(!(0..16).contains(&remainder));
                bench.breaks(&faults, &["limb"]);
            }
            // Another remainder within the table.
            let remainder = bench.honest(at(RescaleCell::Remainder));
            bench.breaks(&[(at(RescaleCell::Remainder), (remainder + 1) % 16)], &["rescale"]);
            // The other sign is another quotient.
            let sign = bench.honest(at(RescaleCell::Sign));
            bench.breaks(&[(at(RescaleCell::Sign), 1 - sign)], &["limb"]);
            for add in [-1, 1] {
                bench.breaks(&[bench.plus(at(RescaleCell::Out), add)], &["rescale out"]);
            }
        }
        // A ReLU that lets a negative value through, or none that drops one.
        let at = |cell| bench.rescale(negative, cell);
        let magnitude = bench.honest(at(RescaleCell::Magnitude));
        bench.breaks(&[(at(RescaleCell::Out), if relu { -magnitude } else { 0 })], &["rescale out"]);
        bench.breaks(&[(at(RescaleCell::Out), magnitude)], &["rescale out"]);
    }
}

/// A remainder of -1 is one too small for the table, 16 one too large.
#[test]
fn remainders_next_to_the_table() {
    // acc + 8 = 16 q + r with r = 15 and r = 0.
    for (input, add, expected) in [(7, 1, -1), (8, -1, 16)] {
        let layers = vec![dense(&[&[1]], &[16], Some(super::models::rescale(4, false))), dense(&[&[1]], &[0], None)];
        let bench = Bench::new(&model(&[1], [-32, 31], 40, layers), 6, 4, &[input]);
        let faults = [bench.plus(bench.rescale(0, RescaleCell::Magnitude), add)];
        let remainder = bench.rescale(0, RescaleCell::Remainder);
        assert_eq!(bench.cell(&faults, remainder), expected);
        bench.breaks(&faults, &["limb"]);
    }
}

#[test]
fn zero_has_two_signs_and_no_third() {
    for relu in [false, true] {
        let bench = Bench::new(&hidden(40, relu), 6, 4, &[0, 0]);
        let zero = bench.which(|cell| cell(RescaleCell::Magnitude) == 0);
        let sign = bench.rescale(zero, RescaleCell::Sign);
        assert!(bench.accepted(&[(sign, 1)]));
        for value in [2, -1] {
            bench.breaks(&[(sign, value)], &["rescale sign"]);
        }
    }
}

#[test]
fn a_quotient_beyond_the_bound() {
    // 5 * 63 + 3 * 63 + 4 over 16 is 32, which the reference refuses where the bound is 20.
    for (bench, rule) in [
        (Bench::new(&hidden(20, true), 6, 4, &[1, 1]), "bound"),
        (Bench::new(&hidden(28, true), 5, 2, &[1, 1]), "limb"),
    ] {
        assert!(bench.keys.verifier().model().infer(&[63, 63]).is_err());
        assert_eq!(bench.shape().bound_table, rule == "bound");
        let beyond = Bench { inputs: vec![63, 63], ..bench };
        beyond.breaks(&[], &[rule]);
    }
}

/// The prover's oldest trick: a quotient in the field, `(acc + D/2) / D`, with remainder 0.
#[test]
fn a_fraction_is_no_quotient() {
    for (bench, rules) in [(direct(true), &["bound", "copy"][..]), (limbed(true), &["copy", "rescale rest"])] {
        let at = |cell| bench.rescale(0, cell);
        let witness = bench.witness(&[]);
        let mut advice = cells(&witness.advice);
        let bits = bench.shape().remainder_bits();
        let factor = 1i64 << (bits - 4);
        let scaled = field(factor * bench.honest(at(RescaleCell::Sum)) + factor * 8);
        assert_ne!(bench.honest(at(RescaleCell::Remainder)), 0);
        let fraction = scaled * field(1 << bits).invert().unwrap();
        let mut set = |cell, value| advice[at(cell).column as usize][at(cell).row as usize] = value;
        set(RescaleCell::Remainder, Fp::ZERO);
        set(RescaleCell::Magnitude, fraction);
        set(RescaleCell::Out, fraction);
        assert_eq!(broken_cells(bench.layout(), &advice, &witness.public), names(rules));
        let proof = bench.keys.prove_cells(&advice, &witness.public);
        let outputs = witness.outputs(bench.layout());
        assert!(proof.is_err() || verify(bench.keys.verifier(), &bench.inputs, outputs, &proof.unwrap()).is_err());
    }
}

#[test]
fn quotients_and_remainders_in_limbs() {
    for relu in [false, true] {
        let bench = limbed(relu);
        let index = bench.which(|cell| cell(RescaleCell::Magnitude) > 1);
        let at = |cell| bench.rescale(index, cell);
        for add in [-1, 1] {
            bench.breaks(&[bench.plus(at(RescaleCell::Magnitude), add)], &["limb"]);
        }
        bench.breaks(&[bench.plus(at(RescaleCell::Rest), -1)], &["rescale rest"]);
        let remainder = bench.honest(at(RescaleCell::Remainder));
        bench.breaks(&[(at(RescaleCell::Remainder), (remainder + 1) % 16)], &["rescale"]);
        bench.breaks(&[bench.plus(at(RescaleCell::Out), 1)], &["rescale out"]);
        for cell in [RescaleCell::Magnitude, RescaleCell::Rest, RescaleCell::Remainder] {
            limbs(&bench, at(cell));
        }
    }
}

/// All that can be wrong with the chain of a cell.
pub(super) fn limbs(bench: &Bench, cell: Cell) {
    let (row, chain, limbs) = bench.chain(cell);
    let at = |cell, k: usize| Cell::new(bench.shape().limb(chain, cell), row + k);
    let last = limbs - 1;
    let table = 1 << bench.shape().limb_bits;
    let changed = |k| (at(LimbCell::Limb, k), (bench.honest(at(LimbCell::Limb, k)) + 1) % table);
    // Limbs of another number.
    bench.breaks(&[changed(last)], &["copy"]);
    // Limbs of another number whose end is put right.
    bench.breaks(&[changed(last), bench.plus(at(LimbCell::Run, last), 0)], &["limbs"]);
    // The right number, from a limb that is none: one less above, a whole table more below.
    if limbs > 1 {
        bench.breaks(&[bench.plus(at(LimbCell::Limb, 0), -1), bench.plus(at(LimbCell::Limb, 1), table)], &["limb"]);
        bench.breaks(&[changed(0), bench.plus(at(LimbCell::Run, 0), 0)], &["limbs"]);
    }
}

#[test]
fn public_values() {
    let bench = direct(true);
    for index in 0..4 {
        for add in [-1, 1] {
            let mut witness = bench.witness(&[]);
            witness.public[index] += add;
            assert_eq!(broken(bench.layout(), &witness), names(&["copy"]), "public value {index}");
            assert!(!bench.verified(&witness));
        }
    }
}
