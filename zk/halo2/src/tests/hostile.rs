//! Bytes that a verifier is handed by an enemy: never a panic, never accepted unless they are what an honest prover made.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use proptest::prelude::*;

use super::adversary::Case;
use super::models;
use super::tall::input;
use crate::evidence::Evidence;
use crate::fuzzing;
use crate::spec::{Design, Spec};

struct Valid {
    case: Case,
    evidence: Vec<u8>,
    key: Vec<u8>,
}

static VALID: LazyLock<Vec<Valid>> = LazyLock::new(|| {
    let cases = [Case::tall(models::convolutions(), false), Case::wide(models::dense(), 1, 5, true)];
    let valid = |case: Case| {
        let evidence = case.key.prove(&case.model, &input(&case)).unwrap().evidence.to_bytes();
        Valid { evidence, key: case.key.verifier_bytes(), case }
    };
    cases.map(valid).into()
});

/// A few changes of bytes: overwritten, cut out, put in, repeated from elsewhere.
#[derive(Debug, Clone)]
enum Change {
    Set(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    Remove(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    Copy(prop::sample::Index, prop::sample::Index, usize),
    Number(prop::sample::Index, u32),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let index = any::<prop::sample::Index>;
    let number = prop_oneof![Just(0), Just(1), Just(u32::MAX), Just(1 << 31), Just(1 << 30), any::<u32>()];
    let change = prop_oneof![
        (index(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (index(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (index(), 1..40_usize).prop_map(|(at, count)| Change::Remove(at, count)),
        (index(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (index(), index(), 1..64_usize).prop_map(|(from, to, count)| Change::Copy(from, to, count)),
        (index(), number).prop_map(|(at, number)| Change::Number(at, number)),
    ];
    prop::collection::vec(change, 1..4)
}

fn apply(changes: &[Change], bytes: &mut Vec<u8>) {
    for change in changes {
        let length = bytes.len();
        if length == 0 {
            return;
        }
        match change {
            Change::Set(at, byte) => bytes[at.index(length)] = *byte,
            Change::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Change::Remove(at, count) => {
                let at = at.index(length);
                bytes.drain(at..(at + count).min(length));
            }
            Change::Insert(at, more) => {
                let at = at.index(length);
                bytes.splice(at..at, more.iter().copied());
            }
            Change::Copy(from, to, count) => {
                let (from, to) = (from.index(length), to.index(length));
                let count = (*count).min(length - from.max(to));
                bytes.copy_within(from..from + count, to);
            }
            Change::Number(at, number) => {
                // Numbers of both formats stand at multiples of 4, most of them early.
                let at = at.index(length.div_ceil(4).min(64)) * 4;
                bytes.splice(at..(at + 4).min(length), number.to_le_bytes());
            }
        }
    }
}

fn without_panic<T>(call: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(call)).expect("a panic on hostile bytes")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn changed_evidence_is_rejected(which in 0..2_usize, changes in changes()) {
        let valid = &VALID[which];
        let mut bytes = valid.evidence.clone();
        apply(&changes, &mut bytes);
        let accepted = without_panic(|| fuzzing::evidence(&valid.case.verifier, &bytes));
        prop_assert!(!accepted || bytes == valid.evidence);
    }

    #[test]
    fn a_changed_proof_is_rejected(which in 0..2_usize, changes in changes()) {
        // All else is as it should be, so that the proof system itself gets to see it.
        let valid = &VALID[which];
        let mut evidence = Evidence::from_bytes(&valid.evidence).unwrap();
        apply(&changes, &mut evidence.proofs[0]);
        let verdict = without_panic(|| valid.case.verifier.verify(&evidence));
        let same = evidence.to_bytes() == valid.evidence;
        prop_assert!(same == verdict.is_ok());
        prop_assert!(!format!("{verdict:?}").contains("panicked"), "upstream's verifier panicked");
    }

    #[test]
    fn a_changed_key_is_refused_or_another(which in 0..2_usize, changes in changes()) {
        let valid = &VALID[which];
        let mut bytes = valid.key.clone();
        apply(&changes, &mut bytes);
        let read = without_panic(|| fuzzing::key(&bytes));
        prop_assert!(read.is_err() || bytes == valid.key);
        // With a digest that goes with it, it may be a key; then it has another name.
        let mut content = valid.key[48..].to_vec();
        apply(&changes, &mut content);
        let sealed = fuzzing::sealed(&valid.key, &content);
        if let Ok(key) = without_panic(|| fuzzing::key(&sealed)) {
            prop_assert!(sealed == valid.key || key.digest() != valid.case.verifier.digest());
            without_panic(|| fuzzing::evidence(&key, &valid.evidence));
        }
    }

    #[test]
    fn a_spec_of_any_numbers_is_refused_or_makes_a_circuit(which in 0..2_usize, at: prop::sample::Index, number in numbers()) {
        // One number of the description replaced, the shapes and sizes that all arithmetic on rows starts from among them.
        let spec = serde_json::to_value(VALID[which].case.spec().for_verifier()).unwrap();
        let mut count = 0;
        visit(&mut spec.clone(), &mut |_| count += 1);
        let (mut changed, mut left) = (spec, at.index(count) as isize);
        visit(&mut changed, &mut |value| {
            if left == 0 {
                *value = number.into();
            }
            left -= 1;
        });
        if let Ok(spec) = serde_json::from_value::<Spec>(changed)
            && without_panic(|| spec.check()).is_ok()
            && spec.design.k() < 12
        {
            without_panic(|| crate::circuit::Columns::of(&spec));
        }
    }
}

fn numbers() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..10_u64,
        (0..64_u32).prop_map(|shift| 1 << shift),
        (0..64_u32).prop_map(|shift| (1 << shift) - 1),
        any::<u64>(),
    ]
}

/// Calls a function on each number of a description, in one order.
fn visit(value: &mut serde_json::Value, call: &mut impl FnMut(&mut serde_json::Value)) {
    match value {
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| visit(item, call)),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(|item| visit(item, call)),
        serde_json::Value::Number(_) => call(value),
        _ => {}
    }
}

#[test]
fn what_the_fuzzer_starts_from_is_valid() {
    let (key, evidence) = fuzzing::example().unwrap();
    let verifier = fuzzing::key(&key).unwrap();
    assert!(fuzzing::evidence(&verifier, &evidence));
    assert!(fuzzing::key(&fuzzing::sealed(&key, &key[48..])).is_ok());
    // A place beyond the end counts from the start again; the last edit of a byte holds.
    assert_eq!(fuzzing::edited(b"abc", &[4, 0, b'x', 1, 0, b'y', 9]), b"ayc");
    let edits = [24, 0, !evidence[24]];
    assert!(!fuzzing::evidence(&verifier, &fuzzing::edited(&evidence, &edits)));
}

#[test]
fn descriptions_that_would_overflow_are_refused() {
    let spec = VALID[0].case.spec().for_verifier();
    let refused = |change: &dyn Fn(&mut Spec)| {
        let mut spec = spec.clone();
        change(&mut spec);
        assert!(without_panic(|| spec.check()).is_err());
    };
    // A maximum over one value has no column; one over signed values is not what the circuit does.
    refused(&|spec| {
        if let Some(pool) = &mut spec.network.stages[0].pool {
            pool.kind = crate::network::PoolKind::Max;
            pool.window = [1, 1];
            spec.network.stages[0].output = spec.network.stages[0].accumulators;
        }
    });
    refused(&|spec| {
        if let Some(pool) = &mut spec.network.stages[0].pool {
            pool.kind = crate::network::PoolKind::Max;
        }
        if let Some(rescale) = &mut spec.network.stages[0].rescale {
            rescale.relu = false;
        }
        if let Design::Tall(tall) = &mut spec.design {
            tall.degree = 6;
        }
    });
    refused(&|spec| spec.network.stages.clear());
    // Rows that do not fit into the machine's numbers, and a power of a challenge that does not fit into memory.
    for width in [usize::MAX, 1 << 24, 1 << 12] {
        for side in 0..4 {
            refused(&|spec| {
                if let crate::network::Map::Conv(conv) = &mut spec.network.stages[0].linear.map {
                    conv.padding[side] = width;
                    conv.stride = [1 << 30, 1 << 30];
                }
            });
        }
    }
    refused(&|spec| {
        if let Design::Tall(tall) = &mut spec.design {
            tall.input_row = usize::MAX;
        }
    });
}
