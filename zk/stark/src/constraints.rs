//! The constraints, once: for rows of the prover's domain, for the verifier's point, and for tests that name the one that is broken.

use p3_field::{Algebra, PrimeCharacteristicRing};

use crate::field::Ext;
use crate::layout::{Kind, Layout};
use crate::relation::Public;

/// What stands on one row, or on as many as a packed value holds, or at the verifier's point.
pub(crate) struct Row<'a, B, X> {
    /// Columns of the first phase.
    pub(crate) first: &'a [B],
    /// A helper a lane.
    pub(crate) helpers: &'a [X],
    /// The running sum here and on the next row.
    pub(crate) sums: [X; 2],
    /// The public vectors.
    pub(crate) public: &'a [X],
}

/// What is the same on all rows.
pub(crate) struct Known<X> {
    scales: Vec<X>,
    offsets: Vec<X>,
    lambda: X,
    share: X,
}

impl<X: From<Ext>> Known<X> {
    pub(crate) fn of(public: &Public) -> Self {
        let all = |values: &[Ext]| values.iter().map(|&value| X::from(value)).collect();
        Self {
            scales: all(&public.scales),
            offsets: all(&public.offsets),
            lambda: public.lambda.into(),
            share: public.share.into(),
        }
    }
}

/// Takes the constraints in their order: for each lane its bit or product, then its helper; at last the running sum.
pub(crate) trait Sink<B, X> {
    /// A constraint on cells alone.
    fn base(&mut self, value: B);
    /// A constraint with challenges in it.
    fn extension(&mut self, value: X);
}

/// What is looked up in one lane, each with its range; what its equation has; what is read of it.
struct Cells<B> {
    lookups: [(B, usize); 2],
    own: B,
    value: B,
}

/// Reads a lane's columns, and says what must be 0 of them alone, if anything.
#[inline]
fn cells<B: PrimeCharacteristicRing + Copy>(kind: Kind, columns: &[B]) -> (Option<B>, Cells<B>) {
    match kind {
        Kind::Quotient { exponent, relu, range } => {
            let [magnitude, sign, remainder] = [columns[0], columns[1], columns[2]];
            let positive = sign * magnitude;
            let quotient = positive.double() - magnitude;
            let own = remainder + quotient * B::from_u32(1 << exponent);
            let value = if relu { positive } else { quotient };
            (Some(sign * sign - sign), Cells { lookups: [(magnitude, 0), (remainder, range)], own, value })
        }
        Kind::Pair => {
            let [left, right] = [columns[0], columns[1]];
            (Some(left * right), Cells { lookups: [(left, 0), (right, 0)], own: left - right, value: left })
        }
        Kind::Input { range } => {
            // Looked up twice, so that each lane has two lookups; in no equation of its own.
            let value = columns[0];
            (None, Cells { lookups: [(value, range); 2], own: B::ZERO, value })
        }
    }
}

/// The denominators of the two lookups of each lane.
#[inline]
pub(crate) fn denominators<B, X>(layout: &Layout, known: &Known<X>, first: &[B], mut take: impl FnMut([X; 2]))
where
    B: PrimeCharacteristicRing + Copy,
    X: Algebra<B> + Copy,
{
    for lane in &layout.lanes {
        let (_, cells) = cells(lane.kind, &first[lane.column..]);
        take(cells.lookups.map(|(value, range)| known.offsets[range] + value));
    }
}

/// What the running sum rises by on a row.
#[inline]
pub(crate) fn rise<B, X>(layout: &Layout, known: &Known<X>, first: &[B], helpers: &[X], public: &[X]) -> X
where
    B: PrimeCharacteristicRing + Copy,
    X: Algebra<B> + Copy,
{
    let (mut own, mut read, mut fractions) = (X::ZERO, X::ZERO, X::ZERO);
    for (index, lane) in layout.lanes.iter().enumerate() {
        let (_, cells) = cells(lane.kind, &first[lane.column..]);
        own += known.scales[index] * cells.own;
        read += public[1 + index] * cells.value;
        fractions += helpers[index];
    }
    let multiplicities = &first[layout.multiplicity_column()..];
    for (&inverse, &multiplicity) in public[1 + layout.lanes.len()..].iter().zip(multiplicities) {
        fractions -= inverse * multiplicity;
    }
    public[0] * own - read + known.lambda * fractions - known.share
}

/// All constraints of a row. Each is of degree 3 at most in the columns and the public vectors.
#[inline]
pub(crate) fn evaluate<B, X>(layout: &Layout, known: &Known<X>, row: &Row<'_, B, X>, sink: &mut impl Sink<B, X>)
where
    B: PrimeCharacteristicRing + Copy,
    X: Algebra<B> + Copy,
{
    for (index, lane) in layout.lanes.iter().enumerate() {
        let (zero, cells) = cells(lane.kind, &row.first[lane.column..]);
        if let Some(zero) = zero {
            sink.base(zero);
        }
        let [a, b] = cells.lookups.map(|(value, range)| known.offsets[range] + value);
        sink.extension(row.helpers[index] * a * b - a - b);
    }
    let [here, next] = row.sums;
    sink.extension(next - here - rise(layout, known, row.first, row.helpers, row.public));
}

/// The constraints combined by powers of a challenge.
pub(crate) struct Combined<'a, X> {
    powers: std::slice::Iter<'a, X>,
    pub(crate) sum: X,
}

impl<'a, X: PrimeCharacteristicRing> Combined<'a, X> {
    /// With as many powers as there are constraints.
    pub(crate) fn new(powers: &'a [X]) -> Self {
        Self { powers: powers.iter(), sum: X::ZERO }
    }
}

impl<B, X> Sink<B, X> for Combined<'_, X>
where
    B: PrimeCharacteristicRing + Copy,
    X: Algebra<B> + Copy,
{
    #[inline]
    fn base(&mut self, value: B) {
        if let Some(&power) = self.powers.next() {
            self.sum += power * value;
        }
    }

    #[inline]
    fn extension(&mut self, value: X) {
        if let Some(&power) = self.powers.next() {
            self.sum += power * value;
        }
    }
}
